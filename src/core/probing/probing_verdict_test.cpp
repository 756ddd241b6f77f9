// What probes lead to: longer and shorter detection times, who is a witness, and what a group that fails as one
// forgets and keeps (R-DET-8, R-DET-9).
#include "core/probing/probing_fixture.hpp"

namespace ipmp {

namespace {

constexpr InterfaceIndex kFirst{1}, kSecond{2};
const char* const kStretched = "Cannot meet requested failure detection time of 1000 ms on (inet e0) new failure "
                               "detection time for group ipmp0 is ";

IpAddress near(int number) { return *parse_ip(fmt::format("10.0.200.{}", number)); }

class ProbingVerdict : public ProbingOfAGroup {
  protected:
    ProbingVerdict() { config_.failure_detection_time = 1s; }
    void begin() {
        whole_step(true);
        run_for(5s);
        logged_.clear();
    }
    void add_routers(int count) {
        for (int number = 1; number <= count; ++number) {
            kernel_.target_routes.push_back({InterfaceIndex{1000}, near(number)});
        }
    }
    void take_from(InterfaceIndex link, Duration takes) {
        round_trip_ = [=](const SendProbe& probe) { return probe.source.link == link ? takes : Duration::zero(); };
    }
    void watch_alone(const std::string& name) {
        nic(name).group.clear();
        nic(name).tracked = true;
        kernel_.target_routes.push_back({nic(name).index, kRouter});
    }
    // Until `name` has failed, which is to happen within the detection time.
    void silence(const std::string& name) {
        deaf_.insert(nic(name).index);
        for (Instant end = now_ + 1s; !nic(name).probe_failed && now_ < end;) tick();
        EXPECT_TRUE(nic(name).probe_failed) << name;
    }
};

TEST_F(ProbingVerdict, R_DET_9_TheDetectionTimeGrowsAtOnceAndShrinksStepByStepAMinuteLater) {
    set_up(2);
    begin();
    EXPECT_EQ(detection_time_ms("ipmp0"), 1000U);
    take_from(kFirst, 300ms);
    run_for(10s);
    EXPECT_GE(logged(kStretched), 1);
    std::uint32_t stretched = detection_time_ms("ipmp0");
    EXPECT_GE(stretched, 7U * 2 * 300);
    take_from(kFirst, Duration::zero());
    run_for(45s);
    EXPECT_EQ(detection_time_ms("ipmp0"), stretched) << "it may be slow again soon";
    run_for(2min);
    EXPECT_EQ(detection_time_ms("ipmp0"), 1000U);
    EXPECT_GE(logged("Improved failure detection time"), 2) << "step by step";
    EXPECT_FALSE(nic("e0").probe_failed || nic("e1").probe_failed);
}

TEST_F(ProbingVerdict, R_DET_9_AnswersThatWaitForTheDaemonStretchNothing) {
    set_up(2);
    begin();
    round_trip_ = [](const SendProbe&) { return 300ms; };
    waits_ = 299ms;
    run_for(10s);
    EXPECT_EQ(detection_time_ms("ipmp0"), 1000U);
    waits_ = -1ms;  // more than it can have taken: the wall clock was set
    run_for(10s);
    EXPECT_EQ(detection_time_ms("ipmp0"), 1000U);
    waits_ = 0ms;
    run_for(10s);
    EXPECT_GE(detection_time_ms("ipmp0"), 7U * 2 * 300);
}

TEST_F(ProbingVerdict, R_DET_9_ItDoesNotShrinkWhileAnotherOfTheGroupIsSlow) {
    set_up(2);
    begin();
    round_trip_ = [](const SendProbe&) { return 400ms; };
    run_for(10s);
    take_from(kSecond, 400ms);
    run_for(3min);
    EXPECT_EQ(logged("Improved failure detection time"), 0);
    deaf_ = {kSecond};  // who has failed says nothing any more
    under_way_.clear();
    run_for(3min);
    EXPECT_TRUE(nic("e1").probe_failed);
    nic("e1").failed = true;  // as core/verdict makes of it
    run_for(2min);
    EXPECT_EQ(detection_time_ms("ipmp0"), 1000U);
}

TEST_F(ProbingVerdict, R_DET_9_OneSlowRouterOfManyIsSetAsideAndTheDetectionTimeStays) {
    set_up(1);
    add_routers(3);
    begin();
    ASSERT_EQ(targets_of("e0").size(), 4U);
    round_trip_ = [](const SendProbe& probe) { return probe.target == near(2) ? 300ms : 0ms; };
    run_for(10s);
    EXPECT_EQ(targets_of("e0").size(), 3U);
    EXPECT_EQ(detection_time_ms("ipmp0"), 1000U);
    EXPECT_EQ(logged("Cannot meet"), 0);
}

TEST_F(ProbingVerdict, R_DET_9_WhereAllRoutersAreRatherSlowNoneIsSetAside) {
    set_up(1);
    add_routers(3);
    begin();
    round_trip_ = [](const SendProbe& probe) { return probe.target == near(2) ? 300ms : 100ms; };
    run_for(10s);
    EXPECT_EQ(targets_of("e0").size(), 4U);
    EXPECT_GE(logged(kStretched), 1);
}

TEST_F(ProbingVerdict, R_DET_9_ASlowHostOfManyIsGivenUpAndAnotherOneIsLookedFor) {
    set_up(1);
    kernel_.target_routes.clear();
    for (int number : {1, 2, 3, 4, 5}) hosts_.push_back(near(number));
    begin();
    ASSERT_EQ(targets_of("e0").size(), 5U);
    round_trip_ = [](const SendProbe& probe) { return probe.target == near(2) ? 300ms : 0ms; };
    hosts_ = {near(6)};
    run_for(20s);
    std::vector<IpAddress> targets = targets_of("e0");
    EXPECT_EQ(targets.size(), 5U);
    EXPECT_EQ(std::count(targets.begin(), targets.end(), near(2)), 0);
    EXPECT_EQ(std::count(targets.begin(), targets.end(), near(6)), 1);
    EXPECT_EQ(detection_time_ms("ipmp0"), 1000U);
}

TEST_F(ProbingVerdict, R_DET_12_TheAnonymousGroupHasADetectionTimeOfItsOwnAndSaysNothingOfIt) {
    set_up(2);
    watch_alone("e0");
    begin();
    take_from(kFirst, 300ms);
    run_for(10s);
    EXPECT_GE(detection_time_ms(""), 7U * 2 * 300);
    EXPECT_EQ(detection_time_ms("ipmp0"), 1000U);
    take_from(kFirst, Duration::zero());
    run_for(3min);
    EXPECT_EQ(detection_time_ms(""), 1000U);
    EXPECT_TRUE(logged_.empty());
}

TEST_F(ProbingVerdict, R_DET_12_InTheAnonymousGroupOneFailsWithoutAWitness) {
    set_up(2);
    watch_alone("e0");
    watch_alone("e1");
    begin();
    deaf_ = {kSecond};
    silence("e0");
    EXPECT_FALSE(nic("e0").kept);
    deaf_.clear();
    run_for(3s);
    EXPECT_FALSE(nic("e0").probe_failed) << "and is repaired by its own answers";
}

TEST_F(ProbingVerdict, R_DET_8_WhoCouldNotTakeOverIsNoWitness) {
    struct Case {
        const char* what;
        std::function<void(Interface& other)> becomes;
        bool is_witness;
    };
    auto no_test_address = [](Interface& other) { other.families[0].addresses.clear(); };
    const std::vector<Case> cases{
        {"answers", [](Interface&) {}, true},
        {"is not probed", no_test_address, true},
        {"is not probed and has no link", [&](Interface& other) { no_test_address(other), other.carrier = false; },
         false},
        {"has failed", [&](Interface& other) { no_test_address(other), other.failed = true; }, false},
        {"is offline", [](Interface& other) { other.offline = true; }, false}};
    for (const Case& witness : cases) {
        State none;
        probing_ = Probing(spread_numbers(1));
        state_ = none, kernel_ = {}, deaf_.clear();
        set_up(2);
        begin();
        witness.becomes(nic("e1"));
        whole_step();
        silence("e0");
        EXPECT_EQ(nic("e0").kept, !witness.is_witness) << witness.what;
        if (!witness.is_witness) EXPECT_EQ(nic("e1").failed, !nic("e1").offline) << witness.what;
    }
}

TEST_F(ProbingVerdict, R_DET_8_WithGroupFailureDownNobodyCarriesOn) {
    config_.group_failure = GroupFailure::down;
    set_up(2);
    begin();
    deaf_ = {kSecond};
    silence("e0");
    EXPECT_TRUE(nic("e1").failed);
    EXPECT_FALSE(nic("e0").kept || nic("e1").kept);
}

TEST_F(ProbingVerdict, R_DET_8_WhoCarriesOnGoesWhenOthersAreRepairedAndItselfIsSilent) {
    set_up(2);
    begin();
    deaf_ = {kSecond};
    silence("e0");
    state_.groups.at("ipmp0").health = GroupHealth::failed;  // as core/verdict makes of it
    run_for(1s);
    EXPECT_TRUE(nic("e0").kept && nic("e1").kept);
    deaf_ = {kFirst};
    run_for(4s);
    ASSERT_FALSE(nic("e1").probe_failed);
    nic("e1").failed = nic("e1").kept = false;
    state_.groups.at("ipmp0").health = GroupHealth::degraded;
    whole_step();
    EXPECT_FALSE(nic("e0").kept) << "there is a better one";
}

TEST_F(ProbingVerdict, R_DET_8_AGroupThatFailedForgetsItsHostsButNotItsRouters) {
    set_up(4);
    kernel_.target_routes.clear();
    Group other = state_.groups.at("ipmp0");
    other.interface = other.name = "ipmp1";
    other.upper = InterfaceIndex{1001};
    state_.groups["ipmp1"] = other;
    nic("e2").group = nic("e3").group = "ipmp1";
    hosts_ = {near(1), near(2), near(3)};
    begin();
    for (const char* name : {"e0", "e1", "e2", "e3"}) EXPECT_EQ(targets_of(name).size(), 3U) << name;
    hosts_.clear();
    auto fail_group = [&](bool is_failed) {
        state_.groups.at("ipmp0").health = is_failed ? GroupHealth::failed : GroupHealth::ok;
        EXPECT_EQ(probing_.verdict_due(state_, config_, now_), is_failed);
        whole_step(true);
    };
    fail_group(true);
    EXPECT_TRUE(targets_of("e0").empty() && targets_of("e1").empty());
    EXPECT_EQ(targets_of("e2").size(), 3U) << "the other group has not failed";
    EXPECT_FALSE(probing_.verdict_due(state_, config_, now_)) << "once";

    fail_group(false);
    kernel_.target_routes = {{InterfaceIndex{1000}, kRouter}};
    whole_step(true);
    EXPECT_EQ(targets_of("e0"), std::vector{kRouter});
    fail_group(true);
    kernel_.target_routes.clear();  // perhaps just because of the failure
    whole_step(true);
    EXPECT_EQ(targets_of("e0"), std::vector{kRouter});
    state_.groups.at("ipmp0").health = GroupHealth::ok;
    whole_step(true);
    EXPECT_TRUE(targets_of("e0").empty());
}

TEST_F(ProbingVerdict, R_DET_6_WithoutATestAddressOnlyTheLinkHasAnOpinion) {
    set_up(2);
    begin();
    silence("e0");
    nic("e0").families[0].addresses[0].no_failover = false;
    nic("e0").carrier = false;
    whole_step();
    EXPECT_TRUE(nic("e0").probe_failed) << "and that is down";
    nic("e0").carrier = true;
    whole_step();
    EXPECT_FALSE(nic("e0").probe_failed);
    EXPECT_EQ(nic("e0").probe, ProbeHealth::disabled);
}

}  // namespace

}  // namespace ipmp
