// Every order of events to a small depth, over two NICs and a standby: what random histories may miss by chance
// cannot hide here. core/invariants is checked after each step, and at the end of each history the kernel must be
// as it should be.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "core/predicates.hpp"
#include "sim/goal.hpp"
#include "sim/world.hpp"

namespace ipmp::sim {

namespace {

using namespace std::chrono_literals;

struct Act {
    std::string name;
    std::function<void(World&)> run;
};

void toggle_cable(World& world, const std::string& nic) {
    InterfaceIndex link = world.kernel().find(nic);
    world.kernel().plug(link, !world.kernel().has_cable(link));
    world.kernel_changed();
}

std::vector<Act> acts() {
    std::vector<Act> all;
    for (const std::string nic : {"a", "b", "s"}) {
        all.push_back({"cable " + nic, [nic](World& world) { toggle_cable(world, nic); }});
    }
    all.push_back({"offline a", [](World& world) { world.command(SetOffline{"a", 1}); }});
    all.push_back({"undo a", [](World& world) { world.command(UndoOffline{"a"}); }});
    all.push_back({"b leaves", [](World& world) { world.command(SetGroup{"b", Family::ipv4, ""}); }});
    all.push_back({"b joins", [](World& world) { world.command(SetGroup{"b", Family::ipv4, "g"}); }});
    all.push_back({"s standby", [](World& world) { world.command(SetStandby{"s", true}); }});
    all.push_back({"s -standby", [](World& world) { world.command(SetStandby{"s", false}); }});
    all.push_back({"claims", [](World& world) {
                       for (int number = 0; number < 4; ++number) {
                           world.at(world.now() + number * 600ms,
                                    [&world] { world.claim(IpAddress{Family::ipv4, {192, 0, 2, 1}}, false); });
                       }
                   }});
    all.push_back({"restart", [](World& world) { world.restart({}); }});
    return all;
}

void set_up(World& world) {
    for (const std::string nic : {"a", "b", "s"}) {
        MacAddress mac{{0, 0, 0, 0, 1, static_cast<std::uint8_t>(nic[0])}};
        InterfaceIndex link = world.kernel().add_nic(nic, mac);
        world.kernel().set_admin_up(link, true);
    }
    world.kernel_changed();
    world.run_until(world.now() + 10ms);
    world.command(SetStandby{"s", true});
    for (const std::string nic : {"a", "b", "s"}) world.command(SetGroup{nic, Family::ipv4, "g"});
    for (std::uint8_t number = 1; number <= 3; ++number) {
        world.command(AddLogical{"ipmp0", IpAddress{Family::ipv4, {192, 0, 2, number}}, 24});
        world.command(SetFlags{{"ipmp0", number}, Family::ipv4, true, {}, {}});
    }
    world.run_until(world.now() + 2s);
}

struct Mode {
    bool failback = true;
    std::uint32_t link_ups_per_minute = 0;
    Duration pause;  // between events; short ones overlap in flight
};

// Histories are run from the start each: an engine cannot be copied, and that is its business.
void run_history(const Mode& mode, const std::vector<Act>& all, const std::vector<std::size_t>& history) {
    World world(1, {.failback = mode.failback, .link_ups_per_minute = mode.link_ups_per_minute}, Faults{});
    set_up(world);
    std::string story;
    for (std::size_t act : history) {
        story += all[act].name + "; ";
        all[act].run(world);
        world.run_until(world.now() + mode.pause);
    }
    world.run_until(world.now() + 6min);  // duplicates are back by then
    ASSERT_EQ(world.violations(), Violations{}) << story;
    ASSERT_EQ(unmet(world, world.kernel()), Violations{}) << story;
}

class Exhaustive : public testing::TestWithParam<Mode> {};

TEST_P(Exhaustive, EveryOrderOfThreeEvents) {
    std::vector<Act> all = acts();
    std::vector<std::size_t> history(3);
    for (std::size_t number = 0; number < all.size() * all.size() * all.size(); ++number) {
        history = {number % all.size(), number / all.size() % all.size(), number / all.size() / all.size()};
        run_history(GetParam(), all, history);
        if (HasFatalFailure()) return;
    }
}

// Deeper where it matters most: cables only, in every order of six.
TEST_P(Exhaustive, EveryOrderOfSixCables) {
    std::vector<Act> all = acts();
    for (std::size_t number = 0; number < 729; ++number) {
        std::vector<std::size_t> history;
        for (std::size_t rest = number, depth = 0; depth < 6; ++depth, rest /= 3) history.push_back(rest % 3);
        run_history(GetParam(), all, history);
        if (HasFatalFailure()) return;
    }
}

// What probes see: silent paths, a machine that dies, cables and restarts, in every order of three.
void probe_at(World& world) {
    world.network().machines = {{.number = 200}};
    world.command(SetGroup{"s", Family::ipv4, ""});  // it would be a witness always
    for (std::uint8_t number = 1; number <= 2; ++number) {
        std::string nic(1, static_cast<char>('a' + number - 1));
        world.command(
            AddLogical{nic, IpAddress{Family::ipv4, {192, 0, 2, static_cast<std::uint8_t>(100 + number)}}, 24});
        world.command(SetFlags{{nic, 1}, Family::ipv4, {}, true, {}});
        world.command(SetFlags{{nic, 1}, Family::ipv4, true, {}, {}});
    }
    world.run_until(world.now() + 500ms);
}

std::vector<Act> acts_on_paths() {
    std::vector<Act> all;
    for (const std::string nic : {"a", "b"}) {
        all.push_back({"silence " + nic, [nic](World& world) {
                           bool& mute = world.network().paths[world.kernel().find(nic)].mute;
                           mute = !mute;
                           world.network_changed();
                       }});
        all.push_back({"cable " + nic, [nic](World& world) { toggle_cable(world, nic); }});
    }
    all.push_back({"machine", [](World& world) {
                       bool& alive = world.network().machines[0].alive;
                       alive = !alive;
                       world.network_changed();
                   }});
    all.push_back({"restart", [](World& world) { world.restart({}); }});
    return all;
}

class ExhaustiveProbes : public testing::TestWithParam<GroupFailure> {};

TEST_P(ExhaustiveProbes, R_DET_8_EveryOrderOfThreeEvents) {
    std::vector<Act> all = acts_on_paths();
    for (std::size_t number = 0; number < all.size() * all.size() * all.size(); ++number) {
        Config config{.failure_detection_time = 100ms, .group_failure = GetParam(), .link_ups_per_minute = 0};
        World world(1, config, Faults{});
        set_up(world);
        probe_at(world);
        std::string story;
        for (std::size_t depth = 0, rest = number; depth < 3; ++depth, rest /= all.size()) {
            story += all[rest % all.size()].name + "; ";
            all[rest % all.size()].run(world);
            world.run_until(world.now() + 150ms);
        }
        world.run_until(world.now() + 5s);
        ASSERT_EQ(world.violations(), Violations{}) << story;
        ASSERT_EQ(unmet(world, world.kernel()), Violations{}) << story;
        const State& state = world.engine().state();
        bool has_link = false;
        for (const auto& [name, nic] : state.interfaces) has_link |= !nic.group.empty() && link_up(nic);
        bool carries = state.groups.at("ipmp0").families[0].nominee != InterfaceIndex{};
        bool cut_off = has_link && !carries && GetParam() == GroupFailure::keep;
        ASSERT_FALSE(cut_off) << story;
    }
}

INSTANTIATE_TEST_SUITE_P(Modes, ExhaustiveProbes, testing::Values(GroupFailure::keep, GroupFailure::down));

INSTANTIATE_TEST_SUITE_P(Modes, Exhaustive,
                         testing::Values(Mode{true, 0, 1s}, Mode{false, 0, 1s}, Mode{true, 2, 100us},
                                         Mode{false, 2, 100us}));

}  // namespace

}  // namespace ipmp::sim
