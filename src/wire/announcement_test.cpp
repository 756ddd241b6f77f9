// The announcement frames, byte by byte.
#include "wire/announcement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "wire/checksum.hpp"

namespace ipmp {
namespace {

TEST(Announcement, GratuitousArpIsABroadcastRequestWithSenderEqualToTarget_R_SPR_4) {
    auto frame = encode_announcement(*parse_ip("192.0.2.1"), *parse_mac("02:00:00:00:00:07"));
    std::vector<std::uint8_t> expected{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0, 0, 0, 0, 7, 8, 6,  // Ethernet
                                       0,    1,    8,    0,    6,    4,    0,   1,                    // ARP request
                                       2,    0,    0,    0,    0,    7,    192, 0, 2, 1,              // sender
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0, 2, 1};             // target
    EXPECT_EQ(frame, expected);
}

TEST(Announcement, AdvertisementOverridesAndHasARightChecksum_R_SPR_4) {
    auto frame = encode_announcement(*parse_ip("2001:db8::1"), *parse_mac("02:00:00:00:00:07"));
    ASSERT_EQ(frame.size(), 14u + 40 + 32);
    EXPECT_EQ(frame[54], 136);
    EXPECT_EQ(frame[58], 0x20);  // override, neither solicited nor router
    EXPECT_EQ(frame[21], 255);   // hop limit
    std::span<const std::uint8_t> bytes(frame);
    std::uint32_t sum = internet_checksum_add(0, bytes.subspan(22, 32));
    sum = internet_checksum_add(sum, std::array<std::uint8_t, 8>{0, 0, 0, 32, 0, 0, 0, 58});
    EXPECT_EQ(internet_checksum_finish(internet_checksum_add(sum, bytes.subspan(54))), 0);
}

TEST(AddressProbe, HasNoSenderAddress_R_ADR_6) {
    auto frame = encode_address_probe(*parse_ip("192.0.2.1"), *parse_mac("02:00:00:00:00:07"));
    std::vector<std::uint8_t> expected{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0, 0, 0, 0, 7, 8, 6,  // Ethernet
                                       0,    1,    8,    0,    6,    4,    0,   1,                    // ARP request
                                       2,    0,    0,    0,    0,    7,    0,   0, 0, 0,              // sender
                                       0,    0,    0,    0,    0,    0,    192, 0, 2, 1};             // target
    EXPECT_EQ(frame, expected);
}

bool has_right_icmpv6_checksum(std::span<const std::uint8_t> frame) {
    std::span<const std::uint8_t> message = frame.subspan(54);
    std::uint32_t sum = internet_checksum_add(0, frame.subspan(22, 32));
    auto length = static_cast<std::uint8_t>(message.size());
    sum = internet_checksum_add(sum, std::array<std::uint8_t, 8>{0, 0, 0, length, 0, 0, 0, 58});
    return internet_checksum_finish(internet_checksum_add(sum, message)) == 0;
}

TEST(AddressProbe, SolicitsTheSolicitedNodeGroupWithoutAnOption_R_ADR_6) {
    auto frame = encode_address_probe(*parse_ip("2001:db8::12:3456"), *parse_mac("02:00:00:00:00:07"));
    ASSERT_EQ(frame.size(), 14u + 40 + 24);
    std::span<const std::uint8_t> bytes(frame);
    std::vector<std::uint8_t> destination{0x33, 0x33, 0xff, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 7};
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(0, 12), destination));
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(22, 16), parse_ip("::")->bytes));
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(38, 16), parse_ip("ff02::1:ff12:3456")->bytes));
    EXPECT_EQ(frame[21], 255);
    EXPECT_EQ(frame[54], 135);
    EXPECT_TRUE(has_right_icmpv6_checksum(frame));
}

TEST(PeerQuestion, IsAUnicastArpRequestStatingTheNewMac_R_SPR_4) {
    Peer peer{*parse_ip("192.0.2.9"), *parse_mac("02:00:00:00:00:99")};
    auto frame = encode_peer_question(*parse_ip("192.0.2.1"), *parse_mac("02:00:00:00:00:07"), peer);
    std::vector<std::uint8_t> expected{2, 0, 0, 0, 0, 0x99, 2,   0, 0, 0, 0, 7, 8, 6,  // Ethernet
                                       0, 1, 8, 0, 6, 4,    0,   1,                    // ARP request
                                       2, 0, 0, 0, 0, 7,    192, 0, 2, 1,              // sender
                                       0, 0, 0, 0, 0, 0,    192, 0, 2, 9};             // target
    EXPECT_EQ(frame, expected);
}

TEST(PeerQuestion, IsAUnicastSolicitationStatingTheNewMac_R_SPR_4) {
    Peer peer{*parse_ip("2001:db8::9"), *parse_mac("02:00:00:00:00:99")};
    auto frame = encode_peer_question(*parse_ip("2001:db8::1"), *parse_mac("02:00:00:00:00:07"), peer);
    ASSERT_EQ(frame.size(), 14u + 40 + 32);
    std::span<const std::uint8_t> bytes(frame);
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(0, 6), peer.mac.bytes));
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(22, 16), parse_ip("2001:db8::1")->bytes));
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(38, 16), peer.address.bytes));
    EXPECT_EQ(frame[54], 135);
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(62, 16), peer.address.bytes));
    std::vector<std::uint8_t> option{1, 1, 2, 0, 0, 0, 0, 7};  // source link-layer address
    EXPECT_TRUE(std::ranges::equal(bytes.subspan(78, 8), option));
    EXPECT_TRUE(has_right_icmpv6_checksum(frame));
}

TEST(MembershipQuery, IgmpVersion3_R_SPR_3) {
    auto frame = encode_membership_query(Family::ipv4, *parse_mac("02:00:00:00:00:07"));
    ASSERT_EQ(frame.size(), 14u + 24 + 12);
    std::span<const std::uint8_t> bytes(frame);
    EXPECT_EQ(internet_checksum_finish(internet_checksum_add(0, bytes.subspan(14, 24))), 0);
    EXPECT_EQ(internet_checksum_finish(internet_checksum_add(0, bytes.subspan(38))), 0);
    EXPECT_EQ(frame[22], 1);  // time to live
    EXPECT_EQ(frame[38], 0x11);
}

TEST(MembershipQuery, MldVersion2_R_SPR_3) {
    auto frame = encode_membership_query(Family::ipv6, *parse_mac("02:00:00:00:00:07"));
    ASSERT_EQ(frame.size(), 14u + 40 + 8 + 28);
    EXPECT_EQ(frame[18] * 256 + frame[19], 36);  // payload
    EXPECT_EQ(frame[21], 1);                     // hop limit
    EXPECT_EQ(frame[62], 130);
    std::span<const std::uint8_t> bytes(frame);
    std::uint32_t sum = internet_checksum_add(0, bytes.subspan(22, 32));
    sum = internet_checksum_add(sum, std::array<std::uint8_t, 8>{0, 0, 0, 28, 0, 0, 0, 58});
    EXPECT_EQ(internet_checksum_finish(internet_checksum_add(sum, bytes.subspan(62))), 0);
}

}  // namespace
}  // namespace ipmp
