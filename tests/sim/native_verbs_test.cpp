// The native verbs of `ipmp`, and the boot of what `ipmp import` makes, on the real engine in the world of the
// simulator: what is so afterwards, that saying it again asks for nothing, and that a refusal takes back what was
// begun.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/interface_flags.hpp"
#include "sim/world_daemon.hpp"
#include "tools/boot_files.hpp"
#include "tools/boot_run.hpp"
#include "tools/import.hpp"
#include "tools/native_plan.hpp"
#include "tools/native_run.hpp"

namespace ipmp::sim {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

class NativeVerbs : public testing::Test {
  protected:
    NativeVerbs() : world_(1, Config{.link_ups_per_minute = 0}, Faults{}), daemon_(world_) {
        for (std::uint8_t number = 0; number < 3; ++number) {
            world_.kernel().add_nic("eth" + std::to_string(number), MacAddress{{0, 0x16, 0x3e, 0, 0, number}});
        }
        world_.kernel_changed();
        advance(1s);
    }
    void TearDown() override { EXPECT_TRUE(world_.violations().empty()); }
    void advance(Duration time) { world_.run_until(world_.now() + time); }

    ToolRun run(const std::string& line) {
        Words words = words_of(line);
        ToolRun ran = run_native(words, &daemon_);
        advance(1s);
        return ran;
    }
    // It succeeds, and repeated it succeeds without a single command.
    void holds(const std::string& line) {
        ToolRun first = run(line);
        EXPECT_EQ(first.exit_code, 0) << line << ": " << first.err;
        int calls = daemon_.calls();
        ToolRun second = run(line + " -j");
        EXPECT_EQ(second.exit_code, 0) << line << ": " << second.err;
        EXPECT_EQ(daemon_.calls(), calls) << line << " is not so after it";
        EXPECT_NE(second.out.find("\"changed\":false"), std::string::npos) << line;
    }
    // It is refused with this text, and nothing is other than before.
    void refused(const std::string& line, const std::string& text) {
        Status before = *daemon_.status();
        ToolRun ran = run(line);
        EXPECT_EQ(ran.exit_code, 1) << line;
        EXPECT_EQ(ran.err, "ipmp: " + text + "\n");
        Status after = *daemon_.status();
        EXPECT_EQ(after.plumbed, before.plumbed) << line;
        EXPECT_EQ(after.groups, before.groups) << line;
    }
    nlohmann::json shown(const std::string& line) { return nlohmann::json::parse(run(line + " -j").out); }
    Words data_addresses() {
        Words addresses;
        status_ = *daemon_.status();
        for (const AddressStatus& address : status_.addresses) {
            bool is_shown = !address.address.is_link_local() && !address.address.is_zero();  // of stubs
            if (is_shown) addresses.push_back(to_string(address.address));
        }
        return addresses;
    }
    const GroupStatus& group() {
        status_ = *daemon_.status();
        EXPECT_EQ(status_.groups.size(), 1u);
        return status_.groups[0];
    }

