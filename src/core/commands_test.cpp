// Commands: every refusal, with nothing changed by it, and what the accepted ones change.
#include "core/commands_fixture.hpp"

#include <fmt/format.h>

namespace ipmp {

namespace {

TEST_F(Commands, CreateRefusesWhatExists) {
    EXPECT_EQ(run(CreateIpmp{""}), CommandError::invalid_argument);
    EXPECT_EQ(run(CreateIpmp{"ipmp0"}), CommandError::already_exists);
    EXPECT_EQ(run(CreateIpmp{"a"}), CommandError::already_exists);
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "ipmp5"}), CommandError::none);
    EXPECT_EQ(run(CreateIpmp{"ipmp5"}), CommandError::already_exists);
    EXPECT_EQ(run(CreateIpmp{"ipmp0", Family::ipv6}), CommandError::none);
}

TEST_F(Commands, R_DET_12_WhoIsInNoGroupLeavesNone) {
    nic("c").tracked = true;
    nic("c").failed = nic("c").probe_failed = true;
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, ""}), CommandError::none);
    EXPECT_TRUE(nic("c").failed && nic("c").probe_failed) << "no probe was answered since";
}

// Else a NIC would keep the link-local addresses of all MACs that it ever had.
TEST_F(Commands, R_ADR_4_UpLeavesAnAddressThatIsUpToWhoMadeIt) {
    InterfaceFamily& family = nic("c").families[1];
    family.plumbed = true;
    family.addresses = {{.address = *parse_ip("fe80::1"), .prefix_length = 64, .up = true, .adopted = true}};
    EXPECT_EQ(run(SetFlags{.logical = {"c"}, .family = Family::ipv6, .up = true}), CommandError::none);
    EXPECT_TRUE(family.addresses[0].adopted);
    EXPECT_EQ(run(SetFlags{.logical = {"c"}, .family = Family::ipv6, .up = true, .no_failover = true}),
              CommandError::none);
    EXPECT_FALSE(family.addresses[0].adopted) << "a test address was chosen by somebody";
    family.addresses[0].adopted = true;
    EXPECT_EQ(run(SetFlags{.logical = {"c"}, .family = Family::ipv6, .up = false}), CommandError::none);
    EXPECT_EQ(run(SetFlags{.logical = {"c"}, .family = Family::ipv6, .up = true}), CommandError::none);
    EXPECT_FALSE(family.addresses[0].adopted) << "down and up again is its administrator's";
}

TEST_F(Commands, R_GRP_2_AnUnknownGroupGetsTheNextFreeIpmpInterface) {
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "east"}), CommandError::none);
    EXPECT_EQ(nic("c").group, "ipmp1");
    EXPECT_EQ(state_.groups.at("ipmp1").name, "east");
    EXPECT_EQ(state_.groups.at("ipmp1").lower_name, "ipmpl1");
}

// The reference's acceptance 10.
TEST_F(Commands, R_GRP_2_TheLowestNameThatNeitherAnInterfaceNorAGroupHas) {
    for (const char* member : {"a", "b"}) run(SetGroup{member, Family::ipv4, ""});
    run(Unplumb{"ipmp0"});
    EXPECT_EQ(run(SetGroup{"a", Family::ipv4, "east"}), CommandError::none);
    EXPECT_EQ(nic("a").group, "ipmp0");
    EXPECT_EQ(run(SetGroup{"b", Family::ipv4, "west"}), CommandError::none);
    EXPECT_EQ(nic("b").group, "ipmp1");
    EXPECT_EQ(run(SetGroup{"ipmp0", Family::ipv4, "ipmp2"}), CommandError::none);
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "north"}), CommandError::none);
    EXPECT_EQ(nic("c").group, "ipmp3") << "a group has the name ipmp2";
}

TEST_F(Commands, UnplumbOfAGroup) {
    EXPECT_EQ(run(Unplumb{"ipmp0", Family::ipv6}), CommandError::no_such_interface);
    EXPECT_EQ(run(Unplumb{"ipmp0"}), CommandError::group_not_empty);
    run(SetGroup{"a", Family::ipv4, ""});
    run(SetGroup{"b", Family::ipv4, ""});
    EXPECT_EQ(run(Unplumb{"ipmp0"}), CommandError::none);
    EXPECT_TRUE(state_.groups.empty());
}

