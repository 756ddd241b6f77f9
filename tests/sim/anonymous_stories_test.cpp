// Named stories of interfaces that are watched without a group (R-DET-12): a and b have a test address each and no
// group. The engine is real; the data path has nothing to do.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/world.hpp"

namespace ipmp::sim {

namespace {

using namespace std::chrono_literals;

class Anonymous : public testing::Test {
  protected:
    Anonymous() {
        world_.network().machines = {{.number = 201}, {.number = 202}};
        for (const std::string name : {"a", "b"}) {
            auto last = static_cast<std::uint8_t>(name[0] - 'a' + 1);
            world_.kernel().add_nic(name, MacAddress{{0, 0x16, 0x3e, 0, 0, last}});
            world_.kernel().set_admin_up(link(name), true);
            world_.kernel_changed();
            advance(10ms);
            run(AddLogical{name, IpAddress{Family::ipv4, {192, 0, 2, static_cast<std::uint8_t>(100 + last)}}, 24});
            run(SetFlags{{name, 1}, Family::ipv4, {}, true, {}});
            run(SetFlags{{name, 1}, Family::ipv4, true, {}, {}});
        }
        advance(5s);
    }
    static Config config(bool track_only_groups) {
        return {.failure_detection_time = 1s, .track_only_groups = track_only_groups, .link_ups_per_minute = 0};
    }
    InterfaceIndex link(const std::string& name) { return world_.kernel().find(name); }
    void cable(const std::string& name, bool in) {
        world_.kernel().plug(link(name), in);
        world_.kernel_changed();
        advance(2s);
    }
    void mute(const std::string& name, bool is_mute) {
        world_.network().paths[link(name)].mute = is_mute;
        world_.network_changed();
        advance(3s);
    }
    void advance(Duration time) {
        world_.run_until(world_.now() + time);
        ASSERT_EQ(world_.violations(), Violations{});
        EXPECT_TRUE(world_.engine().image().empty()) << "the data path has nothing to do with it";
    }
    void run(const Command& command) {
        std::uint64_t request = world_.command(command);
        advance(50ms);
        ASSERT_NE(world_.reply(request), nullptr);
        ASSERT_EQ(world_.reply(request)->text, "");
    }
    const Interface& nic(const std::string& name) const { return world_.engine().state().interfaces.at(name); }
    std::vector<std::string> said() {
        std::vector<std::string> texts;
        const auto& all = world_.logged();
        for (; heard_ < all.size(); ++heard_) texts.push_back(all[heard_].text);
        return texts;
    }
    World world_{1, config(false), Faults{}};
    std::size_t heard_ = 0;
};

using Said = std::vector<std::string>;

TEST_F(Anonymous, R_DET_12_ALinkFailsAndIsRepairedByItself) {
    said();
    cable("a", false);
    EXPECT_EQ(said(), (Said{"The link has gone down on a", "IP interface failure detected on a"}));
    EXPECT_TRUE(nic("a").failed);
    EXPECT_FALSE(nic("b").failed);
    cable("b", false);
    EXPECT_EQ(said(), (Said{"The link has gone down on b", "IP interface failure detected on b"})) << "also the last";
    cable("a", true);
    EXPECT_EQ(said(), (Said{"The link has come up on a"})) << "probes must agree";
    advance(3s);
    EXPECT_EQ(said(), (Said{"IP interface repair detected on a"}));
    EXPECT_FALSE(nic("a").failed);
}

TEST_F(Anonymous, R_DET_12_ASilentPathIsFoundAndNobodyIsAWitness) {
    said();
    mute("a", true);
    EXPECT_EQ(said(), (Said{"IP interface failure detected on a"}));
    EXPECT_EQ(nic("a").probe, ProbeHealth::failed);
    mute("b", true);
    EXPECT_EQ(said(), (Said{"IP interface failure detected on b"}));
    Status status = world_.engine().status();
    ASSERT_EQ(status.groups.size(), 1u);
    EXPECT_EQ(status.groups[0].state, GroupHealth::ok) << "always";
    EXPECT_EQ(status.groups[0].failure_detection_time_ms, 1000u);
    EXPECT_EQ(status.groups[0].unusable, (Said{"a", "b"}));
    EXPECT_EQ(status.targets.size(), 2u);
    mute("a", false);
    EXPECT_EQ(said(), (Said{"IP interface repair detected on a"}));
    EXPECT_TRUE(nic("b").failed);
}

TEST_F(Anonymous, R_DET_12_TheConfigurationSwitchesItOffAndOn) {
    cable("a", false);
    world_.set_config(config(true));
    advance(1s);
    EXPECT_FALSE(nic("a").failed || nic("a").tracked);
    EXPECT_EQ(nic("b").probe, ProbeHealth::disabled);
    EXPECT_TRUE(world_.engine().status().groups.empty());
    EXPECT_TRUE(world_.engine().status().interfaces.empty());
    cable("a", true);
    said();
    mute("b", true);
    EXPECT_EQ(said(), Said{});
    mute("b", false);
    world_.set_config(config(false));
    advance(1min);
    EXPECT_TRUE(nic("a").tracked && !nic("a").failed);
    EXPECT_EQ(nic("b").probe, ProbeHealth::ok);
    EXPECT_EQ(said(), Said{});
}

TEST_F(Anonymous, R_DET_12_WhatIsKnownSurvivesARestart) {
    cable("a", false);
    said();
    world_.restart(1s);
    advance(3s);
    EXPECT_TRUE(nic("a").failed);
    EXPECT_EQ(said(), Said{});
    cable("a", true);
    advance(3s);
    EXPECT_FALSE(nic("a").failed);
}

TEST_F(Anonymous, R_DET_12_R_POL_5_NobodyCanBeTakenOffline) {
    std::uint64_t request = world_.command(SetOffline{.interface = "a"});
    advance(50ms);
    ASSERT_NE(world_.reply(request), nullptr);
    EXPECT_EQ(world_.reply(request)->error, CommandError::minimum_redundancy);
    EXPECT_FALSE(nic("a").offline);
}

TEST_F(Anonymous, R_DET_12_WhoVanishesIsForgottenWithoutAWord) {
    said();
    world_.kernel().remove_link(link("a"));
    world_.kernel_changed();
    advance(1s);
    EXPECT_EQ(said(), Said{});
    EXPECT_FALSE(world_.engine().state().interfaces.contains("a"));
}

}  // namespace

}  // namespace ipmp::sim
