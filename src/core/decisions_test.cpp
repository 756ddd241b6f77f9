// What the engine remembers of its decisions, and their reasons, in each way a NIC and an address can fare.
#include "core/decisions.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/engine.hpp"
#include "core/only.hpp"

namespace ipmp {
namespace {

using Kind = DecisionKind;
using Reason = DecisionReason;

// Three NICs in ipmp0 with two data addresses, seen by the engine itself.
class DecisionsTest : public testing::Test {
  protected:
    DecisionsTest() {
        for (std::uint32_t index : {2, 3, 4}) add_link(index);
        observe();
        run(CreateIpmp{"ipmp0"});
        for (const char* nic : {"eth0", "eth1", "eth2"}) run(SetGroup{nic, Family::ipv4, "ipmp0"});
        run(AddLogical{"ipmp0", *parse_ip("192.0.2.1"), 24});
        run(AddLogical{"ipmp0", *parse_ip("192.0.2.2"), 24});
        for (std::uint32_t number : {1, 2}) {
            SetFlags up{{"ipmp0", number}, Family::ipv4};
            up.up = true;
            up.unawaited = true;
            run(up);
        }
        observe();
    }
    void add_link(std::uint32_t index) {
        LinkState& link = kernel_.links[{index}];
        link = {.index = {index}, .name = "eth" + std::to_string(index - 2), .ethernet = true, .multicast = true};
        link.admin_up = link.carrier = true;
        link.mac.bytes[5] = static_cast<std::uint8_t>(index);
    }
    void step(const Event& event) {
        Engine::Outcome outcome = engine_.step(now_ += std::chrono::milliseconds(100), event);
        for (const Reply& reply : only<Reply>(outcome.actions)) reply_ = reply.reply;
        for (const ApplyKernel& batch : only<ApplyKernel>(outcome.actions)) seen_ = batch.generation;
    }
    void observe() {
        kernel_.generation = std::max(kernel_.generation, seen_);
        step(KernelObserved{kernel_});
    }
    void run(const Command& command) {
        reply_ = {CommandError::kernel_refused, "no answer yet", ""};
        step(CommandReceived{1, command});
        for (int i = 0; i < 100 && reply_.text == "no answer yet"; ++i) observe();
    }
    void carrier(std::uint32_t index, bool up) {
        LinkState& link = kernel_.links[{index}];
        link.carrier = up;
        step(CarriersChanged{{{{index}, up, ++link.carrier_changes}}});
        observe();
    }
    std::vector<Decision> of(const std::string& name) const {
        std::vector<Decision> found = engine_.status().decisions;
        std::erase_if(found, [&](const Decision& decision) { return decision.name != name; });
        return found;
    }
    Decision last(const std::string& name) const {
        std::vector<Decision> all = of(name);
        EXPECT_FALSE(all.empty()) << name;
        return all.empty() ? Decision{} : all.back();
    }
    void expect(const std::string& name, Kind what, Reason why, const std::string& command = "") const {
        Decision decision = last(name);
        EXPECT_EQ(decision.what, what) << name;
        EXPECT_EQ(decision.why, why) << name;
        EXPECT_EQ(decision.command, command) << name;
    }
    std::string inbound(const std::string& address) const {
        for (const AddressStatus& shown : engine_.status().addresses) {
            if (to_string(shown.address) == address) return shown.inbound;
        }
        return "";
    }

