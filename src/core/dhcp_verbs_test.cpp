// What administrators may ask of a DHCP client in each of its phases, what it answers, and how clients are shown
// (R-DHC-1, R-DHC-4).
#include "core/dhcp_fixture.hpp"
#include "core/observe.hpp"

namespace ipmp {
namespace {

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
