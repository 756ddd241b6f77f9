// Stories about addresses that somebody else may have: what commands answer, what the kernel holds, what is shown
// (R-ADR-6). The engine is real, its world is tests/sim/world.hpp without faults, and every step is checked.
#include <gtest/gtest.h>

#include "model/interface_flags.hpp"
#include "sim/goal.hpp"
#include "sim/world.hpp"

namespace ipmp::sim {

namespace {

using namespace std::chrono_literals;

const IpAddress kAddress = *parse_ip("192.0.2.1");

class Uniquely : public testing::Test {
  protected:
    Uniquely() {
        for (std::uint8_t number = 0; number < 2; ++number) {
            std::string name = number ? "b" : "a";
            world_.kernel().add_nic(name, MacAddress{{0, 0x16, 0x3e, 0, 0, number}});
            world_.kernel().set_admin_up(link(name), true);
            world_.kernel_changed();
            advance(10ms);
            world_.command(SetGroup{name, Family::ipv4, "g"});
            advance(100ms);
        }
        world_.trace_to([this](const std::string& line) { trace_.push_back(line); });
    }
    InterfaceIndex link(const std::string& name) { return world_.kernel().find(name); }
    void plug(const std::string& name, bool cable) {
        world_.kernel().plug(link(name), cable);
        world_.kernel_changed();
        advance(10ms);
    }
    void advance(Duration time) {
        world_.run_until(world_.now() + time);
        ASSERT_EQ(world_.violations(), Violations{});
    }
    // The request that sets the address up.
    std::uint64_t set_up() {
        world_.command(SetAddress{{"ipmp0", 0}, kAddress, 24, {}});
        return world_.command(SetFlags{{"ipmp0", 0}, Family::ipv4, true, {}, {}});
    }
    void claim(int times) {
        for (int number = 0; number < times; ++number) {
            world_.claim(kAddress, false);
            advance(1s);
        }
    }
    bool on_ipmp0() {
        const auto& all = world_.kernel().truth().addresses;
        return std::any_of(all.begin(), all.end(),
                           [&](auto& seen) { return seen.address == kAddress && seen.link == link("ipmp0"); });
    }
    int count(const std::string& text) const {
        return static_cast<int>(std::count_if(trace_.begin(), trace_.end(),
                                              [&](auto& line) { return line.find(text) != std::string::npos; }));
    }
    AddressStatus shown() const {
        Status status = world_.engine().status();
        for (const AddressStatus& address : status.addresses) {
            if (address.address == kAddress) return address;
        }
        return {};
    }
    std::uint64_t flags() const {
        Status status = world_.engine().status();
        for (const PlumbedInterface& interface : status.plumbed) {
            if (interface.name == "ipmp0") return interface.inet->logicals.at(0).flags;
        }
        return 0;
    }
    const CommandReply& answer(std::uint64_t request) const {
        static const CommandReply none{CommandError::kernel_refused, "not answered", ""};
        const CommandReply* reply = world_.reply(request);
        return reply ? *reply : none;
    }

