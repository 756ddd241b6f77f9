// Commands where they are rarely given: for NICs that are missing, families that nobody plumbed, what DHCP has, and
// what is so already.
#include "core/commands_fixture.hpp"

namespace ipmp {

namespace {

class RareCommands : public Commands {
  protected:
    // A NIC of ipmp0 that was there once.
    Interface& add_missing(const std::string& name) {
        Interface& missing = state_.interfaces[name];
        missing = {.name = name, .group = "ipmp0"};
        missing.families[0].plumbed = true;
        return missing;
    }
};

TEST_F(RareCommands, NamesOfWhatIsMissingOrOnlyWantedAreTaken) {
    add_missing("m");
    EXPECT_EQ(run(CreateIpmp{"m"}), CommandError::already_exists);
    kernel_.links[{70}] = {.index = {70}, .name = "ipmp1"};
    add_missing("ipmp2");
    EXPECT_EQ(run(CreateIpmp{"ipmp3"}), CommandError::none);
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "east"}), CommandError::none);
    EXPECT_EQ(nic("c").group, "ipmp4");
}

TEST_F(RareCommands, AnIndexMayBeNamedAgainBeforeTheLinkIsMade) {
    EXPECT_EQ(run(CreateIpmp{"ipmp1", Family::ipv4, 78}), CommandError::none);
    EXPECT_EQ(run(CreateIpmp{"ipmp1", Family::ipv6, 79}), CommandError::none) << "no other can be given any more";
    EXPECT_EQ(state_.groups.at("ipmp1").wanted_index, 78u);
}

TEST_F(RareCommands, AGroupGoesWithItsLastFamilyAndNotWhileAMemberIsMissing) {
    EXPECT_EQ(run(Plumb{"ipmp0", Family::ipv6}), CommandError::none);
    EXPECT_EQ(run(Plumb{"ipmp0", Family::ipv6}), CommandError::already_exists);
    add_missing("m");
    EXPECT_EQ(run(Unplumb{"ipmp0", Family::ipv6}), CommandError::group_not_empty);
    state_.interfaces.erase("m");
    EXPECT_EQ(run(Unplumb{"ipmp0", Family::ipv6}), CommandError::none) << "no member has IPv6";
    run(Plumb{"ipmp0", Family::ipv6});
    for (const char* member : {"a", "b"}) run(SetGroup{member, Family::ipv4, ""});
    EXPECT_EQ(run(Unplumb{"ipmp0", Family::ipv4}), CommandError::none);
    EXPECT_TRUE(state_.groups.contains("ipmp0")) << "for IPv6";
    EXPECT_EQ(run(Unplumb{"ipmp0", Family::ipv6}), CommandError::none);
    EXPECT_FALSE(state_.groups.contains("ipmp0"));
}

TEST_F(RareCommands, AFamilyThatMembersBroughtAlongCanBePlumbedOnce) {
    EXPECT_EQ(run(Plumb{"a", Family::ipv6}), CommandError::none);
    EXPECT_TRUE(state_.groups.at("ipmp0").families[1].implied);
    EXPECT_EQ(run(Plumb{"ipmp0", Family::ipv6}), CommandError::none);
    EXPECT_EQ(run(Plumb{"ipmp0", Family::ipv6}), CommandError::already_exists);
    EXPECT_EQ(run(Plumb{"nosuch", Family::ipv6}), CommandError::no_such_interface);
    nic("c").families[1].plumbed = nic("c").families[1].implied = true;
    EXPECT_EQ(run(Plumb{"c", Family::ipv6}), CommandError::none) << "it was in use, but nobody had asked for it";
    EXPECT_FALSE(nic("c").families[1].implied);
}

TEST_F(RareCommands, ANicThatIsPlumbedForAnotherFamilyStaysUpAndInItsGroup) {
    run(Plumb{"a", Family::ipv6});
    for (Family family : {Family::ipv4, Family::ipv6}) {
        orders_ = {};
        EXPECT_EQ(run(Unplumb{"a", family}), CommandError::none);
        EXPECT_EQ(nic("a").group.empty(), family == Family::ipv6);
        EXPECT_EQ(orders_.ops.empty(), family == Family::ipv4);
    }
    run(Plumb{"a", Family::ipv4});
    run(Plumb{"a", Family::ipv6});
    run(SetGroup{"a", Family::ipv4, "ipmp0"});
    EXPECT_EQ(run(Unplumb{"a", Family::ipv6}), CommandError::none);
    EXPECT_EQ(nic("a").group, "ipmp0");
}

