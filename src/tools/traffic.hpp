// What went over each NIC, as a rate: the kernel's counters, read now and then.
#pragma once

#include <map>
#include <string>

#include "base/time.hpp"
#include "model/paths.hpp"
#include "render/top_screen.hpp"

namespace ipmp {

// The low 32 bits of the kernel's counters of bytes: enough for differences.
struct ByteCounts {
    std::uint32_t received = 0, sent = 0;
    bool operator==(const ByteCounts&) const = default;
};
using TrafficCounts = std::map<std::string, ByteCounts>;

// Of all links here, and with `isolated` of those in the namespace of isolated members, if it may be entered.
TrafficCounts read_traffic(const Paths& paths, bool isolated);

// Rates since `before`; NICs that were not there then, or are not now, have none.
void note_rates(TopModel& model, const TrafficCounts& before, const TrafficCounts& now, Duration between);

}  // namespace ipmp
