// Each thing that `ipmp check` looks at, well and not well.
#include "tools/check_findings.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

namespace ipmp {
namespace {

// Two NICs that hear each other, in no group yet.
CheckFacts good() {
    CheckFacts facts;
    for (std::uint32_t index : {2, 3}) {
        LinkState link{.index = {index}, .name = "eth" + std::to_string(index - 2), .mtu_bytes = 1500};
        link.ethernet = link.admin_up = link.carrier = true;
        link.mac.bytes[5] = static_cast<std::uint8_t>(index);
        facts.nics.push_back({.name = link.name, .link = link});
    }
    facts.link_test.done = true;
    facts.link_test.sent = 3;
    facts.link_test.tested = {"eth0", "eth1"};
    facts.link_test.heard = {{{"eth0", "eth1"}, 3}, {{"eth1", "eth0"}, 3}};
    return facts;
}

CheckFacts in_group() {
    CheckFacts facts = good();
    facts.status.emplace();
    facts.status->groups = {{.interface = "ipmp0", .name = "ipmp0"}};
    for (NicFacts& nic : facts.nics) {
        nic.group = "ipmp0";
        InterfaceStatus status{.name = nic.name, .active = true, .group = "ipmp0"};
        status.state = InterfaceHealth::ok;
        status.probe = ProbeHealth::ok;
        facts.status->interfaces.push_back(status);
        facts.status->targets.push_back(
            {nic.name, TargetMode::routes, parse_ip("192.0.2.20"), {*parse_ip("192.0.2.254")}});
    }
    return facts;
}

const Finding* find(const std::vector<Finding>& findings, const std::string& code) {
    auto found = std::find_if(findings.begin(), findings.end(), [&](auto& finding) { return finding.code == code; });
    return found == findings.end() ? nullptr : &*found;
}

void expect(const CheckFacts& facts, Severity severity, const std::string& code, const std::string& subject) {
    std::vector<Finding> findings = findings_of(facts);
    const Finding* finding = find(findings, code);
    ASSERT_NE(finding, nullptr) << code << "\n" << findings_text(findings);
    EXPECT_EQ(finding->severity, severity) << code;
    EXPECT_EQ(finding->subject, subject) << code;
    EXPECT_EQ(all_well(findings), severity == Severity::hint || severity == Severity::ok) << findings_text(findings);
}

TEST(CheckFindings, GoodInterfacesAreWell) {
    for (const CheckFacts& facts : {good(), in_group()}) {
        std::vector<Finding> findings = findings_of(facts);
        EXPECT_TRUE(all_well(findings)) << findings_text(findings);
        for (const char* code : {"link", "macs", "mtu", "carrier", "anti_spoofing", "igmp_snooping"}) {
            EXPECT_NE(find(findings, code), nullptr) << code;
        }
    }
    EXPECT_NE(find(findings_of(in_group()), "targets"), nullptr);
}

TEST(CheckFindings, WhatIsWrongWithOneInterface) {
    auto with = [](auto change) {
        CheckFacts facts = good();
        change(facts.nics[1]);
        return facts;
    };
    expect(with([](NicFacts& nic) { nic.link.reset(); }), Severity::problem, "missing", "eth1");
    expect(with([](NicFacts& nic) { nic.link->ethernet = false; }), Severity::problem, "not_ethernet", "eth1");
    expect(with([](NicFacts& nic) { nic.link->admin_up = false; }), Severity::problem, "down", "eth1");
    expect(with([](NicFacts& nic) { nic.link->carrier = false; }), Severity::problem, "no_carrier", "eth1");
    expect(with([](NicFacts& nic) { nic.master = "br0"; }), Severity::problem, "port", "eth1");
    expect(with([](NicFacts& nic) { nic.manager = "NetworkManager"; }), Severity::warning, "managed", "eth1");
    expect(with([](NicFacts& nic) { nic.ipv6_disabled = true; }), Severity::hint, "ipv6_disabled", "eth1");
    expect(with([](NicFacts& nic) { nic.rp_filter_all = 1; }), Severity::hint, "rp_filter", "eth1");
    expect(with([](NicFacts& nic) { nic.link->mac.bytes[5] = 2; }), Severity::problem, "duplicate_mac", "eth0, eth1");
    expect(with([](NicFacts& nic) { nic.link->mtu_bytes = 9000; }), Severity::warning, "mtu_differs", "");
}

TEST(CheckFindings, R_GRP_7_WhoDoesNotHearTheOthersIsOnAnotherLink) {
    CheckFacts facts = good();
    facts.link_test.heard.erase({"eth0", "eth1"});
    expect(facts, Severity::problem, "not_heard", "eth1");
    facts.link_test.heard[{"eth0", "eth1"}] = 2;
    expect(facts, Severity::warning, "frames_lost", "eth1");
    facts.link_test.tested = {"eth0"};
    expect(facts, Severity::warning, "link_untested", "");
    facts = good();
    facts.link_test = {.problem = "permission denied"};
    expect(facts, Severity::warning, "link_untested", "");
}

TEST(CheckFindings, R_GRP_13_InterfacesOfOneLinkBelongInOneGroup) {
    CheckFacts facts = good();
    facts.bystanders = {"eth9"};
    facts.link_test.heard[{"eth0", "eth9"}] = 3;
    expect(facts, Severity::warning, "same_link", "eth9");
    facts = in_group();
    facts.nics[1].group = "ipmp1";
    facts.nics.push_back(facts.nics[0]);
    facts.nics.push_back(facts.nics[1]);  // two in each, so that nobody is alone
    facts.nics[2].name = "eth2";
    facts.nics[3].name = "eth3";
    const std::vector<Finding> findings = findings_of(facts);
    ASSERT_NE(find(findings, "same_link"), nullptr);
}

TEST(CheckFindings, WhatTheDaemonKnows) {
    auto with = [](auto change) {
        CheckFacts facts = in_group();
        change(facts);
        return facts;
    };
    auto second = [](CheckFacts& facts) -> InterfaceStatus& { return facts.status->interfaces[1]; };
    expect(with([&](auto& facts) { second(facts).state = InterfaceHealth::failed; }), Severity::problem, "failed",
           "eth1");
    expect(with([&](auto& facts) { second(facts).state = InterfaceHealth::offline; }), Severity::warning, "offline",
           "eth1");
    expect(with([&](auto& facts) { second(facts).probe = ProbeHealth::disabled; }), Severity::warning,
           "no_test_address", "eth1");
    expect(with([&](auto& facts) { second(facts).probe = ProbeHealth::unknown; }), Severity::problem, "no_target",
           "eth1");
    expect(with([](auto& facts) {
               facts.counters["probes.eth1 inet.answered"] = 90;
               facts.counters["probes.eth1 inet.lost"] = 10;
           }),
           Severity::warning, "probes_lost", "eth1");
    expect(with([](auto& facts) { facts.nics[1].rp_filter = 1; }), Severity::warning, "rp_filter", "eth1");
    expect(with([](auto& facts) {
               facts.status->addresses = {{*parse_ip("192.0.2.1"), true, "ipmp0", "eth0", {"eth0"}}};
           }),
           Severity::hint, "few_addresses", "ipmp0");
    expect(with([](auto& facts) {
               facts.status->addresses = {{*parse_ip("2001:db8::1"), true, "ipmp0", "eth0", {"eth0"}}};
               facts.nics[1].ipv6_disabled = true;
           }),
           Severity::problem, "ipv6_disabled", "eth1");
}

TEST(CheckFindings, TheHost) {
    CheckFacts facts = good();
    facts.most_neighbours = 1024;
    facts.neighbours = 900;
    expect(facts, Severity::warning, "neighbour_table", "");
    facts.neighbours = 800;
    EXPECT_TRUE(all_well(findings_of(facts)));
    facts.nics.pop_back();
    expect(facts, Severity::warning, "alone", "eth0");
}

TEST(CheckFindings, AsTextAndAsJson) {
    std::vector<Finding> findings{{Severity::ok, "mtu", "ipmp0", "the MTU is 1500 everywhere", ""},
                                  {Severity::problem, "down", "eth1", "is set down", "ip link set eth1 up"}};
    EXPECT_EQ(findings_text(findings),
              "ok       ipmp0: the MTU is 1500 everywhere\n"
              "problem  eth1: is set down\n"
              "         -> ip link set eth1 up\n");
    std::string words;
    for (int i = 0; i < 60; ++i) words += "word ";
    std::istringstream lines(findings_text({{Severity::warning, "long", "", words, words}}));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 96u) << line;
    nlohmann::json json = findings_to_json(findings);
    EXPECT_EQ(json["well"], false);
    EXPECT_EQ(json["findings"][1]["severity"], "problem");
    EXPECT_EQ(json["findings"][1]["code"], "down");
}

}  // namespace
}  // namespace ipmp
