// Named stories about one host, in a vocabulary of their own: what is cut, what passes, where an address must be.
// It is longer than 400 lines because each story is short, and all need the vocabulary above them.
// The engine is real, its world is tests/sim/world.hpp without faults, and every step is checked by core/invariants.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/predicates.hpp"
#include "sim/goal.hpp"
#include "sim/world.hpp"

namespace ipmp::sim {

namespace {

using namespace std::chrono_literals;

class Story : public testing::Test {
  protected:
    // A host with `nics` in group "a" on ipmp0.
    void host(std::initializer_list<std::string> nics, Config config = {}) {
        config_ = config;
        world_.emplace(1, config, Faults{});
        for (const std::string& nic : nics) plug_in(nic);
        advance(100ms);
        for (const std::string& nic : nics) run(SetGroup{nic, Family::ipv4, "a"});
    }
    void plug_in(const std::string& nic) {
        FakeKernel& kernel = world_->kernel();
        InterfaceIndex link = kernel.add_nic(nic, MacAddress{{0, 0x16, 0x3e, 0, 0, ++macs_}});
        kernel.set_admin_up(link, true);
        world_->kernel_changed();
    }
    void pull_out(const std::string& nic) {
        world_->kernel().remove_link(link(nic));
        world_->kernel_changed();
        advance(10ms);
    }
    void cut(const std::string& nic) { cable(nic, false); }
    void heal(const std::string& nic) { cable(nic, true); }
    InterfaceIndex link(const std::string& nic) { return world_->kernel().find(nic); }
    void advance(Duration time) {
        world_->run_until(world_->now() + time);
        ASSERT_EQ(world_->violations(), Violations{});
    }
    CommandReply run(const Command& command) {
        std::uint64_t request = world_->command(command);
        const CommandReply* reply = nullptr;
        for (int tries = 0; tries < 10 && !reply; ++tries) {  // an address set up is asked for first
            advance(100ms);
            reply = world_->reply(request);
        }
        return reply ? *reply : CommandReply{CommandError::kernel_refused, "never answered", ""};
    }
    void address(const std::string& text) {
        CommandReply added = run(AddLogical{"ipmp0", *parse_ip(text), 24});
        ASSERT_EQ(added.text, "");
        auto number = static_cast<std::uint32_t>(std::stoul(added.detail.substr(added.detail.find(':') + 1)));
        ASSERT_EQ(run(SetFlags{{"ipmp0", number}, Family::ipv4, true, {}, {}}).text, "");
    }

    std::string bound(const std::string& address) const {
        Status status = world_->engine().status();
        for (const AddressStatus& candidate : status.addresses) {
            if (candidate.address == *parse_ip(address)) return candidate.inbound;
        }
        return "no such address";
    }
    const Group& group() const { return world_->engine().state().groups.at("ipmp0"); }
    const Interface& nic(const std::string& name) const { return world_->engine().state().interfaces.at(name); }
    std::string active() const { return listed(&GroupStatus::active); }
    std::string inactive() const { return listed(&GroupStatus::inactive); }
    int bindings(const std::string& name) const {
        const auto& all = group().families[0].bindings;
        return static_cast<int>(
            std::count_if(all.begin(), all.end(), [&](const Binding& b) { return b.member == nic(name).index; }));
    }
    int slots(const std::string& name) const {
        const auto& all = group().families[0].slots;
        return static_cast<int>(std::count(all.begin(), all.end(), nic(name).index));
    }
    bool logged(const std::string& text) const { return times_logged(text) > 0; }
    int times_logged(const std::string& text) const {
        const auto& all = world_->logged();
        return static_cast<int>(std::count_if(all.begin(), all.end(), [&](auto& line) { return line.text == text; }));
    }
    void expect_settled() {
        advance(1s);  // where no NIC was active, addresses are asked for
        EXPECT_EQ(unmet(*world_, world_->kernel()), Violations{});
    }

    std::optional<World> world_;
    Config config_;

