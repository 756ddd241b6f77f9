// The window of remembered probes, and runs of losses and answers.
#include "core/probing/probe_history.hpp"

#include <gtest/gtest.h>

namespace ipmp {

namespace {

using namespace std::chrono_literals;
const IpAddress kA = *parse_ip("192.0.2.1");
const IpAddress kB = *parse_ip("192.0.2.2");

Instant at(int second) { return Instant(std::chrono::seconds(second)); }

class ProbeHistoryTest : public testing::Test {
  protected:
    // Sent at second `number`, due 10 s later; the number is its nonce.
    void send(int number, const IpAddress& target = kA) {
        history.add({.nonce = static_cast<std::uint64_t>(number),
                     .target = target,
                     .started = at(number),
                     .deadline = at(number + 10)});
    }
    void answer(int number) {
        ProbeRecord* probe = history.find(static_cast<std::uint64_t>(number));
        ASSERT_NE(probe, nullptr);
        probe->status = ProbeRecord::Status::answered;
        probe->settled = at(number + 1);
    }
    ProbeHistory history;
};

TEST_F(ProbeHistoryTest, RemembersTheNewest52) {
    for (int number = 1; number <= 53; ++number) send(number);
    EXPECT_EQ(history.find(1), nullptr);
    EXPECT_NE(history.find(2), nullptr);
    EXPECT_NE(history.find(53), nullptr);
}

TEST_F(ProbeHistoryTest, AProbeIsLostAtItsDeadlineAndNotBefore) {
    send(1);
    send(2);
    EXPECT_TRUE(history.settle(at(11) - 1ns).empty());
    ASSERT_EQ(history.settle(at(11)).size(), 1u);
    EXPECT_EQ(history.next_deadline(), at(12));
    EXPECT_EQ(history.losses().length, 1);
    EXPECT_EQ(history.losses().begin, at(11));
    EXPECT_EQ(history.losses().sent, at(1));
}

TEST_F(ProbeHistoryTest, ALateAnswerTurnsALossIntoASuccess) {
    for (int number = 1; number <= 5; ++number) send(number);
    history.settle(at(20));
    EXPECT_EQ(history.losses().length, 5);
    answer(3);
    EXPECT_EQ(history.losses().length, 2);
    EXPECT_EQ(history.losses().begin, at(14));
    answer(5);
    EXPECT_EQ(history.losses().length, 0);
    EXPECT_EQ(history.answers().length, 1);
}

TEST_F(ProbeHistoryTest, OpenProbesInterruptNoRun) {
    for (int number = 1; number <= 4; ++number) send(number);
    answer(1);
    answer(3);
    EXPECT_EQ(history.answers().length, 2);
    EXPECT_EQ(history.newest_answer(), at(4));
    history.settle(at(12));  // 2 is lost, 4 is open
    EXPECT_EQ(history.answers().length, 1);
    EXPECT_EQ(history.losses().length, 0);
}

TEST_F(ProbeHistoryTest, RunsOfOneTargetPassOverTheOthers) {
    for (int number = 1; number <= 6; ++number) send(number, number % 2 ? kA : kB);
    for (int number : {2, 4, 6}) answer(number);
    history.settle(at(20));
    EXPECT_EQ(history.losses().length, 0);
    EXPECT_EQ(history.losses_of(kA).length, 3);
    EXPECT_EQ(history.losses_of(kB).length, 0);
    EXPECT_EQ(history.answers_of(kB, {}).length, 3);
    EXPECT_EQ(history.answers_of(kB, at(3)).length, 2) << "those before are not asked for";
    EXPECT_EQ(history.newest_target(), kB);
}

TEST_F(ProbeHistoryTest, ForgivenLossesCountNoMoreButLaterOnesDo) {
    for (int number = 1; number <= 4; ++number) send(number, number % 2 ? kA : kB);
    history.settle(at(20));
    history.forgive(at(2), kA);  // A answered what was sent then
    EXPECT_EQ(history.losses().length, 2);
    EXPECT_EQ(history.losses().sent, at(3));
    EXPECT_EQ(history.losses_of(kA).length, 1);
    EXPECT_EQ(history.losses_of(kB).length, 2) << "that the path works says nothing about B";
}

TEST_F(ProbeHistoryTest, LostTimeOfTheDaemonIsNobodysDelay) {
    send(1);
    history.settle(at(5));
    history.extend_deadlines(30s);
    EXPECT_TRUE(history.settle(at(40)).empty());
    EXPECT_EQ(history.settle(at(41)).size(), 1u);
}

TEST_F(ProbeHistoryTest, NewerAnswersOfTheSameTargetAreKnown) {
    send(1);
    send(2, kB);
    answer(2);
    EXPECT_FALSE(history.newer_answered(*history.find(1)));
    send(3);
    answer(3);
    EXPECT_TRUE(history.newer_answered(*history.find(1)));
    EXPECT_FALSE(history.newer_answered(*history.find(3)));
}

}  // namespace

}  // namespace ipmp
