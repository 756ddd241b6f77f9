// Time a probe was under way, as far as it can be true. The kernel's stamps are of the wall clock, which may be set
// while a probe is under way; then the difference of the two says nothing (reference: in.mpathd §16).
#pragma once

#include <optional>

#include "base/time.hpp"

namespace ipmp {

// `round_trip_time`, of the monotonic clock, encloses it.
inline std::optional<Duration> credible_network_time(std::optional<Duration> measured, Duration round_trip_time) {
    bool credible = measured && *measured >= Duration::zero() && *measured <= round_trip_time;
    return credible ? measured : std::nullopt;
}

}  // namespace ipmp
