// Who is used and who rests: single decisions. Whole stories are in tests/sim/scenarios_test.cpp.
#include "core/policy.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "core/predicates.hpp"

namespace ipmp {

namespace {

Interface member(const std::string& name, bool standby = false) {
    Interface made;
    made.name = name;
    made.index = {static_cast<std::uint32_t>(name.back())};
    made.group = "ipmp0";
    made.admin_up = made.carrier = true;
    made.standby = standby;
    return made;
}

// `after` starts as a copy of `before`, is changed by the test and judged by run().
class Policy : public testing::Test {
  protected:
    Interface& add(const Interface& interface) {
        before_.push_back(interface);
        after_.push_back(interface);
        return after_.back();
    }
    void run(bool failback, std::size_t lost = 0) {
        std::vector<MemberChange> changes;
        for (std::size_t n = 0; n < after_.size(); ++n) changes.push_back({&before_[n], &after_[n]});
        choose_active(changes, lost, failback);
    }
    std::string active_names() const {
        std::string names;
        for (const Interface& one : after_) names += active(one) ? one.name : "";
        return names;
    }
    std::deque<Interface> before_, after_;
};

TEST_F(Policy, R_POL_1_AStandbyIsCalledBeforeARestingOne) {
    add(member("a")).failed = true;
    Interface resting = member("b");
    resting.inactive = true;
    add(resting);
    Interface standby = member("s", true);
    standby.inactive = true;
    add(standby);
    run(false);
    EXPECT_EQ(active_names(), "s");
}

TEST_F(Policy, R_POL_3_ARepairedMemberRests) {
    Interface broken = member("a");
    broken.failed = true;
    add(broken).failed = false;
    add(member("b"));
    run(false);
    EXPECT_EQ(active_names(), "b");
    EXPECT_TRUE(after_[0].inactive);
}

TEST_F(Policy, R_POL_3_ARepairedMemberIsUsedIfNobodyElseIs) {
    Interface broken = member("a");
    broken.failed = true;
    add(broken).failed = false;
    add(broken);
    run(false);
    EXPECT_EQ(active_names(), "a");
}

TEST_F(Policy, R_POL_2_WithFailbackCapacityIsFilledAndNotExceeded) {
    add(member("a")).failed = true;
    add(member("b"));
    add(member("s", true));
    add(member("t", true));
    run(true);
    EXPECT_EQ(active_names(), "bs");
}

TEST_F(Policy, TheSpareOfARemovedMemberIsCalled) {
    Interface resting = member("b");
    resting.inactive = true;
    add(resting);
    add(member("c"));
    run(false, 1);
    EXPECT_EQ(active_names(), "bc");
}

TEST_F(Policy, AFailingMemberLosesInactive) {
    Interface resting = member("b");
    resting.inactive = true;
    add(resting).failed = true;
    add(member("a"));
    run(false);
    EXPECT_FALSE(after_[0].inactive);
    EXPECT_EQ(active_names(), "a");
}

TEST_F(Policy, AllStandbyStillUsesOne) {
    add(member("s", true));
    add(member("t", true));
    run(true);
    EXPECT_EQ(active_names().size(), 1u);
}

TEST_F(Policy, R_POL_3_AStandbyRestsAgainWhenTheAdministratorBringsTheOtherBack) {
    Interface offline = member("a");
    offline.offline = true;
    add(offline).offline = false;
    add(member("s", true));
    run(false);
    EXPECT_EQ(active_names(), "a");
    EXPECT_TRUE(after_[1].inactive);
}

TEST_F(Policy, R_DET_8_WhoCarriesOnThoughFailedDoesSoNoMoreWhenItIsNotNeeded) {
    Interface standby = member("s", true);
    standby.failed = standby.kept = true;
    add(member("a"));
    add(standby);
    run(true);
    EXPECT_EQ(active_names(), "a");
    EXPECT_FALSE(after_[1].kept || after_[1].inactive) << "only who functions can rest";
}

}  // namespace

}  // namespace ipmp
