// What administrators want of whole interfaces (R-CMD-5): which commands are refused, what the accepted ones change,
// and what is planned from it.
#include "core/link_wishes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "core/commands.hpp"
#include "core/link_limits.hpp"
#include "core/planner.hpp"
#include "core/predicates.hpp"
#include "core/snapshot.hpp"
#include "model/interface_flags.hpp"

namespace ipmp {
namespace {

constexpr InterfaceIndex kA{1}, kB{2}, kLoopback{3}, kUpper{10};
const IpAddress kFirst{Family::ipv4, {192, 0, 2, 1}}, kSecond{Family::ipv4, {192, 0, 2, 2}};
const IpAddress kElsewhere{Family::ipv4, {10, 0, 0, 1}};

class LinkWishes : public testing::Test {
  protected:
    LinkWishes() {
        for (InterfaceIndex index : {kA, kB}) {
            std::string name = index == kA ? "a" : "b";
            Interface& nic = state_.interfaces[name];
            nic = {.name = name, .index = index, .mtu_bytes = 1500, .admin_up = true, .carrier = true};
            nic.families[0].plumbed = true;
            kernel_.links[index] = {.index = index, .name = name, .mtu_bytes = 1500, .ethernet = true,
                                    .multicast = true, .admin_up = true};
        }
        kernel_.links[kLoopback] = {.index = kLoopback, .name = "lo"};
        EXPECT_EQ(run(CreateIpmp{"ipmp0", Family::ipv4, 77}), CommandError::none);
        EXPECT_EQ(run(SetGroup{"a", Family::ipv4, "ipmp0"}), CommandError::none);
    }
    CommandError run(const Command& command) {
        State before = state_;
        std::vector<Action> log;
        CommandContext context{state_, kernel_, host_id_, orders_, {}, log};
        CommandReply reply = carry_out(command, context);
        if (reply.error != CommandError::none) {
            EXPECT_EQ(state_, before);
            EXPECT_NE(reply.text, "");
        }
        return reply.error;
    }
    bool planned(const KernelOp& op) const {
        std::vector<KernelOp> ops = plan_link_wishes(state_, kernel_);
        return std::find(ops.begin(), ops.end(), op) != ops.end();
    }
    bool ordered(const KernelOp& op) const {
        return std::find(orders_.ops.begin(), orders_.ops.end(), op) != orders_.ops.end();
    }
    PlumbedInterface shown(const std::string& name) const {
        for (PlumbedInterface& interface : snapshot_of(state_, kernel_, AddressIndex(kernel_)).plumbed) {
            if (interface.name == name) return interface;
        }
        return {};
    }
    std::uint32_t mtu_of_group() const {
        const Group& group = state_.groups.at("ipmp0");
        return wanted_mtu(members_of(state_, group), group);
    }
    Interface& nic(const char* name) { return state_.interfaces.at(name); }
    Group& group() { return state_.groups.at("ipmp0"); }