TEST_F(Commands, Renaming) {
    EXPECT_EQ(run(SetGroup{"ipmp0", Family::ipv4, ""}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetGroup{"ipmp0", Family::ipv4, "west"}), CommandError::none);
    run(SetGroup{"c", Family::ipv4, "east"});
    EXPECT_EQ(run(SetGroup{"ipmp0", Family::ipv4, "east"}), CommandError::already_exists);
}

TEST_F(Commands, R_GRP_7_JoinRefusals) {
    EXPECT_EQ(run(SetGroup{"x", Family::ipv4, "g"}), CommandError::no_such_interface);
    link("c").no_arp = true;
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "g"}), CommandError::not_supported);
    link("c").no_arp = false;
    link("c").multicast = false;
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "g"}), CommandError::not_supported);
    link("c").multicast = true;
    link("c").master = nic("a").index;
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "g"}), CommandError::in_use);
    EXPECT_NE(reply_.text.find("a port of a"), std::string::npos);
    link("c").master = {};
    kernel_.addresses = {{.link = nic("c").index, .address = kOne, .prefix_length = 24, .finite_lifetime = true}};
    nic("c").families[0].addresses = {{.address = kOne, .prefix_length = 24, .up = true, .adopted = true}};
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "g"}), CommandError::address_managed);
    nic("c").families[0].addresses.clear();
    nic("c").families[0].plumbed = false;
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "g"}), CommandError::no_such_interface);
}

TEST_F(Commands, R_GRP_7_AReleasedLeaseThatTheKernelStillHasKeepsNobodyOut) {
    kernel_.addresses = {{.link = nic("c").index, .address = kOne, .prefix_length = 24, .finite_lifetime = true}};
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "ipmp0"}), CommandError::none);
}

TEST_F(Commands, R_GRP_7_AFullGroupTakesNoMore) {
    for (std::size_t count = 2; count < kMostMembers; ++count) {
        Interface member = nic("b");
        member.name = fmt::format("m{}", count);
        member.index = InterfaceIndex{static_cast<std::uint32_t>(1000 + count)};
        state_.interfaces[member.name] = member;
    }
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "ipmp0"}), CommandError::not_supported);
    EXPECT_EQ(nic("c").group, "");
    EXPECT_EQ(run(SetGroup{"b", Family::ipv4, "ipmp0"}), CommandError::none) << "it is a member already";
    EXPECT_EQ(run(SetGroup{"b", Family::ipv4, ""}), CommandError::none);
    EXPECT_EQ(run(SetGroup{"c", Family::ipv4, "ipmp0"}), CommandError::none) << "a place is free";
}

TEST_F(Commands, PlumbAndUnplumbOfANic) {
    EXPECT_EQ(run(Plumb{"x"}), CommandError::no_such_interface);
    EXPECT_EQ(run(Plumb{"a"}), CommandError::already_exists);
    EXPECT_EQ(run(Plumb{"a", Family::ipv6}), CommandError::none);
    EXPECT_TRUE(state_.groups.at("ipmp0").families[1].plumbed);
    EXPECT_EQ(run(Unplumb{"x"}), CommandError::no_such_interface);
    EXPECT_EQ(run(Unplumb{"c", Family::ipv6}), CommandError::no_such_interface);
    EXPECT_EQ(run(Unplumb{"b"}), CommandError::none);
    EXPECT_EQ(nic("b").group, "");
    EXPECT_EQ(orders_.ops.back(), (KernelOp{SetLinkUp{nic("b").index, false}}));
}

TEST_F(Commands, Standby) {
    EXPECT_EQ(run(SetStandby{"x", true}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetStandby{"ipmp0", true}), CommandError::invalid_argument);
    nic("a").inactive = true;
    EXPECT_EQ(run(SetStandby{"a", true}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetStandby{"b", true}), CommandError::none);
}

