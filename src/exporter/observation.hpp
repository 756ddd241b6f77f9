// What one scrape saw: the daemon's answers and the kernel's counts of traffic. exporter/scrape.hpp looks, and
// exporter/metrics.hpp makes metrics of it.
#pragma once

#include <map>
#include <optional>

#include "model/status.hpp"
#include "wire/control_codec.hpp"
#include "wire/rtnetlink_traffic.hpp"

namespace ipmp {

struct Observation {
    struct Answers {
        Status status;
        Counters counters;
    };
    std::optional<Answers> daemon;                 // none: it did not answer
    std::map<std::uint32_t, LinkTraffic> traffic;  // by interface index, in the namespace of the exporter
};

}  // namespace ipmp
