// For tests that compare documents with what the exporter gives.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "exporter/metrics.hpp"
#include "exporter/metrics_fixture.hpp"

namespace ipmp {

using Names = std::set<std::string>;

// Of which every metric there is can be made.
inline Observation everything_observed() {
    Observation observation = degraded_group();
    observation.daemon->counters = {{"ipmp0.in_own_echo", 1},
                                    {"probes.eth1 inet.sent", 1},
                                    {"failover.decision.count", 1},
                                    {"loop.lag_over_100ms", 1},
                                    {"loop.lag_maximum_us", 1}};
    return observation;
}

// `path`: below the source directory.
inline std::string text_of(const std::string& path) {
    std::ifstream file(IPMP_SOURCE_DIR "/" + path);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace ipmp
