// Named stories of paths that break behind links that stay up, and of targets that come and go (docs/DETECTION.md).
// The engine is real; tests/sim/detection_watch checks every step besides what each story says.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/predicates.hpp"
#include "sim/world.hpp"

namespace ipmp::sim {

namespace {

using namespace std::chrono_literals;

class Detection : public testing::Test {
  protected:
    // NICs a, b, ... in group g with a test address each; machines 201, 202, ... are what they may probe.
    void host(int nics, int machines, int routers, std::chrono::milliseconds detection_time = 1s, Config config = {}) {
        config.failure_detection_time = detection_time;
        config.link_ups_per_minute = 0;
        config.duplicate_address_probes = 0;
        world_.emplace(1, config, Faults{});
        for (int number = 0; number < machines; ++number) add_machine(static_cast<std::uint8_t>(201 + number));
        routes(routers);
        for (int number = 0; number < nics; ++number) add_nic(number);
        run(AddLogical{"ipmp0", *parse_ip("192.0.2.1"), 24});
        run(SetFlags{{"ipmp0", 1}, Family::ipv4, true, {}, {}});
        advance(detection_time * 5);
    }
    void add_nic(int number, bool is_mute = false) {
        std::string name(1, static_cast<char>('a' + number));
        auto last = static_cast<std::uint8_t>(1 + number);
        InterfaceIndex link = world_->kernel().add_nic(name, MacAddress{{0, 0x16, 0x3e, 0, 0, last}});
        world_->kernel().set_admin_up(link, true);
        world_->kernel_changed();
        mute(name, is_mute);
        advance(10ms);
        run(SetGroup{name, Family::ipv4, "g"});
        run(AddLogical{name, IpAddress{Family::ipv4, {192, 0, 2, static_cast<std::uint8_t>(101 + number)}}, 24});
        run(SetFlags{{name, 1}, Family::ipv4, {}, true, {}});
        run(SetFlags{{name, 1}, Family::ipv4, true, {}, {}});
    }
    void add_machine(std::uint8_t number) { world_->network().machines.push_back({.number = number}); }
    void routes(int count) {
        std::vector<IpAddress> routers;
        for (int at = 0; at < count; ++at) {
            for (Family family : kFamilies) routers.push_back(machine(at).address(family));
        }
        world_->kernel().set_routers(routers);
        world_->routes_changed();
    }
    Machine& machine(int at) { return world_->network().machines.at(static_cast<std::size_t>(at)); }
    PathState& path(const std::string& nic) { return world_->network().paths[world_->kernel().find(nic)]; }
    void all_alive(bool alive) {
        for (Machine& one : world_->network().machines) one.alive = alive;
        world_->network_changed();
    }
    void mute(const std::string& nic, bool mute = true) {
        path(nic).mute = mute;
        world_->network_changed();
    }
    void advance(Duration time) {
        world_->run_until(world_->now() + time);
        ASSERT_EQ(world_->violations(), Violations{});
    }
    void run(const Command& command) {
        std::uint64_t request = world_->command(command);
        advance(50ms);
        ASSERT_NE(world_->reply(request), nullptr);
        ASSERT_EQ(world_->reply(request)->text, "");
    }
    // Milliseconds until it is so; a minute at most.
    long time_until(const std::function<bool()>& condition) {
        Instant begin = world_->now();
        while (!condition() && world_->now() < begin + 1min && !HasFatalFailure()) advance(1ms);
        return std::chrono::duration_cast<std::chrono::milliseconds>(world_->now() - begin).count();
    }
    const Interface& nic(const std::string& name) const { return world_->engine().state().interfaces.at(name); }
    const Group& group() const { return world_->engine().state().groups.at("ipmp0"); }
    bool failed(const std::string& name) const { return nic(name).failed; }
    bool carries(const std::string& name) const {
        const auto& slots = group().families[0].slots;
        return std::find(slots.begin(), slots.end(), nic(name).index) != slots.end();
    }
    std::size_t target_count(const std::string& name) const {
        for (const TargetStatus& row : world_->engine().status().targets) {
            if (row.interface == name) return row.targets.size();
        }
        return 0;
    }
    TargetMode mode(const std::string& name) const {
        for (const TargetStatus& row : world_->engine().status().targets) {
            if (row.interface == name) return row.mode;
        }
        return TargetMode::disabled;
    }
    long shown_detection_time() const {
        return static_cast<long>(world_->engine().status().groups.at(0).failure_detection_time_ms.value_or(0));
    }
    int logged(const std::string& part) const {
        const auto& all = world_->logged();
        return static_cast<int>(std::count_if(all.begin(), all.end(),
                                              [&](auto& line) { return line.text.find(part) != std::string::npos; }));
    }

