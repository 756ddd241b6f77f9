#include "shell/poll_pace.hpp"

#include <gtest/gtest.h>

namespace ipmp {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

PollPace pace_of(Duration cost, int polls = 8) {
    PollPace pace;
    for (int i = 0; i < polls; ++i) pace.add(cost);
    return pace;
}

TEST(PollPace, R_DET_1_CheapPollsComeEvery3Milliseconds) {
    EXPECT_EQ(PollPace().period(), milliseconds(3));
    EXPECT_EQ(pace_of(microseconds(15)).period(), milliseconds(3));
}

TEST(PollPace, R_DET_1_DearPollsTakeHalfAPercentOfACore) {
    EXPECT_EQ(pace_of(microseconds(100)).period(), milliseconds(20));
    EXPECT_EQ(pace_of(milliseconds(50)).period(), seconds(1));
}

TEST(PollPace, R_DET_1_ADisturbedPollDelaysNothing) {
    PollPace pace = pace_of(microseconds(5));
    for (int i = 0; i < 100; ++i) {
        pace.add(i % 8 == 7 ? microseconds(5) : milliseconds(4));
        EXPECT_EQ(pace.period(), milliseconds(3)) << i;
    }
}

TEST(PollPace, R_DET_1_EightPollsTellANewCost) {
    PollPace pace = pace_of(microseconds(5));
    for (int i = 0; i < 8; ++i) pace.add(microseconds(100));
    EXPECT_EQ(pace.period(), milliseconds(20));
    pace.add(microseconds(5));
    EXPECT_EQ(pace.period(), milliseconds(3));
}

}  // namespace
}  // namespace ipmp
