// Reading the kernel's lists of groups, and the reports by which a former nominee leaves them (R-SPR-3).
#include "wire/memberships.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "wire/checksum.hpp"

namespace ipmp {
namespace {

constexpr InterfaceIndex kUpper{5}, kNic{12};
const MacAddress kMac{{2, 0, 0, 0, 0, 7}};

std::string hex_in_memory(const char* group) {  // as the kernel prints it on this machine
    IpAddress address = *parse_ip(group);
    std::uint32_t number = 0;
    std::copy_n(address.bytes.begin(), 4, reinterpret_cast<std::uint8_t*>(&number));
    return fmt::format("{:08X}", number);
}

std::string igmp() {
    return "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
           "1\tlo        :     1      V3\n\t\t\t\t" + hex_in_memory("224.0.0.1") + "     1 0:00000000\t\t0\n"
           "5\tipmp0     :     4      V3\n"
           "\t\t\t\t" + hex_in_memory("239.1.2.3") + "     1 0:00000000\t\t1\n"
           "\t\t\t\t" + hex_in_memory("239.1.2.4") + "     1 0:00000000\t\t1\n"
           "\t\t\t\t" + hex_in_memory("224.0.0.251") + "     1 0:00000000\t\t1\n"
           "\t\t\t\t" + hex_in_memory("224.0.0.1") + "     1 0:00000000\t\t0\n"
           "12\teth0      :     2      V3\n"
           "\t\t\t\t" + hex_in_memory("239.1.2.4") + "     1 0:00000000\t\t1\n"
           "\t\t\t\t" + hex_in_memory("224.0.0.1") + "     1 0:00000000\t\t0\n";
}

constexpr const char* kIgmp6 =
    "5    ipmp0           ff0200000000000000000001ff000001     1 00000004 0\n"
    "5    ipmp0           ff0200000000000000000001ff000002     1 00000004 0\n"
    "5    ipmp0           ff0e0000000000000000000000001234     1 00000004 0\n"
    "5    ipmp0           ff020000000000000000000000000001     1 0000000C 0\n"
    "5    ipmp0           ff010000000000000000000000000001     1 00000008 0\n"
    "12   eth0            ff0200000000000000000001ff000002     1 00000004 0\n";

std::set<IpAddress> groups(std::initializer_list<const char*> texts) {
    std::set<IpAddress> set;
    for (const char* text : texts) set.insert(*parse_ip(text));
    return set;
}

LeaveMemberships leave(Family family, const char* source, std::uint32_t mtu_bytes = 1500) {
    return {kUpper, Nic{kNic, kMac}, family, *parse_ip(source), mtu_bytes};
}

TEST(JoinedGroups, OfOneLinkOnly_R_SPR_3) {
    EXPECT_EQ(joined_groups(Family::ipv4, igmp(), kNic), groups({"224.0.0.1", "239.1.2.4"}));
    EXPECT_EQ(joined_groups(Family::ipv6, kIgmp6, kNic), groups({"ff02::1:ff00:2"}));
    EXPECT_TRUE(joined_groups(Family::ipv4, igmp(), {2}).empty());
}

TEST(JoinedGroups, WhatCannotBeReadIsPassedOver) {
    for (const char* text : {"", "\n\n", "5", "5 ipmp0", "5 ipmp0 ff02", "\tzz",
                             "5 x : 1 V3\n\t0100\n\t\n\t-1000000\n"}) {
        for (Family family : kFamilies) EXPECT_TRUE(joined_groups(family, text, kUpper).empty()) << text;
        std::string one_host = "5\tipmp0     :     1      V3\n\t\t\t\t" + hex_in_memory("192.0.2.1") + " 1 0:0 0\n";
    EXPECT_TRUE(joined_groups(Family::ipv4, one_host, kUpper).empty());  // found by fuzz_memberships
}
}

TEST(GroupsToLeave, NotTheNicsOwnNorThoseThatNobodyReports_R_SPR_3) {
    EXPECT_EQ(groups_to_leave(leave(Family::ipv4, "192.0.2.1"), igmp(), igmp()), groups({"239.1.2.3"}));
    EXPECT_EQ(groups_to_leave(leave(Family::ipv6, "fe80::1"), kIgmp6, kIgmp6),
              groups({"ff02::1:ff00:1", "ff0e::1234"}));
    // A NIC in another network namespace has its memberships there; the number is somebody else's here.
    EXPECT_EQ(groups_to_leave(leave(Family::ipv4, "192.0.2.1"), igmp(), ""), groups({"239.1.2.3", "239.1.2.4"}));
}

TEST(LeaveReport, IgmpVersion3_R_SPR_3) {
    auto frames = encode_leave_reports(leave(Family::ipv4, "192.0.2.1"), groups({"239.1.2.3", "239.1.2.4"}));
    ASSERT_EQ(frames.size(), 1u);
    std::span<const std::uint8_t> bytes(frames[0]);
    EXPECT_EQ(internet_checksum_finish(internet_checksum_add(0, bytes.subspan(14, 24))), 0);
    EXPECT_EQ(internet_checksum_finish(internet_checksum_add(0, bytes.subspan(38))), 0);
    auto frame = frames[0];
    frame[24] = frame[25] = frame[40] = frame[41] = 0;
    std::vector<std::uint8_t> expected{
        0x01, 0x00, 0x5e, 0x00, 0x00, 0x16, 2,   0,   0,   0, 0, 7,  8,    0,          // Ethernet
        0x46, 0xc0, 0,    48,   0,    0,    0,   0,   1,   2, 0, 0,                    // IPv4, checksum left out
        192,  0,    2,    1,    224,  0,    0,   22,  0x94, 4, 0, 0,                   // source, destination, alert
        0x22, 0,    0,    0,    0,    0,    0,   2,                                    // report of two records
        3,    0,    0,    0,    239,  1,    2,   3,   3,   0, 0, 0, 239,  1,   2, 4};  // to include nobody
    EXPECT_EQ(frame, expected);
}

TEST(LeaveReport, IgmpVersion2WhereTheQuerierKnowsNoOther_R_SPR_3) {
    std::string text = igmp();
    EXPECT_EQ(igmp_version(text, kUpper), IgmpVersion::v3);
    text.replace(text.find("4      V3"), 9, "4      V2");
    EXPECT_EQ(igmp_version(text, kUpper), IgmpVersion::v2);
    EXPECT_EQ(igmp_version(text, kNic), IgmpVersion::v3);
    EXPECT_EQ(joined_groups(Family::ipv4, text, kUpper).size(), 4u);
    text.replace(text.find("4      V2"), 9, "4      V1");
    EXPECT_EQ(igmp_version(text, kUpper), IgmpVersion::v1);
    for (const char* broken : {"", "\n", "5", "\t5 V2", "x V2"}) {
        EXPECT_EQ(igmp_version(broken, kUpper), IgmpVersion::v3) << broken;
    }

    auto leaving = leave(Family::ipv4, "192.0.2.1");
    EXPECT_TRUE(encode_leave_reports(leaving, groups({"239.1.2.3"}), IgmpVersion::v1).empty());
    auto frames = encode_leave_reports(leaving, groups({"239.1.2.3", "239.1.2.4"}), IgmpVersion::v2);
    ASSERT_EQ(frames.size(), 2u);
    std::span<const std::uint8_t> bytes(frames[0]);
    EXPECT_EQ(internet_checksum_finish(internet_checksum_add(0, bytes.subspan(14, 24))), 0);
    EXPECT_EQ(internet_checksum_finish(internet_checksum_add(0, bytes.subspan(38))), 0);
    auto frame = frames[0];
    frame[24] = frame[25] = frame[40] = frame[41] = 0;
    std::vector<std::uint8_t> expected{
        0x01, 0x00, 0x5e, 0x00, 0x00, 0x02, 2,   0,   0,   0, 0, 7,  8,    0,  // Ethernet
        0x46, 0xc0, 0,    32,   0,    0,    0,   0,   1,   2, 0, 0,            // IPv4, checksum left out
        192,  0,    2,    1,    224,  0,    0,   2,   0x94, 4, 0, 0,           // to all routers, alert
        0x17, 0,    0,    0,    239,  1,    2,   3};                           // leave 239.1.2.3
    EXPECT_EQ(frame, expected);
}

TEST(LeaveReport, MldVersion2_R_SPR_3) {
    auto frames = encode_leave_reports(leave(Family::ipv6, "fe80::1"), groups({"ff02::1:ff00:1"}));
    ASSERT_EQ(frames.size(), 1u);
    std::span<const std::uint8_t> bytes(frames[0]);
    ASSERT_EQ(bytes.size(), 14u + 40 + 8 + 8 + 20);
    std::vector<std::uint8_t> ethernet{0x33, 0x33, 0, 0, 0, 0x16, 2, 0, 0, 0, 0, 7, 0x86, 0xdd};
    EXPECT_TRUE(std::ranges::equal(bytes.first(14), ethernet));
    std::vector<std::uint8_t> header{0x60, 0, 0, 0, 0, 36, 0, 1};
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(14, 8), header));
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(22, 16), parse_ip("fe80::1")->bytes));
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(38, 16), parse_ip("ff02::16")->bytes));
    std::vector<std::uint8_t> options{58, 0, 5, 2, 0, 0, 1, 0, 143, 0};
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(54, 10), options));
    std::vector<std::uint8_t> record{0, 0, 0, 1, 3, 0, 0, 0};
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(66, 8), record));
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(74), parse_ip("ff02::1:ff00:1")->bytes));
    std::uint32_t sum = internet_checksum_add(0, bytes.subspan(22, 32));
    sum = internet_checksum_add(sum, std::array<std::uint8_t, 8>{0, 0, 0, 28, 0, 0, 0, 58});
    EXPECT_EQ(internet_checksum_finish(internet_checksum_add(sum, bytes.subspan(62))), 0);
}