    KernelState kernel_;
    Instant now_{std::chrono::seconds(100)};
    CommandReply reply_;
    std::uint64_t seen_ = 0;
    Engine engine_{Config{}, "host", State{}};
};

TEST_F(DecisionsTest, TheWayOfAFailureAndItsRepair) {
    expect("eth0", Kind::joined, Reason::asked, "SetGroup");
    expect("192.0.2.1", Kind::bound, Reason::first, "SetFlags");
    std::string victim = inbound("192.0.2.1");
    std::uint32_t index = static_cast<std::uint32_t>(victim.back() - '0') + 2;
    carrier(index, false);
    expect(victim, Kind::failed, Reason::link_down);
    EXPECT_EQ(last(victim).at_ms, static_cast<std::uint64_t>((now_ - Instant{}) / std::chrono::milliseconds(1)) - 100);
    expect("192.0.2.1", Kind::bound, Reason::link_down);
    EXPECT_EQ(last("192.0.2.1").from, victim);
    EXPECT_EQ(last("192.0.2.1").to, inbound("192.0.2.1"));
    expect("ipmp0", Kind::degraded, Reason::members);
    EXPECT_EQ(last("ipmp0").from, victim);
    carrier(index, true);
    expect(victim, Kind::repaired, Reason::link_up);
    expect("ipmp0", Kind::ok, Reason::members);
}

TEST_F(DecisionsTest, CommandsAreNamed) {
    run(SetOffline{"eth1"});
    expect("eth1", Kind::offline, Reason::asked, "SetOffline");
    run(UndoOffline{"eth1"});
    expect("eth1", Kind::online, Reason::asked, "UndoOffline");
    run(SetFailed{"eth1", true});
    expect("eth1", Kind::failed, Reason::declared, "SetFailed");
    run(SetFailed{"eth1", false});
    expect("eth1", Kind::repaired, Reason::link_up, "SetFailed");
    run(SetGroup{"eth2", Family::ipv4, ""});
    expect("eth2", Kind::left, Reason::asked, "SetGroup");
}

TEST_F(DecisionsTest, AStandbyRestsIsNeededAndRestsAgain) {
    run(SetStandby{"eth2", true});
    expect("eth2", Kind::inactive, Reason::asked, "SetStandby");
    carrier(2, false);
    expect("eth2", Kind::active, Reason::needed);
    carrier(2, true);
    expect("eth2", Kind::inactive, Reason::standby);
}

TEST_F(DecisionsTest, WhoIsDownOrGoneSaysSo) {
    kernel_.links[{2}].admin_up = kernel_.links[{2}].carrier = false;
    observe();
    expect("eth0", Kind::failed, Reason::set_down);
    kernel_.links.erase({3});
    observe();
    expect("eth1", Kind::failed, Reason::missing);
}

TEST_F(DecisionsTest, WithoutAnyMemberAddressesAreUnbound) {
    Config config;
    config.group_failure = GroupFailure::keep;
    for (std::uint32_t index : {2, 3, 4}) carrier(index, false);
    expect("192.0.2.1", Kind::unbound, Reason::no_member);
    expect("ipmp0", Kind::failed, Reason::members);
    carrier(3, true);
    expect("192.0.2.1", Kind::bound, Reason::member_back);
    EXPECT_EQ(last("192.0.2.1").to, "eth1");
    carrier(2, true);
    std::vector<Decision> all = of("192.0.2.1");
    bool balanced = last("192.0.2.1").why == Reason::balance || last("192.0.2.2").why == Reason::balance;
    EXPECT_TRUE(balanced);
}

TEST_F(DecisionsTest, OnlyTheLastAreKept) {
    for (int i = 0; i < 300; ++i) carrier(2, i % 2 == 1);
    EXPECT_EQ(of("eth0").size(), Decisions::kPerObject);
    EXPECT_EQ(of("eth1").size(), 1u);
    std::vector<Decision> all = engine_.status().decisions;
    EXPECT_LE(all.size(), 4 * Decisions::kPerObject + Decisions::kAddressDecisions);
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](auto& a, auto& b) { return a.sequence < b.sequence; }));
}

TEST_F(DecisionsTest, WhatAFormerDaemonDecidedIsNotMadeUp) {
    carrier(2, false);
    Engine next(Config{}, "host", engine_.state());
    next.step(now_, KernelObserved{kernel_});
    EXPECT_EQ(next.status().decisions, std::vector<Decision>{});
}

}  // namespace
}  // namespace ipmp
