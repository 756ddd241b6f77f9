// Boot as plans: the matrix of which NICs are there, how files are written, families and groups (R-DYN-1 to R-DYN-3).
#include "tools/boot_plan.hpp"

#include <gtest/gtest.h>

#include "model/interface_flags.hpp"

namespace ipmp {
namespace {

constexpr Family k4 = Family::ipv4, k6 = Family::ipv6;
using Lines = std::vector<std::string>;

std::string text_of(const BootStep& step) {
    std::string text = step.interface + (step.family == k4 ? " inet" : " inet6");
    for (const std::string& word : step.words) text += " " + word;
    return text;
}

class BootPlan : public testing::Test {
  protected:
    void file(Family family, const std::string& interface, const std::string& content) {
        input_.files.hostname[index_of(family)][interface] = parse_hostname_file(content);
    }
    // Two NICs of group "ops", as the matrix has them.
    void members(Family family, bool one_line, bool explicit_group) {
        std::string end = one_line ? "\n" : "\nup\n";
        if (explicit_group) {
            file(family, "ipmp0", family == k4 ? "ipmp group ops 192.0.2.1/24 up addif 192.0.2.2/24 up" + end
                                              : "ipmp group ops\naddif 2001:db8::1/64 up" + end);
        }
        for (int i = 0; i < 2; ++i) {
            std::string number = std::to_string(i), data = explicit_group ? "" : " addif 192.0.2.1" + number + "/24 up";
            std::string data6 = explicit_group ? "" : " addif 2001:db8::1" + number + "/64 up";
            std::string test = " -failover 192.0.2.2" + number + "/24 up";
            if (family == k4) file(k4, "eth" + number, "group ops" + test + data + end);
            if (family == k6) file(k6, "eth" + number, "group ops -failover up" + data6 + end);
        }
    }
    // What the four stages before configuration are, and who is missing after them.
    Lines creation() {
        Lines lines;
        std::size_t number = 0;
        for (const BootStage& stage : plan_creation(input_, status_)) {
            for (const BootStep& step : stage.steps) lines.push_back(text_of(step));
            missing_[number++ < 2 ? 0 : 1].insert(stage.failed.begin(), stage.failed.end());
        }
        return lines;
    }
    Lines configuration() {
        Lines lines;
        for (const BootStage& stage : plan_configuration(input_, status_, missing_)) {
            for (const BootStep& step : stage.steps) lines.push_back(text_of(step));
        }
        return lines;
    }
    Lines moves(Family family) {
        MovePlan plan = plan_moves(input_, family, status_, missing_);
        Lines lines;
        if (!plan.message.empty()) lines.push_back(plan.message);
        for (const BootStep& step : plan.steps) lines.push_back(text_of(step));
        return lines;
    }
    Lines attachment(const std::string& nic) {
        Lines lines;
        for (const BootStage& stage : plan_attachment(input_, nic, status_)) {
            for (const BootStep& step : stage.steps) lines.push_back(text_of(step));
        }
        return lines;
    }
    // `addresses` in in.mpathd's picture, plumbed for their families.
    void show(const std::string& name, const std::string& group, bool ipmp, const Lines& addresses) {
        PlumbedInterface shown{.name = name, .group_name = group};
        for (Family family : {k4, k6}) {
            PlumbedFamily half;
            for (const std::string& text : addresses) {
                auto address = *parse_ip(text);
                if (address.family != family) continue;
                half.logicals.push_back({.number = static_cast<std::uint32_t>(half.logicals.size()),
                                         .flags = flag::kUp | (ipmp ? flag::kIpmp : 0),
                                         .address = address,
                                         .prefix_length = 24});
            }
            if (half.logicals.empty()) continue;
            (family == k4 ? shown.inet : shown.inet6) = half;
        }
        status_.plumbed.push_back(shown);
    }