TEST(LeaveReport, ALongListTakesAsManyFramesAsTheMtuDemands_R_SPR_3) {
    std::set<IpAddress> many4, many6;
    for (int number = 0; number < 400; ++number) {
        many4.insert(*parse_ip(fmt::format("239.1.{}.{}", number / 200, number % 200)));
        many6.insert(*parse_ip(fmt::format("ff0e::{:x}", number + 2)));
    }
    for (const auto& [family, many, source] :
         {std::tuple{Family::ipv4, many4, "0.0.0.0"}, {Family::ipv6, many6, "::"}}) {
        std::size_t records = 0;
        auto frames = encode_leave_reports(leave(family, source), many);
        EXPECT_EQ(frames.size(), family == Family::ipv4 ? 3u : 6u);
        for (const auto& frame : frames) {
            EXPECT_LE(frame.size(), 14u + 1500);
            std::size_t count_at = family == Family::ipv4 ? 38 + 6 : 62 + 6;
            records += static_cast<std::size_t>(frame[count_at] * 256 + frame[count_at + 1]);
        }
        EXPECT_EQ(records, 400u);
        EXPECT_EQ(encode_leave_reports(leave(family, source, 0), many).size(), 400u);
        EXPECT_TRUE(encode_leave_reports(leave(family, source), {}).empty());
    }
}

}  // namespace
}  // namespace ipmp