TEST_F(RareCommands, R_GRP_7_WhoIsNotInTheKernelOrAPortOfWhatIsElsewhereDoesNotJoin) {
    link("c").master = {500};
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "ipmp0"}), CommandError::in_use);
    EXPECT_NE(reply_.text.find("c is a port of another interface"), std::string::npos) << reply_.text;
    kernel_.links.erase(nic("c").index);
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "ipmp0"}), CommandError::no_such_interface);
}

TEST_F(RareCommands, R_DHC_4_WhatDhcpHasToDoWithDoesNotJoinUnlessItIsATestAddressOrForInformation) {
    const SetGroup join{"c", Family::ipv4, "ipmp0"}, leave{"c", Family::ipv4, ""};
    DhcpClient client{.key = {{"c"}, Family::ipv4}};
    state_.dhcp_clients = {client};
    EXPECT_EQ(run(join), CommandError::address_managed);
    EXPECT_NE(reply_.text.find("(no lease yet)"), std::string::npos) << reply_.text;
    state_.dhcp_clients[0].inform = true;
    EXPECT_EQ(run(join), CommandError::none);
    run(leave);
    state_.dhcp_clients[0] = {.key = {{"b"}, Family::ipv4}};
    EXPECT_EQ(run(join), CommandError::none) << "that is another's";
    run(leave);
    state_.dhcp_clients.clear();

    kernel_.addresses = {{.link = nic("c").index, .address = kOne, .prefix_length = 24, .finite_lifetime = true}};
    nic("c").families[0].addresses = {
        {.number = 1, .address = kTwo, .prefix_length = 24, .up = true, .no_failover = true},
        {.number = 2, .address = kOne, .prefix_length = 24, .up = true, .adopted = true}};
    EXPECT_EQ(run(join), CommandError::address_managed);
    nic("c").families[0].addresses[1].no_failover = true;
    EXPECT_EQ(run(join), CommandError::none) << "a test address stays where it is";
    run(leave);
    nic("c").families[0].addresses.clear();
    kernel_.addresses[0].address = *parse_ip("2001:db8::1");
    EXPECT_EQ(run(join), CommandError::none) << "a router's goes along";
}

TEST_F(RareCommands, R_POL_1_WhoRestsCannotBecomeStandbyButStayOne) {
    nic("a").inactive = true;
    EXPECT_EQ(run(SetStandby{"a", true}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetStandby{"a", false}), CommandError::none) << "it is none";
    nic("a").standby = true;
    EXPECT_EQ(run(SetStandby{"a", true}), CommandError::none) << "it is one";
    EXPECT_EQ(run(SetStandby{"a", false}), CommandError::none);
    EXPECT_FALSE(nic("a").standby);
    EXPECT_EQ(run(SetStandby{"nosuch", true}), CommandError::no_such_interface);
}

TEST_F(RareCommands, R_CMD_2_BackFromOfflineIsForMembersAndLeavesStubsDown) {
    EXPECT_EQ(run(UndoOffline{"nosuch"}), CommandError::not_in_group);
    EXPECT_EQ(run(UndoOffline{"c"}), CommandError::not_in_group);
    nic("a").families[0].addresses = {{.number = 0}, {.number = 1, .address = kOne, .prefix_length = 24}};
    nic("a").offline = true;
    EXPECT_EQ(run(UndoOffline{"a"}), CommandError::none);
    EXPECT_FALSE(nic("a").families[0].addresses[0].up);
    EXPECT_TRUE(nic("a").families[0].addresses[1].up);
}

TEST_F(RareCommands, StopWithoutPurgeChangesNothing) {
    State before = state_;
    EXPECT_EQ(run(Stop{}), CommandError::none);
    EXPECT_EQ(state_, before);
    EXPECT_TRUE(orders_.ops.empty());
}

TEST_F(RareCommands, R_ADR_6_OnlyAddressesThatAreBeingAskedForAreAwaited) {
    auto& addresses = state_.groups.at("ipmp0").families[0].addresses;
    addresses = {{.number = 1, .address = kOne, .prefix_length = 24, .up = true, .uniqueness = Uniqueness::tentative},
                 {.number = 2, .address = kTwo, .prefix_length = 24, .up = true}};
    EXPECT_EQ(run(AwaitAddresses{}), CommandError::none);
    EXPECT_EQ(orders_.awaited, (std::set<IpAddress>{kOne}));
    orders_ = {};
    addresses[0].up = false;
    EXPECT_EQ(run(AwaitAddresses{}), CommandError::none);
    EXPECT_TRUE(orders_.awaited.empty());
}