    State state_;
    KernelState kernel_;
    std::string host_id_ = "host";
    OneTimeOrders orders_;
};

TEST_F(LinkWishes, R_CMD_5_TheMtuOfAMemberIsWantedUntilItIsUnplumbedOrRefused) {
    EXPECT_EQ(run(SetMtu{"a", Family::ipv4, 67}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetMtu{"a", Family::ipv4, 65536}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetMtu{"a", Family::ipv6, 1500}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetMtu{"a", Family::ipv4, 1400}), CommandError::none);
    EXPECT_TRUE(planned(SetLinkMtu{kA, 1400}));
    kernel_.links.at(kA).mtu_bytes = nic("a").mtu_bytes = 1400;
    EXPECT_FALSE(planned(SetLinkMtu{kA, 1400}));
    EXPECT_EQ(mtu_of_group(), 1400u);
    EXPECT_TRUE(shown("a").inet->logicals[0].flags & flag::kFixedMtu);

    EXPECT_EQ(run(SetMtu{"a", Family::ipv4, 9000}), CommandError::none);
    forget_refused_wishes(state_, {.failures = {{SetLinkMtu{kA, 9000}, 22, "Invalid argument"}}});
    EXPECT_EQ(nic("a").wanted_mtu_bytes, 0u);
    run(SetMtu{"a", Family::ipv4, 1400});
    run(Unplumb{"a", Family::ipv4});
    EXPECT_EQ(nic("a").wanted_mtu_bytes, 0u);
}

TEST_F(LinkWishes, R_CMD_5_Ipv6WantsItsLeastMtu) {
    nic("a").families[1].plumbed = true;
    EXPECT_EQ(run(SetMtu{"a", Family::ipv4, 1279}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetMtu{"a", Family::ipv4, 1280}), CommandError::none);
}

TEST_F(LinkWishes, R_GRP_9_TheMtuOfAGroupIsAtMostThatOfItsMembers) {
    EXPECT_EQ(run(SetMtu{"ipmp0", Family::ipv4, 1501}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetMtu{"ipmp0", Family::ipv4, 1400}), CommandError::none);
    EXPECT_EQ(mtu_of_group(), 1400u);
    EXPECT_EQ(shown("ipmp0").inet->mtu_bytes, 1400u);
    nic("a").mtu_bytes = 1300;
    EXPECT_EQ(mtu_of_group(), 1300u);
    EXPECT_EQ(shown("ipmp0").inet->mtu_bytes, 1300u);
    run(SetGroup{"a", Family::ipv4, ""});
    EXPECT_EQ(run(SetMtu{"ipmp0", Family::ipv4, 9000}), CommandError::none) << "nobody says what it must fit";
    EXPECT_EQ(mtu_of_group(), 9000u);
}

TEST_F(LinkWishes, R_CMD_5_MetricIsKeptAndShown) {
    EXPECT_EQ(run(SetMetric{"a", Family::ipv6, 2}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetMetric{"nosuch", Family::ipv4, 2}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetMetric{"a", Family::ipv4, 2}), CommandError::none);
    EXPECT_EQ(run(SetMetric{"ipmp0", Family::ipv4, 3}), CommandError::none);
    EXPECT_EQ(shown("a").inet->metric, 2u);
    EXPECT_EQ(shown("ipmp0").inet->metric, 3u);
}

TEST_F(LinkWishes, R_CMD_5_AnIndexIsGivenAtCreation) {
    auto created = [&] {
        for (const KernelOp& op : plan(state_, kernel_, AddressIndex(kernel_), {})) {
            if (const auto* create = std::get_if<CreateIpmpLink>(&op)) return create->index;
        }
        return ~0u;
    };
    EXPECT_EQ(created(), 77u);
    kernel_.links[{77}] = {.index = {77}, .name = "quicker"};
    EXPECT_EQ(created(), 0u) << "better another index than no group";
    EXPECT_EQ(run(CreateIpmp{"ipmp1", Family::ipv4, kA.value}), CommandError::in_use);
    EXPECT_EQ(run(CreateIpmp{"ipmp1", Family::ipv4, 0x80000000}), CommandError::invalid_argument);
    group().upper = kUpper;
    EXPECT_EQ(run(CreateIpmp{"ipmp0", Family::ipv6, 78}), CommandError::not_supported);
    EXPECT_EQ(run(CreateIpmp{"ipmp0", Family::ipv6, kUpper.value}), CommandError::none);
}

TEST_F(LinkWishes, R_GRP_11_TheMacOfAnIpmpInterfaceStays) {
    MacAddress mac{{2, 0, 0, 0, 0, 9}};
    EXPECT_EQ(run(SetEther{"ipmp0", mac}), CommandError::not_supported);
    EXPECT_EQ(run(SetEther{"a", {{3, 0, 0, 0, 0, 9}}}), CommandError::invalid_argument) << "a group's address";
    EXPECT_EQ(run(SetEther{"a", {}}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetEther{"nosuch", mac}), CommandError::no_such_interface);
    EXPECT_EQ(run(SetEther{"a", mac}), CommandError::none);
    EXPECT_TRUE(planned(SetLinkMac{kA, mac}));
    forget_refused_wishes(state_, {.failures = {{SetLinkMac{kA, mac}, 16, "busy"}}});
    EXPECT_FALSE(planned(SetLinkMac{kA, mac}));
}

TEST_F(LinkWishes, R_GRP_11_ArpStaysOnInAGroup) {
    EXPECT_EQ(run(SetArp{"ipmp0", false}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetArp{"a", false}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetArp{"ipmp0", true}), CommandError::none);
    EXPECT_EQ(run(SetArp{"a", true}), CommandError::none);
    EXPECT_TRUE(orders_.ops.empty()) << "it is on";
    EXPECT_EQ(run(SetArp{"b", false}), CommandError::none);
    EXPECT_TRUE(ordered(SetLinkArp{kB, false}));
}

TEST_F(LinkWishes, FailureByDecreeIsForMembersOnly) {
    EXPECT_EQ(run(SetFailed{"ipmp0", true}), CommandError::none) << "ignored";
    EXPECT_EQ(run(SetFailed{"b", true}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetFailed{"a", true}), CommandError::none);
    EXPECT_TRUE(nic("a").declared_failed);
    EXPECT_TRUE(shown("a").inet->logicals[0].flags & flag::kRunning) << "its link is as it is";
    run(SetGroup{"a", Family::ipv4, ""});
    EXPECT_FALSE(nic("a").declared_failed);
}

TEST_F(LinkWishes, R_CMD_1_TokensAreTheLastHalfOfAnAddress) {
    nic("b").families[1].plumbed = true;
    EXPECT_EQ(run(SetToken{"b", kFirst}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetToken{"b", *parse_ip("2001:db8::1")}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetToken{"a", *parse_ip("::1")}), CommandError::no_such_interface) << "no IPv6";
    EXPECT_EQ(run(SetToken{"b", *parse_ip("::1")}), CommandError::none);
    EXPECT_TRUE(ordered(SetIpv6Token{kB, *parse_ip("::1"), true}));
}

TEST_F(LinkWishes, R_GRP_11_UsesrcExcludesGroupAndStandbyAndTheReverse) {
    LogicalName loopback{"lo"};
    EXPECT_EQ(run(SetRouteSource{"ipmp0", Family::ipv4, loopback}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetRouteSource{"a", Family::ipv4, loopback}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetRouteSource{"b", Family::ipv4, LogicalName{"a"}}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetRouteSource{"b", Family::ipv4, LogicalName{"ipmp0"}}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetRouteSource{"b", Family::ipv4, LogicalName{"b"}}), CommandError::invalid_argument);
    EXPECT_EQ(run(SetRouteSource{"b", Family::ipv4, LogicalName{"nosuch"}}), CommandError::no_such_interface);
    nic("b").standby = true;
    EXPECT_EQ(run(SetRouteSource{"b", Family::ipv4, loopback}), CommandError::invalid_argument);
    nic("b").standby = false;
    EXPECT_EQ(run(SetRouteSource{"b", Family::ipv4, loopback}), CommandError::none);
    EXPECT_EQ(shown("b").inet->route_source, "lo");
    EXPECT_EQ(run(SetGroup{"b", Family::ipv4, "ipmp0"}), CommandError::not_supported);
    EXPECT_EQ(run(SetStandby{"b", true}), CommandError::invalid_argument);
    run(SetGroup{"a", Family::ipv4, ""});
    EXPECT_EQ(run(SetRouteSource{"b", Family::ipv4, LogicalName{"a"}}), CommandError::none);
    EXPECT_EQ(run(SetGroup{"a", Family::ipv4, "ipmp0"}), CommandError::not_supported) << "it is a source";
    EXPECT_EQ(run(SetRouteSource{"b", Family::ipv4, {}}), CommandError::none);
    EXPECT_TRUE(ordered(SetRouteSources{kB, Family::ipv4, {}}));
    EXPECT_EQ(run(SetGroup{"a", Family::ipv4, "ipmp0"}), CommandError::none);
}

TEST_F(LinkWishes, R_CMD_1_RoutesGetTheSourceWhileSomeHaveAnother) {
    run(SetRouteSource{"b", Family::ipv4, LogicalName{"lo"}});
    EXPECT_FALSE(wanted_route_sources(state_, kernel_, nic("b"))) << "it has no address yet";
    kernel_.addresses = {{.link = kLoopback, .address = *parse_ip("127.0.0.1"), .prefix_length = 8, .scope_link = true},
                         {.link = kLoopback, .address = kElsewhere, .prefix_length = 32}};
    auto sources = wanted_route_sources(state_, kernel_, nic("b"));
    ASSERT_TRUE(sources);
    EXPECT_EQ((*sources)[0], kElsewhere);
    SetRouteSources change{kB, Family::ipv4, kElsewhere};
    EXPECT_FALSE(planned(change));
    kernel_.links.at(kB).other_sources[0] = 2;
    EXPECT_TRUE(planned(change));
    bool managed = false;
    for (const ManagedLink& link : managed_links(state_, kernel_)) {
        managed = managed || (link.link == kB && link.route_sources == sources);
    }
    EXPECT_TRUE(managed);
}

TEST_F(LinkWishes, R_CMD_1_ASourceStandsForTheAddressOfItsNumberThatOthersMayKnow) {
    run(SetGroup{"a", Family::ipv4, ""});
    nic("a").families[0].addresses = {{.number = 0, .address = kFirst, .prefix_length = 24, .up = true},
                                      {.number = 1, .address = kSecond, .prefix_length = 24, .up = true}};
    auto source_of = [&](std::uint32_t number) {
        EXPECT_EQ(run(SetRouteSource{"b", Family::ipv4, LogicalName{"a", number}}), CommandError::none);
        auto sources = wanted_route_sources(state_, kernel_, nic("b"));
        return sources ? (*sources)[0] : std::nullopt;
    };
    EXPECT_EQ(source_of(0), kFirst);
    EXPECT_EQ(source_of(1), kSecond);
    kernel_.addresses = {{.link = kA, .address = kElsewhere, .prefix_length = 24}};
    nic("a").families[0].addresses[1].up = false;
    EXPECT_EQ(source_of(1), std::nullopt) << "it is down, and no other is meant";
    nic("a").families[0].addresses[0].address = IpAddress{};
    EXPECT_EQ(source_of(0), kElsewhere) << "the first one it has";
    kernel_.addresses[0].link = {99};
    EXPECT_EQ(source_of(0), std::nullopt) << "that link is gone";
    kernel_.addresses[0].link = kB;
    EXPECT_EQ(source_of(0), std::nullopt) << "that is another's";
}

TEST_F(LinkWishes, R_CMD_1_EachFamilyHasASourceOfItsOwn) {
    const IpAddress link_local = *parse_ip("fe80::1"), global = *parse_ip("2001:db8::1");
    nic("b").families[1].plumbed = true;
    EXPECT_EQ(run(SetRouteSource{"b", Family::ipv6, LogicalName{"lo"}}), CommandError::none);
    InterfaceIndex other_loopback{kLoopback.value, Place::members};
    kernel_.links[other_loopback] = {.index = other_loopback, .name = "lo"};
    kernel_.addresses = {{.link = kLoopback, .address = kElsewhere, .prefix_length = 32},
                         {.link = kLoopback, .address = link_local, .prefix_length = 64, .scope_link = true},
                         {.link = other_loopback, .address = *parse_ip("2001:db8::2"), .prefix_length = 128}};
    EXPECT_FALSE(wanted_route_sources(state_, kernel_, nic("b"))) << "none of these is the host's for others";
    kernel_.addresses.push_back({.link = kLoopback, .address = global, .prefix_length = 128});
    auto sources = wanted_route_sources(state_, kernel_, nic("b"));
    ASSERT_TRUE(sources);
    EXPECT_EQ(*sources, (std::array<std::optional<IpAddress>, 2>{std::nullopt, global}));
    kernel_.links.at(kB).other_sources = {1, 1};
    EXPECT_TRUE(planned(SetRouteSources{kB, Family::ipv6, global}));
    EXPECT_FALSE(planned(SetRouteSources{kB, Family::ipv4, kElsewhere})) << "nobody asked for that";
    nic("a").families[1].plumbed = true;
    run(SetGroup{"a", Family::ipv4, ""});
    nic("a").families[1].addresses = {{.number = 0, .address = link_local, .prefix_length = 64, .up = true}};
    EXPECT_EQ(run(SetRouteSource{"b", Family::ipv6, LogicalName{"a"}}), CommandError::none);
    EXPECT_FALSE(wanted_route_sources(state_, kernel_, nic("b"))) << "a link-local address is for its link";
}

TEST_F(LinkWishes, R_CMD_1_DeprecatedAddressesAreNotPreferredAndComeLast) {
    LogicalAddress deprecated{.number = 1, .address = kFirst, .prefix_length = 24, .up = true, .deprecated = true};
    LogicalAddress other{.number = 2, .address = kSecond, .prefix_length = 24, .up = true};
    nic("b").families[0].addresses = {deprecated, other};
    kernel_.addresses = {{.link = kB, .address = kFirst, .prefix_length = 24},
                         {.link = kB, .address = kSecond, .prefix_length = 24}};
    auto ops = plan(state_, kernel_, AddressIndex(kernel_), {});
    AddAddress put_back{kB, kFirst, 24, {}, false, {}, true};
    EXPECT_NE(std::find(ops.begin(), ops.end(), KernelOp{put_back}), ops.end());

    kernel_.addresses[0].deprecated = true;
    EXPECT_TRUE(planned(RemoveAddress{kB, kFirst, 24}));
    EXPECT_TRUE(planned(AddAddress{kB, kSecond, 24, {}, false, {}, false})) << "it may go with the first";
    std::swap(kernel_.addresses[0], kernel_.addresses[1]);
    EXPECT_TRUE(plan_link_wishes(state_, kernel_).empty());

    nic("b").families[0].addresses[0].no_failover = true;
    std::swap(kernel_.addresses[0], kernel_.addresses[1]);
    EXPECT_TRUE(plan_link_wishes(state_, kernel_).empty()) << "test addresses are kept apart by scope and routes";
}

TEST_F(LinkWishes, R_CMD_1_OnlyAddressesOfItsNetworkThatAreInUseGoBeforeADeprecatedOne) {
    struct Case {
        const char* what;
        std::function<void(LogicalAddress& deprecated, LogicalAddress& other)> differs;
        bool is_reordered;
    };
    const std::vector<Case> cases{
        {"as they are", [](LogicalAddress&, LogicalAddress&) {}, true},
        {"another program's", [](LogicalAddress& deprecated, LogicalAddress&) { deprecated.adopted = true; }, false},
        {"a duplicate", [](LogicalAddress& deprecated, LogicalAddress&) {
             deprecated.uniqueness = Uniqueness::duplicate;
         }, false},
        {"both deprecated", [](LogicalAddress&, LogicalAddress& other) { other.deprecated = true; }, false},
        {"the other being asked for", [](LogicalAddress&, LogicalAddress& other) {
             other.uniqueness = Uniqueness::tentative;
         }, false},
        {"the other down", [](LogicalAddress&, LogicalAddress& other) { other.up = false; }, false},
        {"another network", [](LogicalAddress&, LogicalAddress& other) { other.address = kElsewhere; }, false}};
    for (const Case& one : cases) {
        LogicalAddress deprecated{.number = 1, .address = kFirst, .prefix_length = 24, .up = true, .deprecated = true};
        LogicalAddress other{.number = 2, .address = kSecond, .prefix_length = 24, .up = true};
        one.differs(deprecated, other);
        nic("b").families[0].addresses = {deprecated, other};
        kernel_.addresses = {{.link = kB, .address = *parse_ip("fe80::1"), .prefix_length = 64},
                             {.link = kB, .address = kFirst, .prefix_length = 24},
                             {.link = kA, .address = kElsewhere, .prefix_length = 24},
                             {.link = kB, .address = other.address, .prefix_length = 24}};
        EXPECT_EQ(planned(RemoveAddress{kB, kFirst, 24}), one.is_reordered) << one.what;
    }
    kernel_.addresses[3].prefix_length = 25;
    EXPECT_FALSE(planned(RemoveAddress{kB, kFirst, 24})) << "Linux takes that for another network";
}

TEST_F(LinkWishes, R_CMD_5_ARefusalEndsNoOtherWish) {
    const MacAddress mac{{2, 0, 0, 0, 0, 9}}, former{{2, 0, 0, 0, 0, 8}};
    run(SetMtu{"a", Family::ipv4, 1400});
    run(SetEther{"a", mac});
    forget_refused_wishes(state_, {.failures = {{SetLinkMtu{kA, 9000}, 22, "Invalid argument"},
                                                {SetLinkMtu{{99}, 1400}, 19, "No such device"},
                                                {SetLinkMac{kA, former}, 16, "busy"},
                                                {SetLinkMac{{99}, mac}, 19, "No such device"}}});
    EXPECT_TRUE(planned(SetLinkMtu{kA, 1400}) && planned(SetLinkMac{kA, mac}));
    kernel_.links.at(kA).mac = mac;
    EXPECT_FALSE(planned(SetLinkMac{kA, mac})) << "it has it";
}

TEST_F(LinkWishes, R_CMD_5_PrivateIsKeptWithTheAddress) {
    run(AddLogical{"ipmp0", kFirst, 24});
    EXPECT_EQ(run(SetFlags{{"ipmp0", 1}, Family::ipv4, {}, {}, {}, true}), CommandError::none);
    EXPECT_TRUE(shown("ipmp0").inet->logicals[1].flags & flag::kPrivate);
    EXPECT_EQ(run(SetFlags{{"ipmp0", 1}, Family::ipv4, {}, {}, {}, false}), CommandError::none);
    EXPECT_FALSE(shown("ipmp0").inet->logicals[1].flags & flag::kPrivate);
}

TEST_F(LinkWishes, R_GRP_9_ClassOfServiceOnlyIfAllMembersHaveIt) {
    run(SetGroup{"b", Family::ipv4, "ipmp0"});
    kernel_.links.at(kA).kind = "vlan";
    EXPECT_TRUE(shown("a").inet->logicals[0].flags & flag::kClassOfService);
    EXPECT_FALSE(shown("ipmp0").inet->logicals[0].flags & flag::kClassOfService);
    kernel_.links.at(kB).kind = "vlan";
    EXPECT_TRUE(shown("ipmp0").inet->logicals[0].flags & flag::kClassOfService);
}

}  // namespace
}  // namespace ipmp
