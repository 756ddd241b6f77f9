// Probing from one test address over a path that loses, delays or repeats what it is told to: schedule, bounds on
// verdicts, suspicion, stray answers, and what measuring makes of them.
#include "core/probing/probe_instance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace ipmp {

namespace {

using namespace std::chrono_literals;

const ProbeSource kSource{InterfaceIndex{2}, *parse_ip("192.0.2.100")};

IpAddress router(int number) { return *parse_ip("192.0.2." + std::to_string(number)); }

// Answers nothing unless told who answers.
class Path {
  public:
    explicit Path(std::uint64_t seed = 1, std::chrono::milliseconds detection_time = 10s)
        : random_([engine = std::mt19937_64(seed)]() mutable { return engine(); }) {
        config.failure_detection_time = detection_time;
        timing = {detection_time, user_interval(config)};
        instance.targets().add_router(router(1));
        instance.start(context());
    }

    ProbeContext context() {
        return {.config = config,
                .timing = timing,
                .random = random_,
                .next_id = next_id_,
                .now = now,
                .actions = actions_};
    }
    ProbeInstance::Taken take(const IpAddress& from, std::uint64_t nonce) {
        return instance.take({.source = kSource, .from = from, .nonce = nonce, .time_away = round_trip_time}, true,
                             context());
    }
    void run() {
        instance.run(context());
        collect();
    }
    // Time jumps from deadline to deadline and answer to answer.
    void run_until(Instant end) {
        while (true) {
            Instant next = *instance.due();
            bool is_answer = !under_way_.empty() && under_way_.begin()->first <= next;
            if (is_answer) next = under_way_.begin()->first;
            if (next > end || stop_when()) break;
            now = next;
            if (!is_answer) {
                run();
                continue;
            }
            SendProbe probe = under_way_.begin()->second;
            under_way_.erase(under_way_.begin());
            taken.push_back(take(probe.target, probe.nonce));
            collect();
        }
        if (!stop_when()) now = std::max(now, end);
    }
    void collect() {
        for (Action& action : actions_) {
            auto* probe = std::get_if<SendProbe>(&action);
            if (!probe) continue;
            sent.push_back({now, *probe});
            if (answers(*probe)) under_way_.insert({now + round_trip_time, *probe});
        }
        actions_.clear();
    }

    Config config;
    DetectionTiming timing;
    Instant now{1h};
    ProbeInstance instance{"eth0", "ipmp0", kSource, now};
    std::function<bool(const SendProbe&)> answers = [](const SendProbe&) { return false; };
    std::function<bool()> stop_when = [] { return false; };
    Duration round_trip_time{200us};
    std::vector<std::pair<Instant, SendProbe>> sent;
    std::vector<ProbeInstance::Taken> taken;