    World world_{1, Config{.link_ups_per_minute = 0}, Faults{}};
    std::vector<std::string> trace_;
};

TEST_F(Uniquely, R_ADR_6_TheCommandIsAnsweredWhenTheAddressIsInUse) {
    std::uint64_t request = set_up();
    advance(400ms);
    EXPECT_EQ(world_.reply(request), nullptr);
    EXPECT_FALSE(on_ipmp0());
    EXPECT_EQ(count("announce 192.0.2.1"), 0);
    EXPECT_EQ(shown().inbound, "") << "not reachable yet";
    advance(300ms);
    EXPECT_EQ(answer(request), CommandReply{});
    EXPECT_TRUE(on_ipmp0());
    EXPECT_EQ(count("probe for 192.0.2.1"), 3);
    EXPECT_EQ(count("announce 192.0.2.1"), 1);
    EXPECT_EQ(shown().inbound, "a");
}

TEST_F(Uniquely, R_ADR_6_TheCommandFailsWhenAnotherHostHasTheAddress) {
    std::uint64_t request = set_up();
    advance(300ms);
    claim(1);
    EXPECT_EQ(answer(request).error, CommandError::in_use);
    EXPECT_EQ(answer(request).text, "192.0.2.1 is a duplicate address: 02:99:00:00:00:01 uses it");
    EXPECT_FALSE(on_ipmp0());
    EXPECT_EQ(count("announce 192.0.2.1"), 0);
    EXPECT_EQ(shown(), (AddressStatus{.address = kAddress, .up = false, .group = "ipmp0"}));
    EXPECT_EQ(flags() & (flag::kUp | flag::kDuplicate), flag::kDuplicate);

    request = world_.command(SetFlags{{"ipmp0", 0}, Family::ipv4, false, {}, {}});
    advance(10ms);
    EXPECT_EQ(answer(request), CommandReply{});
    EXPECT_EQ(flags() & (flag::kUp | flag::kDuplicate), 0u) << "down clears DUPLICATE";
    request = world_.command(SetFlags{{"ipmp0", 0}, Family::ipv4, true, {}, {}});
    advance(700ms);
    EXPECT_EQ(answer(request), CommandReply{});
    EXPECT_TRUE(on_ipmp0());
}

TEST_F(Uniquely, R_ADR_6_OtherCommandsDoNotWait) {
    std::uint64_t address = set_up();
    std::uint64_t other = world_.command(SetStandby{"b", true});
    advance(50ms);
    EXPECT_EQ(answer(other), CommandReply{});
    EXPECT_EQ(world_.reply(address), nullptr);
}

TEST_F(Uniquely, R_ADR_6_UpAgainWhileItIsAskedForWaitsToo) {
    set_up();
    advance(50ms);
    std::uint64_t again = world_.command(SetFlags{{"ipmp0", 0}, Family::ipv4, true, {}, {}});
    advance(50ms);
    EXPECT_EQ(world_.reply(again), nullptr);
    advance(600ms);
    EXPECT_EQ(answer(again), CommandReply{});
}

TEST_F(Uniquely, R_ADR_6_WithoutAnActiveNicItIsUsedAtOnceAndAskedForLater) {
    plug("a", false);
    plug("b", false);
    std::uint64_t request = set_up();
    advance(50ms);
    EXPECT_EQ(answer(request), CommandReply{});
    EXPECT_TRUE(on_ipmp0());
    plug("b", true);
    advance(400ms);
    EXPECT_EQ(count("announce 192.0.2.1"), 0);
    advance(300ms);
    EXPECT_EQ(count("probe for 192.0.2.1"), 3);
    EXPECT_EQ(count("announce 192.0.2.1"), 1);
}

TEST_F(Uniquely, R_ADR_6_AGroupThatLostAllNicsAsksAgainAndKeepsItsAddresses) {
    set_up();
    advance(30s);
    trace_.clear();
    plug("a", false);
    advance(100ms);
    EXPECT_EQ(count("probe for 192.0.2.1"), 0) << "a rebind asks nobody";
    EXPECT_EQ(count("announce 192.0.2.1"), 1);
    plug("b", false);
    advance(20s);
    trace_.clear();
    plug("a", true);
    advance(400ms);
    EXPECT_EQ(count("announce 192.0.2.1"), 0);
    EXPECT_TRUE(on_ipmp0());
    advance(300ms);
    EXPECT_EQ(count("probe for 192.0.2.1"), 3);
    EXPECT_EQ(count("announce 192.0.2.1"), 1);
    EXPECT_EQ(count("RemoveAddress"), 0);
    EXPECT_TRUE(on_ipmp0());
}

TEST_F(Uniquely, R_ADR_6_WhoInsistsHasTheAddressUntilHeStops) {
    set_up();
    advance(30s);
    claim(3);
    EXPECT_TRUE(on_ipmp0());
    claim(1);
    EXPECT_FALSE(on_ipmp0());
    EXPECT_FALSE(shown().up);
    advance(200s);
    claim(1);  // of no effect: it is not ours
    advance(100s);
    EXPECT_TRUE(on_ipmp0());
    EXPECT_EQ(shown().inbound, "a");
    EXPECT_EQ(unmet(world_, world_.kernel()), Violations{});
}

TEST_F(Uniquely, R_ADR_6_ARestartAsksAgainForWhatWasInQuestion) {
    set_up();
    advance(300ms);
    world_.restart({});
    trace_.clear();
    advance(400ms);
    EXPECT_FALSE(on_ipmp0());
    EXPECT_EQ(count("announce 192.0.2.1"), 0);
    advance(400ms);
    EXPECT_TRUE(on_ipmp0());
    EXPECT_EQ(count("probe for 192.0.2.1"), 3);
    EXPECT_EQ(count("announce 192.0.2.1"), 1);

    claim(4);
    EXPECT_FALSE(on_ipmp0());
    world_.restart({});
    advance(10s);
    EXPECT_FALSE(on_ipmp0()) << "a duplicate stays one";
    EXPECT_EQ(flags() & flag::kDuplicate, flag::kDuplicate);
}

TEST_F(Uniquely, R_ADR_6_WhatAMemberBringsAlongIsOursUnlessTheKernelRefusedIt) {
    FakeKernel& kernel = world_.kernel();
    IpAddress good = *parse_ip("2001:db8::1"), bad = *parse_ip("2001:db8::2");
    kernel.add_nic("c", MacAddress{{0, 0x16, 0x3e, 0, 0, 9}});
    kernel.set_admin_up(link("c"), true);
    kernel.add_address({.link = link("c"), .address = good, .prefix_length = 64});
    kernel.add_address({.link = link("c"), .address = bad, .prefix_length = 64, .dad_failed = true});
    world_.kernel_changed();
    advance(10ms);
    world_.command(SetGroup{"c", Family::ipv4, "g"});
    advance(100ms);
    EXPECT_EQ(count("probe for 2001:db8::1"), 0);
    EXPECT_EQ(count("announce 2001:db8::1"), 1);
    EXPECT_GE(count("probe for 2001:db8::2"), 1);
    world_.claim(bad, false);
    advance(1s);
    EXPECT_EQ(count("announce 2001:db8::2"), 0);
    const auto& all = kernel.truth().addresses;
    EXPECT_TRUE(std::none_of(all.begin(), all.end(), [&](auto& seen) { return seen.address == bad; }));
}

}  // namespace

}  // namespace ipmp::sim