TEST_F(Commands, UpOfTheStubOfAGroupIsRemembered) {
    EXPECT_EQ(run(SetFlags{.logical = {"ipmp0", 0}, .up = true}), CommandError::none);
    ASSERT_EQ(on_group().size(), 1u);
    EXPECT_TRUE(on_group()[0].up && on_group()[0].address.is_zero());
    EXPECT_EQ(run(SetAddress{{"ipmp0", 0}, kOne, 24}), CommandError::none);
    EXPECT_TRUE(on_group()[0].up) << "the address comes to a logical interface that is UP";
    EXPECT_EQ(run(SetFlags{.logical = {"ipmp0", 0}, .up = false}), CommandError::none);
    EXPECT_EQ(run(SetAddress{{"ipmp0", 0}, IpAddress{}, 0}), CommandError::none);
    EXPECT_EQ(run(SetFlags{.logical = {"ipmp0", 0}, .up = true}), CommandError::none);
    EXPECT_EQ(run(SetFlags{.logical = {"ipmp0", 0}, .up = false}), CommandError::none);
    EXPECT_TRUE(on_group().empty()) << "a plain stub is not kept";
    EXPECT_EQ(orders_.ops.size(), 0u);
}

TEST_F(Commands, R_GRP_5_AMigratingAddressTakesThePlaceOfAStubThatIsDown) {
    nic("a").families[0].addresses = {{.address = kOne, .prefix_length = 24, .up = true}};
    migrate_addresses(state_, kernel_);
    ASSERT_EQ(on_group().size(), 1u);
    EXPECT_EQ(on_group()[0].number, 0u);
    EXPECT_EQ(on_group()[0].address, kOne);
}

TEST_F(Commands, R_GRP_5_AMigratingAddressLeavesAStubThatIsUp) {
    EXPECT_EQ(run(SetFlags{.logical = {"ipmp0", 0}, .up = true}), CommandError::none);
    nic("a").families[0].addresses = {{.address = kOne, .prefix_length = 24, .up = true}};
    migrate_addresses(state_, kernel_);
    ASSERT_EQ(on_group().size(), 2u);
    EXPECT_TRUE(on_group()[0].address.is_zero() && on_group()[0].up);
    EXPECT_EQ(on_group()[1].number, 1u);
    EXPECT_EQ(on_group()[1].address, kOne);
}

TEST_F(Commands, D4_PolicyOfAGroup) {
    EXPECT_EQ(run(SetPolicy{"a", SpreadPolicy::tuple}), CommandError::no_such_interface);
    EXPECT_EQ(state_.groups.at("ipmp0").policy, SpreadPolicy::flow);
    EXPECT_EQ(run(SetPolicy{"ipmp0", SpreadPolicy::source}), CommandError::none);
    EXPECT_EQ(state_.groups.at("ipmp0").policy, SpreadPolicy::source);
}

TEST_F(Commands, R_GRP_10_RouterOnOneIsForTheWholeGroup) {
    EXPECT_EQ(run(SetRouter{"x"}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetRouter{"ipmp0"}), CommandError::no_such_interface) << "it does not exist in the kernel yet";
    state_.groups.at("ipmp0").upper = {77};
    for (const char* name : {"ipmp0", "a"}) {
        EXPECT_EQ(run(SetRouter{name, Family::ipv6, true}), CommandError::none);
        EXPECT_EQ(orders_.ops.back(), (KernelOp{WriteSetting{{77}, "ipv6/conf/*/forwarding", "1"}}));
    }
    EXPECT_EQ(run(SetRouter{"c", Family::ipv4, false}), CommandError::none);
    EXPECT_EQ(orders_.ops.back(), (KernelOp{WriteSetting{nic("c").index, "ipv4/conf/*/forwarding", "0"}}));
}

