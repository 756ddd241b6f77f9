// What becomes of leases, who ends DHCP control and who does not (R-DHC-1..6).
#include "core/dhcp_fixture.hpp"
#include "core/snapshot.hpp"
#include "model/interface_flags.hpp"

namespace ipmp {
namespace {

TEST_F(DhcpControl, R_DHC_1_ALeaseOnTheGroupIsADataAddressWithRoutes) {
    EXPECT_EQ(run(ControlDhcp{{"ipmp0"}}).error, CommandError::none);
    auto started = take<StartDhcpClient>();
    ASSERT_EQ(started.size(), 1u);
    EXPECT_TRUE(started[0].broadcast);
    EXPECT_TRUE(take<Reply>().empty());
    run(bound({"ipmp0"}, kLeased));
    ASSERT_EQ(on("ipmp0").size(), 1u);
    const LogicalAddress& logical = on("ipmp0")[0];
    EXPECT_TRUE(logical.number == 0 && logical.address == kLeased && logical.prefix_length == 24 && logical.up);
    EXPECT_TRUE(!logical.no_failover && !logical.deprecated);
    EXPECT_EQ(logical.uniqueness, Uniqueness::tentative) << "as for every data address the link is asked first";
    EXPECT_TRUE(take<Reply>().empty()) << "not usable before it is in the kernel";
    settle();
    EXPECT_EQ(take<Reply>().size(), 1u);
    std::set<RouteState> routes;
    add_leased_routes(state_, kernel_, routes);
    EXPECT_EQ(routes, (std::set<RouteState>{{kZero, 0, kUpper, kMainTable, kRouter, 1010}}));
    EXPECT_EQ(address_op(state_, kUpper, logical, false).valid_until, now_ + seconds(120));
    EXPECT_EQ(run(ControlDhcp{{"ipmp0"}}).error, CommandError::none);
    EXPECT_EQ(take<Reply>().size(), 1u) << "it has a lease already";
    EXPECT_TRUE(take<StartDhcpClient>().empty());
    Status status;
    describe_dhcp(state_, status);
    ASSERT_EQ(status.dhcp.size(), 1u);
    EXPECT_EQ(status.dhcp[0].state, DhcpPhase::bound);
    EXPECT_EQ(status.dhcp[0].expires_ms, 1120000u);
    for (const PlumbedInterface& plumbed : plumbed_interfaces(state_, kernel_, AddressIndex(kernel_))) {
        bool shown = plumbed.name != "ipmp0" || (plumbed.inet->logicals[0].flags & flag::kDhcp);
        EXPECT_TRUE(shown);
    }
}

TEST_F(DhcpControl, R_DHC_2_ALeaseOnAMemberIsATestAddressWithoutRoutes) {
    run(ControlDhcp{{"a"}});
    auto started = take<StartDhcpClient>();
    ASSERT_EQ(started.size(), 1u);
    EXPECT_FALSE(started[0].broadcast);
    run(bound({"a"}, kLeased));
    settle();
    const LogicalAddress& logical = on("a")[0];
    EXPECT_TRUE(logical.no_failover && logical.deprecated && logical.up);
    EXPECT_EQ(logical.uniqueness, Uniqueness::settled);
    EXPECT_TRUE(client(kOnA)->lease->routes.empty());
    EXPECT_EQ(address_op(state_, kA, logical, true).prefix_length, 32);
    run(ControlDhcp{{"b"}});
    EXPECT_NE(take<StartDhcpClient>()[0].iaid, started[0].iaid) << "one DUID, so the IAID makes the difference";
}

TEST_F(DhcpControl, R_DHC_3_AFiniteLeaseOfATestAddressIsWarnedAboutOnceAndItsEndIsTold) {
    get_lease({"ipmp0"}, kOther);
    EXPECT_FALSE(is_logged("give test addresses leases without end"));
    get_lease({"a"}, kLeased, 120);
    EXPECT_TRUE(is_logged("lease of test address 192.0.2.100/24 of a is for 120 s only"));
    log_.clear();
    run(bound({"a"}, kLeased));
    EXPECT_TRUE(log_.empty()) << "a renewal is no news";
    EXPECT_EQ(dhcp_.deadline(state_), now_ + seconds(58)) << "it asks before the server's time for it";
    pass(seconds(120));
    EXPECT_TRUE(is_logged("the DHCP lease of 192.0.2.100 of a has ended: back to link-based failure detection"));
    EXPECT_TRUE(on("a").empty());
    EXPECT_EQ(orders_.doomed.size(), 2u);
    EXPECT_TRUE(client(kOnA)) << "and goes on asking";
    log_.clear();
    get_lease({"b"}, kLeased, {});
    EXPECT_FALSE(is_logged("give test addresses leases without end"));
    EXPECT_FALSE(client({{"b"}, Family::ipv4})->lease->expires);
}

TEST_F(DhcpControl, R_DHC_4_DownOfflineAndTheLossOfAllNicsDoNotEndALease) {
    get_lease({"ipmp0"}, kLeased);
    get_lease({"a"}, kOther);
    auto has_both = [&] { return client(kOnGroup) && client(kOnGroup)->lease && client(kOnA) && client(kOnA)->lease; };
    run(SetFlags{{"ipmp0"}, Family::ipv4, false, {}, {}});
    EXPECT_TRUE(has_both());
    run(bound({"ipmp0"}, kLeased));
    EXPECT_FALSE(on("ipmp0")[0].up) << "a renewal does not set it up";
    run(SetFlags{{"ipmp0"}, Family::ipv4, true, {}, {}});
    EXPECT_TRUE(has_both());
    state_.interfaces.at("a").offline = true;
    step();
    EXPECT_TRUE(has_both());
    for (auto& [name, nic] : state_.interfaces) nic.carrier = false, nic.failed = true;
    step();
    EXPECT_TRUE(has_both());
    EXPECT_TRUE(take<SignalDhcpClient>().empty());
}

TEST_F(DhcpControl, R_DHC_4_WhoConfiguresItOtherwiseTakesItFromDhcp) {
    struct Case {
        Command change;
        bool stays;  // the address, as somebody wants it
    };
    const std::vector<Case> cases{{Unplumb{"ipmp0", Family::ipv4, 1}, false},
                                  {SetAddress{{"ipmp0", 1}, kOther, 24, {}}, false},
                                  {SetNetmask{{"ipmp0", 1}, Family::ipv4, 25}, true},
                                  {SetAddress{{"ipmp0", 1}, kLeased, 24, kRouter}, true}};
    for (const Case& change : cases) {
        run(Plumb{"ipmp0", Family::ipv4, 1});
        get_lease({"ipmp0", 1}, kLeased);
        EXPECT_TRUE(state_.dhcp_clients[0].lease->routes.empty()) << "R-DHC-6: only the zeroth brings routes";
        log_.clear();
        orders_ = {};
        take<SignalDhcpClient>();
        EXPECT_EQ(run(change.change).error, CommandError::none);
        EXPECT_TRUE(state_.dhcp_clients.empty());
        EXPECT_TRUE(is_logged("ipmp0 is no longer under DHCP control"));
        EXPECT_EQ(take<SignalDhcpClient>(), (std::vector{SignalDhcpClient{{{"ipmp0", 1}}, DhcpSignal::end}}));
        EXPECT_EQ(contains(on("ipmp0"), kLeased), change.stays);
        bool prolonged = std::any_of(orders_.ops.begin(), orders_.ops.end(), [](const KernelOp& op) {
            const AddAddress* add = std::get_if<AddAddress>(&op);
            return add && !add->valid_until;
        });
        EXPECT_EQ(prolonged, change.stays) << "it does not end by itself any more";
        if (contains(on("ipmp0"), kLeased)) run(RemoveLogical{"ipmp0", kLeased});
        if (contains(on("ipmp0"), kOther)) run(RemoveLogical{"ipmp0", kOther});
    }
}

TEST_F(DhcpControl, R_DHC_4_AnotherGroupEndsTheLeaseOfAMember) {
    get_lease({"a"}, kLeased);
    run(SetGroup{"a", Family::ipv4, ""});
    EXPECT_TRUE(state_.dhcp_clients.empty());
    EXPECT_TRUE(on("a").empty()) << "nobody renews it, so nobody uses it";
    get_lease({"c"}, kLeased);
    EXPECT_EQ(client({{"c"}, Family::ipv4})->lease->routes.size(), 1u);
    CommandReply refused = run(SetGroup{"c", Family::ipv4, "ipmp0"});
    EXPECT_EQ(refused.error, CommandError::address_managed);
    EXPECT_NE(refused.text.find("c has data addresses managed by a DHCP client (192.0.2.100)"), std::string::npos);
}

TEST_F(DhcpControl, R_DHC_5_ALeaseForIpv6GetsALogicalInterfaceOfItsOwn) {
    EXPECT_EQ(run(ControlDhcp{{"ipmp0", 1}, Family::ipv6}).error, CommandError::invalid_argument);
    get_lease({"ipmp0"}, kLeased6);
    ASSERT_EQ(on("ipmp0", Family::ipv6).size(), 1u);
    EXPECT_EQ(on("ipmp0", Family::ipv6)[0].number, 1u);
    run(ControlDhcp{{"ipmp0"}, Family::ipv6, DhcpVerb::drop});
    EXPECT_TRUE(on("ipmp0", Family::ipv6).empty());
    run(ControlDhcp{{"a"}, Family::ipv6});
    run(bound({"a"}, kLeased6));
    EXPECT_TRUE(on("a", Family::ipv6)[0].no_failover);
}

TEST_F(DhcpControl, R_DHC_6_ALogicalInterfaceHasItsOwnClientAndOutlivesItsLease) {
    EXPECT_EQ(run(ControlDhcp{{"ipmp0", 1}}).error, CommandError::no_such_interface);
    run(Plumb{"ipmp0", Family::ipv4, 1});
    get_lease({"ipmp0"}, kLeased);
    get_lease({"ipmp0", 1}, kOther);
    auto started = take<StartDhcpClient>();
    ASSERT_EQ(started.size(), 2u);
    EXPECT_NE(started[0].iaid, started[1].iaid);
    run(ControlDhcp{{"ipmp0", 1}, Family::ipv4, DhcpVerb::drop});
    ASSERT_EQ(on("ipmp0").size(), 2u);
    EXPECT_TRUE(on("ipmp0")[1].address.is_zero());
}

TEST_F(DhcpControl, AnAddressOfAnotherHostIsGivenUpAndAskedForAgainLater) {
    get_lease({"ipmp0"}, kLeased);
    take<StartDhcpClient>();
    state_.groups.at("ipmp0").families[0].addresses[0].uniqueness = Uniqueness::duplicate;
    step();
    EXPECT_TRUE(on("ipmp0").empty());
    EXPECT_EQ(take<SignalDhcpClient>().size(), 1u);
    pass(seconds(9));
    EXPECT_TRUE(take<StartDhcpClient>().empty());
    pass(seconds(1));
    EXPECT_EQ(take<StartDhcpClient>().size(), 1u);
    run(AddLogical{"a", kOther, 24});
    EXPECT_EQ(run(bound({"ipmp0"}, kOther)).error, CommandError::in_use) << "of this host itself";
    EXPECT_FALSE(client(kOnGroup)->lease);
}

TEST_F(DhcpControl, AServerThatRefusesTakesTheLeaseAway) {
    get_lease({"ipmp0"}, kLeased);
    run(bound({"ipmp0"}, kOther));
    EXPECT_TRUE(is_logged("192.0.2.100 of ipmp0 is replaced by another one"));
    EXPECT_TRUE(contains(on("ipmp0"), kOther) && !contains(on("ipmp0"), kLeased));
    ReportDhcp refused{.logical = {"ipmp0"}, .run = client(kOnGroup)->run, .news = DhcpNews::refused};
    run(refused);
    EXPECT_TRUE(on("ipmp0").empty());
    EXPECT_TRUE(client(kOnGroup));
}

TEST_F(DhcpControl, R_DHC_1_ARenewalThatSaysSomethingElseIsFollowed) {
    get_lease({"ipmp0"}, kLeased);
    EXPECT_EQ(on("ipmp0")[0].broadcast, broadcast_of(kLeased, 24));
    ReportDhcp renewal = bound({"ipmp0"}, kLeased);
    renewal.prefix_length = 25;
    EXPECT_EQ(run(renewal).error, CommandError::none);
    EXPECT_EQ(on("ipmp0")[0].prefix_length, 25);
    renewal.broadcast = *parse_ip("192.0.2.111");
    EXPECT_EQ(run(renewal).error, CommandError::none);
    EXPECT_EQ(on("ipmp0")[0].broadcast, renewal.broadcast);
    orders_ = {};
    renewal.prefix_length = 0, renewal.broadcast.reset();
    EXPECT_EQ(run(renewal).error, CommandError::none);
    EXPECT_TRUE(on("ipmp0")[0].prefix_length == 25 && on("ipmp0")[0].broadcast == *parse_ip("192.0.2.111"))
        << "a server that says nothing changes nothing";
    EXPECT_TRUE(orders_.doomed.empty());
    EXPECT_TRUE(client(kOnGroup) && client(kOnGroup)->lease);
    EXPECT_EQ(on("ipmp0").size(), 1u);
}

TEST_F(DhcpControl, R_DHC_1_AServerThatNamesNoMaskGivesThatOfTheAddressClass) {
    run(ControlDhcp{{"ipmp0"}});
    ReportDhcp report = bound({"ipmp0"}, kLeased);
    report.prefix_length = 0;
    EXPECT_EQ(run(report).error, CommandError::none);
    EXPECT_EQ(on("ipmp0")[0].prefix_length, 24);
}

TEST_F(DhcpControl, R_DHC_5_RenewalsForIpv6KeepTheLogicalInterfaceAndRefusalsLeaveNone) {
    get_lease({"ipmp0"}, kLeased6);
    ReportDhcp renewal = bound({"ipmp0"}, kLeased6);
    renewal.prefix_length = 64;
    for (int time : {1, 2}) {
        EXPECT_EQ(run(renewal).error, CommandError::none) << time;
        ASSERT_EQ(on("ipmp0", Family::ipv6).size(), 1u);
        EXPECT_TRUE(on("ipmp0", Family::ipv6)[0].number == 1 && on("ipmp0", Family::ipv6)[0].prefix_length == 64);
    }
    run(ControlDhcp{{"c"}, Family::ipv6});
    EXPECT_EQ(run(bound({"c"}, kLeased6)).error, CommandError::in_use) << "the group has it";
    EXPECT_TRUE(on("c", Family::ipv6).empty());
    EXPECT_TRUE(is_logged("cannot be used on c"));
}

TEST_F(DhcpControl, R_DHC_4_WhoMakesADataAddressOfALeasedTestAddressTakesItFromDhcp) {
    get_lease({"a"}, kLeased);
    run(SetFlags{{"a"}, Family::ipv4, {}, false, {}});
    EXPECT_TRUE(state_.dhcp_clients.empty());
    EXPECT_TRUE(is_logged("a is no longer under DHCP control"));
    EXPECT_TRUE(contains(on("a"), kLeased)) << "as a data address, which the group takes";
}

TEST_F(DhcpControl, R_DHC_4_WhatIsTakenAwayBelowAClientEndsIt) {
    run(Plumb{"ipmp0", Family::ipv4, 1});
    run(ControlDhcp{{"ipmp0", 1}});
    run(Unplumb{"ipmp0", Family::ipv4, 1});
    EXPECT_TRUE(state_.dhcp_clients.empty()) << "its logical interface";

    get_lease({"c"}, kLeased);
    run(Unplumb{"c", Family::ipv4});
    EXPECT_TRUE(state_.dhcp_clients.empty()) << "the whole interface";
    EXPECT_EQ(take<SignalDhcpClient>().size(), 2u);
    state_.interfaces.at("c").families[0].plumbed = true;

    get_lease({"c"}, kLeased);
    run(Plumb{"c", Family::ipv4, 1});
    run(SetAddress{{"c", 1}, kOther, 24, {}});
    run(SetFlags{{"c"}, Family::ipv4, false, {}, {}});
    orders_ = {};
    run(SetNetmask{{"c"}, Family::ipv4, 25});
    EXPECT_TRUE(state_.dhcp_clients.empty());
    EXPECT_TRUE(contains(on("c"), kLeased)) << "the address is somebody's now";
    for (const KernelOp& op : orders_.ops) EXPECT_FALSE(std::holds_alternative<AddAddress>(op)) << "down as before";
}

TEST_F(DhcpControl, R_DHC_4_WhatIsChangedBeforeTheIpmpInterfaceIsMadeIsNotInTheKernelYet) {
    get_lease({"ipmp0"}, kLeased);
    state_.groups.at("ipmp0").upper = {};
    orders_ = {};
    run(SetNetmask{{"ipmp0"}, Family::ipv4, 25});
    EXPECT_TRUE(state_.dhcp_clients.empty());
    EXPECT_TRUE(orders_.ops.empty());
    EXPECT_TRUE(contains(on("ipmp0"), kLeased));
}

TEST_F(DhcpControl, R_DHC_4_ANicThatVanishesTakesNoLeaseAndLosesNone) {
    run(ControlDhcp{{"c"}});
    ReportDhcp report = bound({"c"}, kLeased);
    CommandContext context = this->context();
    state_.interfaces.at("c").index = {};
    EXPECT_EQ(carry_out(report, context).error, CommandError::no_such_interface);
    step();
    const DhcpKey on_c{{"c"}, Family::ipv4};
    ASSERT_TRUE(client(on_c));
    EXPECT_FALSE(client(on_c)->lease);
    state_.interfaces.at("c").index = kC;
    pass(seconds(10));
    EXPECT_EQ(run(bound({"c"}, kLeased)).error, CommandError::none) << "as soon as it is back";
}

TEST_F(DhcpControl, R_DHC_1_EachLeaseHasItsOwnRoutesAndEnd) {
    run(Plumb{"ipmp0", Family::ipv4, 1});
    get_lease({"c"}, kOther, 60);
    get_lease({"ipmp0"}, kLeased, 120);
    EXPECT_EQ(leased_routes(state_, kOther, kC), (std::set<RouteState>{{kZero, 0, kC, kMainTable, kRouter, 1003}}));
    EXPECT_EQ(end_of_lease(state_, kOther), now_ + seconds(60));
    EXPECT_EQ(end_of_lease(state_, kLeased), now_ + seconds(120));
    EXPECT_TRUE(leased_routes(state_, kRouter, kUpper).empty());
    ReportDhcp refused{.logical = {"c"}, .run = client({{"c"}, Family::ipv4})->run, .news = DhcpNews::refused};
    run(refused);
    log_.clear();
    run(refused);
    EXPECT_TRUE(log_.empty()) << "it had none any more";
    EXPECT_TRUE(leased_routes(state_, kOther, kC).empty());
    EXPECT_EQ(run(Stop{.purge = true}).error, CommandError::none);
    EXPECT_TRUE(state_.dhcp_clients.empty());
}

}  // namespace
}  // namespace ipmp
