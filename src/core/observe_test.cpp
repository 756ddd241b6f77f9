// What the kernel shows becomes what we know: single observations.
#include "core/observe.hpp"

#include <gtest/gtest.h>

namespace ipmp {

namespace {

constexpr InterfaceIndex kFirst{1}, kSecond{7};

class Observe : public testing::Test {
  protected:
    // One observation in which eth0 is the only link.
    const Interface& see(InterfaceIndex index, bool admin_up) {
        KernelState kernel;
        kernel.links[index] = {.index = index, .name = "eth0", .ethernet = true, .admin_up = admin_up};
        file_observation(state_, kernel, {});
        return state_.interfaces.at("eth0");
    }
    const Interface& lose() {
        file_observation(state_, KernelState{}, {});
        return state_.interfaces.at("eth0");
    }
    State state_;
};

TEST_F(Observe, R_DYN_6_ItIsRememberedThatALostMemberWasUp) {
    see(kFirst, true);
    state_.interfaces.at("eth0").group = "ipmp0";
    EXPECT_TRUE(lose().up_when_lost);
    EXPECT_TRUE(lose().up_when_lost);  // a second look at its absence changes nothing
    EXPECT_TRUE(see(kSecond, false).up_when_lost);
    EXPECT_FALSE(see(kSecond, true).up_when_lost);
    EXPECT_FALSE(see(kSecond, false).up_when_lost);  // taken down by somebody
    EXPECT_FALSE(lose().up_when_lost);
}

TEST_F(Observe, R_DYN_6_AMemberThatGetsItsNameLateIsTheSameMember) {
    see(kFirst, true);
    state_.interfaces.at("eth0").group = "ipmp0";
    lose();
    KernelState kernel;
    kernel.links[kSecond] = {.index = kSecond, .name = "new9", .ethernet = true};
    file_observation(state_, kernel, {});
    EXPECT_EQ(state_.interfaces.at("new9").group, "");
    kernel.links[kSecond].name = "eth0";
    file_observation(state_, kernel, {});
    EXPECT_FALSE(state_.interfaces.contains("new9"));
    EXPECT_EQ(state_.interfaces.at("eth0").group, "ipmp0");
    EXPECT_EQ(state_.interfaces.at("eth0").index, kSecond);
    EXPECT_TRUE(state_.interfaces.at("eth0").up_when_lost);
}

// Two names swapped, or a member renamed to that of a missing one: who has it counts.
TEST_F(Observe, R_DYN_6_AMemberThatIsRenamedStaysItself) {
    see(kFirst, true);
    state_.interfaces.at("eth0").group = "ipmp0";
    lose();
    state_.interfaces["eth1"] = {.name = "eth1", .index = kSecond, .group = "ipmp1"};
    EXPECT_EQ(see(kSecond, true).group, "ipmp1");
    EXPECT_EQ(state_.interfaces.size(), 1u);
}

TEST_F(Observe, ANicThatOthersBringUpIsPlumbedForBothFamilies) {
    EXPECT_FALSE(see(kFirst, false).families[0].plumbed);
    const Interface& nic = see(kFirst, true);
    EXPECT_TRUE(nic.families[0].plumbed && nic.families[1].plumbed);
}

TEST_F(Observe, R_GRP_2_ANicPlumbedForOneFamilyStaysSo) {
    see(kFirst, false);
    state_.interfaces.at("eth0").families[1].plumbed = true;
    EXPECT_FALSE(see(kFirst, true).families[0].plumbed);
}

// The kernel makes the address some time after the link is up, so either may come first.
TEST_F(Observe, R_ADR_4_ALinkLocalAddressThatComesLateTakesTheFlagsSetForIt) {
    see(kFirst, true);
    LogicalAddress stub{.no_failover = true, .deprecated = true};
    stub.address.family = Family::ipv6;
    auto& addresses = state_.interfaces.at("eth0").families[1].addresses;
    addresses = {stub};
    KernelState kernel;
    kernel.links[kFirst] = {.index = kFirst, .name = "eth0", .ethernet = true, .admin_up = true};
    kernel.addresses = {{.link = kFirst, .address = *parse_ip("2001:db8::1"), .prefix_length = 64},
                        {.link = kFirst, .address = *parse_ip("fe80::1"), .prefix_length = 64}};
    file_observation(state_, kernel, {});
    ASSERT_EQ(addresses.size(), 2u);
    EXPECT_EQ(addresses[0], (LogicalAddress{.address = *parse_ip("fe80::1"), .prefix_length = 64, .up = true,
                                            .no_failover = true, .deprecated = true}));
    EXPECT_EQ(addresses[1].address, *parse_ip("2001:db8::1"));
    EXPECT_FALSE(addresses[1].no_failover);
    file_observation(state_, kernel, {});
    EXPECT_EQ(addresses.size(), 2u);
}

// A macvlan on a tap, say: m (2) on b (3) on a (4); all with carrier.
class Stack : public testing::Test {
  protected:
    Stack() {
        add(2, "m", "macvlan", {3});
        add(3, "b", "vlan", {4});
        add(4, "a", "", {});
        see();
    }
    void add(std::uint32_t index, const char* name, const char* kind, InterfaceIndex parent) {
        kernel_.links[{index}] = {.index = {index}, .name = name, .kind = kind, .ethernet = true, .admin_up = true,
                                  .carrier = true, .carrier_changes = 10 * index, .peer = parent};
    }
    void see() { file_observation(state_, kernel_, {}); }
    void fast(std::uint32_t index, bool up, std::uint32_t changes) {
        file_carriers(state_, {{{.link = {index}, .up = up, .carrier_changes = changes}}});
    }
    // As the kernel shows one link from now on.
    void show(std::uint32_t index, bool carrier, std::uint32_t changes) {
        kernel_.links[{index}].carrier = carrier;
        kernel_.links[{index}].carrier_changes = changes;
        see();
    }
    const Interface& m() const { return state_.interfaces.at("m"); }
    State state_;
    KernelState kernel_;
};

TEST_F(Stack, R_DET_1_AStackedInterfaceHasTheCarrierOfAllBelowIt) {
    EXPECT_TRUE(m().carrier);
    EXPECT_EQ(m().carrier_changes, 90u);
    fast(4, false, 41);
    EXPECT_FALSE(m().carrier);
    EXPECT_EQ(m().carrier_changes, 91u);
    see();  // an older picture: the parent is lost all the same
    EXPECT_FALSE(m().carrier);
    show(4, false, 41);
    show(2, false, 21);  // what Linux passes on, late
    EXPECT_EQ(m().carrier_changes, 92u);
    show(4, true, 42);
    EXPECT_FALSE(m().carrier) << "its own is still off";
    show(2, true, 22);
    EXPECT_TRUE(m().carrier);
    EXPECT_EQ(m().carrier_changes, 94u);
}

TEST_F(Stack, R_DET_7_AFlapOfTheParentThatNobodySawStillCounts) {
    show(4, true, 42);
    EXPECT_TRUE(m().carrier);
    EXPECT_EQ(m().carrier_changes, 92u);
}

TEST_F(Stack, R_DET_1_AParentWhoseQueuesAreNotOpenMakesItStarting) {
    kernel_.links[{4}].starting = true;
    show(4, false, 42);
    EXPECT_FALSE(m().carrier);
    EXPECT_TRUE(m().starting);
    kernel_.links[{4}].starting = false;
    show(4, false, 43);
    EXPECT_FALSE(m().starting);
}

TEST_F(Stack, R_DET_1_AParentThatIsNotHereDoesNotCount) {
    kernel_.links.erase({4});
    see();
    EXPECT_TRUE(m().carrier);
    EXPECT_EQ(m().carrier_changes, 50u);
    fast(3, false, 31);
    EXPECT_FALSE(m().carrier);
}

TEST_F(Stack, R_DET_1_TheOtherEndOfAVethIsNoParent) {
    add(2, "m", "veth", {3});
    see();
    fast(3, false, 31);
    EXPECT_TRUE(m().carrier);
}

TEST_F(Stack, ACircleIsFollowedForAWhileOnly) {
    add(4, "a", "macvlan", {2});
    see();
    EXPECT_TRUE(m().carrier);
}

}  // namespace

}  // namespace ipmp
