// Probing of many members as one: who is probed whom, when anything is due, what is concluded of members and groups.
#include "core/probing/probing_fixture.hpp"

namespace ipmp {

namespace {

TEST_F(ProbingOfAGroup, R_ADR_4_OnlyTestAddressesThatTheKernelHoldsAreProbedFrom) {
    set_up(4);
    nic("e1").families[0].addresses[0].no_failover = false;
    nic("e2").families[0].addresses[0].up = false;
    kernel_.addresses[3].tentative = true;
    auto watched = only<WatchProbes>(whole_step(true));
    ASSERT_EQ(watched.size(), 1U);
    EXPECT_EQ(watched[0].sources, (std::vector{ProbeSource{InterfaceIndex{1}, *parse_ip("10.0.0.1")}}));
    EXPECT_EQ(nic("e0").probe, ProbeHealth::ok);
    EXPECT_EQ(nic("e1").probe, ProbeHealth::disabled);
    nic("e0").offline = true;
    EXPECT_TRUE(only<WatchProbes>(whole_step()).at(0).sources.empty());
    EXPECT_FALSE(probing_.deadline()) << "nobody is left";
}

TEST_F(ProbingOfAGroup, R_DET_3_RoutersOnTheLinkAreTargetsAndNobodyElse) {
    set_up(2);
    kernel_.target_routes.push_back({InterfaceIndex{1000}, *parse_ip("10.9.0.1")});  // not on the link
    kernel_.target_routes.push_back({InterfaceIndex{1000}, *parse_ip("10.0.1.1")});  // the test address of e1
    kernel_.target_routes.push_back({InterfaceIndex{77}, *parse_ip("10.0.77.1")});   // by a link of no group
    whole_step(true);
    Status status;
    status.interfaces = {{.name = "e0"}};
    probing_.describe(state_, status);
    ASSERT_EQ(status.targets.size(), 1U);
    EXPECT_EQ(status.targets[0].mode, TargetMode::routes);
    EXPECT_EQ(status.targets[0].targets, std::vector{kRouter});
}

// What keeps the cost of hundreds of NICs down: 200 of them, once an interval each, in 16 moments and as many ends of
// probes that were answered long before.
TEST_F(ProbingOfAGroup, R_DET_2_ManyNicsAreProbedInFewTurns) {
    set_up(200);
    whole_step(true);
    Duration interval = user_interval(config_);
    run_for(3 * interval);
    std::size_t turns = 0, sent = 0;
    for (Instant end = now_ + 10 * interval; now_ < end; ++turns) sent += tick();
    EXPECT_NEAR(static_cast<double>(sent), 10 * 200, 40);
    EXPECT_LE(turns, 10U * 2 * 16 + 2);
    EXPECT_EQ(sum().lost + sum().missed, 0U);
}

TEST_F(ProbingOfAGroup, R_DET_2_TimeThatTheDaemonLostIsGivenBack) {
    set_up(1);
    whole_step(true);
    run_for(5s);
    deaf_ = {InterfaceIndex{1}};
    while (tick() == 0) {}
    Instant sent = now_;
    tick(3s);  // whatever was due then
    EXPECT_EQ(sum().lost, 0U) << "open for " << (now_ - sent) / 1ms << " ms, but the daemon was deaf for three seconds";
    run_for(3s);
    EXPECT_GT(sum().lost, 0U);
}

TEST_F(ProbingOfAGroup, R_DET_6_AFamilyThatCannotSendLeavesTheVerdictToTheOther) {
    set_up(2);
    set_up_ipv6(2);
    whole_step(true);
    run_for(60s);
    unsent_ = {Family::ipv6};
    run_for(60s);
    EXPECT_FALSE(nic("e0").probe_failed || nic("e1").probe_failed) << "IPv4 is answered";
    auto logs = only<Log>(logged_);
    ASSERT_EQ(logs.size(), 1U) << "said once";
    EXPECT_NE(logs[0].text.find("net.ipv6.neigh.default.gc_thresh3"), std::string::npos) << logs[0].text;
    deaf_ = {InterfaceIndex{1}};
    Instant broken = now_;
    while (!nic("e0").probe_failed && now_ < broken + config_.failure_detection_time) tick();
    EXPECT_TRUE(nic("e0").probe_failed);
    EXPECT_FALSE(nic("e1").probe_failed);
    unsent_ = {Family::ipv4, Family::ipv6};
    run_for(60s);
    EXPECT_FALSE(nic("e1").probe_failed) << "nothing is known";
}

TEST_F(ProbingOfAGroup, R_DET_4_AWitnessTellsADeadNicFromADeadTarget) {
    set_up(2);
    whole_step(true);
    run_for(60s);
    deaf_ = {InterfaceIndex{1}};
    Instant broken = now_;
    while (!nic("e0").probe_failed && now_ < broken + config_.failure_detection_time) tick();
    EXPECT_TRUE(nic("e0").probe_failed);
    EXPECT_FALSE(nic("e1").probe_failed);
    EXPECT_LE(now_ - broken, 13 * Duration(user_interval(config_)) / 2);
    deaf_.clear();
    Instant healed = now_;
    while (nic("e0").probe_failed && now_ < healed + 1min) tick();
    EXPECT_GE(now_ - healed, 2 * Duration(config_.failure_detection_time));
    EXPECT_LE(now_ - healed, 23 * Duration(config_.failure_detection_time) / 10);
}

TEST_F(ProbingOfAGroup, R_DET_8_WithoutAWitnessAllFailTogetherAndTheActiveOnesAreKept) {
    set_up(3);
    nic("e2").inactive = true;
    whole_step(true);
    run_for(60s);
    for (std::uint32_t index : {1, 2, 3}) deaf_.insert(InterfaceIndex{index});
    for (Instant end = now_ + config_.failure_detection_time; !nic("e0").failed && now_ < end;) tick();
    for (const char* name : {"e0", "e1", "e2"}) EXPECT_TRUE(nic(name).failed && nic(name).probe_failed) << name;
    EXPECT_TRUE(nic("e0").kept && nic("e1").kept);
    EXPECT_FALSE(nic("e2").kept) << "carried nothing";
}

TEST_F(ProbingOfAGroup, R_ADR_4_NothingIsProbedFromStubsForeignOrContestedAddresses) {
    struct Case {
        const char* what;
        std::function<void(LogicalAddress& logical, AddressState& seen)> becomes;
        bool is_probed;
    };
    auto change = [](const char* text, std::uint8_t bits) {
        return [=](LogicalAddress& logical, AddressState& seen) {
            logical.address = seen.address = *parse_ip(text);
            logical.prefix_length = seen.prefix_length = bits;
        };
    };
    const std::vector<Case> cases{
        {"as it should be", [](LogicalAddress&, AddressState&) {}, true},
        {"a stub", change("0.0.0.0", 0), false},
        {"refused by duplicate address detection", [](LogicalAddress&, AddressState& seen) { seen.dad_failed = true; },
         false},
        {"on another member", [](LogicalAddress&, AddressState& seen) { seen.link = {2}; }, false}};
    for (const Case& one : cases) {
        kernel_ = {}, state_ = {};
        set_up(2);
        one.becomes(nic("e0").families[0].addresses[0], kernel_.addresses[0]);
        whole_step(true);
        EXPECT_EQ(nic("e0").probe != ProbeHealth::disabled, one.is_probed) << one.what;
    }
    nic("e0").families[1].addresses = {
        {.address = *parse_ip("2001:db8::1"), .prefix_length = 64, .up = true, .no_failover = true}};
    kernel_.addresses.push_back({.link = {1}, .address = *parse_ip("2001:db8::1"), .prefix_length = 64});
    whole_step(true);
    EXPECT_EQ(nic("e0").probe, ProbeHealth::disabled) << "IPv6 probes leave from link-local addresses";
}

TEST_F(ProbingOfAGroup, R_DET_2_AnswersForWhatIsNoMoreSayNothing) {
    set_up(2);
    whole_step(true);
    run_for(5s);
    std::vector<Action> actions;
    while (only<SendProbe>(actions).empty()) {
        now_ = *probing_.deadline();
        probing_.tick(state_, config_, now_, actions);
    }
    SendProbe probe = only<SendProbe>(actions).at(0);
    const State good = state_;
    const ProbeAnswered answer{probe.source, probe.target, probe.nonce, {}};
    auto& member = *find_interface(state_, probe.source.link);
    const std::string name = member.name;
    auto answered = [&] { return probing_.statistics(good).at(name + " inet").answered; };
    const std::uint64_t before = answered();
    ProbeAnswered other = answer;
    other.source.link = {77};
    probing_.take(state_, AddressIndex(kernel_), config_, other, now_, actions);
    other.source = {probe.source.link, kRouter};
    probing_.take(state_, AddressIndex(kernel_), config_, other, now_, actions);
    EXPECT_EQ(answered(), before) << "of a link and an address that nobody probes from";
    member.carrier = false;
    probing_.take(state_, AddressIndex(kernel_), config_, answer, now_, actions);
    state_.interfaces.at(name).index = {78};
    probing_.take(state_, AddressIndex(kernel_), config_, answer, now_, actions);
    EXPECT_FALSE(probing_.statistics(state_).contains(name + " inet"));
    state_.interfaces.erase(name);
    probing_.take(state_, AddressIndex(kernel_), config_, answer, now_, actions);
    probing_.take(state_, ProbeNotSent{probe.source, probe.nonce}, logged_);
    probing_.take(state_, ProbeNotSent{{{77}, kRouter}, probe.nonce}, logged_);
    EXPECT_EQ(answered(), before) << "of a NIC that lost its link, its number, or is gone";
    EXPECT_TRUE(logged_.empty());
    now_ += 10s;
    actions.clear();
    probing_.tick(state_, config_, now_, actions);
    for (const SendProbe& sent : only<SendProbe>(actions)) EXPECT_NE(sent.source.link, probe.source.link);
    state_ = good;
    probing_.take(state_, AddressIndex(kernel_), config_, answer, now_, actions);
    EXPECT_EQ(answered(), before + 1) << "it had been waiting for it";
}

TEST_F(ProbingOfAGroup, R_DET_3_ANewTestAddressKeepsTheTargetsOnItsNetworkOnly) {
    set_up(1);
    kernel_.target_routes.clear();
    hosts_ = {*parse_ip("10.0.200.1"), *parse_ip("10.0.200.2")};
    whole_step(true);
    run_for(5s);
    ASSERT_EQ(targets_of("e0").size(), 2U);
    hosts_.clear();
    auto move_to = [&](const char* text, std::uint8_t bits) {
        LogicalAddress& logical = nic("e0").families[0].addresses[0];
        logical.address = kernel_.addresses[0].address = *parse_ip(text);
        logical.prefix_length = kernel_.addresses[0].prefix_length = bits;
        return only<WatchProbes>(whole_step(true)).size();
    };
    EXPECT_EQ(move_to("10.0.7.7", 16), 1U);
    EXPECT_EQ(targets_of("e0").size(), 2U);
    EXPECT_EQ(move_to("10.1.7.7", 16), 1U);
    EXPECT_TRUE(targets_of("e0").empty());
}

TEST_F(ProbingOfAGroup, R_DET_3_OwnAddressesAndOtherNetworksAreNoTargetsThoughTheyAnswer) {
    set_up(2);
    kernel_.target_routes.clear();
    hosts_ = {*parse_ip("10.0.1.1"), *parse_ip("10.7.0.1"), *parse_ip("10.0.200.1")};
    whole_step(true);
    run_for(5s);
    EXPECT_EQ(targets_of("e0"), std::vector{hosts_[2]}) << "one was e1's, one is behind a router";
}

TEST_F(ProbingOfAGroup, R_DET_3_OfManyNeighboursEightAreAskedAtOnceAndNoneThatIsOurs) {
    set_up(2);
    kernel_.target_routes.clear();
    whole_step(true);
    run_for(3s);
    PeersFound found{.ipmp_interface = "ipmp0", .found = {}};
    std::vector<Action> actions;
    probing_.take(state_, AddressIndex(kernel_), config_, found, now_, actions);
    EXPECT_TRUE(actions.empty());
    found.found = {{{}, {*parse_ip("10.0.1.1"), {}}}, {{}, {*parse_ip("10.0.0.1"), {}}}};
    probing_.take(state_, AddressIndex(kernel_), config_, found, now_, actions);
    EXPECT_TRUE(actions.empty()) << "these are test addresses of this host";
    for (int number = 1; number <= 20; ++number) {
        found.found.push_back({{}, {*parse_ip(fmt::format("10.0.200.{}", number)), {}}});
    }
    probing_.take(state_, AddressIndex(kernel_), config_, found, now_, actions);
    EXPECT_EQ(only<SendProbe>(actions).size(), 2U * 8);
}

}  // namespace

}  // namespace ipmp
