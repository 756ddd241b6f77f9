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

// As before a daemon has seen the kernel: commands come, and nothing is done about them yet.
TEST_F(DhcpControl, WhoWaitsForAClientThatAnotherHasReplacedIsTold) {
    CommandContext context = this->context();
    auto answer = [&](DhcpVerb awaited, const std::vector<Command>& commands) -> std::optional<CommandError> {
        ControlDhcp wait{{"ipmp0"}, Family::ipv4, awaited};
        dhcp_.await({7, carry_out(wait, context)}, wait, state_);
        for (const Command& command : commands) EXPECT_EQ(carry_out(command, context).error, CommandError::none);
        step();
        auto replies = take<Reply>();
        if (replies.size() != 1) return {};
        return replies[0].reply.error;
    };
    ControlDhcp drop{{"ipmp0"}, Family::ipv4, DhcpVerb::drop}, start{{"ipmp0"}, Family::ipv4, DhcpVerb::start};
    get_lease({"ipmp0"}, kLeased);
    take<Reply>();
    EXPECT_EQ(answer(DhcpVerb::extend, {drop, start}), CommandError::no_dhcp) << "another lease is not extended";
    run(drop);
    get_lease({"ipmp0"}, kLeased);
    take<Reply>();
    EXPECT_EQ(answer(DhcpVerb::release, {drop, start}), CommandError::none) << "what was to be released is gone";
    run(drop);
    EXPECT_EQ(answer(DhcpVerb::start, {drop, SetAddress{{"ipmp0"}, kOther, 24, {}},
                                       SetFlags{{"ipmp0"}, Family::ipv4, true, {}, {}},
                                       ControlDhcp{{"ipmp0"}, Family::ipv4, DhcpVerb::inform}}),
              CommandError::no_dhcp);
}

TEST_F(DhcpControl, WhoWaitsForALeaseOfANicThatIsUnpluggedIsTold) {
    run(ControlDhcp{{"a"}, Family::ipv4});
    EXPECT_TRUE(take<Reply>().empty());
    state_.interfaces.at("a").index = {};
    step();
    auto replies = take<Reply>();
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_EQ(replies[0].reply.error, CommandError::no_such_interface);
    EXPECT_NE(client({{"a"}, Family::ipv4}), nullptr) << "it asks for one once the NIC is back";
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
// A missing NIC's clients wait for it; who is called so now has its own, or takes over its configuration with them.
class DhcpRenames : public DhcpControl {
  protected:
    // b is missing, and `name` is called so; `keeper` is whose client is left.
    void rename_to_b(const std::string& name, const std::string& keeper) {
        run(ControlDhcp{{name}, Family::ipv4});
        run(ControlDhcp{{"b"}, Family::ipv4});
        std::uint32_t kept = client({{keeper}, Family::ipv4})->iaid;
        file_vanished(state_, kB);
        kernel_.links.erase(kB);
        kernel_.links.at(state_.interfaces.at(name).index).name = "b";
        file_observation(state_, kernel_, {});
        ASSERT_EQ(state_.dhcp_clients.size(), 1u);
        EXPECT_EQ(state_.dhcp_clients[0].key, (DhcpKey{{"b"}, Family::ipv4}));
        EXPECT_EQ(state_.dhcp_clients[0].iaid, kept);
        step();
        take<StartDhcpClient>();
        step();
        EXPECT_TRUE(take<StartDhcpClient>().empty()) << "it runs";
    }
};
TEST_F(DhcpRenames, AMemberCalledAsAMissingOneKeepsItsClient) { rename_to_b("a", "a"); }
TEST_F(DhcpRenames, WhoTakesTheMissingOnesPlaceTakesItsClient) { rename_to_b("c", "b"); }

TEST_F(DhcpControl, R_DHC_4_WhatAForgottenClientLeftIsTakenOver) {
    for (const IpAddress& granted : {kLeased, kOther}) {
        state_.dhcp_clients.clear();
        state_.groups.at("ipmp0").families[0].addresses = {
            {.address = kLeased, .prefix_length = 24, .broadcast = parse_ip("192.0.2.255"), .up = true,
             .adopted = true}};
        kernel_.addresses = {{.link = kUpper, .address = kLeased, .prefix_length = 24}};
        orders_ = {};
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
        bool stays = granted == kLeased;
        EXPECT_EQ(orders_.doomed.empty(), stays) << "traffic goes on";
        ASSERT_EQ(orders_.ops.size(), 1u);
        EXPECT_EQ(std::holds_alternative<AddAddress>(orders_.ops[0]), stays) << "and it lasts as long as the new lease";
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

}  // namespace
}  // namespace ipmp
