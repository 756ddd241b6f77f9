// Link verdicts and their messages, edge by edge (R-DET-1, R-DET-7).
#include "core/verdict.hpp"

#include <gtest/gtest.h>

#include "core/predicates.hpp"

namespace ipmp {

namespace {

using std::chrono::seconds;

class Verdict : public testing::Test {
  protected:
    Verdict() {
        state_.groups["ipmp0"].interface = "ipmp0";
        state_.groups["ipmp0"].name = "g";
        for (const char* name : {"a", "b"}) {
            Interface& made = state_.interfaces[name];
            made.name = name;
            made.index = {static_cast<std::uint32_t>(name[0])};
            made.group = "ipmp0";
            made.admin_up = made.carrier = true;
        }
    }
    Interface& nic(const std::string& name) { return state_.interfaces.at(name); }
    // The carrier of `name` changes; what was said about it.
    std::vector<std::string> carrier(const std::string& name, bool up, std::uint32_t changes = 1) {
        Interface& changing = nic(name);
        LinkBefore before{true, changing.carrier, changing.carrier_changes};
        changing.carrier = up;
        changing.carrier_changes += changes;
        return judge(changing, before);
    }
    std::vector<std::string> judge(Interface& changing, const LinkBefore& before) {
        std::vector<Action> actions;
        judge_link(state_, changing, before, config_, now_, actions);
        return said(actions);
    }
    std::vector<std::string> judge_health() {
        std::vector<Action> actions;
        Group& group = state_.groups.at("ipmp0");
        judge_group(members_of(std::as_const(state_), group), group, actions);
        return said(actions);
    }
    static std::vector<std::string> said(const std::vector<Action>& actions) {
        std::vector<std::string> texts;
        for (const Action& action : actions) texts.push_back(std::get<Log>(action).text);
        return texts;
    }
    State state_;
    Config config_;
    Instant now_{std::chrono::hours(1)};
};

using Said = std::vector<std::string>;

TEST_F(Verdict, ALostLinkIsAFailureWithAWitness) {
    EXPECT_EQ(carrier("a", false),
              (Said{"The link has gone down on a", "IP interface failure detected on a of group g"}));
    EXPECT_TRUE(nic("a").failed);
    EXPECT_EQ(carrier("a", true), (Said{"The link has come up on a", "IP interface repair detected on a of group g"}));
    EXPECT_FALSE(nic("a").failed);
}

TEST_F(Verdict, WithoutWitnessTheGroupSpeaks) {
    judge_health();
    carrier("a", false);
    EXPECT_EQ(judge_health(), Said{});
    EXPECT_EQ(carrier("b", false), Said{"The link has gone down on b"});
    EXPECT_EQ(judge_health(), Said{"All IP interfaces in group g are now unusable"});
    EXPECT_EQ(judge_health(), Said{});
    carrier("b", true);
    EXPECT_EQ(judge_health(), Said{"At least 1 IP interface (b) in group g is now usable"});
    EXPECT_EQ(state_.groups.at("ipmp0").health, GroupHealth::degraded);
}

TEST_F(Verdict, AGroupThatStartsFailedReportsNothing) {
    nic("a").failed = nic("b").failed = true;
    EXPECT_EQ(judge_health(), Said{});
    nic("a").failed = false;
    EXPECT_EQ(judge_health(), Said{});
}

TEST_F(Verdict, AFlapBetweenTwoLooksIsSaidButCutsNothing) {
    EXPECT_EQ(carrier("a", true, 2), (Said{"The link has gone down on a", "The link has come up on a"}));
    EXPECT_FALSE(nic("a").failed);
}

TEST_F(Verdict, AnOfflineMemberFailsWithoutAFailureLine) {
    nic("a").offline = true;
    EXPECT_EQ(carrier("a", false), Said{"The link has gone down on a"});
    EXPECT_TRUE(nic("a").failed);
}

TEST_F(Verdict, R_DET_7_TheThirdUpInAMinuteWaits) {
    config_.link_ups_per_minute = 2;
    Instant first = now_;
    for (int round = 0; round < 3; ++round, now_ += seconds(20)) {
        carrier("a", false);
        carrier("a", true);
        EXPECT_EQ(nic("a").failed, round == 2);
    }
    ASSERT_TRUE(nic("a").repair_due.has_value());
    EXPECT_GE(*nic("a").repair_due, first + seconds(80));
    EXPECT_LT(*nic("a").repair_due, first + seconds(81));
    now_ = *nic("a").repair_due;
    judge(nic("a"), {true, true, nic("a").carrier_changes});
    EXPECT_FALSE(nic("a").failed);
}

TEST_F(Verdict, R_DET_7_ZeroTurnsTheRuleOff) {
    config_.link_ups_per_minute = 0;
    for (int round = 0; round < 10; ++round) {
        carrier("a", false);
        carrier("a", true);
    }
    EXPECT_FALSE(nic("a").failed);
}

TEST_F(Verdict, R_DET_6_AMemberThatWasProbedIsNotRepairedByItsLinkAlone) {
    nic("a").probe = ProbeHealth::ok;
    carrier("a", false);
    carrier("a", true);
    EXPECT_TRUE(nic("a").failed);
    nic("a").probe_failed = false;  // ten answers
    judge(nic("a"), {true, true, nic("a").carrier_changes});
    EXPECT_FALSE(nic("a").failed);
}

// It has a test address and no target: waiting for answers would fail it for good.
TEST_F(Verdict, R_DET_6_AMemberWithNobodyToProbeIsRepairedByItsLink) {
    nic("a").probe = ProbeHealth::unknown;
    carrier("a", false);
    nic("a").probe = ProbeHealth::failed;  // as every failed member with a test address is shown
    judge(nic("a"), {true, false, nic("a").carrier_changes});
    carrier("a", true);
    EXPECT_FALSE(nic("a").failed);
}

TEST_F(Verdict, ANewcomerWithoutLinkIsFailedAtOnce) {
    nic("a").carrier = false;
    judge(nic("a"), {});
    EXPECT_TRUE(nic("a").failed);
}

// R-DET-1: it has carrier, but no frame would leave it yet.
TEST_F(Verdict, ANewcomerThatIsStartingIsWaitedForAndNotUsed) {
    nic("a").carrier = false;
    nic("a").starting = true;
    EXPECT_EQ(judge(nic("a"), {}), Said{});
    EXPECT_FALSE(functioning(nic("a")));
    ASSERT_TRUE(nic("a").starting_until.has_value());
    EXPECT_EQ(judge(nic("a"), {true, false, 0}), Said{});
    EXPECT_FALSE(functioning(nic("a")));
    nic("a").starting = false;
    nic("a").carrier = true;
    EXPECT_EQ(judge(nic("a"), {true, false, 0}), Said{});
    EXPECT_TRUE(functioning(nic("a")));
}

TEST_F(Verdict, ANewcomerThatNeverStartsHasFailed) {
    const Said failure{"The link has gone down on a", "IP interface failure detected on a of group g"};
    nic("a").carrier = false;
    nic("a").starting = true;
    judge(nic("a"), {});
    now_ = *nic("a").starting_until;
    EXPECT_EQ(judge(nic("a"), {true, false, 0}), failure);
    EXPECT_TRUE(nic("a").failed);
    EXPECT_FALSE(nic("a").starting_until.has_value());

    judge(nic("a"), {});
    nic("a").starting = false;  // the carrier it had is lost
    nic("a").carrier_changes = 1;
    EXPECT_EQ(judge(nic("a"), {true, false, 0}), failure);
    EXPECT_TRUE(nic("a").failed);
}

// `ifconfig eth0 plumb group ipmp0 up`: it joins first, then it is set up, then it gets carrier.
TEST_F(Verdict, ANewcomerThatIsNotUpYetIsWaitedForAndNotUsed) {
    nic("a").admin_up = nic("a").carrier = false;
    EXPECT_EQ(judge(nic("a"), {}), Said{});
    nic("a").admin_up = true;
    EXPECT_EQ(judge(nic("a"), {true, false, 0}), Said{});
    EXPECT_FALSE(functioning(nic("a")));
    nic("a").carrier = true;
    nic("a").carrier_changes = 1;
    EXPECT_EQ(judge(nic("a"), {true, false, 0}), Said{});
    EXPECT_TRUE(functioning(nic("a")));

    nic("a").admin_up = nic("a").carrier = false;
    judge(nic("a"), {});
    now_ = *nic("a").starting_until;
    EXPECT_EQ(judge(nic("a"), {true, false, 1}), (Said{"The link has gone down on a",
                                                       "IP interface failure detected on a of group g"}));
}

TEST_F(Verdict, R_VIS_1_AMemberThatIsOnItsWayToAnotherNetworkNamespaceHasNotFailed) {
    Interface& moving = nic("a");
    LinkBefore before{true, true, moving.carrier_changes};
    moving.misplaced = true;
    EXPECT_EQ(judge(moving, before), Said{});
    EXPECT_FALSE(moving.failed);
    ASSERT_EQ(moving.starting_until, now_ + seconds(3));
    moving.admin_up = moving.carrier = false;  // it is taken down for that
    moving.carrier_changes += 1;
    EXPECT_EQ(judge(moving, {true, false, moving.carrier_changes - 1}), Said{});
    now_ += seconds(3);
    EXPECT_FALSE(judge(moving, {true, false, moving.carrier_changes}).empty());
    EXPECT_TRUE(moving.failed) << "it does not arrive";
}

TEST_F(Verdict, R_VIS_1_ANewcomerThatHasToMoveFirstIsWaitedFor) {
    nic("a").misplaced = true;
    EXPECT_EQ(judge(nic("a"), {}), Said{});
    EXPECT_FALSE(nic("a").failed);
    EXPECT_EQ(nic("a").starting_until, now_ + seconds(3));
}

}  // namespace

}  // namespace ipmp
