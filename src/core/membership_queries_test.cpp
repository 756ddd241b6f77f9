// Who is asked, when, and how often (R-SPR-3).
#include "core/membership_queries.hpp"

#include <gtest/gtest.h>

namespace ipmp {

namespace {

constexpr InterfaceIndex kLower{11};
const Nic kA{{1}, {{2, 0, 0, 0, 0, 1}}}, kB{{2}, {{2, 0, 0, 0, 0, 2}}};
const MacAddress kLowerMac{{2, 0, 0, 0, 0, 9}};
const AskMemberships kAsk4{kLower, kLowerMac, Family::ipv4}, kAsk6{kLower, kLowerMac, Family::ipv6};

class Queries : public testing::Test {
  protected:
    Queries() {
        image_["ipmp0"].lower = kLower;
        image_["ipmp0"].nominee = {kA, kA};
        kernel_.links[kLower] = {.index = kLower, .mac = kLowerMac, .admin_up = true};
    }
    std::vector<AskMemberships> update() {
        std::vector<Action> actions;
        queries_.update(image_, kernel_, now_, actions);
        std::vector<AskMemberships> made;
        for (const Action& action : actions) made.push_back(std::get<AskMemberships>(action));
        return made;
    }
    void settle() {
        update();
        while (auto due = queries_.deadline()) {
            now_ = *due;
            update();
        }
    }
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
    ASSERT_EQ(queries_.deadline(), now_ + std::chrono::seconds(1));
    now_ += std::chrono::seconds(1);
    EXPECT_EQ(update(), std::vector{kAsk4});
    EXPECT_FALSE(queries_.deadline());
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
