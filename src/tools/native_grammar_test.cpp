// The words of `ipmp group`, `member`, `address`, `offline`, `online` and `adm`, and what they ask for (R-CMD-5).
#include "tools/native_grammar.hpp"

#include <gtest/gtest.h>

#include "tools/ifconfig_words.hpp"
#include "tools/native_adm.hpp"
#include "tools/native_run.hpp"

namespace ipmp {
namespace {

std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> words;
    for (std::size_t next = 0; next < line.size();) {
        std::size_t end = std::min(line.find(' ', next), line.size());
        words.push_back(line.substr(next, end - next));
        next = end + 1;
    }
    return words;
}

template <typename Request>
Request request(const std::string& line) {
    auto parsed = parse_native_line(split(line));
    EXPECT_TRUE(parsed) << line << ": " << (parsed ? "" : parsed.error().text);
    if (!parsed || parsed->requests.empty()) return {};
    const Request* found = std::get_if<Request>(&parsed->requests[0]);
    EXPECT_NE(found, nullptr) << line;
    return found ? *found : Request{};
}

std::string mistake(const std::string& line) {
    auto parsed = parse_native_line(split(line));
    return parsed ? "" : parsed.error().text;
}

TEST(NativeGrammar, AGroupIsMadeWithItsSettings_R_CMD_5) {
    auto add = request<GroupAdd>("group add ipmp0 name ops policy tuple isolate on mtu 1400 family both");
    EXPECT_EQ(add.group, "ipmp0");
    EXPECT_EQ(add.families, (std::vector{Family::ipv4, Family::ipv6}));
    EXPECT_EQ(add.settings.name, "ops");
    EXPECT_EQ(add.settings.policy, SpreadPolicy::tuple);
    EXPECT_EQ(add.settings.isolate, true);
    EXPECT_EQ(add.settings.mtu_bytes, 1400u);
    EXPECT_EQ(request<GroupAdd>("group add ipmp0").families, std::vector{Family::ipv4});
    EXPECT_FALSE(request<GroupSet>("group set ipmp0 isolate off").force);
    EXPECT_TRUE(request<GroupSet>("group set -f ipmp0 isolate on").force);
    EXPECT_TRUE(request<GroupDelete>("group del ipmp0 --force").force);
}

TEST(NativeGrammar, MembersAreNamedBeforeTheirGroup_R_CMD_5) {
    auto add = request<MemberAdd>("member add eth0 eth1 group ipmp0 standby on");
    EXPECT_EQ(add.nics, (std::vector<std::string>{"eth0", "eth1"}));
    EXPECT_EQ(add.group, "ipmp0");
    EXPECT_EQ(add.standby, true);
    add = request<MemberAdd>("member add eth0 group ipmp0 test-address 192.0.2.20/24 test-address 2001:db8::20/64");
    ASSERT_EQ(add.test_addresses.size(), 2u);
    EXPECT_EQ(to_string(add.test_addresses[1].address), "2001:db8::20");
    EXPECT_EQ(add.test_addresses[1].length, 64);
    EXPECT_EQ(request<MemberSet>("member set eth0 standby off").standby, false);
    EXPECT_EQ(request<MemberDelete>("member del eth0 eth1").nics.size(), 2u);
}

TEST(NativeGrammar, AnAddressNamesItsInterface_R_CMD_5) {
    auto add = request<AddressAdd>("address add 192.0.2.1/24 dev ipmp0 state down deprecated on");
    EXPECT_EQ(add.interface, "ipmp0");
    EXPECT_EQ(add.prefix.length, 24);
    EXPECT_FALSE(add.up);
    EXPECT_EQ(add.deprecated, true);
    EXPECT_EQ(request<AddressDelete>("address del 192.0.2.1/24 dev ipmp0").address, parse_ip("192.0.2.1"));
    EXPECT_FALSE(request<SetInUse>("offline eth0").in_use);
    EXPECT_TRUE(request<SetInUse>("online eth0").in_use);
}

TEST(NativeGrammar, ShowIsWhatIsMeantWithoutAVerb_R_CMD_5) {
    EXPECT_EQ(request<Show>("group").what, Shown::groups);
    EXPECT_EQ(request<Show>("member -j").what, Shown::members);
    EXPECT_EQ(request<Show>("address show ipmp0").only, "ipmp0");
    EXPECT_TRUE(parse_native_line(split("group show -j"))->as_json);
}

TEST(NativeGrammar, WhatIsWrongIsToldInOneLine_R_CMD_5) {
    const std::pair<const char*, const char*> kMistakes[] = {
        {"group frobnicate", "group frobnicate: unknown command; see ipmp group --help"},
        {"group add", "group add: IPMP is missing; see ipmp group --help"},
        {"group add ipmp0 policy", "group add: policy: its value is missing; see ipmp group --help"},
        {"group add ipmp0 policy x",
         "group add: policy: x: not one of flow|tuple|destination|source; see ipmp group --help"},
        {"group add ipmp0 mtu 1 mtu 2", "group add: mtu: given twice; see ipmp group --help"},
        {"group add ipmp0 ipmp1", "group add: ipmp1: unknown word; see ipmp group --help"},
        {"group add ipmp0 -f", "group add: -f: unknown word; see ipmp group --help"},
        {"group add a/b", "group add: a/b: not the name of an interface; see ipmp group --help"},
        {"group set ipmp0", "group set: nothing is to be set; see ipmp group --help"},
        {"member add eth0", "member add: group is missing; see ipmp member --help"},
        {"member add eth0 eth1 group ipmp0 test-address 192.0.2.1/24",
         "member add: test-address: each NIC has its own, add them one by one; see ipmp member --help"},
        {"member set eth0", "member set: group or standby is missing; see ipmp member --help"},
        {"address add 192.0.2.1 dev ipmp0",
         "address add: 192.0.2.1: not an address with a prefix length, as 192.0.2.1/24; see ipmp address --help"},
        {"address add 192.0.2.1/33 dev ipmp0",
         "address add: 192.0.2.1/33: not an address with a prefix length, as 192.0.2.1/24; see ipmp address --help"},
        {"address add 192.0.2.1/24", "address add: dev is missing; see ipmp address --help"},
        {"offline", "offline: NIC is missing; see ipmp offline --help"},
        {"adm", "adm: a command is missing; see ipmp adm --help"},
        {"adm create-vlan x", "adm create-vlan: unknown command; see ipmp adm --help"},
        {"adm add-ipmp ipmp0", "adm add-ipmp: -i is missing; see ipmp adm --help"},
        {"adm create-addr -T dhcp ipmp0/v4",
         "adm create-addr: -T dhcp: only static; for DHCP see ipmp-ifconfig(8); see ipmp adm --help"},
        {"adm delete-addr ipmp0/data1",
         "adm delete-addr: ipmp0/data1: not an address object, as ipmp0/v4.1; see ipmp adm --help"},
    };
    for (const auto& [line, text] : kMistakes) {
        EXPECT_EQ(mistake(line), text);
        EXPECT_EQ(run_native(split(line)).exit_code, 2) << line;
    }
}

TEST(NativeGrammar, HelpNamesEveryForm) {
    for (const NativeForm& form : native_forms()) {
        std::string help = run_native({std::string(form.object), "--help"}).out;
        std::string name = "ipmp " + std::string(form.object) + (form.word.empty() ? "" : " ") + std::string(form.word);
        EXPECT_NE(help.find(name), std::string::npos) << name;
    }
    std::string adm = run_native({"adm", "--help"}).out;
    for (const AdmForm& form : adm_forms()) EXPECT_NE(adm.find(form.word), std::string::npos) << form.word;
}

TEST(NativeGrammar, SolarisVerbsAskForTheSame_R_CMD_5) {
    auto line = parse_native_line(split("adm create-ipmp -t -i eth0,eth1 ipmp0"));
    ASSERT_TRUE(line);
    ASSERT_EQ(line->requests.size(), 2u);
    EXPECT_EQ(std::get<GroupAdd>(line->requests[0]).group, "ipmp0");
    EXPECT_EQ(std::get<MemberAdd>(line->requests[1]).nics, (std::vector<std::string>{"eth0", "eth1"}));
    EXPECT_EQ(request<MemberDelete>("adm remove-ipmp -i eth0 -i eth1 ipmp0").nics.size(), 2u);
    auto address = request<AddressAdd>("adm create-addr -T static -d -a local=192.0.2.1/24 ipmp0/data1");
    EXPECT_EQ(address.interface, "ipmp0");
    EXPECT_FALSE(address.up);
    auto place = request<LogicalDelete>("adm delete-addr ipmp0/v6.3");
    EXPECT_EQ(place.number, 3u);
    EXPECT_EQ(place.family, Family::ipv6);
    EXPECT_EQ(address_object({"ipmp0", 3}, Family::ipv6), "ipmp0/v6.3");
    EXPECT_EQ(request<AddressDelete>("adm delete-addr ipmp0/192.0.2.1").interface, "ipmp0");
    EXPECT_EQ(request<GroupDelete>("adm delete-ipmp ipmp0").group, "ipmp0");
    EXPECT_FALSE(request<SetInUse>("adm disable-if -t eth0").in_use);
    EXPECT_EQ(request<PlumbNic>("adm create-ip eth0").nic, "eth0");
    EXPECT_EQ(request<UnplumbNic>("adm delete-ip eth0").nic, "eth0");
}

}  // namespace
}  // namespace ipmp
