#include "shell/probe_counters.hpp"

#include <gtest/gtest.h>

#include "shell/failover_times.hpp"
#include "shell/loop_lag.hpp"

namespace ipmp {
namespace {

using namespace std::chrono_literals;

const ProbeStatisticsByName kStatistics{
    {"eth0 inet", {.sent = 12, .answered = 8, .lost = 3, .late = 1, .unknown = 2, .suspicion = 4, .missed = 5,
                   .missed_occasions = 1}},
    {"eth0 inet6", {.sent = 1, .missed = 2, .missed_occasions = 2}}};

TEST(ProbeCounters, AreToldToPeople_R_DET_13) {
    EXPECT_EQ(describe(kStatistics),
              (std::vector<std::string>{"probes of eth0 inet: 12 sent, 8 answered, 3 lost, 1 unanswered, 2 unknown "
                                        "answers, 4 extra on suspicion",
                                        "probes of eth0 inet6: 1 sent, 0 answered, 0 lost, 1 unanswered, 0 unknown "
                                        "answers, 0 extra on suspicion",
                                        "missed sending 7 probes on 3 occasions"}));
    EXPECT_EQ(describe(ProbeStatisticsByName{}), (std::vector<std::string>{"missed sending 0 probes on 0 occasions"}));
}

TEST(ProbeCounters, AreToldToPrograms_R_DET_13) {
    Counters counters;
    add_to(counters, kStatistics);
    EXPECT_EQ(counters.size(), 2u * (9 + DurationHistogram::kLimitsUs.size() + 2));
    EXPECT_EQ(counters["probes.eth0 inet.sent"], 12u);
    EXPECT_EQ(counters["probes.eth0 inet.answered"], 8u);
    EXPECT_EQ(counters["probes.eth0 inet.lost"], 3u);
    EXPECT_EQ(counters["probes.eth0 inet.late"], 1u);
    EXPECT_EQ(counters["probes.eth0 inet.unanswered"], 1u);
    EXPECT_EQ(counters["probes.eth0 inet.unknown"], 2u);
    EXPECT_EQ(counters["probes.eth0 inet.suspicion"], 4u);
    EXPECT_EQ(counters["probes.eth0 inet.missed"], 5u);
    EXPECT_EQ(counters["probes.eth0 inet6.missed_occasions"], 2u);
}

TEST(ProbeCounters, RoundTripsAreAHistogram_R_DET_13) {
    ProbeStatistics statistics;
    for (Duration time : {Duration(50us), Duration(51us), Duration(3ms), Duration(2s)}) statistics.round_trip.add(time);
    Counters counters;
    add_to(counters, ProbeStatisticsByName{{"eth0.7 inet6", statistics}});
    EXPECT_EQ(counters["probes.eth0.7 inet6.round_trip.us_le_50"], 1u);
    EXPECT_EQ(counters["probes.eth0.7 inet6.round_trip.us_le_100"], 2u);
    EXPECT_EQ(counters["probes.eth0.7 inet6.round_trip.us_le_5000"], 3u);
    EXPECT_EQ(counters["probes.eth0.7 inet6.round_trip.us_le_1000000"], 3u);
    EXPECT_EQ(counters["probes.eth0.7 inet6.round_trip.us_sum"], 2'003'101u);
    EXPECT_EQ(counters["probes.eth0.7 inet6.round_trip.count"], 4u);
}

TEST(FailoverTimes, AreAHistogramForEachStage) {
    FailoverTimes times;
    times.add(FailoverTimes::Stage::writing, 70us);
    Counters counters;
    times.add_to(counters);
    EXPECT_EQ(counters["failover.writing.us_le_50"], 0u);
    EXPECT_EQ(counters["failover.writing.us_le_100"], 1u);
    EXPECT_EQ(counters["failover.writing.us_sum"], 70u);
    EXPECT_EQ(counters["failover.writing.count"], 1u);
    EXPECT_EQ(counters["failover.noticing.count"], 0u);
    EXPECT_EQ(counters.size(), 4 * (DurationHistogram::kLimitsUs.size() + 2));
}

TEST(LoopLag, KeepsTheWorstAndHowOften) {
    LoopLag lag;
    for (Duration late : {Duration(0us), Duration(1ms), Duration(1001us), Duration(11ms), Duration(250ms)}) {
        lag.add(late);
    }
    Counters counters;
    lag.add_to(counters);
    EXPECT_EQ(counters, (Counters{{"loop.lag_maximum_us", 250000},
                                  {"loop.lag_over_1ms", 3},
                                  {"loop.lag_over_10ms", 2},
                                  {"loop.lag_over_100ms", 1}}));
}

}  // namespace
}  // namespace ipmp
