// Worked numbers of the reference (in.mpathd §20).
#include "core/probing/rtt_estimator.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace ipmp {

namespace {

using namespace std::chrono_literals;

std::vector<long> bounds(const std::vector<Duration>& samples) {
    RttEstimator estimator;
    std::vector<long> all;
    for (Duration sample : samples) {
        estimator.add(sample);
        all.push_back(estimator.bound().count());
    }
    return all;
}

TEST(RttEstimator, R_DET_9_BoundIsMeanPlusFourDeviations) {
    EXPECT_EQ(bounds({10ms, 10ms, 10ms, 10ms}), (std::vector<long>{30, 25, 21, 18}));
    EXPECT_EQ(bounds({20ms, 40ms, 20ms}), (std::vector<long>{60, 72, 62}));
    EXPECT_EQ(bounds({10ms, 10ms, 100ms}), (std::vector<long>{30, 25, 122}));
}

TEST(RttEstimator, BelowAMillisecondTheBoundIsUnknown) { EXPECT_EQ(bounds({300us, 300us}), (std::vector<long>{0, 0})); }

TEST(RttEstimator, NothingIsKnownBeforeTheFirstSample) {
    RttEstimator estimator;
    EXPECT_EQ(estimator.average(), std::nullopt);
    EXPECT_EQ(estimator.deviation(), std::nullopt);
    EXPECT_EQ(estimator.bound(), 0ms);
    estimator.add(8ms);
    EXPECT_EQ(estimator.average(), Duration(8ms));
    EXPECT_EQ(estimator.deviation(), Duration(4ms));
}

}  // namespace

}  // namespace ipmp
