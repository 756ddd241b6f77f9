// Order, limits and status moves of targets (R-DET-3, R-DET-9; reference: in.mpathd §7.3 to §7.5).
#include "core/probing/target_list.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ipmp {

namespace {

using namespace std::chrono_literals;
IpAddress host(int number) { return *parse_ip("192.0.2." + std::to_string(number)); }

class TargetListTest : public testing::Test {
  protected:
    void routers(int count) {
        for (int number = 1; number <= count; ++number) list.add_router(host(number));
    }
    int next() {
        auto address = list.next(now);
        return address ? address->bytes[3] : 0;
    }
    std::string order() {
        std::string text;
        for (const IpAddress& address : list.firing_order()) text += std::to_string(address.bytes[3]);
        return text;
    }
    Target::Status status(int number) { return list.find(host(number))->status; }

    TargetList list;
    Instant now{1h};
};

TEST_F(TargetListTest, R_DET_3_NewestFirstInTurnWrappingAround) {
    routers(3);
    EXPECT_EQ(order(), "132") << "the first one stays the next; newer ones are before it in the circle";
    EXPECT_EQ(next(), 1);
    EXPECT_EQ(next(), 3);
    EXPECT_EQ(order(), "213");
    EXPECT_EQ(next(), 2);
    EXPECT_EQ(next(), 1);
}

TEST_F(TargetListTest, R_DET_3_FiveAreActiveOthersWait) {
    routers(6);
    EXPECT_EQ(list.active_count(), 5u);
    EXPECT_EQ(status(6), Target::Status::unused);
    list.remove(host(2), now);
    for (int step = 0; step < 6; ++step) next();
    EXPECT_EQ(status(6), Target::Status::active);
}

TEST_F(TargetListTest, R_DET_3_HostsAreFiveAtMostAndGiveWayToARouter) {
    for (int number = 1; number <= 5; ++number) EXPECT_TRUE(list.add_host(host(number)));
    EXPECT_FALSE(list.add_host(host(6)));
    EXPECT_FALSE(list.add_host(host(1)));
    EXPECT_TRUE(list.add_router(host(3)));
    EXPECT_TRUE(list.routers());
    EXPECT_EQ(order(), "3");
    EXPECT_FALSE(list.add_host(host(1)));
}

TEST_F(TargetListTest, R_DET_3_RoutersNoLongerOfferedAreForgotten) {
    routers(3);
    EXPECT_EQ(list.keep_routers({host(2)}, now).size(), 2u);
    EXPECT_EQ(order(), "2");
    list.keep_routers({}, now);
    EXPECT_TRUE(list.empty());
    EXPECT_FALSE(list.routers());
    EXPECT_TRUE(list.add_host(host(9)));
}

TEST_F(TargetListTest, R_DET_9_ADeadRouterRestsAMinuteAndComesBack) {
    routers(2);
    EXPECT_FALSE(list.set_dead(host(1), now));
    EXPECT_EQ(next(), 2);
    next();
    EXPECT_EQ(status(1), Target::Status::slow) << "a dead one rests as a slow one";
    now += 60s;
    next();
    EXPECT_EQ(status(1), Target::Status::slow);
    now += 1s;
    for (int step = 0; step < 3; ++step) next();
    EXPECT_EQ(status(1), Target::Status::active);
}

TEST_F(TargetListTest, R_DET_9_ASlowRouterRestsAMinute) {
    routers(2);
    list.find(host(1))->round_trip.add(9s);
    list.set_slow(host(1), now);
    EXPECT_EQ(list.find(host(1))->round_trip.average(), std::nullopt);
    for (int step = 0; step < 3; ++step) EXPECT_EQ(next(), 2);
    now += 61s;
    for (int step = 0; step < 3; ++step) next();
    EXPECT_EQ(status(1), Target::Status::active);
}

TEST_F(TargetListTest, R_DET_9_ADeadOrSlowHostIsDeleted) {
    list.add_host(host(1));
    list.add_host(host(2));
    EXPECT_TRUE(list.set_dead(host(1), now));
    EXPECT_TRUE(list.set_slow(host(2), now));
    EXPECT_TRUE(list.empty());
    EXPECT_EQ(next(), 0);
}

TEST_F(TargetListTest, R_DET_9_WhenNobodyIsLeftThoseSetAsideAreBetterThanNone) {
    routers(5);
    for (int number = 1; number <= 4; ++number) list.set_dead(host(number), now);
    EXPECT_EQ(list.active_count(), 1u);
    list.set_slow(host(5), now);
    EXPECT_EQ(list.active_count(), 3u);
    EXPECT_EQ(status(5), Target::Status::active) << "slow comes before dead";
}

TEST_F(TargetListTest, R_DET_9_TheOnlyRouterIsNeverWithoutSuccessor) {
    routers(1);
    list.set_dead(host(1), now);
    EXPECT_EQ(next(), 1);
}

TEST_F(TargetListTest, RemovingAnyKeepsTheTurn) {
    routers(4);  // circle 4 3 2 1
    EXPECT_EQ(next(), 1);
    EXPECT_EQ(next(), 4);
    list.remove(host(4), now);
    EXPECT_EQ(next(), 3);
    list.remove(host(2), now);
    EXPECT_EQ(next(), 1);
}

TEST_F(TargetListTest, R_DET_9_WhoOnlyWaitedOrHasRestedComesFirstWhenNobodyIsLeft) {
    routers(6);
    list.set_slow(host(1), now);
    now += 61s;
    for (int number = 2; number <= 4; ++number) list.set_dead(host(number), now);
    list.set_slow(host(5), now);
    EXPECT_EQ(status(6), Target::Status::active) << "unused";
    EXPECT_EQ(status(1), Target::Status::active) << "has rested";
    EXPECT_EQ(status(5), Target::Status::active) << "slow, not dead";
    EXPECT_EQ(list.active_count(), 3u);
}

TEST_F(TargetListTest, WhoIsNoTargetCanNeitherGoNorBeSetAside) {
    routers(2);
    list.remove(host(9), now);
    EXPECT_FALSE(list.set_dead(host(9), now) || list.set_slow(host(9), now));
    EXPECT_EQ(order(), "12");
}

}  // namespace

}  // namespace ipmp
