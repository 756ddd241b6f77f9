#include "core/op_limiter.hpp"

#include <gtest/gtest.h>

namespace ipmp {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const KernelOp kOp = SetLinkUp{{7}, true};

TEST(OpLimiter, ThreeTimesAtOnceThenOneTwoFourSeconds) {
    OpLimiter limiter;
    Instant now{std::chrono::hours(1)};
    for (int time = 0; time < 3; ++time) EXPECT_EQ(limiter.admit({kOp}, now).size(), 1u);
    for (Duration pause :
         {seconds(1), seconds(2), seconds(4), seconds(8), seconds(16), seconds(32), seconds(60), seconds(60)}) {
        EXPECT_TRUE(limiter.admit({kOp}, now).empty());
        ASSERT_EQ(limiter.deadline(), now + pause);
        EXPECT_TRUE(limiter.admit({kOp}, now + pause - milliseconds(1)).empty());
        now += pause;
        EXPECT_EQ(limiter.admit({kOp}, now).size(), 1u);
    }
}

TEST(OpLimiter, OthersAreNotHeldBack) {
    OpLimiter limiter;
    Instant now{std::chrono::hours(1)};
    for (int time = 0; time < 4; ++time) limiter.admit({kOp}, now);
    EXPECT_EQ(limiter.admit({kOp, SetLinkUp{{8}, true}}, now), (std::vector<KernelOp>{SetLinkUp{{8}, true}}));
}

TEST(OpLimiter, TellsOnceWhatItHoldsBack) {
    OpLimiter limiter;
    Instant now{std::chrono::hours(1)};
    for (int time = 0; time < 3; ++time) {
        limiter.admit({kOp}, now);
        EXPECT_TRUE(limiter.newly_held().empty());
    }
    limiter.admit({kOp}, now);
    EXPECT_EQ(limiter.newly_held(), std::vector<KernelOp>{kOp});
    for (int second = 0; second < 60; ++second) {
        limiter.admit({kOp}, now += seconds(1));
        EXPECT_TRUE(limiter.newly_held().empty());
    }
}

TEST(OpLimiter, AQuietMinuteForgets) {
    OpLimiter limiter;
    Instant now{std::chrono::hours(1)};
    for (int time = 0; time < 4; ++time) limiter.admit({kOp}, now);
    now += seconds(62);
    limiter.admit({}, now);
    for (int time = 0; time < 3; ++time) EXPECT_EQ(limiter.admit({kOp}, now).size(), 1u);
}

TEST(OpLimiter, WithNothingHeldBackThereIsNoDeadline) {
    OpLimiter limiter;
    Instant now{std::chrono::hours(1)};
    for (int time = 0; time < 4; ++time) limiter.admit({kOp}, now);
    ASSERT_TRUE(limiter.deadline().has_value());
    limiter.admit({}, now);
    EXPECT_FALSE(limiter.deadline().has_value());
}

// Whoever joins and leaves again and again waits for nothing: each command starts afresh.
TEST(OpLimiter, ForgetsWhatWasTriedBefore) {
    OpLimiter limiter;
    Instant now{std::chrono::hours(1)};
    for (int attempt = 0; attempt < 3; ++attempt) EXPECT_EQ(limiter.admit({kOp}, now).size(), 1u);
    EXPECT_TRUE(limiter.admit({kOp}, now).empty());
    limiter.forget();
    EXPECT_EQ(limiter.admit({kOp}, now).size(), 1u);
}

}  // namespace

}  // namespace ipmp