TEST_F(RareCommands, R_CMD_5_WhatIsNotThereHasNoMtuMetricMacArpOrToken) {
    for (const char* name : {"nosuch", "ipmp0"}) {
        EXPECT_EQ(run(SetMtu{name, Family::ipv6, 1500}), CommandError::no_such_interface);
        EXPECT_EQ(run(SetMetric{name, Family::ipv6, 1}), CommandError::no_such_interface);
        EXPECT_EQ(run(SetToken{name, *parse_ip("::1")}), CommandError::no_such_interface);
    }
    EXPECT_EQ(run(SetArp{"nosuch", true}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetFailed{"nosuch", true}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetRouteSource{"nosuch", Family::ipv4, {}}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetRouteSource{"c", Family::ipv6, {}}), CommandError::no_such_interface);
    EXPECT_TRUE(orders_.ops.empty());
}

TEST_F(RareCommands, R_CMD_5_WishesWithoutEffectAskForNothing) {
    EXPECT_EQ(run(SetRouteSource{"c", Family::ipv4, {}}), CommandError::none);
    EXPECT_TRUE(orders_.ops.empty()) << "it had none";
    kernel_.links.erase(nic("c").index);
    EXPECT_EQ(run(SetArp{"c", true}), CommandError::none);
    EXPECT_EQ(orders_.ops, (std::vector<KernelOp>{SetLinkArp{nic("c").index, true}})) << "nobody knows what it is";
}

TEST_F(RareCommands, R_CMD_1_ATokenOfAGroupIsItsInterfaces) {
    run(Plumb{"ipmp0", Family::ipv6});
    state_.groups.at("ipmp0").upper = {40};
    EXPECT_EQ(run(SetToken{"ipmp0", *parse_ip("::7")}), CommandError::none);
    EXPECT_EQ(orders_.ops, (std::vector<KernelOp>{SetIpv6Token{{40}, *parse_ip("::7"), true}}));
}

TEST_F(RareCommands, R_GRP_11_AStandbyIsNoSourceAndAnIpv6SourceCountsLikeAnother) {
    nic("c").families[1].plumbed = nic("b").families[1].plumbed = true;
    run(SetGroup{"b", Family::ipv4, ""});
    nic("b").standby = true;
    EXPECT_EQ(run(SetRouteSource{"c", Family::ipv4, LogicalName{"b"}}), CommandError::invalid_argument);
    nic("b").standby = false;
    EXPECT_EQ(run(SetRouteSource{"c", Family::ipv6, LogicalName{"b"}}), CommandError::none);
    EXPECT_EQ(run(SetStandby{"b", true}), CommandError::invalid_argument) << "it is a source";
    EXPECT_EQ(run(SetStandby{"a", true}), CommandError::none);
}

TEST_F(RareCommands, R_CMD_1_MasksAndLogicalInterfacesOfWhatIsNotThere) {
    EXPECT_EQ(run(SetNetmask{{"c"}, Family::ipv6, 64}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetNetmask{{"c", 3}, Family::ipv4, 24}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetNetmask{{"c"}, Family::ipv4, 24}), CommandError::none) << "the stub has no mask";
    EXPECT_EQ(run(Plumb{"nosuch", Family::ipv4, 1}), CommandError::no_such_interface);
    EXPECT_EQ(run(Unplumb{"nosuch", Family::ipv4, 1}), CommandError::no_such_interface);
    EXPECT_EQ(run(Unplumb{"c", Family::ipv4, 1}), CommandError::no_such_interface);
    EXPECT_EQ(run(Plumb{"c", Family::ipv4, 1}), CommandError::none);
    EXPECT_EQ(run(Plumb{"c", Family::ipv4, 1}), CommandError::already_exists);
    run(SetAddress{{"c", 1}, kOne, 24, {}});
    run(SetFlags{{"c", 1}, Family::ipv4, true, {}, {}});
    orders_ = {};
    EXPECT_EQ(run(SetNetmask{{"c", 1}, Family::ipv4, 24}), CommandError::none);
    EXPECT_TRUE(orders_.ops.empty() && orders_.doomed.empty()) << "it has that mask";
}

}  // namespace

}  // namespace ipmp