TEST_F(Commands, AddressRefusals) {
    EXPECT_EQ(run(AddLogical{"ipmp0", kMulticast, 24}), CommandError::invalid_argument);
    EXPECT_EQ(run(AddLogical{"ipmp0", kOne, 33}), CommandError::invalid_argument);
    EXPECT_EQ(run(AddLogical{"x", kOne, 24}), CommandError::no_such_interface);
    EXPECT_EQ(run(AddLogical{"ipmp0", IpAddress{Family::ipv6, {0x20, 1}}, 64}), CommandError::no_such_interface);
    EXPECT_EQ(run(AddLogical{"ipmp0", kOne, 24}), CommandError::none);
    EXPECT_EQ(reply_.detail, "ipmp0:1");
    EXPECT_EQ(run(AddLogical{"a", kOne, 24}), CommandError::in_use);
    EXPECT_EQ(run(SetAddress{{"ipmp0", 0}, kOne, 24}), CommandError::in_use);
    EXPECT_EQ(run(SetAddress{{"ipmp0", 4}, kTwo, 24}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetAddress{{"x", 0}, kTwo, 24}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetAddress{{"ipmp0", 1}, kMulticast, 24}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetNetmask{{"ipmp0", 1}, Family::ipv4, 33}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetNetmask{{"ipmp0", 9}, Family::ipv4, 24}), CommandError::no_such_interface);
    EXPECT_EQ(run(RemoveLogical{"x", kOne}), CommandError::no_such_interface);
    EXPECT_EQ(run(RemoveLogical{"ipmp0", kTwo}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetAddress{{"ipmp0", 0}, kTwo, 24}), CommandError::none);
    EXPECT_EQ(run(RemoveLogical{"ipmp0", kTwo}), CommandError::invalid_argument);
    EXPECT_EQ(run(RemoveLogical{"ipmp0", kOne}), CommandError::none);
    EXPECT_EQ(on_group().size(), 1u);
}

TEST_F(Commands, AddressesGetTheirClassAndBroadcastByDefault) {
    run(AddLogical{"ipmp0", kOne, {}});
    EXPECT_EQ(on_group()[0].prefix_length, 24);
    EXPECT_EQ(to_string(on_group()[0].broadcast.value()), "192.0.2.255");
    EXPECT_FALSE(on_group()[0].up);
}

TEST_F(Commands, R_ADR_2_FlagRules) {
    EXPECT_EQ(run(SetFlags{{"x", 0}, Family::ipv4, true}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetFlags{{"ipmp0", 0}, Family::ipv4, {}, true}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetAddress{{"a", 0}, kOne, 24}), CommandError::none);
    EXPECT_EQ(run(SetFlags{{"a", 0}, Family::ipv4, {}, true}), CommandError::none);
    EXPECT_TRUE(nic("a").families[0].addresses[0].deprecated);
    EXPECT_EQ(run(SetFlags{{"a", 0}, Family::ipv4, {}, {}, false}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetFlags{{"a", 0}, Family::ipv4, true}), CommandError::none);
    EXPECT_FALSE(migrates(nic("a").families[0].addresses[0]));
}

TEST_F(Commands, DownTakesTheAddressOutOfTheKernel) {
    run(AddLogical{"ipmp0", kOne, 24});
    run(SetFlags{{"ipmp0", 1}, Family::ipv4, true});
    state_.groups.at("ipmp0").upper = {10};
    kernel_.addresses = {{.link = {10}, .address = kOne, .prefix_length = 24}};
    EXPECT_EQ(run(SetFlags{{"ipmp0", 1}, Family::ipv4, false}), CommandError::none);
    EXPECT_EQ(orders_.ops, (std::vector<KernelOp>{RemoveAddress{{10}, kOne, 24}}));
    EXPECT_TRUE(orders_.doomed.contains({{10}, kOne, 24}));
}

TEST_F(Commands, AnAddressThatIsSetToWhatItIsStays) {
    run(AddLogical{"ipmp0", kOne, 24});
    run(SetFlags{{"ipmp0", 1}, Family::ipv4, true});
    state_.groups.at("ipmp0").upper = {10};
    kernel_.addresses = {{.link = {10}, .address = kOne, .prefix_length = 24}};
    EXPECT_EQ(run(SetAddress{{"ipmp0", 1}, kOne, 24}), CommandError::none);
    EXPECT_TRUE(orders_.ops.empty() && orders_.doomed.empty()) << "connections do not miss it for a moment";
    EXPECT_EQ(run(SetAddress{{"ipmp0", 1}, kOne, 25}), CommandError::none);
    EXPECT_TRUE(orders_.doomed.contains({{10}, kOne, 24})) << "Linux changes no prefix in place";
}

