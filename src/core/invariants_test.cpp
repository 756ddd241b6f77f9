// The checker itself: a state as it should be passes, and every rule is broken once.
#include "core/invariants.hpp"

#include <gtest/gtest.h>

#include "core/image.hpp"
#include "core/placement.hpp"

namespace ipmp {

namespace {

constexpr InterfaceIndex kA{1}, kB{2};
const IpAddress kOne{Family::ipv4, {192, 0, 2, 1}}, kTwo{Family::ipv4, {192, 0, 2, 2}};

class Invariants : public testing::Test {
  protected:
    Invariants() {
        Group& group = state_.groups["ipmp0"];
        group.interface = group.name = "ipmp0";
        GroupFamily& family = group.families[0];
        family.plumbed = true;
        family.addresses = {{.number = 1, .address = kOne, .up = true}, {.number = 2, .address = kTwo, .up = true}};
        for (InterfaceIndex index : {kA, kB}) {
            std::string name = index == kA ? "a" : "b";
            Interface& nic = state_.interfaces[name];
            nic = {.name = name, .index = index, .group = "ipmp0", .admin_up = true, .carrier = true};
            nic.mac.bytes[5] = static_cast<std::uint8_t>(index.value);
            nic.families[0].plumbed = true;
        }
        update_active(family, {kA, kB});
        update_nominee(family);
        update_bindings(family, {kOne, kTwo}, group.next_sequence);
        update_slots(family, {});
        group.upper = {10};
        group.lower = {11};
        kernel_.links[group.upper] = kernel_.links[group.lower] = {};
    }
    GroupFamily& family() { return state_.groups.at("ipmp0").families[0]; }
    Interface& nic(const std::string& name) { return state_.interfaces.at(name); }
    bool sound(const Config& config = {}) { return check(state_, image_of(state_, kernel_), config).empty(); }
    bool step_is_sound(const State& before, const std::vector<Action>& actions, const Config& config = {}) {
        return check_transition({before, state_, Tick{}, actions, config}).empty();
    }
    State state_;
    KernelState kernel_;
};

TEST_F(Invariants, AnOrderlyStatePasses) {
    EXPECT_TRUE(sound());
    EXPECT_TRUE(step_is_sound(state_, {Announce{kOne, {kA, nic("a").mac}}}));
}

TEST_F(Invariants, R_ADR_6_RulesOfUniqueness) {
    LogicalAddress& one = family().addresses[0];
    one.uniqueness = Uniqueness::duplicate;
    EXPECT_FALSE(sound()) << "a duplicate is bound";
    one.uniqueness = Uniqueness::tentative;
    EXPECT_TRUE(sound());
    EXPECT_FALSE(step_is_sound(state_, {Announce{kOne, {kA, nic("a").mac}}})) << "announced too early";
    one.adopted = true;
    EXPECT_FALSE(sound()) << "another program's address is not asked for";
    one = {.number = 1, .address = kOne, .uniqueness = Uniqueness::optimistic};
    EXPECT_FALSE(sound()) << "nor is one that is down";
}

TEST_F(Invariants, R_ADR_6_AGroupThatLostAllNicsHasToAskAgain) {
    for (Interface* member : {&nic("a"), &nic("b")}) {
        member->failed = true;
        member->carrier = false;
    }
    update_active(family(), {});
    update_nominee(family());
    update_bindings(family(), {kOne, kTwo}, state_.groups.at("ipmp0").next_sequence);
    update_slots(family(), {});
    EXPECT_FALSE(sound());
    for (LogicalAddress& logical : family().addresses) logical.uniqueness = Uniqueness::optimistic;
    EXPECT_TRUE(sound());
}

TEST_F(Invariants, BindingRules) {
    family().bindings[1].member = kA;
    EXPECT_FALSE(sound());
    family().bindings[1].member = InterfaceIndex{9};
    EXPECT_FALSE(sound());
    family().bindings.pop_back();
    EXPECT_FALSE(sound());
}

TEST_F(Invariants, SlotNomineeAndActiveListRules) {
    State good = state_;
    family().slots[7] = {};
    EXPECT_FALSE(sound());
    state_ = good;
    family().nominee = {};
    EXPECT_FALSE(sound());
    state_ = good;
    family().active.pop_back();
    EXPECT_FALSE(sound());
    state_ = good;
    nic("a").failed = true;  // and everything still points to it
    EXPECT_FALSE(sound());
}

TEST_F(Invariants, PolicyRules) {
    nic("b").inactive = true;
    update_active(family(), {kA});
    update_nominee(family());
    update_bindings(family(), {kOne, kTwo}, state_.groups.at("ipmp0").next_sequence);
    update_slots(family(), {});
    EXPECT_FALSE(sound());
    EXPECT_TRUE(sound({.failback = false}));
}

TEST_F(Invariants, TheImageMustAgree) {
    DataplaneImage image = image_of(state_, kernel_);
    image.at("ipmp0").slots[0][3].mac.bytes[0] = 9;
    EXPECT_FALSE(check(state_, image, {}).empty());
    image = image_of(state_, kernel_);
    image.at("ipmp0").addresses.erase(kOne);
    EXPECT_FALSE(check(state_, image, {}).empty());
}

TEST_F(Invariants, NeedlessMovesAreSeen) {
    State before = state_;
    std::swap(family().bindings[0].member, family().bindings[1].member);
    EXPECT_TRUE(sound());
    EXPECT_FALSE(step_is_sound(before, {}));
    state_ = before;
    family().nominee = kB;
    EXPECT_FALSE(step_is_sound(before, {}));
}

TEST_F(Invariants, NeedlessCallsAreSeen) {
    State before = state_;
    before.interfaces.at("b").inactive = true;
    EXPECT_FALSE(step_is_sound(before, {}, {.failback = false}));
    EXPECT_TRUE(step_is_sound(before, {}, {.failback = true}));
    before.interfaces.at("b").inactive = false;
    before.interfaces.at("b").failed = true;
    EXPECT_FALSE(step_is_sound(before, {}, {.failback = false}));
}

TEST_F(Invariants, OnlyTheBoundNicAnnounces) {
    EXPECT_FALSE(step_is_sound(state_, {Announce{kOne, {kB, nic("b").mac}}}));
    EXPECT_FALSE(step_is_sound(state_, {Announce{kOne, {kA, nic("b").mac}}}));
    EXPECT_FALSE(step_is_sound(state_, {Announce{kOne, {{9}, nic("a").mac}}}));
}

TEST_F(Invariants, ARestartMovesNothing) {
    State before = state_;
    EXPECT_TRUE(check_restart({before, state_, Tick{}, {}, {}}).empty());
    EXPECT_FALSE(check_restart({before, state_, Tick{}, {Announce{kOne, {kA, nic("a").mac}}}, {}}).empty());
    family().slots[0] = family().slots[0] == kA ? kB : kA;
    EXPECT_FALSE(check_restart({before, state_, Tick{}, {}, {}}).empty());
}

}  // namespace

}  // namespace ipmp
