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

}  // namespace

}  // namespace ipmp