    BootInput input_{{}, {"eth0", "eth1"}, [](const std::string& text, Family) {
                         return parse_ip(text.substr(0, text.find('/')));
                     }};
    Status status_;
    Missing missing_;
};

TEST_F(BootPlan, R_DYN_1_TheOrderOfBoot) {
    file(k4, "eth0", "group ops\n\n");
    file(k6, "eth0", "group ops -failover\n");
    file(k4, "ipmp0", "ipmp group ops 192.0.2.1/24\n");
    file(k6, "ipmp0", "ipmp group ops\n");
    EXPECT_EQ(creation(), (Lines{"ipmp0 inet ipmp", "eth0 inet plumb", "eth0 inet6 plumb", "ipmp0 inet6 ipmp"}));
    EXPECT_EQ(configuration(), (Lines{"ipmp0 inet group ops 192.0.2.1/24 netmask + broadcast + up",
                                      "ipmp0 inet6 group ops", "ipmp0 inet6 up", "eth0 inet group ops",
                                      "eth0 inet6 group ops -failover", "eth0 inet6 up"}));
    EXPECT_EQ(moves(k4), Lines{});
    EXPECT_EQ(plan_configuration(input_, status_, {})[0].progress, "configuring IPMP IPv4 interfaces");
    EXPECT_EQ(plan_configuration(input_, status_, {})[3].failure, "Failed to configure IPv6 interface(s)");
    EXPECT_EQ(plan_creation(input_, status_)[0].failure, "Failed to create IPv4 IPMP interface(s)");
    EXPECT_EQ(plan_creation(input_, status_)[2].failure, "Failed to plumb IPv6 interface(s)");
}

TEST_F(BootPlan, R_DYN_1_EmptyFilesPlumb) {
    file(k4, "eth0", "\n");
    file(k6, "eth1", "");
    EXPECT_EQ(creation(), (Lines{"eth0 inet plumb", "eth1 inet6 plumb"}));
    EXPECT_EQ(configuration(), (Lines{"eth1 inet6 up"}));
}

TEST_F(BootPlan, R_DYN_1_EveryNicIsThere) {
    for (bool one_line : {true, false}) {
        for (bool explicit_group : {true, false}) {
            input_.files = {};
            members(k4, one_line, explicit_group);
            std::string end = one_line ? " netmask + broadcast + up" : "";
            Lines expected;
            if (explicit_group) {
                expected.push_back("ipmp0 inet group ops 192.0.2.1/24 up addif 192.0.2.2/24 up" + end);
                if (!one_line) expected.push_back("ipmp0 inet up");
            }
            for (const char* number : {"0", "1"}) {
                std::string nic = std::string("eth") + number;
                std::string data = explicit_group ? "" : std::string(" addif 192.0.2.1") + number + "/24 up";
                expected.push_back(nic + " inet group ops -failover 192.0.2.2" + number + "/24 up" + data + end);
                if (!one_line) expected.push_back(nic + " inet up");
            }
            creation();
            EXPECT_EQ(configuration(), expected);
            EXPECT_EQ(moves(k4), Lines{});
        }
    }
}

// The reference's acceptance 15: the data addresses of a NIC that is missing move, its test addresses do not.
TEST_F(BootPlan, R_DYN_2_OneIsMissing) {
    for (bool one_line : {true, false}) {
        members(k4, one_line, false);
        members(k6, one_line, false);
        input_.links = {"eth1"};
        EXPECT_EQ(creation(), (Lines{"eth1 inet plumb", "eth1 inet6 plumb"}));
        EXPECT_EQ(missing_[0], (std::set<std::string>{"eth0"}));
        EXPECT_EQ(configuration().front().substr(0, 5), "eth1 ");
        status_ = {};
        show("ipmp0", "ops", true, {"192.0.2.11", "2001:db8::11"});
        show("eth1", "ops", false, {"192.0.2.21", "fe80::1"});
        EXPECT_EQ(moves(k4), (Lines{"moving addresses from failed IPv4 interfaces: eth0 (moved to ipmp0)",
                                    one_line ? "ipmp0 inet addif 192.0.2.10/24 up netmask + broadcast + up"
                                             : "ipmp0 inet addif 192.0.2.10/24 up"}));
        EXPECT_EQ(moves(k6), (Lines{"moving addresses from failed IPv6 interfaces: eth0 (moved to ipmp0)",
                                    "ipmp0 inet6 addif 2001:db8::10/64 up"}));
        status_ = {};
        missing_ = {};
    }
}

TEST_F(BootPlan, R_DYN_2_AllAreMissing) {
    members(k4, true, false);
    members(k6, true, false);
    input_.links = {"ipmp0"};  // somebody else's link of that name
    EXPECT_EQ(creation(), Lines{});
    EXPECT_EQ(configuration(), Lines{});
    EXPECT_EQ(moves(k4),
              (Lines{"moving addresses from failed IPv4 interfaces: eth0 (moved to ipmp1) eth1 (moved to ipmp1)",
                     "ipmp1 inet ipmp group ops", "ipmp1 inet addif 192.0.2.10/24 up netmask + broadcast + up",
                     "ipmp1 inet addif 192.0.2.11/24 up netmask + broadcast + up"}));
    show("ipmp1", "ops", true, {"192.0.2.10", "192.0.2.11"});
    EXPECT_EQ(moves(k6),
              (Lines{"moving addresses from failed IPv6 interfaces: eth0 (moved to ipmp1) eth1 (moved to ipmp1)",
                     "ipmp1 inet6 ipmp", "ipmp1 inet6 addif 2001:db8::10/64 up",
                     "ipmp1 inet6 addif 2001:db8::11/64 up"}));
}

TEST_F(BootPlan, R_DYN_2_MembersOfAnExplicitGroupHaveNothingToMove) {
    members(k4, true, true);
    input_.links = {};
    EXPECT_EQ(creation(), (Lines{"ipmp0 inet ipmp"}));
    EXPECT_EQ(configuration(),
              (Lines{"ipmp0 inet group ops 192.0.2.1/24 up addif 192.0.2.2/24 up netmask + broadcast + up"}));
    show("ipmp0", "ops", true, {"192.0.2.1", "192.0.2.2"});
    EXPECT_EQ(moves(k4),
              (Lines{"moving addresses from failed IPv4 interfaces: eth0 (moved to ipmp0) eth1 (moved to ipmp0)"}));
}

TEST_F(BootPlan, R_DYN_2_WhatHasNoGroupOrALeaseDoesNotMove) {
    input_.links = {};
    file(k4, "eth0", "192.0.2.1/24\n");
    file(k4, "eth1", "group ops dhcp\n");
    file(k4, "eth1:1", "192.0.2.3/24\n");
    input_.files.dhcp["eth1"] = false;
    creation();
    EXPECT_EQ(moves(k4), (Lines{"moving addresses from failed IPv4 interfaces: eth0 (couldn't move; no alternative "
                                "interface) eth1 (moved to ipmp0)",
                                "ipmp0 inet ipmp group ops",
                                "ipmp0 inet addif 192.0.2.3/24 netmask + broadcast + up"}));
    EXPECT_TRUE(plan_dhcp(input_, status_).steps.empty());
}

TEST_F(BootPlan, R_DET_14_TheDaemonIsToldWhoIsMissing) {
    members(k4, true, true);
    file(k6, "eth0", "group other -failover\n");
    file(k4, "eth2", "192.0.2.1/24\n");           // in no group
    file(k4, "eth3:1", "group ops 192.0.2.3/24\n");  // no NIC
    file(k6, "eth4", "group ops standby\nstandby -standby\n");
    file(k6, "eth5", "group ops standby\n");
    file(k4, "eth6", "group ops\n");
    input_.links = {"eth1", "eth6"};
    creation();
    missing_[0].insert("eth6");  // could not be plumbed, though it is there
    auto expected = plan_expectations(input_, missing_);
    Lines lines;
    for (const ExpectMember& one : expected) {
        lines.push_back(one.interface + " " + one.group + (one.inet ? " inet" : "") + (one.inet6 ? " inet6" : "") +
                        (one.standby ? " standby" : ""));
    }
    EXPECT_EQ(lines, (Lines{"eth0 other inet inet6", "eth4 ops inet6", "eth5 ops inet6 standby"}));
}

// First those without addif, whatever line they stand on.
TEST_F(BootPlan, R_DYN_2_OwnAddressesMoveBeforeAddedOnes) {
    input_.links = {};
    file(k4, "eth0", "addif 192.0.2.5/24 up\ngroup ops 192.0.2.4/24 up\n");
    creation();
    show("ipmp3", "ops", true, {"0.0.0.0"});
    EXPECT_EQ(moves(k4), (Lines{"moving addresses from failed IPv4 interfaces: eth0 (moved to ipmp3)",
                                "ipmp3 inet addif 192.0.2.4/24 up", "ipmp3 inet addif 192.0.2.5/24 up"}));
    file(k6, "eth0", "group other\n");
    EXPECT_EQ(moves(k4)[1], "ipmp0 inet ipmp group other") << "the IPv6 file's word counts";
}

TEST_F(BootPlan, R_DYN_1_ASecondRunChangesNothing) {
    members(k4, true, true);
    members(k6, false, false);
    show("ipmp0", "ops", true, {"192.0.2.1", "192.0.2.2", "fe80::5", "2001:db8::10", "2001:db8::11", "2001:db8::1"});
    show("eth0", "ops", false, {"192.0.2.20", "fe80::6"});
    show("eth1", "ops", false, {"192.0.2.21", "fe80::7"});
    EXPECT_EQ(creation(), Lines{});
    EXPECT_EQ(configuration(), (Lines{"ipmp0 inet group ops", "eth0 inet group ops", "eth1 inet group ops",
                                      "eth0 inet6 group ops -failover up", "eth0 inet6 up", "eth0 inet6 up",
                                      "eth1 inet6 group ops -failover up", "eth1 inet6 up", "eth1 inet6 up"}));
}

TEST_F(BootPlan, R_VIS_1_WhoIsInUseIsNotMissing) {
    members(k4, true, false);
    input_.links = {"ipmp0"};
    show("ipmp0", "ops", true, {"192.0.2.10", "192.0.2.11"});
    for (const char* nic : {"eth0", "eth1"}) show(nic, "ops", false, {"192.0.2.20", "192.0.2.21"});
    creation();
    EXPECT_EQ(missing_, Missing{});
}

TEST_F(BootPlan, R_DYN_1_WhatIsMissingOfALineIsMadeUpFor) {
    file(k4, "ipmp0", "ipmp group ops 192.0.2.1/24 up addif 192.0.2.2/24 up addif 192.0.2.3/24\n");
    show("ipmp0", "ops", true, {"192.0.2.1", "192.0.2.3"});
    EXPECT_EQ(configuration(), (Lines{"ipmp0 inet group ops addif 192.0.2.2/24 up"}));
    status_ = {};
    show("ipmp0", "ops", true, {"192.0.2.1"});
    EXPECT_EQ(configuration(),
              (Lines{"ipmp0 inet group ops addif 192.0.2.2/24 up addif 192.0.2.3/24 netmask + broadcast + up"}));
}

TEST_F(BootPlan, R_DYN_1_WithoutAnAddressNoMaskIsImplied) {
    file(k4, "eth0", "group ops\n");
    EXPECT_EQ(configuration(), (Lines{"eth0 inet group ops up"}));
}

TEST_F(BootPlan, R_DYN_1_AddressesOfOthersDoNotCount) {
    file(k4, "eth0", "192.0.2.1/24\n");
    show("eth1", "", false, {"192.0.2.1"});
    EXPECT_EQ(configuration(), (Lines{"eth0 inet 192.0.2.1/24 netmask + broadcast + up"})) << "ifconfig will refuse it";
}

TEST_F(BootPlan, R_DYN_1_ALineThatCannotBeReadIsLeftToIfconfig) {
    file(k4, "eth0", "group\n");
    file(k4, "eth1", "192.0.2.1/99 addif\nup\n");
    EXPECT_EQ(configuration(), (Lines{"eth0 inet group netmask + broadcast + up", "eth1 inet 192.0.2.1/99 addif",
                                      "eth1 inet up"}));
    EXPECT_EQ(moves(k4), Lines{});
}

TEST_F(BootPlan, R_DYN_1_LinesLeftOutMakeTheInterfaceAFailedOne) {
    file(k4, "eth0", "up\n\x01\n");
    EXPECT_EQ(plan_configuration(input_, status_, {})[2].failed, (std::vector<std::string>{"eth0"}));
}

TEST_F(BootPlan, R_DYN_1_DhcpComesLastAndThePrimaryFirst) {
    file(k4, "eth0", "inet myhost\n");
    file(k4, "eth1", "inet myhost\n");
    input_.files.dhcp = {{"eth0", false}, {"ipmp0", true}, {"eth7", false}};
    show("ipmp0", "ops", true, {"0.0.0.0"});
    EXPECT_EQ(configuration(), (Lines{"eth1 inet inet myhost netmask + broadcast + up"})) << "eth0 asks for the name";
    Lines lines;
    for (const BootStep& step : plan_dhcp(input_, status_).steps) lines.push_back(text_of(step));
    EXPECT_EQ(lines, (Lines{"ipmp0 inet auto-dhcp primary", "eth0 inet dhcp start wait 0"}));
    status_.plumbed[0].inet->logicals[0].flags |= flag::kDhcp;
    EXPECT_EQ(plan_dhcp(input_, status_).steps.size(), 1u) << "it runs already";
}

TEST_F(BootPlan, R_DYN_3_AnAttachedMemberGetsWhatIsNotItsGroups) {
    for (bool one_line : {true, false}) {
        members(k4, one_line, false);
        members(k6, one_line, false);
        std::string end = one_line ? " netmask + broadcast + up" : "";
        Lines expected{"eth0 inet plumb", "eth0 inet6 plumb",
                       "eth0 inet group ops set 192.0.2.20/24 -failover up" + end};
        if (!one_line) expected.push_back("eth0 inet up");
        expected.insert(expected.end(), {"eth0 inet up", "eth0 inet6 group ops -failover up"});
        if (!one_line) expected.push_back("eth0 inet6 up");
        expected.push_back("eth0 inet6 up");
        EXPECT_EQ(attachment("eth0"), expected);
    }
}

TEST_F(BootPlan, R_DYN_3_WhoIsInNoGroupIsAttachedAsAtBoot) {
    file(k4, "eth0", "192.0.2.1/24 addif 192.0.2.2/24\n");
    EXPECT_EQ(attachment("eth0"),
              (Lines{"eth0 inet plumb", "eth0 inet 192.0.2.1/24 addif 192.0.2.2/24 netmask + broadcast + up"}));
    EXPECT_EQ(attachment("eth1"), Lines{});
    input_.files.dhcp = {{"eth1", false}, {"eth0", false}};
    EXPECT_EQ(attachment("eth1"), (Lines{"eth1 inet dhcp start wait 0"}));
}

TEST_F(BootPlan, R_DYN_3_OnlyWhatNobodyConfiguredIsAttached) {
    EXPECT_FALSE(is_configured(status_, "eth0"));
    show("eth0", "", false, {"0.0.0.0", "fe80::1"});
    EXPECT_FALSE(is_configured(status_, "eth0"));
    show("eth1", "ops", false, {"0.0.0.0"});
    show("eth2", "", false, {"192.0.2.1"});
    EXPECT_TRUE(is_configured(status_, "eth1") && is_configured(status_, "eth2"));
}

}  // namespace
}  // namespace ipmp
