// What the planner leaves alone or puts off: what is not seen yet, on its way elsewhere, or somebody else's.
#include "core/isolation.hpp"
#include "core/planner_fixture.hpp"

namespace ipmp {

namespace {

class PlanThatWaits : public Plan {
  protected:
    bool has(const KernelOp& op) const {
        auto ops = planned();
        return std::find(ops.begin(), ops.end(), op) != ops.end();
    }
    template <typename Op>
    bool any(InterfaceIndex link) const {
        auto ops = planned();
        return std::any_of(ops.begin(), ops.end(), [&](const KernelOp& op) {
            const Op* one = std::get_if<Op>(&op);
            return one && one->link == link;
        });
    }
    Interface& nic() { return state_.interfaces.at("a"); }
    Group& group() { return state_.groups.at("ipmp0"); }
    LinkState& seen(InterfaceIndex index) { return kernel_.links.at(index); }
    // The NIC is in the members' namespace.
    InterfaceIndex move_nic() {
        const InterfaceIndex moved{kNic.value, Place::members};
        auto node = kernel_.links.extract(kNic);
        node.key() = node.mapped().index = moved;
        kernel_.links.insert(std::move(node));
        nic().index = moved;
        return moved;
    }
};

TEST_F(PlanThatWaits, HalfAPairIsNotConfigured) {
    group().lower = {};
    kernel_.links.erase(kLower);
    EXPECT_FALSE(any<SetLinkMtu>(kUpper) || any<AddAddress>(kUpper));
    for (const KernelOp& op : planned()) EXPECT_FALSE(std::holds_alternative<CreateIpmpLink>(op));
}

TEST_F(PlanThatWaits, NeitherEndComesUpBeforeItsSettingsAreRead) {
    seen(kUpper).admin_up = false;
    EXPECT_TRUE(has(SetLinkUp{kUpper, true}) && has(SetLinkUp{kLower, true}));
    seen(kLower).settings.clear();
    EXPECT_FALSE(has(SetLinkUp{kLower, true}));
    seen(kUpper).settings.clear();
    EXPECT_FALSE(has(SetLinkUp{kUpper, true}));
}

TEST_F(PlanThatWaits, R_VIS_1_RoutesWaitUntilTheIpmpInterfaceCanCarryThem) {
    LinkState& upper = seen(kUpper);
    upper.waiting_routes = 1;
    kernel_.addresses = {{.link = kUpper, .address = kData, .prefix_length = 24, .broadcast = broadcast_of(kData, 24)}};
    EXPECT_TRUE(any<RestoreRoutes>(kUpper));
    upper.carrier = false;
    EXPECT_FALSE(any<RestoreRoutes>(kUpper));
}

TEST_F(PlanThatWaits, FastPathPutsAFilterOnTheIpmpInterfaceAndTakesItAwayAgain) {
    config_.fast_path = true;
    FilterPlace egress = kPlace;
    egress.egress = true;
    EXPECT_TRUE(has(AttachFilter{kUpper, Filter::spread, "ipmp0", egress}));
    carry_out(AttachFilter{kUpper, Filter::spread, "ipmp0", egress});
    EXPECT_FALSE(any<AttachFilter>(kUpper));
    config_.fast_path = false;
    EXPECT_TRUE(has(DetachFilter{kUpper}));
}

TEST_F(PlanThatWaits, R_GRP_9_EitherGsoLimitIsSetWhereTheKernelSaysWhatItIs) {
    for (InterfaceIndex end : {kUpper, kLower}) {
        seen(end).gso_bytes = 65536;
        seen(end).gso_segments = 30;
    }
    seen(kLower).gso_bytes = 0;  // it does not say
    EXPECT_TRUE(has(SetLinkGso{kUpper, 65536, 65535}));
    EXPECT_FALSE(any<SetLinkGso>(kLower));
}

TEST_F(PlanThatWaits, R_GRP_5_NoTokenIsMadeOfWhatDoesNotComeFromARouterForAWholeNetwork) {
    const IpAddress own = *parse_ip("2001:db8::1");
    group().families[1].addresses = {{.address = own, .prefix_length = 64, .up = true, .adopted = true}};
    nic().saved_settings = {{"ipv6/conf/*/accept_ra", "1"}, {"ipv6/conf/*/autoconf", "1"}};
    const AddressState advertised{.link = kNic, .address = own, .prefix_length = 64, .finite_lifetime = true};
    struct Case {
        const char* what;
        std::function<void(AddressState& address)> differs;
    };
    const std::vector<Case> cases{
        {"of DHCP", [](AddressState& address) { address.prefix_length = 128; }},
        {"without end", [](AddressState& address) { address.finite_lifetime = false; }},
        {"temporary", [](AddressState& address) { address.temporary = true; }},
        {"of the NIC alone", [](AddressState& address) { address.address = *parse_ip("fe80::1"); }},
        {"of another NIC", [](AddressState& address) { address.link = kStray; }}};
    kernel_.addresses = {advertised};
    EXPECT_TRUE(has(SetIpv6Token{kUpper, own}));
    for (const Case& one : cases) {
        kernel_.addresses = {advertised};
        one.differs(kernel_.addresses[0]);
        EXPECT_FALSE(any<SetIpv6Token>(kUpper)) << one.what;
    }
}

TEST_F(PlanThatWaits, R_DYN_6_WhoIsUpAlreadyIsNotBroughtUp) {
    nic().up_when_lost = true;
    EXPECT_FALSE(any<SetLinkUp>(kNic));
    seen(kNic).admin_up = false;
    EXPECT_TRUE(has(SetLinkUp{kNic, true}));
}

TEST_F(PlanThatWaits, WhatAFormerDaemonLeftOnANicOfNoGroupGoes) {
    nic().group.clear();
    EXPECT_FALSE(any<DetachFilter>(kNic)) << "there is nothing";
    seen(kNic).filter = Filter::outdated;
    EXPECT_TRUE(has(DetachFilter{kNic}));
}

TEST_F(PlanThatWaits, R_VIS_1_ANicThatLeavesForGoodIsTakenDownBeforeItComesHome) {
    const InterfaceIndex moved = move_nic();
    nic().group.clear();
    nic().misplaced = true;
    nic().families[0].plumbed = false;
    EXPECT_FALSE(any<MoveLink>(moved)) << "it is going down";
    seen(moved).admin_up = false;
    EXPECT_TRUE(has(MoveLink{moved, Place::host}));
    seen(moved).admin_up = true;
    nic().families[1].plumbed = true;
    EXPECT_TRUE(has(MoveLink{moved, Place::host})) << "in use for IPv6, it stays up";
}

TEST_F(PlanThatWaits, R_VIS_1_AMemberComesHomeOnlyToALowerEnd) {
    const InterfaceIndex moved = move_nic();
    nic().misplaced = true;
    EXPECT_TRUE(has(MoveLink{moved, Place::host}));
    kernel_.links.erase(kLower);
    EXPECT_FALSE(any<MoveLink>(moved));
}

TEST_F(PlanThatWaits, R_VIS_1_RoutesThatCannotFollowHoldNoNicBack) {
    group().isolate = true;
    nic().misplaced = true;
    const InterfaceIndex lower{kLower.value, Place::members};
    auto node = kernel_.links.extract(kLower);
    node.key() = node.mapped().index = lower;
    kernel_.links.insert(std::move(node));
    group().lower = lower;
    seen(kNic).foreign_routes = 1;
    EXPECT_FALSE(any<MoveLink>(kNic)) << "they would be lost";
    group().upper.place = Place::first_application;  // where no route of the host can be
    EXPECT_TRUE(has(MoveLink{kNic, Place::members}));
}

TEST_F(PlanThatWaits, ADataAddressOfTheWrongScopeIsMadeAnew) {
    kernel_.addresses = {{.link = kUpper, .address = kData, .prefix_length = 24, .broadcast = broadcast_of(kData, 24),
                          .scope_link = true}};
    EXPECT_TRUE(has(RemoveAddress{kUpper, kData, 24}));
    EXPECT_TRUE(has(AddAddress{kUpper, kData, 24, broadcast_of(kData, 24), false}));
}

TEST_F(PlanThatWaits, AnotherProgramsAddressMayHaveManyPrefixes) {
    group().families[0].addresses[0].adopted = true;
    kernel_.addresses = {{.link = kUpper, .address = kData, .prefix_length = 24},
                         {.link = kUpper, .address = kData, .prefix_length = 25}};
    EXPECT_FALSE(any<RemoveAddress>(kUpper) || any<AddAddress>(kUpper));
    group().families[0].addresses[0].adopted = false;
    kernel_.addresses[0].broadcast = kernel_.addresses[1].broadcast = broadcast_of(kData, 24);
    EXPECT_FALSE(has(RemoveAddress{kUpper, kData, 24}));
    EXPECT_TRUE(has(RemoveAddress{kUpper, kData, 25})) << "ours has one";
}

TEST_F(PlanThatWaits, R_GRP_5_ALifetimeComesFromAMemberBesideTheIpmpInterfaceAndFromNobodyElse) {
    const IpAddress own = *parse_ip("2001:db8::1");
    group().families[1].addresses = {{.address = own, .prefix_length = 64, .up = true, .adopted = true}};
    auto held_by = [&](InterfaceIndex link) {
        kernel_.addresses = {{.link = link, .address = own, .prefix_length = 64, .finite_lifetime = true}};
        auto ops = planned();
        return std::any_of(ops.begin(), ops.end(), [&](const KernelOp& op) {
            const AddAddress* add = std::get_if<AddAddress>(&op);
            return add && add->address == own;
        });
    };
    EXPECT_TRUE(held_by(kNic));
    EXPECT_FALSE(held_by(kStray)) << "nobody we know";
    state_.interfaces["b"] = {.name = "b", .index = kStray};
    EXPECT_FALSE(held_by(kStray)) << "no member";
    EXPECT_FALSE(held_by(move_nic())) << "in another network namespace";
}

TEST_F(PlanThatWaits, R_GRP_6_RoutesMoveToNoIpmpInterfaceThatIsMissingUnreadOrMoving) {
    seen(kNic).foreign_routes = 1;
    kernel_.addresses = {{.link = kNic, .address = kTest, .prefix_length = 24}};
    EXPECT_TRUE(has(MoveRoutes{kNic, kUpper})) << "they depend on no address of the group's";
    group().misplaced = true;
    EXPECT_FALSE(has(MoveRoutes{kNic, kUpper}));
    group().misplaced = false;
    seen(kUpper).settings.clear();
    EXPECT_FALSE(has(MoveRoutes{kNic, kUpper}));
    kernel_.links.erase(kUpper);
    EXPECT_FALSE(has(MoveRoutes{kNic, kUpper}));
}

TEST_F(PlanThatWaits, R_GRP_6_RoutesDoNotWaitForAnAddressThatIsDown) {
    seen(kNic).foreign_routes = 1;
    kernel_.addresses = {{.link = kNic, .address = kData, .prefix_length = 24}};
    EXPECT_FALSE(has(MoveRoutes{kNic, kUpper}));
    group().families[0].addresses[0].up = false;
    EXPECT_TRUE(has(MoveRoutes{kNic, kUpper}));
}

}  // namespace

}  // namespace ipmp
