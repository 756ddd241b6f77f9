// Bindings (R2.1-R2.5), nominee (R3.2, R3.3) and slots (design D4) of one family, without anything around them.
#include "core/placement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace ipmp {

namespace {

using std::chrono::milliseconds;

constexpr InterfaceIndex kA{1}, kB{2}, kC{3};

std::vector<IpAddress> addresses(std::uint8_t count) {
    std::vector<IpAddress> all;
    for (std::uint8_t host = 1; host <= count; ++host) all.push_back({Family::ipv4, {192, 0, 2, host}});
    return all;
}

std::map<InterfaceIndex, int> counts(const GroupFamily& family) {
    std::map<InterfaceIndex, int> all;
    for (const Binding& binding : family.bindings) ++all[binding.member];
    return all;
}

auto slots_of(const GroupFamily& family, InterfaceIndex member) {
    return std::count(family.slots.begin(), family.slots.end(), member);
}

class Placement : public testing::Test {
  protected:
    void activate(const std::vector<InterfaceIndex>& active, std::uint8_t address_count) {
        update_active(family_, active);
        update_nominee(family_);
        update_bindings(family_, addresses(address_count), sequence_);
        update_slots(family_, now_);
    }
    GroupFamily family_;
    std::uint64_t sequence_ = 1;
    Instant now_{std::chrono::hours(1)};
};

TEST_F(Placement, FewestBoundWinsAndTiesGoToTheLongestActive) {
    activate({kB, kA}, 1);
    EXPECT_EQ(family_.bindings[0].member, kB);
    activate({kB, kA}, 2);
    EXPECT_EQ(family_.bindings[1].member, kA);
}

TEST_F(Placement, R_SPR_2_ActivationLevelsCountsByTheMostRecentlyBound) {
    activate({kA}, 4);
    activate({kA, kB}, 4);
    EXPECT_EQ(counts(family_), (std::map<InterfaceIndex, int>{{kA, 2}, {kB, 2}}));
    EXPECT_EQ(family_.bindings[0].member, kA);
    EXPECT_EQ(family_.bindings[3].member, kB);
}

TEST_F(Placement, R_SPR_2_OneAndNoneStays) {
    activate({kA}, 1);
    activate({kA, kB}, 1);
    EXPECT_EQ(family_.bindings[0].member, kA);
}

TEST_F(Placement, R_SPR_2_RemovalMovesOneOver) {
    activate({kA, kB}, 4);
    std::vector<IpAddress> left;
    for (const Binding& binding : family_.bindings) {
        if (binding.member == kA) left.push_back(binding.address);
    }
    update_bindings(family_, left, sequence_);
    EXPECT_EQ(counts(family_), (std::map<InterfaceIndex, int>{{kA, 1}, {kB, 1}}));
}

TEST_F(Placement, NobodyActiveLeavesAddressesUnbound) {
    activate({kA}, 2);
    activate({}, 2);
    for (const Binding& binding : family_.bindings) EXPECT_EQ(binding.member, InterfaceIndex{});
    EXPECT_EQ(family_.nominee, InterfaceIndex{});
    EXPECT_EQ(slots_of(family_, InterfaceIndex{}), 256);
    activate({kB}, 2);
    EXPECT_EQ(counts(family_)[kB], 2);
    EXPECT_EQ(slots_of(family_, kB), 256);
}

TEST_F(Placement, R_SPR_3_TheNomineeStaysWhileItIsActive) {
    activate({kB}, 0);
    activate({kA, kB}, 0);
    EXPECT_EQ(family_.nominee, kB);
    activate({kC, kA}, 0);
    EXPECT_EQ(family_.nominee, kA);
}

TEST_F(Placement, OnlyTheSlotsOfWhoLeftMove) {
    activate({kA, kB, kC}, 0);
    auto before = family_.slots;
    activate({kA, kB}, 0);
    for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
        EXPECT_TRUE(before[slot] == kC || family_.slots[slot] == before[slot]) << slot;
    }
    EXPECT_EQ(slots_of(family_, kA), 128);
}

TEST_F(Placement, GivingBackIsPacedOverASecondForAnyNumberOfNics) {
    activate({kA}, 0);
    activate({kA, kB, kC, InterfaceIndex{4}, InterfaceIndex{5}}, 0);
    EXPECT_GT(slots_of(family_, kA), 200);
    Instant start = now_;
    while (family_.give_back_due) {
        now_ = *family_.give_back_due;
        update_slots(family_, now_);
    }
    EXPECT_EQ(slots_of(family_, kA), 52);
    EXPECT_GT(now_ - start, milliseconds(500));
    EXPECT_LE(now_ - start, milliseconds(1000));
}

TEST_F(Placement, NothingMovesWithoutCause) {
    activate({kA, kB}, 3);
    GroupFamily before = family_;
    activate({kB, kA}, 3);
    EXPECT_EQ(family_, before);
}

}  // namespace

}  // namespace ipmp
