// A histogram as counters (GetCounters): PREFIX.us_le_100 and so on, cumulative, PREFIX.us_sum and PREFIX.count.
#pragma once

#include <string>

#include "base/duration_histogram.hpp"
#include "wire/control_codec.hpp"

namespace ipmp {

inline void add_to(Counters& counters, const std::string& prefix, const DurationHistogram& histogram) {
    for (std::size_t i = 0; i < histogram.at_most.size(); ++i) {
        counters[prefix + ".us_le_" + std::to_string(DurationHistogram::kLimitsUs[i])] = histogram.at_most[i];
    }
    counters[prefix + ".us_sum"] = histogram.sum_us;
    counters[prefix + ".count"] = histogram.count;
}

}  // namespace ipmp