  private:
    RandomSource random_;
    std::uint16_t next_id_ = 0;
    std::vector<Action> actions_;
    std::multimap<Instant, SendProbe> under_way_;
};

bool everybody(const SendProbe&) { return true; }
bool nobody(const SendProbe&) { return false; }

TEST(ProbeInstance, R_DET_4_OneProbeAnIntervalWithJitter) {
    Path path;
    path.answers = everybody;
    path.run_until(path.now + 1428ms * 1000);
    EXPECT_NEAR(static_cast<double>(path.sent.size()), 1000, 2);
    for (std::size_t at = 1; at < path.sent.size(); ++at) {
        Duration gap = path.sent[at].first - path.sent[at - 1].first;
        ASSERT_GE(gap, 714ms);
        ASSERT_LE(gap, 2142ms);
        ASSERT_EQ(path.sent[at].second.sequence, at) << "ids count from 0";
    }
    EXPECT_EQ(path.instance.statistics().answered, path.instance.statistics().sent);
}

// The bounds of docs/DETECTION.md.
TEST(ProbeInstance, R_DET_4_ASilentPathIsFoundWithinTheDetectionTimeInEveryRun) {
    Duration longest{}, longest_since_break{}, shortest = 1h;
    for (std::uint64_t seed = 0; seed < 5000; ++seed) {
        Path path(seed, 1s);
        Duration interval = user_interval(path.config);
        path.answers = everybody;
        Instant broken = path.now + 2 * interval + Duration(static_cast<Duration::rep>(seed * 7103 % 142000000));
        path.run_until(broken);
        path.answers = nobody;
        std::size_t before = path.sent.size();
        path.stop_when = [&] { return path.instance.fails(path.config); };
        path.run_until(broken + 1h);
        Instant first_lost = path.sent.at(before).first;
        ASSERT_TRUE(path.instance.fails(path.config));
        longest = std::max(longest, path.now - first_lost);
        shortest = std::min(shortest, path.now - first_lost);
        longest_since_break = std::max(longest_since_break, path.now - broken);
        ASSERT_GE(path.instance.statistics().suspicion, 10u);
    }
    EXPECT_LE(longest, 142ms * 11 / 2);
    EXPECT_GE(longest, 142ms * 5) << "the bound is not that loose";
    EXPECT_GE(shortest, 142ms * 9 / 2);
    EXPECT_LE(longest_since_break, 142ms * 13 / 2);
    EXPECT_LT(longest_since_break, 1s);
}

TEST(ProbeInstance, R_DET_13_ALateAnswerTakesItsLossBackAndIsCounted) {
    Path path;
    path.answers = nobody;
    path.stop_when = [&] { return path.instance.statistics().lost > 0; };
    path.run_until(path.now + 60s);
    auto before = path.instance.statistics();
    const SendProbe& first = path.sent.front().second;
    EXPECT_TRUE(path.take(first.target, first.nonce).detection);
    auto after = path.instance.statistics();
    EXPECT_EQ(after.lost, before.lost - 1);
    EXPECT_EQ(after.late, before.late + 1);
    EXPECT_EQ(after.answered, 1u);
    EXPECT_EQ(after.round_trip.count, 1u);
    auto waited_us = std::chrono::duration_cast<std::chrono::microseconds>(path.now - path.sent.front().first).count();
    EXPECT_EQ(after.round_trip.sum_us, static_cast<std::uint64_t>(waited_us)) << "from sending it";
}

TEST(ProbeInstance, TicksThatWereMissedAreNotSentAndNotLost) {
    Path path;
    path.answers = everybody;
    path.run_until(path.now + 10s);
    auto before = path.instance.statistics();
    path.now += 100s;  // the daemon does not run
    path.run();
    auto after = path.instance.statistics();
    EXPECT_EQ(after.sent - before.sent, 1u);
    EXPECT_EQ(after.lost, 0u);
    EXPECT_EQ(after.missed_occasions, 1u);
    EXPECT_NEAR(static_cast<double>(after.missed), 70, 2);
    EXPECT_GT(*path.instance.due(), path.now);
}

// The neighbour table is full, say, while a failure is suspected or while all is well.
TEST(ProbeInstance, R_DET_4_WhatTheKernelDidNotSendSaysNothing) {
    for (std::uint64_t suspicion : {0, 3}) {
        Path path;
        path.answers = everybody;
        path.run_until(path.now + 20s);
        path.answers = nobody;
        path.stop_when = [&] { return path.instance.statistics().suspicion >= suspicion; };
        path.run_until(path.now + 20s);
        path.stop_when = [] { return false; };
        path.answers = [&](const SendProbe& probe) {
            EXPECT_TRUE(path.instance.take_back(probe.nonce));
            EXPECT_FALSE(path.instance.take_back(probe.nonce)) << "once only";
            return false;
        };
        path.run_until(path.now + 10s);
        auto before = path.instance.statistics();
        path.run_until(path.now + 60s);
        auto after = path.instance.statistics();
        EXPECT_EQ(after.sent + after.lost + after.suspicion, before.sent + before.lost + before.suspicion);
        EXPECT_NEAR(static_cast<double>(after.missed - before.missed), 42, 2);
        EXPECT_TRUE(path.instance.held_back());
        EXPECT_FALSE(path.instance.fails(path.config));
        path.answers = nobody;  // sent again, and in vain
        path.stop_when = [&] { return path.instance.fails(path.config); };
        Instant room = path.now;
        path.run_until(path.now + 1h);
        EXPECT_LE(path.now - room, 1428ms * 13 / 2);
        EXPECT_FALSE(path.instance.held_back());
    }
}

TEST(ProbeInstance, SuspicionBeginsAtTheSecondLossAndIsBounded) {
    Path path;
    path.instance.targets().add_router(router(2));
    path.run_until(path.now + 1000s);
    EXPECT_EQ(path.instance.statistics().suspicion, 14u) << "then it is known; the detection probes go on";
    int of_first = 0;
    std::vector<Instant> extras;
    for (auto one = path.sent.begin(); one != path.sent.end(); ++one) {
        const auto& [at, probe] = *one;
        bool is_extra = std::any_of(one + 1, path.sent.end(),
                                    [one](auto& later) { return later.second.sequence == one->second.sequence; });
        if (!is_extra) continue;  // a detection probe is the last of its number
        extras.push_back(at);
        of_first += probe.target == router(1) ? 1 : 0;
    }
    ASSERT_EQ(extras.size(), 14u);
    EXPECT_EQ(of_first, 7) << "all targets are asked in turn";
    for (std::size_t at = 1; at < extras.size(); ++at) EXPECT_EQ(extras[at] - extras[at - 1], Duration(1428ms) / 6);
}

TEST(ProbeInstance, OneAnswerEndsTheSuspicion) {
    Path path;
    int lost = 0;
    path.answers = [&](const SendProbe& probe) {  // detection probes are all lost, extra ones are not
        bool is_detection = probe.sequence < path.instance.statistics().sent;
        lost += is_detection ? 1 : 0;
        return !is_detection;
    };
    path.run_until(path.now + 1000s);
    EXPECT_GT(lost, 600);
    EXPECT_FALSE(path.instance.fails(path.config));
    EXPECT_LT(path.instance.history().losses().length, kLossesToFail);
    EXPECT_GE(path.instance.statistics().suspicion, 100u);
}

TEST(ProbeInstance, WithoutSuspicionProbesFiveLossesAreAFailure) {
    Path path;
    path.config.suspicion_probes = false;
    path.stop_when = [&] { return path.instance.fails(path.config); };
    path.run_until(path.now + 1000s);
    EXPECT_EQ(path.instance.statistics().lost, 5u);
    EXPECT_EQ(path.instance.statistics().suspicion, 0u);
}

TEST(ProbeInstance, AnAnswerSentBeforeTheBreakForgivesOnlyWhatWasBefore) {
    Path path;
    path.round_trip_time = 1400ms;  // nearly the whole interval
    path.run_until(path.now + 5s);  // in suspicion by now
    path.answers = everybody;
    ASSERT_GE(path.instance.statistics().suspicion, 1u);
    std::size_t before = path.sent.size();
    while (path.sent.size() == before) path.run_until(*path.instance.due());
    path.answers = nobody;
    Instant broken = path.now;
    path.stop_when = [&] { return path.instance.fails(path.config); };
    path.run_until(path.now + 1h);
    EXPECT_LE(path.now - broken, 1428ms * 13 / 2) << "losses after it count on";
}

TEST(ProbeInstance, R_DET_4_StrayAnswersChangeNothing) {
    Path path;
    path.run_until(path.now + 3s);
    ASSERT_FALSE(path.sent.empty());
    SendProbe probe = path.sent.back().second;
    path.take(router(1), probe.nonce + 1);
    path.take(router(9), probe.nonce);
    EXPECT_EQ(path.instance.statistics().unknown, 2u);
    EXPECT_EQ(path.instance.statistics().answered, 0u);
    path.take(router(1), probe.nonce);
    EXPECT_EQ(path.instance.statistics().answered, 1u);
    path.take(router(1), probe.nonce);
    EXPECT_EQ(path.instance.statistics().unknown, 3u) << "a repeated one";
    EXPECT_EQ(path.instance.statistics().answered, 1u);
}

TEST(ProbeInstance, ALateAnswerCounts) {
    Path path;
    path.round_trip_time = 5s;
    path.answers = everybody;
    path.run_until(path.now + 60s);
    EXPECT_FALSE(path.instance.fails(path.config));
    EXPECT_LE(path.instance.statistics().lost, 4u);
    EXPECT_GT(path.instance.statistics().answered, 30u);
}

TEST(ProbeInstance, R_DET_9_ADeadTargetIsSetAsideThePathIsNot) {
    Path path;
    path.instance.targets().add_router(router(2));
    path.answers = [](const SendProbe& probe) { return probe.target == router(2); };
    path.run_until(path.now + 30s);
    EXPECT_NE(path.instance.targets().find(router(1))->status, Target::Status::active);
    EXPECT_FALSE(path.instance.fails(path.config));
    EXPECT_EQ(path.instance.history().losses().length, 0);
}

TEST(ProbeInstance, WhoDidNotAnswerIsResolvedAnew) {
    Path path;
    path.answers = everybody;
    path.run_until(path.now + 10s);
    EXPECT_TRUE(path.sent.back().second.target_answered);
    path.answers = nobody;
    path.run_until(path.now + 5s);
    EXPECT_FALSE(path.instance.targets().find(router(1))->answered) << "it may have another MAC now";
}

TEST(ProbeInstance, R_DET_9_AnOutlierIsBelievedTheSecondTime) {
    Path path(1, 100ms);
    path.answers = everybody;
    path.run_until(path.now + 1s);
    path.round_trip_time = 50ms;
    Target& target = *path.instance.targets().find(router(1));
    std::size_t count = path.taken.size();
    while (path.taken.size() < count + 1) path.run_until(path.now + 1ms);
    auto measured = [&] { return target.round_trip.bound() > 14ms; };
    EXPECT_TRUE(target.held_back.has_value() || measured());
    path.run_until(path.now + 200ms);
    EXPECT_TRUE(measured());
}

TEST(ProbeInstance, R_DET_9_BetweenStretchedProbesAllTargetsAreMeasured) {
    Path path(1, 1s);
    path.instance.targets().add_router(router(2));
    path.timing = {7s, 1000ms};  // answers took 500 ms once
    path.answers = everybody;
    path.run_until(path.now + 70s);
    auto sent = path.instance.statistics().sent;
    EXPECT_NEAR(static_cast<double>(sent), 70, 5);
    EXPECT_NEAR(static_cast<double>(path.sent.size()), 70000 / 142.0, 5) << "a tick every user interval";
    auto of_second =
        std::count_if(path.sent.begin(), path.sent.end(), [](auto& one) { return one.second.target == router(2); });
    EXPECT_NEAR(static_cast<double>(of_second), static_cast<double>(path.sent.size()) / 2, 40);
}

TEST(ProbeInstance, R_DET_4_AVerySlowPathThatBreaksIsFoundAllTheSame) {
    Path path(1, 100ms);
    path.timing = {9800ms, 1400ms};  // a hundred measuring probes an interval must not crowd the others out
    path.answers = everybody;
    path.run_until(path.now + 20s);
    path.answers = nobody;
    Instant broken = path.now;
    path.stop_when = [&] { return path.instance.fails(path.config); };
    path.run_until(path.now + 60s);
    EXPECT_LT(path.now - broken, 9800ms);
}

TEST(ProbeInstance, R_DET_3_WithoutTargetsEverybodyIsAsked) {
    Path path;
    path.instance.targets().clear();
    path.run_until(path.now + 20s);
    ASSERT_GE(path.sent.size(), 10u);
    for (auto& [at, probe] : path.sent) EXPECT_EQ(probe.target, *parse_ip("224.0.0.1"));
    auto taken = path.take(router(7), path.sent.back().second.nonce);
    EXPECT_EQ(taken.discovered, router(7));
    EXPECT_EQ(path.instance.statistics().sent, 0u);
}

// At the shortest detection time it was 70 times a second and NIC, and each host of the link was woken each time.
TEST(ProbeInstance, R_DET_3_ASecondTargetIsLookedForOnceASecondAtMost) {
    Path path(1, 100ms);
    path.instance.targets() = {};
    path.instance.targets().add_host(router(7));
    path.answers = [](const SendProbe& probe) { return !probe.target.is_multicast(); };
    path.run_until(path.now + 60s);
    std::vector<Instant> searches;
    for (const auto& [at, probe] : path.sent)
        if (probe.target.is_multicast()) searches.push_back(at);
    EXPECT_NEAR(static_cast<double>(searches.size()), 60, 2);
    for (std::size_t at = 1; at < searches.size(); ++at) ASSERT_GE(searches[at] - searches[at - 1], 1s);
    path.instance.targets().add_host(router(8));
    path.sent.clear();
    path.run_until(path.now + 10s);
    EXPECT_TRUE(std::none_of(path.sent.begin(), path.sent.end(),
                             [](const auto& sent) { return sent.second.target.is_multicast(); }));
}

TEST(ProbeInstance, R_DET_3_ANeighbourThatIsAskedMayAnswerForItselfOnly) {
    Path path;
    path.instance.targets().clear();
    path.instance.ask(router(7), path.context());
    path.collect();
    std::uint64_t nonce = path.sent.back().second.nonce;
    EXPECT_EQ(path.take(router(8), nonce).discovered, std::nullopt);
    EXPECT_EQ(path.take(router(7), nonce).discovered, router(7));
}

TEST(ProbeInstance, NothingIsKnownOfATargetListThatBecameEmpty) {
    Path path;
    path.run_until(path.now + 5s);
    EXPECT_GT(path.instance.history().losses().length, 0);
    path.instance.targets().clear();
    path.run_until(path.now + 2s);
    EXPECT_TRUE(path.instance.history().empty());
}

}  // namespace

}  // namespace ipmp
