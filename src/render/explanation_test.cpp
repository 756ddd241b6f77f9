// `ipmp why`: the first line says what is, the second since when and why, and what can be done comes last.
#include "render/explanation.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "render/decision_text.hpp"

namespace ipmp {
namespace {

constexpr std::uint64_t kNow_ms = 1'000'000;

InterfaceStatus nic(const char* name, InterfaceHealth state) {
    InterfaceStatus status{.name = name, .group = "ipmp0"};
    status.state = state;
    status.link = state == InterfaceHealth::failed ? LinkHealth::down : LinkHealth::up;
    status.active = state == InterfaceHealth::ok;
    return status;
}

Decision decision(std::uint64_t seconds_ago, DecisionObject object, const char* name, DecisionKind what,
                  DecisionReason why) {
    Decision decision{.at_ms = kNow_ms - seconds_ago * 1000, .object = object, .name = name, .group = "ipmp0"};
    decision.what = what;
    decision.why = why;
    return decision;
}

Status sample() {
    Status status;
    GroupStatus group{.interface = "ipmp0", .name = "ops", .state = GroupHealth::degraded};
    group.active = {"eth0"};
    group.unusable = {"eth1"};
    status.groups = {group};
    status.interfaces = {nic("eth0", InterfaceHealth::ok), nic("eth1", InterfaceHealth::failed)};
    status.addresses = {{*parse_ip("192.0.2.1"), true, "ipmp0", "eth0", {"eth0"}}};
    status.decisions = {
        decision(600, DecisionObject::interface, "eth1", DecisionKind::joined, DecisionReason::asked),
        decision(12, DecisionObject::interface, "eth1", DecisionKind::failed, DecisionReason::link_down),
        decision(12, DecisionObject::group, "ipmp0", DecisionKind::degraded, DecisionReason::members),
        decision(12, DecisionObject::address, "192.0.2.1", DecisionKind::bound, DecisionReason::link_down)};
    status.decisions[0].command = "SetGroup";
    status.decisions[2].from = "eth1";
    status.decisions[3].from = "eth1";
    status.decisions[3].to = "eth0";
    return status;
}

using Lines = std::vector<std::string>;

TEST(Explanation, AFailedInterface) {
    EXPECT_EQ(explain(sample(), "eth1", kNow_ms),
              (Lines{"eth1 of group ipmp0 has failed", "  decided 12 s ago; failed: the link of eth1 is down",
                     "  now: link down; no probes, as it has no test address",
                     "  10 min ago joined ipmp0: the command SetGroup asked for it",
                     "  to do: look at the cable and at the port of the switch"}));
}

TEST(Explanation, AnAddressThatMoved) {
    Status status = sample();
    status.addresses[0].rebind = RebindStatus{"eth0", kNow_ms - 12000, 3, 2, 1, 4};
    EXPECT_EQ(explain(status, "192.0.2.1", kNow_ms),
              (Lines{"192.0.2.1 of group ipmp0 is bound to eth0 for inbound traffic; it sends by eth0",
                     "  decided 12 s ago; moved from eth1 to eth0: the link of eth1 is down",
                     "  of 3 neighbours asked, 2 sent to eth0 within 4 ms, 1 were silent"}));
}

TEST(Explanation, AGroupNamesWhatCannotBeUsed) {
    Lines lines = explain(sample(), "ops", kNow_ms);
    EXPECT_EQ(lines, explain(sample(), "ipmp0", kNow_ms));
    EXPECT_EQ(lines,
              (Lines{"ipmp0 is degraded: not all its interfaces can be used",
                     "  decided 12 s ago; degraded: because of eth1", "  active: eth0; inactive: none; unusable: eth1",
                     "  eth1 of group ipmp0 has failed", "    decided 12 s ago; failed: the link of eth1 is down"}));
}

TEST(Explanation, WhatAFormerDaemonDecidedIsNotKnown) {
    Status status = sample();
    status.decisions.clear();
    EXPECT_EQ(explain(status, "eth1", kNow_ms).at(1), "  since when is not known: it was so when in.mpathd started");
}

TEST(Explanation, EveryStateOfAnInterfaceHasItsFirstLineAndAdvice) {
    Status status = sample();
    InterfaceStatus& one = status.interfaces[1];
    auto first = [&] { return explain(status, "eth1", kNow_ms).front(); };
    auto last = [&] { return explain(status, "eth1", kNow_ms).back(); };
    one = nic("eth1", InterfaceHealth::offline);
    EXPECT_EQ(first(), "eth1 of group ipmp0 is offline");
    EXPECT_EQ(last(), "  to do: if_mpadm -r eth1 brings it back");
    one.hardware_duplicate = true;
    EXPECT_EQ(last(), "  to do: give it a MAC of its own (ipmp ifconfig eth1 ether ...), then if_mpadm -r eth1");
    one = nic("eth1", InterfaceHealth::ok);
    EXPECT_EQ(first(), "eth1 of group ipmp0 works and is active");
    one.active = false;
    one.inactive = true;
    EXPECT_EQ(first(), "eth1 of group ipmp0 works and is inactive");
    EXPECT_EQ(last(), "  to do: nothing: it is used when another one fails; FAILBACK=yes would use it now");
    one = nic("eth1", InterfaceHealth::unknown);
    one.probe = ProbeHealth::unknown;
    EXPECT_EQ(first(), "eth1 of group ipmp0 works; no target has answered its probes");
    one = nic("eth1", InterfaceHealth::failed);
    for (auto [why, advice] : {std::pair(DecisionReason::set_down, "ip link set eth1 up"),
                               std::pair(DecisionReason::declared, "ipmp ifconfig eth1 -failed"),
                               std::pair(DecisionReason::missing, "plug it in; it is configured when it appears")}) {
        status.decisions[1].why = why;
        EXPECT_EQ(last(), std::string("  to do: ") + advice);
    }
}

TEST(Explanation, AddressesThatAreNotInUseSayWhy) {
    Status status = sample();
    AddressStatus& address = status.addresses[0];
    auto first = [&] { return explain(status, "192.0.2.1", kNow_ms).front(); };
    address.up = false;
    EXPECT_EQ(first(), "192.0.2.1 of group ipmp0 is down: an administrator has not set it up");
    status.decisions[3].what = DecisionKind::withdrawn;
    status.decisions[3].why = DecisionReason::duplicate_address;
    status.decisions[3].to = "2:0:0:0:0:9";
    EXPECT_EQ(first(), "192.0.2.1 of group ipmp0 is not in use: another host has it");
    EXPECT_EQ(explain(status, "192.0.2.1", kNow_ms).at(1),
              "  decided 12 s ago; out of use: another host, 2:0:0:0:0:9, has it");
    address.up = true;
    address.inbound.clear();
    status.decisions[3].what = DecisionKind::unbound;
    status.decisions[3].why = DecisionReason::no_member;
    EXPECT_EQ(first(), "192.0.2.1 of group ipmp0 is bound to no interface");
}

TEST(Explanation, UnknownNamesAndTestAddresses) {
    Status status = sample();
    for (const char* name : {"eth9", "", "192.0.2.9", "0.0.0.0"}) {
        EXPECT_EQ(explain(status, name, kNow_ms), Lines{}) << name;
    }
    status.targets = {{"eth0", TargetMode::routes, parse_ip("192.0.2.20"), {*parse_ip("192.0.2.254")}}};
    EXPECT_EQ(explain(status, "192.0.2.20", kNow_ms), Lines{"192.0.2.20 is the test address of eth0: it stays there"});
    Lines lines = explain(status, "eth0", kNow_ms);
    EXPECT_NE(std::find(lines.begin(), lines.end(), "  probes from 192.0.2.20 to 192.0.2.254"), lines.end());
}

TEST(Explanation, EveryReasonHasWords) {
    for (int why = 0; why <= static_cast<int>(DecisionReason::members); ++why) {
        Decision one =
            decision(1, DecisionObject::interface, "eth1", DecisionKind::failed, static_cast<DecisionReason>(why));
        EXPECT_GT(reason_text(one, "eth1").size(), 8u) << why;
    }
    EXPECT_EQ(duration_text(850), "850 ms");
    EXPECT_EQ(duration_text(119'999), "119 s");
    EXPECT_EQ(duration_text(7'199'000), "119 min");
    EXPECT_EQ(duration_text(40ull * 3600 * 1000), "40 h");
    EXPECT_EQ(duration_text(72ull * 3600 * 1000), "3 days");
}

}  // namespace
}  // namespace ipmp
