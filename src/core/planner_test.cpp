// Wanted minus observed: what is planned, in which order, and that a plan carried out leaves nothing to plan.
#include "core/planner_fixture.hpp"

#include "core/forwarding.hpp"

namespace ipmp {

namespace {

TEST_F(Plan, CarriedOutItLeavesNothingToPlan) {
    kernel_.links.at(kNic).settings = {{"ipv4/conf/*/rp_filter", "1"}, {"ipv4/conf/*/arp_ignore", "0"}};
    kernel_.addresses = {{.link = kNic, .address = kData, .prefix_length = 24}};
    state_.interfaces.at("a").families[0].addresses = {
        {.address = kTest, .prefix_length = 24, .up = true, .no_failover = true, .deprecated = true}};
    link(kStray, "ipmp7", kIpmpLinkAlias);
    ASSERT_FALSE(planned().empty());
    for (const KernelOp& op : planned()) carry_out(op);
    for (const KernelOp& op : planned()) carry_out(op);  // the NIC's copy goes once the other is seen
    for (const KernelOp& op : planned()) ADD_FAILURE() << describe(op);
}

TEST_F(Plan, R_ADR_6_OnlyWhatIsInUseGoesOntoTheIpmpInterface) {
    const AddAddress add{kUpper, kData, 24, broadcast_of(kData, 24), false};
    LogicalAddress& logical = state_.groups.at("ipmp0").families[0].addresses[0];
    for (Uniqueness open : {Uniqueness::tentative, Uniqueness::duplicate}) {
        logical.uniqueness = open;
        EXPECT_EQ(place_of(add), -1);
        kernel_.addresses = {{.link = kUpper, .address = kData, .prefix_length = 24}};
        EXPECT_GE(place_of(RemoveAddress{kUpper, kData, 24}), 0);
        kernel_.addresses = {{.link = kNic, .address = kData, .prefix_length = 24}};
        EXPECT_GE(place_of(RemoveAddress{kNic, kData, 24}), 0) << "nor does it stay on a member";
        kernel_.addresses.clear();
    }
    logical.uniqueness = Uniqueness::optimistic;
    EXPECT_GE(place_of(add), 0);
}

TEST_F(Plan, JoiningNeverLeavesAGap) {
    kernel_.addresses = {{.link = kNic, .address = kData, .prefix_length = 24}};
    auto filter = place_of(AttachFilter{kNic, Filter::steer, "ipmp0", kPlace});
    auto carrier = place_of(SetLinkUp{kLower, true});
    auto on_group = place_of(AddAddress{kUpper, kData, 24, broadcast_of(kData, 24), false});
    auto off_nic = place_of(RemoveAddress{kNic, kData, 24});
    EXPECT_GE(filter, 0);
    EXPECT_LT(filter, carrier);
    EXPECT_LT(carrier, on_group);
    EXPECT_GE(on_group, 0);
    EXPECT_EQ(off_nic, -1);  // not before the kernel shows it on the IPMP interface
    kernel_.addresses.push_back({.link = kUpper, .address = kData, .prefix_length = 24});
    EXPECT_GE(place_of(RemoveAddress{kNic, kData, 24}), 0);
}

TEST_F(Plan, AnotherProgramsAddressStaysAsItIsWhateverItsScope) {
    const IpAddress address{Family::ipv4, {169, 254, 7, 7}};
    for (bool scope_link : {false, true}) {
        state_.interfaces.at("a").group.clear();
        state_.interfaces.at("a").families[0].addresses = {
            {.address = address, .prefix_length = 16, .up = true, .adopted = true, .scope_link = scope_link}};
        kernel_.addresses = {{.link = kNic, .address = address, .prefix_length = 16, .scope_link = scope_link}};
        EXPECT_EQ(place_of(RemoveAddress{kNic, address, 16}), -1);
    }
}

// R-GRP-6: routes may need the address as their source, and the kernel drops them with a NIC's last address.
TEST_F(Plan, R_GRP_6_RoutesMoveBetweenTheTwoStepsOfTheAddresses) {
    kernel_.links.at(kNic).foreign_routes = 3;
    kernel_.addresses = {{.link = kNic, .address = kData, .prefix_length = 24}};
    EXPECT_EQ(place_of(MoveRoutes{kNic, kUpper}), -1);  // the address is not on the IPMP interface yet
    kernel_.addresses.push_back({.link = kUpper, .address = kData, .prefix_length = 24});
    EXPECT_GE(place_of(MoveRoutes{kNic, kUpper}), 0);
    EXPECT_LT(place_of(MoveRoutes{kNic, kUpper}), place_of(RemoveAddress{kNic, kData, 24}));
    kernel_.links.at(kUpper).admin_up = false;
    EXPECT_EQ(place_of(MoveRoutes{kNic, kUpper}), -1);
}

TEST_F(Plan, R_CMD_4_RoutesAddedToAMemberLaterMove) {
    kernel_.addresses = {{.link = kUpper, .address = kData, .prefix_length = 24}};
    EXPECT_EQ(place_of(MoveRoutes{kNic, kUpper}), -1);
    kernel_.links.at(kNic).foreign_routes = 1;
    EXPECT_GE(place_of(MoveRoutes{kNic, kUpper}), 0);
    state_.interfaces.at("a").group.clear();
    EXPECT_EQ(place_of(MoveRoutes{kNic, kUpper}), -1);
}

TEST_F(Plan, R_GRP_5_TheLastAddressLeavesFirst) {
    const IpAddress second{Family::ipv4, {192, 0, 2, 2}};
    auto& addresses = state_.groups.at("ipmp0").families[0].addresses;
    addresses.push_back({.number = 2, .address = second, .prefix_length = 24, .up = true});
    for (InterfaceIndex link : {kNic, kUpper}) {
        for (const IpAddress& address : {kData, second})
            kernel_.addresses.push_back({.link = link, .address = address, .prefix_length = 24});
    }
    EXPECT_GE(place_of(RemoveAddress{kNic, second, 24}), 0);
    EXPECT_LT(place_of(RemoveAddress{kNic, second, 24}), place_of(RemoveAddress{kNic, kData, 24}));
}

// R-GRP-5: an address of router advertisements keeps its lifetime, is renewed, and is never made by us.
TEST_F(Plan, R_GRP_5_AnAutoconfiguredAddressTakesItsLifetimeAlong) {
    const IpAddress own = *parse_ip("2001:db8::1"), temporary = *parse_ip("2001:db8::2");
    GroupFamily& family = state_.groups.at("ipmp0").families[1];
    family.addresses = {{.address = own, .prefix_length = 64, .up = true, .adopted = true},
                        {.number = 1, .address = temporary, .prefix_length = 64, .up = true, .adopted = true}};
    kernel_.addresses = {
        {.link = kNic, .address = temporary, .prefix_length = 64, .finite_lifetime = true, .temporary = true},
        {.link = kNic, .address = own, .prefix_length = 64, .finite_lifetime = true}};
    state_.interfaces.at("a").saved_settings = {{"ipv6/conf/*/accept_ra", "2"}, {"ipv6/conf/*/autoconf", "1"}};
    kernel_.links.at(kUpper).settings["ipv6/conf/*/accept_ra"] = "1";
    auto token = place_of(SetIpv6Token{kUpper, own});
    EXPECT_GE(token, 0);
    EXPECT_LT(place_of(WriteSetting{kUpper, "ipv6/conf/*/accept_ra", "2"}), token);
    EXPECT_GE(place_of(AddAddress{kUpper, own, 64, {}, false, kNic}), 0);
    state_.interfaces.at("a").saved_settings["ipv6/conf/*/accept_ra"] = "0";
    EXPECT_EQ(place_of(SetIpv6Token{kUpper, own}), -1);
    kernel_.addresses.clear();  // both have expired
    for (const KernelOp& op : planned()) EXPECT_FALSE(std::holds_alternative<AddAddress>(op) &&
                                                      std::get<AddAddress>(op).address.family == Family::ipv6);
}

TEST_F(Plan, R_GRP_10_MembersForwardAsTheIpmpInterfaceDoes) {
    const char* forwarding = "ipv6/conf/*/forwarding";
    Group& group = state_.groups.at("ipmp0");
    for (InterfaceIndex index : {kNic, kUpper}) kernel_.links.at(index).settings[forwarding] = "0";
    EXPECT_EQ(place_of(WriteSetting{kNic, forwarding, "0"}), -1);
    kernel_.links.at(kUpper).settings[forwarding] = "1";  // by anybody
    file_forwarding(state_, kernel_);
    EXPECT_TRUE(group.forwards[1] && !group.forwards[0]);
    EXPECT_GE(place_of(WriteSetting{kNic, forwarding, "1"}), 0);

    group.forwards_on = {99};  // the IPMP interface is made anew, as others do not forward
    kernel_.links.at(kUpper).settings[forwarding] = "0";
    file_forwarding(state_, kernel_);
    EXPECT_GE(place_of(WriteSetting{kUpper, forwarding, "1"}), 0);
    kernel_.links.at(kUpper).settings[forwarding] = "1";
    file_forwarding(state_, kernel_);
    kernel_.links.at(kUpper).settings[forwarding] = "0";
    file_forwarding(state_, kernel_);
    EXPECT_FALSE(group.forwards[1]) << "from now on the kernel's word counts again";
}

// Linux listens to advertisements on a forwarding interface for accept_ra = 2 only.
TEST_F(Plan, R_GRP_10_AGroupThatListensToAdvertisementsGoesOnWhenItForwards) {
    LinkState& upper = kernel_.links.at(kUpper);
    upper.settings["ipv6/conf/*/accept_ra"] = "1";
    Settings& saved = state_.interfaces.at("a").saved_settings;
    saved["ipv6/conf/*/accept_ra"] = "1";
    EXPECT_GE(place_of(WriteSetting{kUpper, "ipv6/conf/*/accept_ra", "2"}), 0);
    saved["ipv6/conf/*/forwarding"] = "1";  // it was a router and deaf to them
    EXPECT_EQ(place_of(WriteSetting{kUpper, "ipv6/conf/*/accept_ra", "2"}), -1);
    saved["ipv6/conf/*/accept_ra"] = "0";
    EXPECT_GE(place_of(WriteSetting{kUpper, "ipv6/conf/*/accept_ra", "0"}), 0);
}

TEST_F(Plan, R_GRP_9_GsoLimitsAreTheSmallestOfAnyMember) {
    for (InterfaceIndex index : {kNic, kUpper, kLower}) {
        kernel_.links.at(index).gso_bytes = 65536;
        kernel_.links.at(index).gso_segments = 65535;
    }
    Interface& other = state_.interfaces["b"];
    other = {.name = "b", .index = kStray, .group = "ipmp0"};
    link(kStray, "b", "").gso_bytes = 30000;
    kernel_.links.at(kStray).gso_segments = 65535;
    kernel_.links.at(kNic).gso_segments = 20;
    for (InterfaceIndex end : {kUpper, kLower}) EXPECT_GE(place_of(SetLinkGso{end, 30000, 20}), 0);
    kernel_.links.at(kNic).gso_bytes = 200000;  // more than an ordinary link has
    other.group.clear();
    for (InterfaceIndex end : {kUpper, kLower}) EXPECT_GE(place_of(SetLinkGso{end, 65536, 20}), 0);
}

TEST_F(Plan, R_CMD_3_NeighbourEntriesOfMembersMoveToTheGroup) {
    const NeighbourEntry fixed{kNic, kTest, MacAddress{{2, 0, 0, 0, 0, 9}}}, proxy{kUpper, kData, {}};
    kernel_.neighbours = {fixed, proxy, {kStray, kTest, {}}};
    EXPECT_GE(place_of(MoveNeighbour{fixed, kUpper}), 0);
    auto ops = planned();
    EXPECT_EQ(std::count_if(ops.begin(), ops.end(),
                            [](auto& op) { return std::holds_alternative<MoveNeighbour>(op); }), 1);
}

TEST_F(Plan, TheMtuIsTheSmallestMembers) {
    EXPECT_GE(place_of(SetLinkMtu{kUpper, 1400}), 0);
    state_.interfaces.clear();
    EXPECT_EQ(place_of(SetLinkMtu{kUpper, 1400}), -1);
}

// The kernel derives the scope of an IPv6 address from the address: a test address of a network is global there.
TEST_F(Plan, AnIpv6TestAddressIsAddedOnce) {
    const IpAddress address{Family::ipv6, {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20}};
    state_.interfaces.at("a").families[1].addresses = {
        {.number = 1, .address = address, .prefix_length = 64, .up = true, .no_failover = true}};
    EXPECT_GE(place_of(AddAddress{kNic, address, 128, {}, true}), 0);
    kernel_.addresses.push_back({.link = kNic, .address = address, .prefix_length = 128});
    EXPECT_EQ(place_of(AddAddress{kNic, address, 128, {}, true}), -1);
    EXPECT_EQ(place_of(RemoveAddress{kNic, address, 128}), -1);
}

TEST_F(Plan, BothEndsKeepTheirMacs) {
    const MacAddress mac{{2, 0, 0, 0, 0, 1}}, lower_mac{{2, 0, 0, 0, 0, 2}};
    state_.groups.at("ipmp0").mac = kernel_.links.at(kUpper).mac = mac;
    state_.groups.at("ipmp0").lower_mac = lower_mac;
    EXPECT_EQ(place_of(SetLinkMac{kUpper, mac}), -1);
    EXPECT_GE(place_of(SetLinkMac{kLower, lower_mac}), 0);
}

TEST_F(Plan, TheLowerEndIsUpWhileSomebodyIsActive) {
    state_.groups.at("ipmp0").families[0].active.clear();
    EXPECT_EQ(place_of(SetLinkUp{kLower, true}), -1);
    kernel_.links.at(kLower).admin_up = true;
    EXPECT_GE(place_of(SetLinkUp{kLower, false}), 0);
}

TEST_F(Plan, R_ADR_3_ATestAddressIsAHostAddressWithATableOfItsOwn) {
    state_.interfaces.at("a").families[0].addresses = {
        {.address = kTest, .prefix_length = 24, .up = true, .no_failover = true, .deprecated = true}};
    std::uint32_t table = kTestTableBase + kNic.value;
    EXPECT_GE(place_of(AddAddress{kNic, kTest, 32, {}, true}), 0);
    EXPECT_GE(place_of(AddRule{{kTest, table}}), 0);
    EXPECT_LT(place_of(AddRoute{{network_of(kTest, 24), 24, kNic, table}}), place_of(AddRule{{kTest, table}}));
    state_.interfaces.at("a").offline = true;
    EXPECT_EQ(place_of(AddRule{{kTest, table}}), -1);
}

TEST_F(Plan, AnAddressWithTwoPrefixesKeepsTheRightOne) {
    kernel_.addresses = {{.link = kUpper, .address = kData, .prefix_length = 25},
                         {.link = kUpper, .address = kData, .prefix_length = 24, .broadcast = broadcast_of(kData, 24)}};
    EXPECT_GE(place_of(RemoveAddress{kUpper, kData, 25}), 0);
    EXPECT_EQ(place_of(RemoveAddress{kUpper, kData, 24}), -1);
}

TEST_F(Plan, MembersAreNotTouchedBeforeTheirSettingsAreKnown) {
    state_.interfaces.at("a").saved_settings.clear();
    kernel_.links.at(kNic).settings = {{"ipv4/conf/*/rp_filter", "1"}};
    EXPECT_EQ(place_of(WriteSetting{kNic, "ipv4/conf/*/rp_filter", "2"}), -1);
}

TEST_F(Plan, WhoLeftGetsItsSettingsBackAndLosesTheFilter) {
    state_.interfaces.at("a").group.clear();
    kernel_.links.at(kNic).filter = Filter::steer;
    kernel_.links.at(kNic).settings = {{"ipv4/conf/*/rp_filter", "2"}};
    EXPECT_GE(place_of(DetachFilter{kNic}), 0);
    EXPECT_GE(place_of(WriteSetting{kNic, "ipv4/conf/*/rp_filter", "1"}), 0);
}

TEST_F(Plan, LinksOfOursThatNoGroupClaimsGo) {
    link(kStray, "renamed", kLowerLinkAlias);
    EXPECT_GE(place_of(DeleteLink{kStray}), 0);
    EXPECT_EQ(place_of(DeleteLink{kUpper}), -1);
}

TEST_F(Plan, AnEndOfAnotherPairIsNotOurs) {
    link(kStray, "renamed", kLowerLinkAlias);
    kernel_.links.at(kUpper).peer = kStray;
    EXPECT_GE(place_of(DeleteLink{kUpper}), 0);
    EXPECT_EQ(place_of(DeleteLink{kLower}), -1);
}

TEST_F(Plan, AnOutdatedFilterIsReplacedNotRemoved) {
    kernel_.links.at(kNic).filter = Filter::outdated;
    EXPECT_GE(place_of(AttachFilter{kNic, Filter::steer, "ipmp0", kPlace}), 0);
    EXPECT_EQ(place_of(DetachFilter{kNic}), -1);
}

// After a restart the former daemon's choice of NICs is in force until its filter of the lower end is replaced; members
// may be many, and each waits for its turn with the kernel. In a new group they come first: what leaves is answered.
TEST_F(Plan, R_POL_4_OutboundTrafficLeavesAFailedNicBeforeFiltersOfMembersAreReplaced) {
    AttachFilter spread{kLower, Filter::spread, "ipmp0", kPlace}, steer{kNic, Filter::steer, "ipmp0", kPlace};
    EXPECT_LT(place_of(steer), place_of(spread));
    kernel_.links.at(kLower).filter = kernel_.links.at(kNic).filter = Filter::outdated;
    ASSERT_GE(place_of(spread), 0);
    EXPECT_LT(place_of(spread), place_of(steer));
}

// The handle is that of the group, 1 + the number of its lower end; priority, handle and number of filters are mended.
TEST_F(Plan, AFilterIsInTheGroupsOwnPlaceAndAlone) {
    state_.groups.at("ipmp0").lower_name = "ipmpl12";
    LinkState& nic = kernel_.links.at(kNic);
    nic.filter = Filter::steer;
    nic.filter_group = "ipmp0";
    nic.filter_place = {kDefaultFilterPriority, 13};
    AttachFilter wanted{kNic, Filter::steer, "ipmp0", {kDefaultFilterPriority, 13}};
    EXPECT_EQ(place_of(wanted), -1);
    nic.filter_surplus = true;
    EXPECT_GE(place_of(wanted), 0);
    nic.filter_surplus = false;
    nic.filter_place.handle = 1;
    EXPECT_GE(place_of(wanted), 0);
    nic.filter_place = {7, 13};
    EXPECT_GE(place_of(wanted), 0);
    config_.filter_priority = 7;
    EXPECT_EQ(place_of(wanted), -1);
}

TEST_F(Plan, R_GRP_6_NothingMovesToAnIpmpInterfaceThatDoesNotRunYet) {
    kernel_.links.at(kNic).foreign_routes = 1;
    kernel_.addresses = {{.link = kNic, .address = kData, .prefix_length = 24},
                         {.link = kUpper, .address = kData, .prefix_length = 24, .broadcast = broadcast_of(kData, 24)}};
    kernel_.links.at(kUpper).carrier = false;
    EXPECT_EQ(place_of(MoveRoutes{kNic, kUpper}), -1);
    EXPECT_EQ(place_of(RemoveAddress{kNic, kData, 24}), -1);
    kernel_.links.at(kUpper).carrier = true;
    EXPECT_GE(place_of(MoveRoutes{kNic, kUpper}), 0);
    EXPECT_GE(place_of(RemoveAddress{kNic, kData, 24}), 0);
    kernel_.links.at(kUpper).carrier = false;
    state_.groups.at("ipmp0").families[0].active.clear();  // it will not run
    EXPECT_GE(place_of(MoveRoutes{kNic, kUpper}), 0);
}

TEST_F(Plan, R_DYN_6_AMemberThatCameBackIsBroughtUpOnlyIfItWasUp) {
    kernel_.links.at(kNic).admin_up = false;
    EXPECT_EQ(place_of(SetLinkUp{kNic, true}), -1);  // the administrator took it down
    state_.interfaces.at("a").up_when_lost = true;
    EXPECT_GE(place_of(SetLinkUp{kNic, true}), 0);
}

}  // namespace

}  // namespace ipmp
