#include "wire/probe_packet.hpp"

#include <algorithm>
#include <array>

#include "wire/checksum.hpp"

namespace ipmp {

namespace {

constexpr std::array<std::uint8_t, 8> kMark{'I', 'P', 'M', 'P', 'p', 'r', 'b', '1'};
constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kMessageBytes = kHeaderBytes + kMark.size() + kProbeNonceBytes;
constexpr std::uint8_t kEchoRequest4 = 8, kEchoReply4 = 0, kEchoRequest6 = 128, kEchoReply6 = 129;

std::uint16_t read16(std::span<const std::uint8_t> bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

// Network order is of no use to anybody else, but a capture then looks the same on every machine.
std::uint64_t read64(std::span<const std::uint8_t> bytes) {
    std::uint64_t value = 0;
    for (std::uint8_t byte : bytes.first(8)) value = value << 8 | byte;
    return value;
}

void append16(std::vector<std::uint8_t>& bytes, std::uint16_t value) {
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value));
}

}  // namespace

std::vector<std::uint8_t> encode_echo_request(Family family, const Echo& echo) {
    std::vector<std::uint8_t> message{family == Family::ipv4 ? kEchoRequest4 : kEchoRequest6, 0, 0, 0};
    append16(message, echo.id);
    append16(message, echo.sequence);
    message.insert(message.end(), kMark.begin(), kMark.end());
    for (int shift = 56; shift >= 0; shift -= 8) message.push_back(static_cast<std::uint8_t>(echo.nonce >> shift));
    if (family == Family::ipv4) {
        std::uint16_t checksum = internet_checksum_finish(internet_checksum_add(0, message));
        message[2] = static_cast<std::uint8_t>(checksum >> 8);
        message[3] = static_cast<std::uint8_t>(checksum);
    }
    return message;
}

std::optional<Echo> decode_echo_reply(Family family, std::span<const std::uint8_t> bytes) {
    if (family == Family::ipv4) {
        if (bytes.empty()) return {};
        std::size_t header_bytes = (bytes[0] & 0xfu) * 4;
        if (bytes[0] >> 4 != 4 || header_bytes < 20 || bytes.size() < header_bytes) return {};
        bytes = bytes.subspan(header_bytes);
    }
    if (bytes.size() != kMessageBytes) return {};
    if (bytes[0] != (family == Family::ipv4 ? kEchoReply4 : kEchoReply6) || bytes[1] != 0) return {};
    if (family == Family::ipv4 && internet_checksum_finish(internet_checksum_add(0, bytes)) != 0) return {};
    if (!std::equal(kMark.begin(), kMark.end(), bytes.begin() + kHeaderBytes)) return {};
    return Echo{read16(bytes, 4), read16(bytes, 6), read64(bytes.subspan(kHeaderBytes + kMark.size()))};
}

std::optional<std::uint64_t> nonce_at_end(std::span<const std::uint8_t> packet) {
    if (packet.size() < kMessageBytes) return {};
    auto end = packet.last(kMark.size() + kProbeNonceBytes);
    if (!std::equal(kMark.begin(), kMark.end(), end.begin())) return {};
    return read64(end.last(kProbeNonceBytes));
}

}  // namespace ipmp