  private:
    void cable(const std::string& nic, bool in) {
        world_->kernel().plug(link(nic), in);
        world_->kernel_changed();
        advance(10ms);
    }
    std::string listed(std::vector<std::string> GroupStatus::*list) const {
        std::string text;
        Status status = world_->engine().status();
        for (const std::string& name : status.groups.at(0).*list) {
            text += (text.empty() ? "" : " ") + name;
        }
        return text;
    }
    std::uint8_t macs_ = 0;
};

Config no_failback() { return {.failback = false, .link_ups_per_minute = 0}; }
Config failback() { return {.failback = true, .link_ups_per_minute = 0}; }

// Reference, worked example: A and B non-standby, S standby.
TEST_F(Story, R_POL_1_StandbyStepsInAndOutWithFailback) {
    host({"a", "b"}, failback());
    plug_in("s");
    advance(10ms);
    run(SetStandby{"s", true});
    run(SetGroup{"s", Family::ipv4, "a"});
    EXPECT_EQ(active(), "a b");
    EXPECT_EQ(inactive(), "s");
    cut("a");
    EXPECT_EQ(active(), "b s");
    heal("a");
    EXPECT_EQ(active(), "a b");
    EXPECT_EQ(inactive(), "s");
    expect_settled();
}

TEST_F(Story, R_POL_3_WithoutFailbackTheRepairedRests) {
    host({"a", "b"}, no_failback());
    plug_in("s");
    advance(10ms);
    run(SetStandby{"s", true});
    run(SetGroup{"s", Family::ipv4, "a"});
    EXPECT_EQ(active(), "a b");
    cut("a");
    EXPECT_EQ(active(), "b s");
    heal("a");
    EXPECT_EQ(active(), "b s");
    EXPECT_EQ(inactive(), "a");
    cut("b");
    EXPECT_EQ(active(), "a s");
}

TEST_F(Story, R_POL_2_OnlyTheStandbyIsLeft) {
    host({"a", "b", "s"}, failback());
    run(SetStandby{"s", true});
    cut("a");
    cut("b");
    EXPECT_EQ(active(), "s");
    heal("a");
    EXPECT_EQ(active(), "a s");
    heal("b");
    EXPECT_EQ(active(), "a b");
    EXPECT_EQ(inactive(), "s");
}

TEST_F(Story, R_SPR_2_FourAndNoneBecomeTwoAndTwo) {
    host({"a", "b"}, failback());
    for (const char* text : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}) address(text);
    cut("b");
    EXPECT_EQ(bindings("a"), 4);
    heal("b");
    EXPECT_EQ(bindings("a"), 2);
    EXPECT_EQ(bindings("b"), 2);
    expect_settled();
}

TEST_F(Story, R_SPR_2_ALoneAddressStaysWhereItIs) {
    host({"a", "b"}, failback());
    address("192.0.2.1");
    std::string home = bound("192.0.2.1"), other = home == "a" ? "b" : "a";
    cut(other);
    heal(other);
    EXPECT_EQ(bound("192.0.2.1"), home);
    cut(home);
    EXPECT_EQ(bound("192.0.2.1"), other);
    heal(home);
    EXPECT_EQ(bound("192.0.2.1"), other);
}

TEST_F(Story, SlotsComeBackWithinASecondAndNotAtOnce) {
    host({"a", "b"}, failback());
    advance(2s);
    cut("b");
    EXPECT_EQ(slots("a"), 256);
    heal("b");
    EXPECT_LT(slots("b"), 64);
    advance(1s);
    EXPECT_EQ(slots("a"), 128);
    EXPECT_EQ(slots("b"), 128);
}

// Reference, worked numbers: ups at 0, 20 and 40 s; the third is refused, repair at 80 s.
TEST_F(Story, R_DET_7_TheThirdLinkUpInAMinuteIsNotTrusted) {
    host({"a", "b"}, {.link_ups_per_minute = 2});
    cut("a");
    heal("a");
    Instant first = world_->now();
    EXPECT_FALSE(nic("a").failed);
    advance(20s);
    cut("a");
    heal("a");
    EXPECT_FALSE(nic("a").failed);
    world_->run_until(first + 40s);
    cut("a");
    heal("a");
    EXPECT_TRUE(nic("a").failed);
    EXPECT_TRUE(
        logged("The link has come up on a more than 2 times in the last minute; "
               "disabling repair until it stabilizes"));
    world_->run_until(first + 79s);
    EXPECT_TRUE(nic("a").failed);
    world_->run_until(first + 81s);
    EXPECT_FALSE(nic("a").failed);
    expect_settled();
}

TEST_F(Story, R_DET_7_AnotherUpWhileWaitingMovesTheRepair) {
    host({"a", "b"}, {.link_ups_per_minute = 2});
    Instant first = world_->now();
    for (Duration at : {0s, 20s, 40s, 50s}) {
        world_->run_until(first + at);
        cut("a");
        heal("a");
    }
    world_->run_until(first + 99s);
    EXPECT_TRUE(nic("a").failed);
    world_->run_until(first + 101s);
    EXPECT_FALSE(nic("a").failed);
    EXPECT_EQ(times_logged("The link has come up on a more than 2 times in the last minute; "
                           "disabling repair until it stabilizes"),
              1);
}

TEST_F(Story, FailureAndRepairSayWhatTheManualSays) {
    host({"a", "b"}, failback());
    cut("a");
    EXPECT_TRUE(logged("The link has gone down on a"));
    EXPECT_TRUE(logged("IP interface failure detected on a of group a"));
    heal("a");
    EXPECT_TRUE(logged("The link has come up on a"));
    EXPECT_TRUE(logged("IP interface repair detected on a of group a"));
}

TEST_F(Story, R_DET_8_TheLastFailureIsTheGroupsOwn) {
    host({"a", "b"}, failback());
    address("192.0.2.1");
    cut("a");
    cut("b");
    EXPECT_FALSE(logged("IP interface failure detected on b of group a"));
    EXPECT_TRUE(logged("All IP interfaces in group a are now unusable"));
    EXPECT_EQ(bound("192.0.2.1"), "");
    InterfaceIndex lower = world_->kernel().find("ipmpl0");
    EXPECT_FALSE(world_->kernel().truth().links.at(lower).admin_up);
    heal("b");
    EXPECT_TRUE(logged("At least 1 IP interface (b) in group a is now usable"));
    EXPECT_EQ(bound("192.0.2.1"), "b");
    expect_settled();
}

TEST_F(Story, R_POL_5_OfflineMovesTrafficAndUndoBringsItBack) {
    host({"a", "b"}, no_failback());
    address("192.0.2.1");
    address("192.0.2.2");
    EXPECT_EQ(run(SetOffline{"a", 1}).error, CommandError::none);
    EXPECT_EQ(bindings("b"), 2);
    EXPECT_EQ(slots("b"), 256);
    EXPECT_EQ(run(SetOffline{"a", 1}).error, CommandError::already_offline);
    EXPECT_EQ(run(SetOffline{"b", 1}).error, CommandError::minimum_redundancy);
    EXPECT_EQ(run(UndoOffline{"a"}).error, CommandError::none);
    EXPECT_EQ(active(), "a b");  // back at once, whatever FAILBACK says
    EXPECT_EQ(bindings("a"), 1);
    EXPECT_EQ(run(UndoOffline{"a"}).error, CommandError::not_offline);
}

TEST_F(Story, R_DET_14_ANicThatVanishesIsAFailureAndComesBackAsMember) {
    host({"a", "b"}, failback());
    address("192.0.2.1");
    pull_out("a");
    EXPECT_EQ(bound("192.0.2.1"), "b");
    EXPECT_TRUE(logged("IP interface failure detected on a of group a"));
    plug_in("a");
    advance(2s);
    EXPECT_EQ(active(), "a b");
    expect_settled();
}

TEST_F(Story, ARestartIsNotNoticed) {
    host({"a", "b"}, failback());
    for (const char* text : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) address(text);
    advance(15s);
    std::size_t announced = world_->announced();
    auto before = group().families[0];
    world_->restart(1s);
    advance(5s);
    EXPECT_EQ(group().families[0].bindings, before.bindings);
    EXPECT_EQ(group().families[0].slots, before.slots);
    std::size_t addresses = before.bindings.size() + group().families[1].bindings.size();
    EXPECT_EQ(world_->announced(), announced + addresses) << "once each, as the former daemon may have been cut short";
    expect_settled();
}

TEST_F(Story, WhatHappenedWithoutADaemonIsSeenByTheNext) {
    host({"a", "b"}, failback());
    address("192.0.2.1");
    std::string home = bound("192.0.2.1");
    world_->restart(1s);
    cut(home);
    advance(2s);
    EXPECT_NE(bound("192.0.2.1"), home);
    EXPECT_NE(bound("192.0.2.1"), "");
}

TEST_F(Story, ALateObservationDoesNotReviveACutNic) {
    host({"a", "b"}, failback());
    address("192.0.2.1");
    std::string home = bound("192.0.2.1");
    world_->faults().delivery_delay = 1s;  // dumps taken before the cut arrive after it
    world_->resync();
    for (int round = 0; round < 40; ++round) {
        world_->resync();
        advance(50ms);
        if (round == 3) cut(home);
    }
    EXPECT_NE(bound("192.0.2.1"), home);
    EXPECT_EQ(times_logged("The link has gone down on " + home), 1);
    EXPECT_FALSE(logged("The link has come up on " + home));
}

TEST_F(Story, JoiningTakesTheAddressAlong) {
    host({"b"}, failback());
    plug_in("a");
    advance(10ms);
    FakeKernel& kernel = world_->kernel();
    AddressState own{.link = kernel.find("a"),
                     .address = *parse_ip("192.0.2.7"),
                     .prefix_length = 24,
                     .broadcast = parse_ip("192.0.2.255")};
    kernel.add_address(own);
    world_->kernel_changed();
    advance(10ms);
    EXPECT_EQ(run(SetGroup{"a", Family::ipv4, "a"}).error, CommandError::none);
    advance(1s);
    EXPECT_NE(bound("192.0.2.7"), "");
    EXPECT_NE(bound("192.0.2.7"), "no such address");
    expect_settled();
}

TEST_F(Story, AMeddlersDeedsAreMended) {
    host({"a", "b"}, failback());
    address("192.0.2.1");
    FakeKernel& kernel = world_->kernel();
    kernel.detach_filter(kernel.find("a"));
    kernel.remove_address(kernel.find("ipmp0"), *parse_ip("192.0.2.1"), 24);
    kernel.write_setting(kernel.find("b"), "ipv4/conf/*/arp_ignore", "0");
    world_->kernel_changed();
    advance(5s);
    expect_settled();
    kernel.remove_link(kernel.find("ipmp0"));
    world_->kernel_changed();
    advance(5s);
    expect_settled();
    EXPECT_NE(bound("192.0.2.1"), "");
}

TEST_F(Story, PeersAreAskedUntilTheyAnswerHoweverManyFramesAreLost_R_SPR_4) {
    host({"a", "b"});
    address("192.0.2.1");
    address("192.0.2.2");
    world_->faults().frame_lost = 0.3;
    cut(bound("192.0.2.1"));
    advance(3s);
    Status status = world_->engine().status();
    auto moved = std::find_if(status.addresses.begin(), status.addresses.end(),
                              [](const AddressStatus& address) { return address.rebind.has_value(); });
    ASSERT_NE(moved, status.addresses.end());
    EXPECT_EQ(moved->address, *parse_ip("192.0.2.1"));
    EXPECT_EQ(moved->rebind->interface, moved->inbound);
    EXPECT_EQ(moved->rebind->peers_silent, 2u);  // those that are off
    EXPECT_EQ(moved->rebind->peers_moved, moved->rebind->peers_asked - 2);
    EXPECT_GE(moved->rebind->peers_moved, 3u);
}

// R-DET-10, and what the reference says of each case.
TEST_F(Story, R_DET_10_OneOfTwoWithTheSameHardwareAddressIsUsed) {
    host({"eth0", "eth1", "eth2"});
    auto mac = [&](const std::string& nic, std::uint8_t last) {
        world_->kernel().set_mac(link(nic), MacAddress{{0, 0x16, 0x3e, 0, 0, last}});
        world_->kernel_changed();
        advance(100ms);
    };
    auto marked = [&](const std::string& nic) {
        const Interface& shown = world_->engine().state().interfaces.at(nic);
        EXPECT_TRUE(shown.offline || !shown.hardware_duplicate);
        return shown.hardware_duplicate;
    };
    mac("eth0", 2);  // that of eth1, which has had it
    EXPECT_TRUE(marked("eth0"));
    EXPECT_FALSE(marked("eth1"));
    EXPECT_EQ(run(UndoOffline{"eth0"}).error, CommandError::duplicate_hardware_address);
    EXPECT_EQ(run(SetOffline{"eth0"}).error, CommandError::already_offline);

    EXPECT_EQ(run(SetOffline{"eth1"}).error, CommandError::none);  // makes room for the other
    EXPECT_FALSE(marked("eth0"));
    EXPECT_EQ(run(UndoOffline{"eth1"}).error, CommandError::duplicate_hardware_address);
    EXPECT_TRUE(marked("eth1"));
    mac("eth0", 1);
    EXPECT_FALSE(marked("eth0") || marked("eth1"));
    EXPECT_FALSE(world_->engine().state().interfaces.at("eth1").offline);

    mac("eth2", 1);
    EXPECT_TRUE(marked("eth2"));
    EXPECT_EQ(run(SetGroup{"eth0", Family::ipv4, ""}).error, CommandError::none);
    EXPECT_FALSE(marked("eth2"));
    EXPECT_EQ(run(SetGroup{"eth0", Family::ipv4, "a"}).error, CommandError::none);
    EXPECT_TRUE(marked("eth0")) << "a newcomer loses";
    pull_out("eth2");
    advance(100ms);
    EXPECT_FALSE(marked("eth0"));
}

// What the kernel refuses leaves neither NIC half taken away.
TEST_F(Story, R_DYN_4_ADetachThatFailsHalfWayRestoresBoth) {
    host({"eth0", "eth1", "eth2"});
    address("192.0.2.1");
    run(SetAddress{{"eth1", 0}, *parse_ip("192.0.2.21"), 24, {}});
    run(SetFlags{{"eth1", 0}, Family::ipv4, true, true, {}});
    expect_settled();
    State before = world_->engine().state();
    world_->faults().operation_fails = 1;
    CommandReply reply = run(Detach{{"eth1", "eth2"}});
    EXPECT_EQ(reply.error, CommandError::kernel_refused);
    EXPECT_TRUE(reply.text.starts_with("Failed to unplumb the device(eth1): cannot ")) << reply.text;
    world_->faults().operation_fails = 0;
    advance(70s);
    EXPECT_EQ(active(), "eth0 eth1 eth2");
    EXPECT_EQ(nic("eth1").families[0], before.interfaces.at("eth1").families[0]);
    EXPECT_FALSE(nic("eth1").detached || nic("eth2").detached);
    expect_settled();

    EXPECT_EQ(run(Detach{{"eth1", "eth2"}}).error, CommandError::none);
    EXPECT_EQ(active(), "eth0");
    EXPECT_TRUE(nic("eth1").detached->done);
    world_->restart(1s);
    advance(1s);
    EXPECT_EQ(active(), "eth0") << "a new daemon undoes only what was not done";
    EXPECT_EQ(run(UndoDetach{"eth1"}).error, CommandError::none);
    advance(3s);
    EXPECT_EQ(active(), "eth0 eth1");
    pull_out("eth2");
    EXPECT_EQ(run(UndoDetach{"eth2"}).error, CommandError::no_such_interface);
    expect_settled();
}

// R5.6, R5.7: dealt out for themselves, announced by their NIC, and again wherever they go.
TEST_F(Story, R_CMD_3_ProxiedAddressesAreBoundAnnouncedAndMoved) {
    host({"eth0", "eth1"});
    const IpAddress first = *parse_ip("192.0.2.50"), second = *parse_ip("192.0.2.51");
    world_->kernel().add_proxy("ipmp0", first);
    world_->kernel().add_proxy("ipmp0", second);
    world_->kernel_changed();
    advance(100ms);
    auto nic_of = [&](const IpAddress& address) {
        const GroupImage& group = world_->engine().image().at("ipmp0");
        auto found = group.addresses.find(address);
        return found == group.addresses.end() ? InterfaceIndex{} : found->second.nic.index;
    };
    EXPECT_EQ((std::set{nic_of(first), nic_of(second)}), (std::set{link("eth0"), link("eth1")}));
    cut("eth0");
    advance(100ms);
    EXPECT_EQ(nic_of(first), link("eth1"));
    EXPECT_EQ(nic_of(second), link("eth1"));
    heal("eth0");
    advance(3000ms);
    EXPECT_NE(nic_of(first), nic_of(second));
    world_->kernel().remove_proxies();
    world_->kernel_changed();
    advance(100ms);
    EXPECT_EQ(nic_of(first), InterfaceIndex{});
}

}  // namespace

}  // namespace ipmp::sim
