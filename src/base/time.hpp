// Plain time values. There is deliberately no way to ask for "now" here: decision code is handed
// the present instant by its caller, and only shell/clock reads a clock (docs/ARCHITECTURE.md).
#pragma once

#include <chrono>

namespace ipmp {

using Duration = std::chrono::nanoseconds;

// CLOCK_MONOTONIC as a type. It has no now().
struct MonotonicTime {
    using duration = Duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<MonotonicTime, Duration>;
    static constexpr bool is_steady = true;
};

using Instant = MonotonicTime::time_point;

}  // namespace ipmp