TEST_F(Commands, R_GRP_5_AnAddressThatHasNotLeftItsMemberYetIsTakenOutThere) {
    run(AddLogical{.interface = "ipmp0", .address = kOne, .prefix_length = 24});
    kernel_.addresses = {{.link = nic("a").index, .address = kOne, .prefix_length = 24},
                         {.link = nic("c").index, .address = kOne, .prefix_length = 24}};
    EXPECT_EQ(run(RemoveLogical{.interface = "ipmp0", .address = kOne}), CommandError::none);
    EXPECT_EQ(orders_.ops, (std::vector<KernelOp>{RemoveAddress{nic("a").index, kOne, 24}}));
    orders_ = {};
    run(AddLogical{.interface = "ipmp0", .address = kOne, .prefix_length = 24});
    nic("a").families[0].addresses = {{.address = kOne, .prefix_length = 24, .up = true, .no_failover = true}};
    run(RemoveLogical{.interface = "ipmp0", .address = kOne});
    EXPECT_TRUE(orders_.ops.empty()) << "it is a test address there";
}

TEST_F(Commands, AnAddressThatIsStillOnItsWayInIsTakenOutToo) {
    EXPECT_EQ(run(AddLogical{.interface = "ipmp0", .address = kOne, .prefix_length = 24}), CommandError::none);
    DoomedAddress arriving{{7}, kOne, 24}, other{{8}, kTwo, 24};
    state_.groups.at("ipmp0").upper = {7};
    orders_.arriving = {arriving, other};
    EXPECT_EQ(run(RemoveLogical{.interface = "ipmp0", .address = kOne}), CommandError::none);
    EXPECT_EQ(orders_.doomed, (std::set<DoomedAddress>{arriving}));
    EXPECT_EQ(orders_.ops, (std::vector<KernelOp>{RemoveAddress{{7}, kOne, 24}}));
}

TEST_F(Commands, R_POL_5_OfflineRefusals) {
    EXPECT_EQ(run(SetOffline{"x"}), CommandError::not_in_group);
    EXPECT_EQ(run(SetOffline{"c"}), CommandError::not_in_group);
    EXPECT_EQ(run(UndoOffline{"c"}), CommandError::not_in_group);
    EXPECT_EQ(run(UndoOffline{"a"}), CommandError::not_offline);
    state_.groups.at("ipmp0").health = GroupHealth::degraded;
    nic("b").failed = true;
    EXPECT_EQ(run(SetOffline{"a", 1}), CommandError::minimum_redundancy);
    EXPECT_EQ(reply_.text, "no other functioning interfaces are in its IPMP group");
    EXPECT_EQ(run(SetOffline{"a", 0}), CommandError::none);
    EXPECT_EQ(run(SetOffline{"a", 0}), CommandError::already_offline);
    EXPECT_EQ(run(UndoOffline{"a"}), CommandError::none);
}

TEST_F(Commands, R_POL_5_InAFailedGroupOnlyOfflineMembersDoNotCount) {
    state_.groups.at("ipmp0").health = GroupHealth::failed;
    nic("a").failed = nic("b").failed = true;
    EXPECT_EQ(run(SetOffline{"a", 1}), CommandError::none);
    EXPECT_EQ(run(SetOffline{"b", 1}), CommandError::minimum_redundancy);
}

TEST(LinkMac, IsLocalUnicastAndStable) {
    MacAddress mac = link_mac("host", "ipmp0");
    EXPECT_EQ(mac.bytes[0] & 3, 2);
    EXPECT_EQ(mac, link_mac("host", "ipmp0"));
    EXPECT_NE(mac, link_mac("other", "ipmp0"));
    EXPECT_NE(mac, link_mac("host", "ipmp1"));
}