    World world_;
    WorldDaemon daemon_;
    Status status_;
};

TEST_F(NativeVerbs, EachIsSoAfterItAndNothingIsToBeDoneAgain_R_CMD_5) {
    holds("group add ipmp0 name ops policy tuple");
    EXPECT_EQ(group().name, "ops");
    EXPECT_EQ(group().policy, SpreadPolicy::tuple);
    holds("group set ipmp0 policy flow name front");
    holds("member add eth0 group front test-address 192.0.2.20/24");
    holds("member add eth1 eth2 group ipmp0 standby off");
    EXPECT_EQ(group().active, (Words{"eth0", "eth1", "eth2"}));
    holds("member set eth2 standby on");
    EXPECT_EQ(group().inactive, Words{"eth2"});
    holds("address add 192.0.2.1/24 dev ipmp0");
    holds("address add 192.0.2.2/24 dev ipmp0 deprecated on");
    holds("address add 2001:db8::1/64 dev ipmp0");
    holds("address add 192.0.2.21/24 dev eth1");
    EXPECT_EQ(data_addresses(), (Words{"192.0.2.1", "192.0.2.2", "2001:db8::1"}));
    holds("address add 192.0.2.2/25 dev ipmp0 deprecated off");
    holds("address add 192.0.2.2/25 dev ipmp0 state down");
    holds("offline eth0");
    EXPECT_EQ(group().inactive, Words{});  // eth2 steps in
    holds("address add 192.0.2.20/24 dev eth0");
    holds("online eth0");
    EXPECT_EQ(group().state, GroupHealth::ok);
    for (const char* address : {"192.0.2.1", "192.0.2.2", "2001:db8::1"}) {
        holds("address del " + std::string(address) + " dev ipmp0");
    }
    holds("address del 192.0.2.20 dev eth0");
    EXPECT_EQ(data_addresses(), Words{});
    holds("member del eth0 eth1");
    EXPECT_EQ(group().active, Words{"eth2"});
    holds("group set ipmp0 mtu 1400");
    holds("group del ipmp0 -f");
    EXPECT_TRUE(daemon_.status()->groups.empty());
}

TEST_F(NativeVerbs, ARefusalChangesNothing_R_CMD_5) {
    refused("member add eth0 group ipmp0", "ipmp0: no such group; ipmp group add makes it");
    refused("group set ipmp0 policy flow", "ipmp0: not an IPMP interface");
    refused("offline eth0", "eth0: not in an IPMP group");
    holds("group add ipmp0");
    holds("group add ipmp1");
    holds("member add eth0 eth1 group ipmp0");
    holds("address add 192.0.2.1/24 dev ipmp0");
    refused("group add eth0", "eth0: not an IPMP interface");
    refused("group del ipmp0", "ipmp0: has members (eth0, eth1); -f has them leave first");
    refused("member add eth0 group ipmp1", "eth0: is in group ipmp0; ipmp member set moves it");
    refused("member set eth2 standby on", "eth2: in no group; ipmp member add has it join one");
    refused("address add 192.0.2.2/24 dev eth2", "eth2: neither an IPMP interface nor in a group");
    refused("address add 192.0.2.1/24 dev eth0", "eth0: 192.0.2.1 is in use on this host already");
    refused("address add 224.0.0.1/4 dev ipmp0", "ipmp0: Invalid argument");
    refused("member add eth9 group ipmp0", "eth9: no such interface");
    refused("address show eth2", "eth2: neither an IPMP interface nor in a group");
    // The test address was given before the next one is refused.
    refused("member add eth0 group ipmp0 test-address 192.0.2.20/24 test-address 192.0.2.1/24",
            "eth0: 192.0.2.1 is in use on this host already");
    holds("member set eth0 eth1 group ipmp1");
    EXPECT_EQ(daemon_.status()->groups[1].active, (Words{"eth0", "eth1"}));
}

TEST_F(NativeVerbs, AnAddressThatAnotherHostHasIsNotKept_R_CMD_5) {
    holds("group add ipmp0");
    holds("member add eth0 eth1 group ipmp0");
    holds("address add 192.0.2.1/24 dev ipmp0");
    IpAddress taken = *parse_ip("192.0.2.2");
    for (int claims = 1; claims <= 10; ++claims) {
        world_.at(world_.now() + claims * 50ms, [this, taken] { world_.claim(taken, false); });
    }
    ToolRun ran = run("address add 192.0.2.2/24 dev ipmp0");
    EXPECT_EQ(ran.exit_code, 1) << ran.out;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
    EXPECT_EQ(data_addresses(), Words{"192.0.2.1"});
    holds("address add 192.0.2.2/24 dev ipmp0");
}

TEST_F(NativeVerbs, ShowsHaveOneSchema_R_CMD_5) {
    holds("group add ipmp0 family both");
    holds("member add eth0 eth1 group ipmp0");
    holds("address add 192.0.2.1/24 dev ipmp0");
    auto group = shown("group show");
    EXPECT_EQ(group["version"], 1);
    EXPECT_EQ(group["groups"][0]["failure_detection_time_ms"], nullptr);
    EXPECT_EQ(group["groups"][0]["families"], (nlohmann::json{"inet", "inet6"}));
    auto member = shown("member show eth1");
    ASSERT_EQ(member["interfaces"].size(), 1u);
    EXPECT_EQ(member["interfaces"][0]["interface"], "eth1");
    EXPECT_EQ(member["interfaces"][0]["active"], true);
    EXPECT_EQ(shown("member show ipmp0")["interfaces"].size(), 2u);
    auto addresses = shown("address show ipmp0")["addresses"];
    auto is_data = [](const nlohmann::json& address) { return address["address"] == "192.0.2.1"; };
    auto data = std::find_if(addresses.begin(), addresses.end(), is_data);
    ASSERT_NE(data, addresses.end());
    EXPECT_EQ((*data)["prefix_length"], 24);
    EXPECT_EQ((*data)["logical_interface"], "ipmp0");
    EXPECT_EQ((*data)["up"], true);
    EXPECT_EQ(shown("adm show-if")["groups"], group["groups"]);
    EXPECT_EQ(run("group").out.substr(0, 61), "GROUP       NAME        STATE     POLICY      ISOLATED  MEMBE");
}

TEST_F(NativeVerbs, WhatImportMakesBootsIntoAGroup_R_CMD_5) {
    auto made = import_aggregates(
        {{"interfaces",
          "iface bond0 inet static\n address 192.0.2.1/24\n bond-slaves eth0 eth1 eth2\n bond-mode active-backup\n"
          " bond-primary eth1\niface bond0 inet6 static\n address 2001:db8::1/64\n"}},
        ImportStyle::hostname);
    ASSERT_TRUE(made);
    BootFiles files;
    for (const ImportText& file : made->files) {
        std::string name = file.name.substr(5);
        for (Family family : kFamilies) {
            auto interface = interface_of(name, hostname_prefix(family));
            if (interface && *interface)
                files.hostname[index_of(family)][**interface] = parse_hostname_file(file.content);
        }
    }
    auto resolve = [](const std::string& text, Family family) -> std::optional<IpAddress> {
        auto address = parse_ip(text);
        return address && address->family == family ? address : std::nullopt;
    };
    Words complaints;
    BootRun boot({daemon_, "/etc",
                  [] {
                      return std::set<std::string>{"eth0", "eth1", "eth2"};
                  },
                  [&](const std::string&) { return files; }, resolve, [](const std::string&) {},
                  [&](const std::string& text) { complaints.push_back(text); }});
    boot.boot();
    advance(5s);
    EXPECT_EQ(complaints, Words{});
    EXPECT_EQ(group().active, Words{"eth1"});
    EXPECT_EQ(group().inactive, (Words{"eth0", "eth2"}));
    EXPECT_EQ(data_addresses(), (Words{"192.0.2.1", "2001:db8::1"}));
}

}  // namespace
}  // namespace ipmp::sim
