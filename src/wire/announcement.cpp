#include "wire/announcement.hpp"

#include <initializer_list>
#include <span>

#include "wire/checksum.hpp"

namespace ipmp {

namespace {

using Bytes = std::vector<std::uint8_t>;

void append(Bytes& frame, std::initializer_list<std::uint8_t> bytes) { frame.insert(frame.end(), bytes); }
void append(Bytes& frame, std::span<const std::uint8_t> bytes) {
    frame.insert(frame.end(), bytes.begin(), bytes.end());
}

// A request, not a reply: Linux peers ignore replies for a second after the last change. Sender = target.
Bytes gratuitous_arp(const IpAddress& address, const MacAddress& mac) {
    std::span<const std::uint8_t> protocol_address(address.bytes.data(), 4);
    Bytes frame;
    append(frame, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
    append(frame, mac.bytes);
    append(frame, {0x08, 0x06});
    append(frame, {0x00, 0x01, 0x08, 0x00, 6, 4, 0x00, 0x01});  // Ethernet, IPv4, lengths, request
    append(frame, mac.bytes);
    append(frame, protocol_address);
    append(frame, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
    append(frame, protocol_address);
    return frame;
}

Bytes unsolicited_advertisement(const IpAddress& address, const MacAddress& mac) {
    constexpr std::array<std::uint8_t, 16> all_nodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01};
    Bytes advertisement;
    append(advertisement, {136, 0, 0, 0, 0x20, 0, 0, 0});  // type, code, checksum, flags: override
    append(advertisement, address.bytes);
    append(advertisement, {2, 1});  // option: target link-layer address, 8 bytes
    append(advertisement, mac.bytes);

    std::uint8_t length = static_cast<std::uint8_t>(advertisement.size());
    std::uint32_t sum = internet_checksum_add(0, address.bytes);
    sum = internet_checksum_add(sum, all_nodes);
    sum = internet_checksum_add(sum, std::array<std::uint8_t, 8>{0, 0, 0, length, 0, 0, 0, 58});
    sum = internet_checksum_add(sum, advertisement);
    std::uint16_t checksum = internet_checksum_finish(sum);
    advertisement[2] = static_cast<std::uint8_t>(checksum >> 8);
    advertisement[3] = static_cast<std::uint8_t>(checksum);

    Bytes frame;
    append(frame, {0x33, 0x33, 0x00, 0x00, 0x00, 0x01});
    append(frame, mac.bytes);
    append(frame, {0x86, 0xdd});
    append(frame, {0x60, 0, 0, 0, 0, length, 58, 255});  // version, payload length, ICMPv6, hop limit 255
    append(frame, address.bytes);
    append(frame, all_nodes);
    append(frame, advertisement);
    return frame;
}

}  // namespace

std::vector<std::uint8_t> encode_announcement(const IpAddress& address, const MacAddress& mac) {
    return address.family == Family::ipv4 ? gratuitous_arp(address, mac) : unsolicited_advertisement(address, mac);
}

}  // namespace ipmp