TEST_F(Commands, R_ADR_6_AnAddressThatComesUpIsInQuestionAndItsCommandWaits) {
    EXPECT_EQ(run(SetAddress{{"ipmp0", 0}, kOne, 24, {}}), CommandError::none);
    EXPECT_TRUE(orders_.awaited.empty()) << "it is down";
    EXPECT_EQ(run(SetFlags{{"ipmp0", 0}, Family::ipv4, true, {}, {}}), CommandError::none);
    EXPECT_EQ(on_group()[0].uniqueness, Uniqueness::tentative);
    EXPECT_EQ(orders_.awaited, std::set<IpAddress>{kOne});

    state_.groups.at("ipmp0").families[0].addresses[0].uniqueness = Uniqueness::optimistic;
    EXPECT_EQ(run(SetFlags{{"ipmp0", 0}, Family::ipv4, true, {}, {}}), CommandError::none);
    EXPECT_EQ(on_group()[0].uniqueness, Uniqueness::optimistic) << "what is in use stays in use";

    state_.groups.at("ipmp0").families[0].addresses[0].uniqueness = Uniqueness::settled;
    orders_.awaited.clear();
    EXPECT_EQ(run(SetAddress{{"ipmp0", 0}, kTwo, 24, {}}), CommandError::none);
    EXPECT_EQ(on_group()[0].uniqueness, Uniqueness::tentative) << "another address on a logical that is UP";
    EXPECT_EQ(orders_.awaited, std::set<IpAddress>{kTwo});
    EXPECT_EQ(run(SetFlags{{"ipmp0", 0}, Family::ipv4, false, {}, {}}), CommandError::none);
    EXPECT_EQ(on_group()[0].uniqueness, Uniqueness::settled);
}

TEST_F(Commands, R_ADR_6_OnAMemberOnlyDataAddressesAreInQuestion) {
    EXPECT_EQ(run(SetAddress{{"a", 0}, kOne, 24, {}}), CommandError::none);
    EXPECT_EQ(run(SetFlags{{"a", 0}, Family::ipv4, true, true, {}}), CommandError::none);
    EXPECT_EQ(nic("a").families[0].addresses[0].uniqueness, Uniqueness::settled) << "a test address";
    EXPECT_EQ(run(SetAddress{{"c", 0}, kTwo, 24, {}}), CommandError::none);
    EXPECT_EQ(run(SetFlags{{"c", 0}, Family::ipv4, true, {}, {}}), CommandError::none);
    EXPECT_EQ(nic("c").families[0].addresses[0].uniqueness, Uniqueness::settled) << "in no group";
    EXPECT_EQ(run(AddLogical{"b", *parse_ip("192.0.2.3"), 24}), CommandError::none);
    EXPECT_EQ(run(SetFlags{{"b", 1}, Family::ipv4, true, {}, {}}), CommandError::none);
    EXPECT_EQ(nic("b").families[0].addresses[0].uniqueness, Uniqueness::tentative) << "it is about to migrate";
    EXPECT_EQ(run(SetFlags{{"b", 1}, Family::ipv4, {}, true, {}}), CommandError::none);
    EXPECT_EQ(nic("b").families[0].addresses[0].uniqueness, Uniqueness::settled) << "it stays, as a test address";
}

TEST_F(Commands, AddressesThatNoHostHasAreRefused) {
    for (const char* text : {"127.0.0.1", "255.255.255.255", "224.0.0.1"}) {
        EXPECT_EQ(run(SetAddress{{"ipmp0", 0}, *parse_ip(text), 24, {}}), CommandError::invalid_argument) << text;
        EXPECT_EQ(run(AddLogical{"a", *parse_ip(text), 24}), CommandError::invalid_argument) << text;
    }
    run(CreateIpmp{"ipmp0", Family::ipv6});
    for (const char* text : {"::1", "ff02::1"}) {
        EXPECT_EQ(run(AddLogical{"ipmp0", *parse_ip(text), 64}), CommandError::invalid_argument) << text;
    }
}

TEST_F(Commands, R_CMD_2_BackFromOfflineAllAddressesAreUp) {
    LogicalAddress test{.address = kOne, .prefix_length = 24, .no_failover = true, .deprecated = true};
    LogicalAddress data{.number = 1, .address = kTwo, .prefix_length = 24};
    nic("a").families[0].addresses = {test, data};
    run(SetOffline{"a", 1});
    EXPECT_EQ(run(UndoOffline{"a"}), CommandError::none);
    for (const LogicalAddress& logical : nic("a").families[0].addresses) EXPECT_TRUE(logical.up);
    EXPECT_EQ(nic("a").families[0].addresses[1].uniqueness, Uniqueness::tentative) << "it will move, and be asked for";
}

}  // namespace

}  // namespace ipmp