    std::optional<World> world_;
};

TEST_F(Detection, R_DET_2_EverySilentWayIsFoundWithinTheDetectionTimeAndRepaired) {
    host(2, 2, 1);
    for (bool deaf : {false, true}) {
        (deaf ? path("a").deaf : path("a").mute) = true;
        world_->network_changed();
        long found = time_until([&] { return failed("a"); });
        EXPECT_LE(found, 1000);
        EXPECT_GE(found, 500);
        EXPECT_FALSE(carries("a"));
        EXPECT_FALSE(failed("b"));
        path("a") = {};
        world_->network_changed();
        long repaired = time_until([&] { return !failed("a"); });
        EXPECT_GE(repaired, 2000) << "R-DET-4: twice the detection time";
        EXPECT_LE(repaired, 2000 + 3 * 142);
    }
    EXPECT_EQ(logged("IP interface failure detected on a of group g"), 2);
    EXPECT_EQ(logged("IP interface repair detected on a of group g"), 2);
}

TEST_F(Detection, R_DET_2_WhoseTargetsWereGoneMeanwhileIsFoundInTimeAfterwards) {
    host(2, 2, 1);
    mute("a");
    advance(500ms);
    for (int times = 0; times < 300; ++times) {  // somebody insists, and with it go its routes
        world_->kernel().set_admin_up(world_->kernel().find("ipmp0"), false);
        world_->kernel_changed();
        advance(1ms);
    }
    EXPECT_FALSE(failed("a"));
    EXPECT_LE(time_until([&] { return failed("a"); }), 1150);
    EXPECT_FALSE(failed("b"));
}

TEST_F(Detection, R_DET_8_AllTargetsAtOnceFailTheGroupAndCutNothing) {
    host(2, 1, 1);
    all_alive(false);
    EXPECT_LE(time_until([&] { return failed("a") && failed("b"); }), 1000);
    EXPECT_EQ(group().health, GroupHealth::failed);
    EXPECT_TRUE(carries("a") && carries("b"));
    EXPECT_EQ(logged("IP interface failure detected"), 0);
    EXPECT_EQ(logged("All IP interfaces in group g are now unusable"), 1);
    advance(20s);
    EXPECT_TRUE(carries("a") && carries("b"));
    EXPECT_EQ(target_count("a"), 1u) << "routers stay: the route may be gone because of the failure";
    all_alive(true);
    EXPECT_LE(time_until([&] { return !failed("a") && !failed("b"); }), 3000);
    EXPECT_EQ(logged("At least 1 IP interface"), 1);
}

TEST_F(Detection, R_DET_8_GroupFailureDownIsAsTheOriginal) {
    host(2, 1, 1, 1s, {.group_failure = GroupFailure::down});
    all_alive(false);
    time_until([&] { return failed("a") && failed("b"); });
    EXPECT_FALSE(carries("a") || carries("b"));
    all_alive(true);
    time_until([&] { return !failed("a"); });
    EXPECT_TRUE(carries("a"));
}

TEST_F(Detection, R_DET_8_WhoIsRepairedFirstTakesOverFromWhoIsSilent) {
    host(2, 1, 1);
    all_alive(false);
    time_until([&] { return failed("a") && failed("b"); });
    mute("b");
    all_alive(true);
    time_until([&] { return !failed("a"); });
    advance(1s);
    EXPECT_TRUE(carries("a"));
    EXPECT_FALSE(carries("b"));
}

TEST_F(Detection, R_DET_8_TheLastMemberWithLinkIsUsedWhateverProbesSay) {
    host(2, 1, 1);
    mute("a");
    time_until([&] { return failed("a"); });
    EXPECT_FALSE(carries("a"));
    world_->kernel().plug(world_->kernel().find("b"), false);
    world_->kernel_changed();
    advance(10ms);
    EXPECT_TRUE(carries("a")) << "perhaps it works one way";
}

TEST_F(Detection, R_DET_8_HostsAreForgottenInAGroupFailureAndFoundAnew) {
    host(2, 2, 0);
    EXPECT_EQ(mode("a"), TargetMode::multicast);
    EXPECT_EQ(target_count("a"), 2u);
    all_alive(false);
    time_until([&] { return failed("a") && failed("b"); });
    advance(1s);
    EXPECT_EQ(target_count("a"), 0u);
    add_machine(222);
    world_->network_changed();
    EXPECT_LE(time_until([&] { return !failed("a") && !failed("b"); }), 3000);
    EXPECT_EQ(target_count("b"), 1u);
}

TEST_F(Detection, R_DET_3_RoutersFirstThenWhoAnswersEverybody) {
    host(2, 3, 2);
    EXPECT_EQ(mode("a"), TargetMode::routes);
    EXPECT_EQ(target_count("a"), 2u);
    routes(1);
    advance(1s);
    EXPECT_EQ(target_count("b"), 1u);
    routes(0);
    advance(2s);
    EXPECT_EQ(mode("a"), TargetMode::multicast);
    EXPECT_EQ(target_count("a"), 3u);
    routes(3);
    advance(1s);
    EXPECT_EQ(mode("a"), TargetMode::routes);
    EXPECT_FALSE(failed("a") || failed("b"));
}

TEST_F(Detection, R_DET_3_NeighboursThatAnswerBecomeTargetsOthersDoNot) {
    host(1, 0, 0);
    for (int number : {211, 212, 213}) add_machine(static_cast<std::uint8_t>(number));
    for (Machine& one : world_->network().machines) one.answers_everybody = false;
    machine(0).answers = machine(1).answers = false;  // firewalled
    world_->network_changed();
    advance(5s);
    EXPECT_EQ(target_count("a"), 1u);
    advance(60s);
    EXPECT_FALSE(failed("a"));
}

TEST_F(Detection, R_DET_3_ANewMemberTakesOverTheTargetsOfOthers) {
    host(1, 2, 0);
    for (Machine& one : world_->network().machines) one.answers_everybody = false;  // it could not find them itself
    add_nic(1);
    EXPECT_EQ(target_count("b"), 2u);
}

TEST_F(Detection, R_DET_9_ADeadTargetFailsNobody) {
    host(2, 2, 2);
    machine(0).alive = false;
    world_->network_changed();
    advance(30s);
    EXPECT_FALSE(failed("a") || failed("b"));
    EXPECT_EQ(target_count("a"), 1u);
}

TEST_F(Detection, R_DET_9_TheDetectionTimeGrowsWithAnswersAndShrinksAgain) {
    host(2, 1, 1);
    machine(0).delay = 300ms;
    world_->network_changed();
    advance(20s);
    EXPECT_GE(shown_detection_time(), 7 * 2 * 300);
    EXPECT_EQ(
        logged("Cannot meet requested failure detection time of 1000 ms on (inet a) new failure detection time") +
            logged("Cannot meet requested failure detection time of 1000 ms on (inet b) new failure detection time"),
        logged("Cannot meet"));
    EXPECT_GE(logged("Cannot meet"), 1);
    EXPECT_FALSE(failed("a") || failed("b"));
    machine(0).delay = {};
    world_->network_changed();
    advance(3min);
    EXPECT_EQ(shown_detection_time(), 1000);
    EXPECT_GE(logged("Improved failure detection time"), 2) << "step by step";
}

TEST_F(Detection, R_DET_2_BothFamiliesMustFailAndOneRepairs) {
    host(2, 1, 1);
    for (const std::string name : {"a", "b"}) run(SetFlags{{name, 0}, Family::ipv6, {}, true, {}});
    advance(5s);
    EXPECT_EQ(world_->engine().status().targets.size(), 4u);
    auto parted = [&](Family family, bool broken) {  // an echo filter for one family
        world_->network().silent_families[world_->kernel().find("a")][index_of(family)] = broken;
        world_->network_changed();
    };
    parted(Family::ipv4, true);
    advance(10s);
    EXPECT_FALSE(failed("a"));
    parted(Family::ipv6, true);
    EXPECT_LE(time_until([&] { return failed("a"); }), 1000);
    parted(Family::ipv6, false);
    EXPECT_LE(time_until([&] { return !failed("a"); }), 3000);
}

TEST_F(Detection, R_DET_2_BeforeTheFirstAnswerNothingIsConcludedForFortySeconds) {
    host(1, 1, 1);
    add_nic(1, true);
    advance(35s);
    EXPECT_FALSE(failed("b"));
    long rest = time_until([&] { return failed("b"); });
    EXPECT_LE(rest, 7000);
    EXPECT_FALSE(failed("a"));
}

TEST_F(Detection, ADaemonThatDidNotRunBlamesNobody) {
    host(2, 2, 1);
    for (Duration time : {1s, 5s, 10s, 30s}) {
        world_->stall(time);
        advance(time + Duration(5s));
        EXPECT_FALSE(failed("a") || failed("b"));
    }
    EXPECT_EQ(logged("failure detected"), 0);
}

// Answers that came in meanwhile waited for the daemon, not on the network; one of 30 s made the time seven minutes.
TEST_F(Detection, R_DET_9_ADaemonThatDidNotRunKeepsItsDetectionTime) {
    host(2, 2, 1);
    machine(0).delay = machine(1).delay = 20ms;
    for (int times = 0; times < 40; ++times) {
        world_->stall(2s);
        advance(2s + Duration(10ms));  // long enough to send, not to hear
    }
    EXPECT_EQ(shown_detection_time(), 1000);
    EXPECT_EQ(logged("Cannot meet"), 0);
}

TEST_F(Detection, ForgedAnswersDoNotHideAFailure) {
    host(2, 2, 1);
    mute("a");
    for (int step = 0; step < 100; ++step) {
        advance(10ms);
        world_->forge({.source = {world_->kernel().find("a"), *parse_ip("192.0.2.101")},
                       .from = machine(0).address(Family::ipv4),
                       .nonce = static_cast<std::uint64_t>(step),
                       .network_time = {}});
    }
    EXPECT_TRUE(failed("a"));
}

TEST_F(Detection, R_DET_6_AfterALinkFailureProbesMustAgree) {
    host(2, 2, 1);
    InterfaceIndex a = world_->kernel().find("a");
    world_->kernel().plug(a, false);
    world_->kernel_changed();
    advance(100ms);
    EXPECT_TRUE(failed("a"));
    mute("a");
    world_->kernel().plug(a, true);
    world_->kernel_changed();
    advance(10s);
    EXPECT_TRUE(failed("a"));
    mute("a", false);
    EXPECT_GE(time_until([&] { return !failed("a"); }), 2000);
}

// Its answers are old by then: they are no sign that the daemon has not run since, for which others would be forgiven.
TEST_F(Detection, R_DET_2_ALostLinkPutsOffNoVerdictOnOthers) {
    host(3, 2, 1, 100ms);
    mute("b");
    advance(50ms);
    InterfaceIndex a = world_->kernel().find("a");
    world_->kernel().plug(a, false);
    world_->kernel_changed();
    EXPECT_LE(time_until([&] { return failed("b"); }), 50);
    EXPECT_TRUE(failed("a"));
}

TEST_F(Detection, R_DET_2_SwitchesThatLoseEachOtherFailTheSideWithoutTargets) {
    host(3, 1, 1);
    world_->network().parted.insert({world_->kernel().find("c"), machine(0).number});
    world_->network_changed();
    EXPECT_LE(time_until([&] { return failed("c"); }), 1000);
    EXPECT_FALSE(failed("a") || failed("b"));
}

// What broke while no daemon was there: the next one knows that probes were answered once, and is not patient.
TEST_F(Detection, R_DET_4_D6_ASilenceThatBeganBeforeTheDaemonIsFoundInTime) {
    host(2, 1, 1);
    ASSERT_TRUE(nic("a").probe_answered);
    mute("a");
    world_->restart(1s);
    advance(1s + 100ms);
    EXPECT_LE(time_until([&] { return nic("a").failed; }), 1000);
    EXPECT_FALSE(nic("b").failed);
}

}  // namespace

}  // namespace ipmp::sim
