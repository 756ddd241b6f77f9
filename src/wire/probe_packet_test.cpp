// Echo requests and replies of probes, byte by byte.
#include "wire/probe_packet.hpp"

#include <gtest/gtest.h>

#include "wire/checksum.hpp"

namespace ipmp {
namespace {

const Echo kEcho{0x1234, 0xfffe, 0x0102030405060708};

// What a target makes of a request: another type, and for IPv4 another checksum and an IP header in front.
std::vector<std::uint8_t> reply_to(Family family, std::vector<std::uint8_t> message) {
    message[0] = family == Family::ipv4 ? 0 : 129;
    if (family == Family::ipv6) return message;
    message[2] = message[3] = 0;
    std::uint16_t checksum = internet_checksum_finish(internet_checksum_add(0, message));
    message[2] = static_cast<std::uint8_t>(checksum >> 8);
    message[3] = static_cast<std::uint8_t>(checksum);
    std::vector<std::uint8_t> packet(20);
    packet[0] = 0x45;
    packet.insert(packet.end(), message.begin(), message.end());
    return packet;
}

TEST(ProbePacket, RequestOfIpv4CarriesIdSequenceAndNonce_R_DET_2) {
    std::vector<std::uint8_t> expected{8,   0,   0,   0,   0x12, 0x34, 0xff, 0xfe, 'I', 'P', 'M', 'P',
                                       'p', 'r', 'b', '1', 1,    2,    3,    4,    5,   6,   7,   8};
    auto message = encode_echo_request(Family::ipv4, kEcho);
    EXPECT_EQ(internet_checksum_finish(internet_checksum_add(0, message)), 0);
    message[2] = message[3] = 0;
    EXPECT_EQ(message, expected);
}

TEST(ProbePacket, RepliesAreReadBack_R_DET_2) {
    for (Family family : kFamilies) {
        auto reply = reply_to(family, encode_echo_request(family, kEcho));
        EXPECT_EQ(decode_echo_reply(family, reply), kEcho);
    }
}

TEST(ProbePacket, NothingElseIsTakenForAReply_R_DET_2) {
    for (Family family : kFamilies) {
        auto request = encode_echo_request(family, kEcho);
        auto reply = reply_to(family, request);
        EXPECT_FALSE(decode_echo_reply(family, request));
        for (std::size_t size = 0; size < reply.size(); ++size) {
            EXPECT_FALSE(decode_echo_reply(family, std::span(reply).first(size))) << size;
        }
        std::size_t header = family == Family::ipv4 ? 20 : 0;
        for (std::size_t place : {header, header + 1, header + 8}) {  // type, code, mark
            auto other = reply;
            ++other[place];
            EXPECT_FALSE(decode_echo_reply(family, other)) << place;
        }
    }
    auto damaged = reply_to(Family::ipv4, encode_echo_request(Family::ipv4, kEcho));
    ++damaged.back();
    EXPECT_FALSE(decode_echo_reply(Family::ipv4, damaged)) << "checksum";
    auto long_header = reply_to(Family::ipv4, encode_echo_request(Family::ipv4, kEcho));
    long_header[0] = 0x4f;
    EXPECT_FALSE(decode_echo_reply(Family::ipv4, long_header)) << "header longer than the packet";
}

TEST(ProbePacket, NonceIsFoundBehindAnyHeaders_R_STA_2) {
    std::vector<std::uint8_t> packet(33);
    auto message = encode_echo_request(Family::ipv6, kEcho);
    packet.insert(packet.end(), message.begin(), message.end());
    EXPECT_EQ(nonce_at_end(packet), kEcho.nonce);
    EXPECT_FALSE(nonce_at_end(std::span(packet).first(packet.size() - 1)));
    EXPECT_FALSE(nonce_at_end({}));
}

}  // namespace
}  // namespace ipmp
