// Who is asked, when, and how often (R-SPR-3).
#include "core/membership_queries.hpp"

#include <gtest/gtest.h>

#include "core/only.hpp"

namespace ipmp {

namespace {

using std::chrono::milliseconds;

constexpr InterfaceIndex kUpper{10}, kLower{11};
const Nic kA{{1}, {{2, 0, 0, 0, 0, 1}}}, kB{{2}, {{2, 0, 0, 0, 0, 2}}}, kC{{3}, {{2, 0, 0, 0, 0, 3}}};
const MacAddress kLowerMac{{2, 0, 0, 0, 0, 9}};
const AskMemberships kAsk4{kLower, kLowerMac, Family::ipv4}, kAsk6{kLower, kLowerMac, Family::ipv6};

class Queries : public testing::Test {
  protected:
    Queries() {
        image_["ipmp0"].lower = kLower;
        image_["ipmp0"].nominee = {kA, kA};
        image_["ipmp0"].upper = kUpper;
        kernel_.links[kLower] = {.index = kLower, .mac = kLowerMac, .admin_up = true};
        for (const auto& [name, nic] : {std::pair{"a", kA}, {"b", kB}, {"c", kC}}) {
            state_.interfaces[name] = {.name = name, .index = nic.index, .group = "ipmp0", .mac = nic.mac,
                                       .mtu_bytes = 1500, .admin_up = true, .carrier = true};
        }
    }
    std::vector<Action> update_all() {
        std::vector<Action> actions;
        queries_.update(state_, image_, kernel_, now_, actions);
        return actions;
    }
    std::vector<AskMemberships> update() { return only<AskMemberships>(update_all()); }
    // Runs by deadlines only; when which leave came after `now_`.
    std::vector<std::pair<Duration, LeaveMemberships>> leaves() {
        Instant start = now_;
        std::vector<std::pair<Duration, LeaveMemberships>> made;
        for (bool more = true; more;) {
            for (const auto& one : only<LeaveMemberships>(update_all())) made.emplace_back(now_ - start, one);
            auto due = queries_.deadline();
            more = due.has_value();
            if (due) now_ = *due;
        }
        return made;
    }
    static LeaveMemberships leave4(const Nic& nic, const char* source = "0.0.0.0") {
        return {kUpper, nic, Family::ipv4, *parse_ip(source), 1500};
    }
    void settle() {
        update();
        while (auto due = queries_.deadline()) {
            now_ = *due;
            update();
        }
    }
    State state_;
    MembershipQueries queries_;
    DataplaneImage image_;
    KernelState kernel_;
    Instant now_{std::chrono::hours(1)};
};

TEST_F(Queries, ANewNomineeOfOneFamilyTwiceASecondApart) {
    settle();
    image_["ipmp0"].nominee[0] = kB;
    EXPECT_EQ(update(), std::vector{kAsk4});
    EXPECT_TRUE(update().empty());
    now_ += milliseconds(999);
    EXPECT_TRUE(update().empty());
    ASSERT_EQ(queries_.deadline(), now_ + milliseconds(1));
    now_ += milliseconds(1);
    EXPECT_EQ(update(), std::vector{kAsk4});
    now_ += std::chrono::minutes(1);
    EXPECT_TRUE(update().empty());
    update();
    EXPECT_FALSE(queries_.deadline());
}

TEST_F(Queries, TheFormerNomineeLeavesTwiceOnceTheNewOneHasReported_R_SPR_3) {
    EXPECT_TRUE(leaves().empty());
    image_["ipmp0"].nominee[0] = kB;
    std::vector<std::pair<Duration, LeaveMemberships>> expected{{milliseconds(300), leave4(kA)},
                                                                {milliseconds(1300), leave4(kA)}};
    EXPECT_EQ(leaves(), expected);
    EXPECT_FALSE(queries_.deadline());
}

TEST_F(Queries, AFormerNomineeWithoutLinkOrFailedSaysNothing_R_SPR_3) {
    settle();
    image_["ipmp0"].nominee[0] = kB;
    state_.interfaces["a"].carrier = false;
    EXPECT_TRUE(leaves().empty());
    image_["ipmp0"].nominee[0] = kC;
    state_.interfaces["b"].failed = true;
    EXPECT_TRUE(leaves().empty());
    image_["ipmp0"].nominee[0] = kA;
    state_.interfaces.erase("c");
    EXPECT_TRUE(leaves().empty());
}

TEST_F(Queries, WhoIsNomineeAgainStays_OthersWaitForTheNewest_R_SPR_3) {
    settle();
    image_["ipmp0"].nominee[0] = kB;
    update();
    now_ += milliseconds(200);
    image_["ipmp0"].nominee[0] = kC;
    update();
    now_ += milliseconds(200);
    image_["ipmp0"].nominee[0] = kA;
    std::vector<std::pair<Duration, LeaveMemberships>> expected;
    for (int after_ms : {300, 1300}) {
        for (const Nic& former : {kB, kC}) expected.emplace_back(milliseconds(after_ms), leave4(former));
    }
    EXPECT_EQ(leaves(), expected);
}

TEST_F(Queries, NobodyLeavesWhileThereIsNoNominee_R_SPR_3) {
    settle();
    image_["ipmp0"].nominee[0] = {};
    EXPECT_TRUE(leaves().empty());
    image_["ipmp0"].nominee[0] = kB;
    EXPECT_EQ(leaves().size(), 2u);
}

TEST_F(Queries, ALeaveComesFromADataAddressOrTheLinkLocalOne_R_SPR_3) {
    settle();
    kernel_.addresses = {{.link = kA.index, .address = *parse_ip("192.0.2.20")},
                         {.link = kA.index, .address = *parse_ip("fe80::a")},
                         {.link = kUpper, .address = *parse_ip("192.0.2.1")},
                         {.link = kUpper, .address = *parse_ip("2001:db8::1")}};
    image_["ipmp0"].nominee = {kB, kB};
    auto made = leaves();
    ASSERT_EQ(made.size(), 4u);
    EXPECT_EQ(made[0].second, leave4(kA, "192.0.2.1"));
    EXPECT_EQ(made[1].second.source, *parse_ip("fe80::a"));

    kernel_.addresses.push_back({.link = kUpper, .address = *parse_ip("fe80::1")});
    image_["ipmp0"].nominee = {kA, kA};
    EXPECT_EQ(leaves()[1].second.source, *parse_ip("fe80::1"));
    kernel_.addresses.clear();
    image_["ipmp0"].nominee = {kB, kB};
    EXPECT_EQ(leaves()[1].second.source, *parse_ip("::"));
}

TEST_F(Queries, NotBeforeTheLowerEndIsUp) {
    kernel_.links[kLower].admin_up = false;
    EXPECT_TRUE(update().empty());
    EXPECT_FALSE(queries_.deadline());
    kernel_.links[kLower].admin_up = true;
    EXPECT_EQ(update(), (std::vector{kAsk4, kAsk6}));
}

TEST_F(Queries, NobodyIsAskedForNoNominee) {
    settle();
    image_["ipmp0"].nominee = {};
    EXPECT_TRUE(update().empty());
    EXPECT_FALSE(queries_.deadline());
}

TEST_F(Queries, NothingAfterARestart) {
    State restored;
    restored.groups["ipmp0"].families[0].nominee = restored.groups["ipmp0"].families[1].nominee = kA.index;
    queries_.assume_asked(restored);
    EXPECT_TRUE(update().empty());
}

}  // namespace

}  // namespace ipmp
