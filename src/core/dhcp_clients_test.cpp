// Which DHCP clients run, and when a command about one is answered (R-DHC-1, R-DHC-4).
#include "core/dhcp_fixture.hpp"
#include "core/name_services.hpp"
#include "core/observe.hpp"

namespace ipmp {
namespace {

TEST_F(DhcpControl, StartIsRefusedWhereThereIsAnAddressOrNoInterface) {
    EXPECT_EQ(run(ControlDhcp{{"x"}}).error, CommandError::no_such_interface);
    run(SetAddress{{"ipmp0"}, kOther, 24, {}});
    EXPECT_EQ(run(ControlDhcp{{"ipmp0"}}).error, CommandError::in_use);
    EXPECT_EQ(run(ControlDhcp{{"a"}, Family::ipv4, DhcpVerb::extend}).error, CommandError::no_dhcp);
    EXPECT_EQ(run(ControlDhcp{{"a"}, Family::ipv4, DhcpVerb::drop}).error, CommandError::no_dhcp);
    EXPECT_EQ(run(ControlDhcp{{"a"}, Family::ipv4, DhcpVerb::release}).error, CommandError::no_dhcp);
    EXPECT_EQ(run(ControlDhcp{{"a"}, Family::ipv4, DhcpVerb::inform}).error, CommandError::invalid_argument);
    EXPECT_TRUE(state_.dhcp_clients.empty());
}

TEST_F(DhcpControl, ExtendIsAnsweredByTheNextLeaseAndReleaseByTheEndOfTheClient) {
    get_lease({"ipmp0"}, kLeased);
    take<Reply>();
    run(ControlDhcp{{"ipmp0"}, Family::ipv4, DhcpVerb::extend});
    EXPECT_EQ(take<SignalDhcpClient>()[0].signal, DhcpSignal::renew);
    EXPECT_TRUE(take<Reply>().empty());
    pass(seconds(10));
    run(bound({"ipmp0"}, kLeased));
    EXPECT_EQ(take<Reply>().size(), 1u);
    EXPECT_EQ(client(kOnGroup)->lease->expires, now_ + seconds(120));
    auto* prolonged = std::get_if<AddAddress>(&orders_.ops.back());
    ASSERT_TRUE(prolonged);
    EXPECT_EQ(prolonged->valid_until, now_ + seconds(120));

    std::uint64_t run_number = client(kOnGroup)->run;
    run(ControlDhcp{{"ipmp0"}, Family::ipv4, DhcpVerb::release});
    EXPECT_EQ(take<SignalDhcpClient>()[0].signal, DhcpSignal::release);
    EXPECT_EQ(on("ipmp0").size(), 1u) << "the client says good-bye from it";
    CommandContext context = this->context();
    dhcp_.file(DhcpClientEnded{kOnGroup, run_number}, context);
    step();
    EXPECT_TRUE(on("ipmp0").empty());
    auto replies = take<Reply>();
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_EQ(replies[0].reply.error, CommandError::none);
}

// dhcpcd cannot renew where it does not see the address: it is started anew in time.
TEST_F(DhcpControl, ATestAddressAndOneThatIsDownAreRenewedByANewClient) {
    get_lease({"a"}, kLeased);
    get_lease({"ipmp0"}, kOther);
    take<StartDhcpClient>();
    pass(seconds(58));
    auto started = take<StartDhcpClient>();
    ASSERT_EQ(started.size(), 1u);
    EXPECT_EQ(started[0].client, kOnA);
    EXPECT_TRUE(client(kOnA)->lease) << "which it keeps meanwhile";
    run(bound({"a"}, kLeased));
    run(SetFlags{{"ipmp0"}, Family::ipv4, false, {}, {}});
    EXPECT_EQ(take<StartDhcpClient>().size(), 1u) << "it would be its turn now";
    run(bound({"ipmp0"}, kOther));
    pass(seconds(59));
    EXPECT_EQ(take<StartDhcpClient>().size(), 2u);
    pass(seconds(1));
    EXPECT_TRUE(take<StartDhcpClient>().empty()) << "once for each lease";
}

TEST_F(DhcpControl, R_VIS_1_AClientFollowsItsNicIntoAnotherNetworkNamespace) {
    get_lease({"a"}, kLeased);
    take<StartDhcpClient>();
    state_.interfaces.at("a").index = {kA.value, Place::members};
    step();
    auto started = take<StartDhcpClient>();
    ASSERT_EQ(started.size(), 1u);
    EXPECT_EQ(started[0].place, Place::members);
    EXPECT_TRUE(client(kOnA)->lease) << "which it keeps meanwhile";
}

TEST_F(DhcpControl, AClientThatEndsIsStartedAgainLaterAndLater) {
    run(ControlDhcp{{"a"}});
    for (int pause_s : {1, 2, 4, 8, 16, 32, 64, 64}) {
        CommandContext context = this->context();
        dhcp_.file(DhcpClientEnded{kOnA, client(kOnA)->run, false, "died"}, context);
        take<StartDhcpClient>();
        step();
        EXPECT_TRUE(take<StartDhcpClient>().empty());
        EXPECT_EQ(dhcp_.deadline(state_), now_ + seconds(pause_s));
        pass(seconds(pause_s));
        EXPECT_EQ(take<StartDhcpClient>().size(), 1u) << pause_s;
    }
    EXPECT_TRUE(is_logged("starting it again in 64 s: died"));
    CommandContext context = this->context();
    dhcp_.file(DhcpClientEnded{kOnA, 7}, context);  // of long ago
    step();
    EXPECT_TRUE(take<StartDhcpClient>().empty());
    EXPECT_EQ(run(bound({"a"}, kLeased)).error, CommandError::none);
    EXPECT_EQ(client(kOnA)->failures, 0u);
    ReportDhcp late = bound({"a"}, kOther);
    --late.run;
    EXPECT_EQ(run(late).error, CommandError::no_dhcp) << "what a former client says does not count";
}

TEST_F(DhcpControl, WithoutAClientProgramDhcpIsGivenUpAndStartSaysSo) {
    run(ControlDhcp{{"a"}});
    CommandContext context = this->context();
    dhcp_.file(DhcpClientEnded{kOnA, client(kOnA)->run, true, "apt install dhcpcd-base"}, context);
    step();
    EXPECT_TRUE(state_.dhcp_clients.empty());
    auto replies = take<Reply>();
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_EQ(replies[0].reply.error, CommandError::no_dhcp_client);
    EXPECT_EQ(replies[0].reply.text, "apt install dhcpcd-base");
}

TEST_F(DhcpControl, InformAsksForAnAddressThatIsThereAndChangesNothing) {
    run(SetAddress{{"ipmp0"}, kOther, 24, {}});
    run(SetFlags{{"ipmp0"}, Family::ipv4, true, {}, {}});
    EXPECT_EQ(run(ControlDhcp{{"ipmp0"}, Family::ipv4, DhcpVerb::inform}).error, CommandError::none);
    auto started = take<StartDhcpClient>();
    ASSERT_EQ(started.size(), 1u);
    EXPECT_TRUE(started[0].inform && started[0].address == kOther && started[0].prefix_length == 24);
    run(ReportDhcp{.logical = {"ipmp0"}, .run = client(kOnGroup)->run, .news = DhcpNews::informed});
    EXPECT_EQ(take<Reply>().size(), 1u);
    run(ControlDhcp{{"ipmp0"}, Family::ipv4, DhcpVerb::drop});
    EXPECT_TRUE(contains(on("ipmp0"), kOther));
}

TEST_F(DhcpControl, ANewDaemonStartsItsClientsAnewAndKeepsTheirLeases) {
    get_lease({"ipmp0"}, kLeased);
    std::uint64_t former = client(kOnGroup)->run;
    for (DhcpClient& restored : state_.dhcp_clients) restored.run = 0;  // as wire/state_codec leaves it
    dhcp_ = Dhcp();
    take<StartDhcpClient>();
    pass(seconds(1));
    auto started = take<StartDhcpClient>();
    ASSERT_EQ(started.size(), 1u);
    EXPECT_GT(started[0].run, former);
    EXPECT_TRUE(contains(on("ipmp0"), kLeased));
}

TEST_F(DhcpControl, AClientGoesWithItsInterfaceWhateverThatIsCalledOrNumbered) {
    get_lease({"a"}, kLeased);
    std::uint32_t iaid = client(kOnA)->iaid;
    take<StartDhcpClient>();
    kernel_.links[kA].name = "z";
    file_observation(state_, kernel_, {});
    step();
    const DhcpKey renamed{{"z"}, Family::ipv4};
    auto started = take<StartDhcpClient>();
    ASSERT_EQ(started.size(), 1u);
    EXPECT_TRUE(started[0].client == renamed && started[0].iaid == iaid);
    EXPECT_EQ(take<SignalDhcpClient>(), (std::vector{SignalDhcpClient{kOnA, DhcpSignal::end}}));
    file_vanished(state_, kA);
    step();
    EXPECT_EQ(take<SignalDhcpClient>(), (std::vector{SignalDhcpClient{renamed, DhcpSignal::end}}));
    EXPECT_TRUE(client(renamed)->lease);
    for (InterfaceIndex index : {InterfaceIndex{20}, InterfaceIndex{21}}) {
        state_.interfaces.at("z").index = index;
        step();
        EXPECT_EQ(take<StartDhcpClient>().size(), 1u) << "another NIC under that name";
    }
}

// The state is lost, and with it who had the lease; the address stays, as the kernel knows when it ends.
TEST_F(DhcpControl, R_DHC_4_WhatAForgottenClientLeftIsTakenOver) {
    for (const IpAddress& granted : {kLeased, kOther}) {
        state_.dhcp_clients.clear();
        state_.groups.at("ipmp0").families[0].addresses = {
            {.address = kLeased, .prefix_length = 24, .up = true, .adopted = true}};
        kernel_.addresses = {{.link = kUpper, .address = kLeased, .prefix_length = 24}};
        EXPECT_EQ(run(ControlDhcp{{"ipmp0"}}).error, CommandError::in_use) << "it is somebody's, without end";
        kernel_.addresses[0].finite_lifetime = true;
        EXPECT_EQ(run(ControlDhcp{{"ipmp0"}}).error, CommandError::none);
        step();
        ASSERT_TRUE(client(kOnGroup)) << "it asks beside that address";
        EXPECT_EQ(run(bound({"ipmp0"}, granted)).error, CommandError::none);
        step();
        ASSERT_TRUE(client(kOnGroup) && client(kOnGroup)->lease);
        ASSERT_EQ(on("ipmp0").size(), 1u);
        EXPECT_EQ(on("ipmp0")[0].address, granted);
        EXPECT_FALSE(on("ipmp0")[0].adopted);
    }
}

TEST_F(DhcpControl, R_DHC_1_NameServersOfTheGroupAreTheHostsAndThoseOfMembersNobodys) {
    NameServices services;
    auto told = [&] {
        services.update(state_, actions_);
        return take<SetNameService>();
    };
    const NameService names{{*parse_ip("192.0.2.53")}, {"example.org"}}, others{{*parse_ip("192.0.2.54")}, {}};
    auto lease = [&](const LogicalName& name, const IpAddress& address, const NameService& said) {
        ReportDhcp report = bound(name, address);
        report.names = said;
        run(report);
        settle();
    };
    run(ControlDhcp{{"ipmp0"}});
    run(ControlDhcp{{"a"}});
    lease({"a"}, kOther, names);
    EXPECT_EQ(told(), std::vector<SetNameService>{});
    lease({"ipmp0"}, kLeased, names);
    EXPECT_EQ(told(), (std::vector{SetNameService{"ipmp0.dhcp", names}}));
    EXPECT_EQ(told(), std::vector<SetNameService>{});
    lease({"ipmp0"}, kLeased, others);
    EXPECT_EQ(told(), (std::vector{SetNameService{"ipmp0.dhcp", others}}));

    NameServices next;  // of a new daemon: tells all once more
    next.resume(state_);
    next.update(state_, actions_);
    EXPECT_EQ(take<SetNameService>(), (std::vector{SetNameService{"ipmp0.dhcp", others}}));
    NameServices late;  // or takes back what holds no longer
    late.resume(state_);
    run(ControlDhcp{{"ipmp0"}, Family::ipv4, DhcpVerb::drop});
    EXPECT_EQ(told(), (std::vector{SetNameService{"ipmp0.dhcp", {}}}));
    late.update(state_, actions_);
    EXPECT_EQ(take<SetNameService>(), (std::vector{SetNameService{"ipmp0.dhcp", {}}}));
}

TEST_F(DhcpControl, WhatAClientCannotDoNowIsRefused) {
    const ControlDhcp start{{"ipmp0"}}, inform{{"ipmp0"}, Family::ipv4, DhcpVerb::inform};
    const ControlDhcp extend{{"ipmp0"}, Family::ipv4, DhcpVerb::extend};
    const ControlDhcp release{{"ipmp0"}, Family::ipv4, DhcpVerb::release};
    run(SetAddress{{"ipmp0"}, kOther, 24, {}});
    EXPECT_EQ(run(inform).error, CommandError::invalid_argument) << "nobody can be answered at an address that is down";
    run(SetFlags{{"ipmp0"}, Family::ipv4, true, {}, {}});
    run(inform);
    EXPECT_EQ(run(start).error, CommandError::in_use) << "it only informs itself";
    EXPECT_EQ(run(release).error, CommandError::no_dhcp) << "and has nothing of the server's";
    run(ControlDhcp{{"ipmp0"}, Family::ipv4, DhcpVerb::drop});
    run(SetAddress{{"ipmp0"}, kZero, 24, {}});

    run(start);
    EXPECT_EQ(run(extend).error, CommandError::no_dhcp) << "there is no lease yet";
    EXPECT_EQ(run(bound({"ipmp0"}, kLeased)).error, CommandError::none);
    EXPECT_EQ(run(inform).error, CommandError::in_use);
    run(release);
    EXPECT_EQ(run(start).error, CommandError::in_use) << "it is about to end";
    EXPECT_EQ(run(bound({"ipmp0"}, kOther)).error, CommandError::none);
    EXPECT_FALSE(contains(on("ipmp0"), kOther)) << "what it is granted meanwhile is not taken";
    state_.groups.at("ipmp0").families[1].plumbed = state_.interfaces.at("c").families[1].plumbed = false;
    EXPECT_EQ(run(ControlDhcp{{"ipmp0"}, Family::ipv6}).error, CommandError::no_such_interface);
    EXPECT_EQ(run(ControlDhcp{{"c"}, Family::ipv6}).error, CommandError::no_such_interface);
    state_.interfaces.at("c").index = {};
    EXPECT_EQ(run(ControlDhcp{{"c"}}).error, CommandError::no_such_interface) << "it is missing";
}

TEST_F(DhcpControl, WhoStartsWhatHasALeaseAlreadyWaitsForNothingThatIsDown) {
    get_lease({"ipmp0"}, kLeased);
    run(SetFlags{{"ipmp0"}, Family::ipv4, false, {}, {}});
    kernel_.addresses.clear();
    take<Reply>();
    run(ControlDhcp{{"ipmp0"}});
    EXPECT_EQ(take<Reply>().size(), 1u);
}

TEST_F(DhcpControl, NobodySpeaksForAClientThatDoesNotRun) {
    run(ControlDhcp{{"a"}});
    CommandContext context = this->context();
    dhcp_.file(DhcpClientEnded{kOnA, client(kOnA)->run, false, "died"}, context);
    step();
    ReportDhcp report{.logical = {"a"}, .run = 0, .address = kLeased};
    EXPECT_EQ(run(report).error, CommandError::no_dhcp);
    EXPECT_TRUE(on("a").empty());
}

TEST_F(DhcpControl, StartBringsANicUpAndMakesAClientThePrimaryOne) {
    state_.interfaces.at("c").admin_up = false;
    run(ControlDhcp{{"c"}});
    const DhcpKey on_c{{"c"}, Family::ipv4};
    ASSERT_TRUE(client(on_c));
    EXPECT_FALSE(client(on_c)->primary);
    EXPECT_EQ(orders_.ops, (std::vector<KernelOp>{SetLinkUp{kC, true}}));
    for (bool primary : {true, false}) {
        EXPECT_EQ(run(ControlDhcp{{"c"}, Family::ipv4, DhcpVerb::start, primary}).error, CommandError::none);
        EXPECT_TRUE(client(on_c)->primary) << "until it is dropped";
    }
    EXPECT_EQ(take<StartDhcpClient>().size(), 1u);
}

TEST_F(DhcpControl, InformAsksAnewEachTimeItIsToldTo) {
    run(SetAddress{{"ipmp0"}, kOther, 24, {}});
    run(SetFlags{{"ipmp0"}, Family::ipv4, true, {}, {}});
    const ControlDhcp inform{{"ipmp0"}, Family::ipv4, DhcpVerb::inform};
    for (int time : {1, 2}) {
        EXPECT_EQ(run(inform).error, CommandError::none);
        EXPECT_EQ(take<StartDhcpClient>().size(), 1u) << time;
        EXPECT_TRUE(take<Reply>().empty()) << time;
        Status status;
        describe_dhcp(state_, status);
        EXPECT_EQ(status.dhcp.at(0).state, DhcpPhase::inform_sent);
        EXPECT_EQ(status.dhcp.at(0).address, std::nullopt);
        run(bound({"ipmp0"}, kLeased));
        EXPECT_FALSE(contains(on("ipmp0"), kLeased)) << "it asked for no lease";
        run(ReportDhcp{.logical = {"ipmp0"}, .run = client(kOnGroup)->run, .news = DhcpNews::informed});
        EXPECT_EQ(take<Reply>().size(), 1u) << time;
        status = {};
        describe_dhcp(state_, status);
        EXPECT_EQ(status.dhcp.at(0).state, DhcpPhase::information);
    }
    run(SetAddress{{"ipmp0"}, kZero, 24, {}});
    EXPECT_TRUE(state_.dhcp_clients.empty()) << "without an address there is nothing to inform oneself for";
    EXPECT_EQ(run(ControlDhcp{{"ipmp0"}, Family::ipv6, DhcpVerb::inform}).error, CommandError::none);
    auto started = take<StartDhcpClient>();
    ASSERT_EQ(started.size(), 1u);
    EXPECT_TRUE(started[0].inform && started[0].address.is_zero()) << "DHCPv6 asks from a link-local address";
}

TEST_F(DhcpControl, AReleaseEndsWithTheClientHoweverThatEndsAndIsAskedForOnce) {
    const ControlDhcp release{{"a"}, Family::ipv4, DhcpVerb::release};
    get_lease({"a"}, kLeased);
    run(release);
    take<StartDhcpClient>();
    Status status;
    describe_dhcp(state_, status);
    EXPECT_EQ(status.dhcp.at(0).state, DhcpPhase::releasing);
    EXPECT_EQ(take<SignalDhcpClient>(), (std::vector{SignalDhcpClient{kOnA, DhcpSignal::release}}));
    run(ControlDhcp{{"a"}, Family::ipv4, DhcpVerb::extend});
    pass(seconds(59));
    EXPECT_TRUE(take<SignalDhcpClient>().empty() && take<StartDhcpClient>().empty()) << "nor is it renewed any more";
    file_vanished(state_, kA);
    take<Reply>();
    step();
    EXPECT_TRUE(state_.dhcp_clients.empty() && on("a").empty()) << "there is nobody to wait for";
    EXPECT_EQ(take<Reply>().size(), 2u);

    get_lease({"b"}, kLeased);
    CommandContext context = this->context();
    const DhcpKey on_b{{"b"}, Family::ipv4};
    dhcp_.file(DhcpClientEnded{on_b, client(on_b)->run, false, "died"}, context);
    run(ControlDhcp{{"b"}, Family::ipv4, DhcpVerb::release});
    EXPECT_TRUE(state_.dhcp_clients.empty() && on("b").empty()) << "none runs that could tell the server";

    get_lease({"c"}, kLeased);
    run(ControlDhcp{{"c"}, Family::ipv4, DhcpVerb::release});
    run(Unplumb{"c", Family::ipv4});
    EXPECT_TRUE(state_.dhcp_clients.empty()) << "its interface is unplumbed";
}

TEST_F(DhcpControl, WhoWaitsIsToldWhenDhcpIsDroppedMeanwhile) {
    run(ControlDhcp{{"ipmp0"}});
    EXPECT_EQ(run(ControlDhcp{{"ipmp0"}, Family::ipv4, DhcpVerb::drop}).error, CommandError::none);
    auto replies = take<Reply>();
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_EQ(replies[0].reply.error, CommandError::no_dhcp);
    ReportDhcp late{.logical = {"ipmp0"}, .run = 1, .address = kLeased};
    EXPECT_EQ(run(late).error, CommandError::no_dhcp) << "nor does its client say anything any more";
    CommandContext context = this->context();
    dhcp_.file(DhcpClientEnded{kOnGroup, 1, true, "gone"}, context);
    EXPECT_TRUE(log_.empty()) << "it was to end";
}

TEST_F(DhcpControl, ClientsAreShownInTheOrderOfInterfacesNumbersAndFamilies) {
    add_link({12}, "c10");
    Interface& other = state_.interfaces["c10"] = state_.interfaces.at("c");
    other.name = "c10", other.index = {12};
    run(Plumb{"c", Family::ipv4, 1});
    const std::vector<DhcpKey> keys{{{"c10"}, Family::ipv4}, {{"c", 1}, Family::ipv4}, {{"c"}, Family::ipv6},
                                    {{"c"}, Family::ipv4}, {{"a"}, Family::ipv4}};
    for (const DhcpKey& key : keys) run(ControlDhcp{key.logical, key.family});
    Status status;
    describe_dhcp(state_, status);
    std::vector<DhcpKey> shown;
    for (const DhcpStatus& one : status.dhcp) shown.push_back({{one.interface, one.number}, one.family});
    EXPECT_EQ(shown, (std::vector<DhcpKey>{{{"a"}, Family::ipv4}, {{"c"}, Family::ipv4}, {{"c"}, Family::ipv6},
                                           {{"c", 1}, Family::ipv4}, {{"c10"}, Family::ipv4}}));
}

}  // namespace
}  // namespace ipmp
