// The checker itself: a state as it should be passes, and every rule is broken once.
#include "core/invariants.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "core/image.hpp"
#include "core/placement.hpp"

namespace ipmp {

namespace {

constexpr InterfaceIndex kA{1}, kB{2}, kNobody{9};
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
    DataplaneImage wanted_image() const { return image_of(state_, kernel_, AddressIndex(kernel_)); }
    bool sound(const Config& config = {}) { return check(state_, wanted_image(), config).empty(); }
    bool step_is_sound(const State& before, const std::vector<Action>& actions, const Config& config = {}) {
        return check_transition({before, state_, Tick{}, actions, config}).empty();
    }
    // Nobody of the group works; as placement would leave it then.
    void fail_all() {
        for (Interface* member : {&nic("a"), &nic("b")}) {
            member->failed = true;
            member->carrier = false;
        }
        update_active(family(), {});
        update_nominee(family());
        update_bindings(family(), {kOne, kTwo}, state_.groups.at("ipmp0").next_sequence);
        update_slots(family(), {});
        for (LogicalAddress& logical : family().addresses) logical.uniqueness = Uniqueness::optimistic;
    }
    static void expect_said(const Violations& violations, const std::string& said) {
        bool found = std::any_of(violations.begin(), violations.end(),
                                 [&](const std::string& text) { return text.find(said) != std::string::npos; });
        EXPECT_TRUE(found) << said << "; but: " << fmt::format("{}", fmt::join(violations, "; "));
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
    fail_all();
    EXPECT_TRUE(sound());
    for (LogicalAddress& logical : family().addresses) logical.uniqueness = Uniqueness::settled;
    EXPECT_FALSE(sound());
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
    DataplaneImage image = wanted_image();
    image.at("ipmp0").slots[0][3].mac.bytes[0] = 9;
    EXPECT_FALSE(check(state_, image, {}).empty());
    image = wanted_image();
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

// A rule, named by what is said when it does not hold, and what breaks it.
struct BrokenState {
    const char* said;
    std::function<void(State& state, GroupFamily& family, Interface& a)> breaks;
    Config config = {};
};

TEST_F(Invariants, EachRuleOfAStateIsSeenBroken) {
    const std::vector<BrokenState> cases{
        {"192.0.2.1 is another program's and in question",
         [](State&, GroupFamily& family, Interface&) {
             family.addresses[0].adopted = true;
             family.addresses[0].uniqueness = Uniqueness::tentative;
         }},
        {"192.0.2.1 is bound twice",
         [](State&, GroupFamily& family, Interface&) { family.bindings.push_back(family.bindings[0]); }},
        {"192.0.2.1 is bound to 9, which is not active",
         [](State&, GroupFamily& family, Interface&) { family.bindings[0].member = kNobody; }},
        {"2 IPv4 addresses are UP and no duplicates, 1 are bound",
         [](State&, GroupFamily& family, Interface&) { family.bindings.pop_back(); }},
        {"IPv4 binding counts differ by 2",
         [](State&, GroupFamily& family, Interface&) { family.bindings[1].member = kA; }},
        {"the IPv4 active list is not the set", [](State&, GroupFamily& family, Interface&) { family.active = {kA}; }},
        {"the IPv4 active list is not the set",
         [](State&, GroupFamily& family, Interface&) { family.active = {kA, kB, kA}; }},
        {"IPv4 nominee 0 is not active", [](State&, GroupFamily& family, Interface&) { family.nominee = {}; }},
        {"a IPv4 slot is empty", [](State&, GroupFamily& family, Interface&) { family.slots[7] = kNobody; }},
        {"a has a family plumbed that ipmp0 has not",
         [](State&, GroupFamily&, Interface& a) { a.families[1].plumbed = true; }},
        {"a is INACTIVE but does not function",
         [](State&, GroupFamily&, Interface& a) { a.inactive = a.failed = true; }},
        {"a carries on but has not failed", [](State&, GroupFamily&, Interface& a) { a.kept = true; }},
        {"a carries on without link or offline",
         [](State&, GroupFamily&, Interface& a) { a.kept = a.failed = true, a.carrier = false; }},
        {"a carries on without link or offline",
         [](State&, GroupFamily&, Interface& a) { a.kept = a.failed = a.offline = true; }},
        {"a fails by probes but not at all", [](State&, GroupFamily&, Interface& a) { a.probe_failed = true; }},
        {"ipmp0: 1 members are active instead of 2", [](State&, GroupFamily&, Interface& a) { a.inactive = true; }},
        {"ipmp0: no member is active though 2 function",
         [](State& state, GroupFamily&, Interface&) {
             for (auto& [name, nic] : state.interfaces) nic.inactive = true;
         },
         {.failback = false}},
        {"ipmp0: 2 members are active, more than 1", [](State&, GroupFamily&, Interface& a) { a.standby = true; },
         {.failback = false}},
        {"z is filed under a", [](State&, GroupFamily&, Interface& a) { a.name = "z"; }},
        {"index of b is filed twice", [](State&, GroupFamily&, Interface& a) { a.index = kB; }},
        {"a is in group ipmp9, which does not exist", [](State&, GroupFamily&, Interface& a) { a.group = "ipmp9"; }},
        {"a is in no group but has flags of a member",
         [](State&, GroupFamily&, Interface& a) { a.group.clear(), a.failed = true; }},
        {"a is in no group but has flags of a member",
         [](State&, GroupFamily&, Interface& a) { a.group.clear(), a.inactive = true; }},
        {"a is in no group but has flags of a member",
         [](State&, GroupFamily&, Interface& a) { a.group.clear(), a.offline = true; }},
        {"a is in the anonymous group but stands in for others",
         [](State&, GroupFamily&, Interface& a) { a.group.clear(), a.tracked = a.inactive = true; }},
        {"a is in the anonymous group but stands in for others",
         [](State&, GroupFamily&, Interface& a) { a.group.clear(), a.tracked = a.offline = true; }},
        {"a is in the anonymous group but stands in for others",
         [](State&, GroupFamily&, Interface& a) { a.group.clear(), a.tracked = a.kept = true; }},
        {"a is in two groups", [](State&, GroupFamily&, Interface& a) { a.tracked = true; }}};
    for (const BrokenState& broken : cases) {
        State state = state_;
        broken.breaks(state, state.groups.at("ipmp0").families[0], state.interfaces.at("a"));
        expect_said(check(state, image_of(state, kernel_, AddressIndex(kernel_)), broken.config), broken.said);
    }
}

TEST_F(Invariants, NothingPointsAnywhereWhereNobodyWorks) {
    fail_all();
    const State good = state_;
    family().bindings[0].member = kA;
    expect_said(check(state_, {}, {}), "192.0.2.1 is bound to 1, which is not active");
    state_ = good;
    family().nominee = kA;
    expect_said(check(state_, {}, {}), "IPv4 nominee 1 is not active");
    state_ = good;
    family().slots[0] = kA;
    expect_said(check(state_, {}, {}), "a IPv4 slot is empty or names a member that is not active");
}

TEST_F(Invariants, R_DET_8_WhereAllFailWhoHasLinkGoesOnUnlessTheConfigurationForbidsIt) {
    for (Interface* member : {&nic("a"), &nic("b")}) member->failed = member->probe_failed = true;
    EXPECT_TRUE(sound()) << "an opinion";
    EXPECT_FALSE(sound({.group_failure = GroupFailure::down}));
    nic("b").offline = true;
    expect_said(check(state_, {}, {}), "the IPv4 active list is not the set");
    nic("b").offline = false;
    nic("b").families[0].plumbed = false;
    expect_said(check(state_, {}, {}), "the IPv4 active list is not the set");
}

TEST_F(Invariants, EachRuleOfTheImageIsSeenBroken) {
    struct BrokenImage {
        const char* said;
        std::function<void(GroupImage& image)> breaks;
    };
    const std::vector<BrokenImage> cases{
        {"ipmp0: image has other links", [](GroupImage& image) { image.upper = kNobody; }},
        {"ipmp0: image has other links", [](GroupImage& image) { image.lower = kNobody; }},
        {"ipmp0: image has other members", [](GroupImage& image) { image.members.erase(kA); }},
        {"ipmp0: image has another IPv4 nominee", [](GroupImage& image) { image.nominee[0] = {}; }},
        {"ipmp0: image has other IPv6 slots", [](GroupImage& image) { image.slots[1][3].index = kA; }},
        {"ipmp0: image has 192.0.2.1 elsewhere",
         [](GroupImage& image) { image.addresses.at(kOne).kind = AddressKind::own; }},
        {"ipmp0: image has 192.0.2.1 elsewhere", [](GroupImage& image) { image.addresses.at(kOne).nic = {}; }},
        {"ipmp0: image has 3 data addresses, not 2", [](GroupImage& image) {
             image.addresses[IpAddress{Family::ipv4, {192, 0, 2, 3}}] = image.addresses.at(kOne);
         }}};
    for (const BrokenImage& broken : cases) {
        DataplaneImage image = wanted_image();
        broken.breaks(image.at("ipmp0"));
        expect_said(check(state_, image, {}), broken.said);
    }
    DataplaneImage image = wanted_image();
    image["ipmp7"] = {};
    expect_said(check(state_, image, {}), "image has ipmp7, which is no IPMP interface");
}

TEST_F(Invariants, R_VIS_1_TheImageNamesNoNicInAnotherNetworkNamespaceThanTheLowerEnd) {
    Group& group = state_.groups.at("ipmp0");
    const DataplaneImage former = wanted_image();
    group.lower.place = Place::members;
    kernel_.links[group.lower] = {};
    EXPECT_TRUE(sound());
    DataplaneImage image = wanted_image();
    image.at("ipmp0").nominee = former.at("ipmp0").nominee;
    expect_said(check(state_, image, {}), "ipmp0: image has another IPv4 nominee");
}

TEST_F(Invariants, NeedForACallIsRecognised) {
    const Config by_history{.failback = false};
    State before = state_;
    before.interfaces.at("b").inactive = true;
    nic("a").failed = true;
    EXPECT_TRUE(step_is_sound(before, {}, by_history)) << "another is lost";
    nic("a").failed = false;
    nic("a").group.clear();
    EXPECT_TRUE(step_is_sound(before, {}, by_history)) << "it left";
    state_.interfaces.erase("a");
    EXPECT_TRUE(step_is_sound(before, {}, by_history)) << "it is gone";

    before.interfaces.at("a").failed = true;
    EXPECT_TRUE(step_is_sound(before, {}, by_history)) << "nobody was active";
    before.interfaces.at("a").failed = false;
    state_.interfaces = before.interfaces;
    nic("b").inactive = false;
    nic("b").standby = true;
    EXPECT_TRUE(step_is_sound(before, {}, by_history)) << "an administrator changed its role";
}

TEST_F(Invariants, R_DET_8_OpinionsThatCutOffAreSeen) {
    const State before = state_;
    for (Interface* member : {&nic("a"), &nic("b")}) member->failed = member->probe_failed = true;
    const std::vector<Event> opinions{Tick{}, ProbeAnswered{}, ProbeNotSent{}};
    for (const Event& event : opinions) {
        expect_said(check_transition({before, state_, event, {}, {}}), "a is cut off by an opinion");
        EXPECT_TRUE(check_transition({before, state_, event, {}, {.group_failure = GroupFailure::down}}).empty());
    }
    EXPECT_TRUE(check_transition({before, state_, LinkVanished{}, {}, {}}).empty()) << "that is no opinion";
    nic("a").kept = nic("b").kept = true;
    EXPECT_TRUE(step_is_sound(before, {}));
    expect_said(check_transition({before, state_, Tick{}, {}, {.group_failure = GroupFailure::down}}),
                "a carries on though it may not");
    nic("b").failed = nic("b").probe_failed = nic("b").kept = false;
    expect_said(check_transition({before, state_, Tick{}, {}, {}}), "a carries on though b works");
    State resting = before;
    resting.interfaces.at("a").inactive = true;
    expect_said(check_transition({resting, state_, Tick{}, {}, {}}), "a carries on but was not in use");
}

TEST_F(Invariants, WhoSpeaksForAnAddressMayDoSo) {
    auto said_of = [&](const Action& action) { return check_transition({state_, state_, Tick{}, {action}, {}}); };
    const Nic a{kA, nic("a").mac}, b{kB, nic("b").mac};
    expect_said(said_of(Announce{kOne, {kNobody, a.mac}}), "192.0.2.1 is announced from 9, which is gone");
    expect_said(said_of(Announce{kOne, {kA, b.mac}}), "which is not the MAC of a");
    expect_said(said_of(AskPeer{.address = kOne, .nic = b}), "192.0.2.1 is announced from b but not bound to it");
    EXPECT_TRUE(said_of(AskPeer{.address = kOne, .nic = a}).empty());
    IpAddress proxied{Family::ipv4, {192, 0, 2, 77}};
    family().proxies = {{proxied, kB}};
    EXPECT_TRUE(said_of(Announce{proxied, b}).empty());
    nic("b").group.clear();
    expect_said(said_of(Announce{proxied, b}), "192.0.2.77 is announced from b but not bound to it");
    nic("b").families[0].addresses = {{.address = proxied, .up = true}};
    EXPECT_TRUE(said_of(Announce{proxied, b}).empty()) << "it left with the address";
}

TEST_F(Invariants, EachRuleOfARestartIsSeenBroken) {
    struct BrokenRestart {
        const char* said;
        std::function<void(GroupFamily& family)> breaks;
    };
    const std::vector<BrokenRestart> cases{
        {"ipmp0: a restart moved IPv4 bindings", [](GroupFamily& family) { family.bindings[0].member = kB; }},
        {"ipmp0: a restart moved the IPv4 nominee", [](GroupFamily& family) { family.nominee = kB; }},
        {"ipmp0: a restart changed who is IPv4 active", [](GroupFamily& family) { family.active = {kB, kA}; }},
        {"ipmp0: a restart moved IPv4 slots",
         [](GroupFamily& family) { std::swap(family.slots[0], family.slots[1]); }}};
    const State before = state_;
    ASSERT_NE(family().slots[0], family().slots[1]);
    for (const BrokenRestart& broken : cases) {
        State after = before;
        broken.breaks(after.groups.at("ipmp0").families[0]);
        expect_said(check_restart({before, after, Tick{}, {}, {}}), broken.said);
    }
    state_.groups.clear();
    expect_said(check_restart({before, state_, Tick{}, {}, {}}), "ipmp0 is gone after a restart");
    state_ = before;
    State uneven = before;  // a repaired NIC was getting its share back
    uneven.groups.at("ipmp0").families[0].slots.fill(kA);
    EXPECT_TRUE(check_restart({uneven, state_, Tick{}, {}, {}}).empty());
}

}  // namespace

}  // namespace ipmp
