#include "wire/announcement.hpp"

#include <algorithm>
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

void put_checksum(Bytes& message, std::size_t offset, std::uint32_t sum_of_the_rest) {
    std::uint16_t checksum = internet_checksum_finish(internet_checksum_add(sum_of_the_rest, message));
    message[offset] = static_cast<std::uint8_t>(checksum >> 8);
    message[offset + 1] = static_cast<std::uint8_t>(checksum);
}

constexpr std::array<std::uint8_t, 16> kAllNodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01};

// To all nodes; the pseudo header (RFC 8200 §8.1) is part of the sum.
void put_icmpv6_checksum(Bytes& message, const std::array<std::uint8_t, 16>& source) {
    std::uint32_t sum = internet_checksum_add(internet_checksum_add(0, source), kAllNodes);
    auto length = static_cast<std::uint8_t>(message.size());
    put_checksum(message, 2, internet_checksum_add(sum, std::array<std::uint8_t, 8>{0, 0, 0, length, 0, 0, 0, 58}));
}

Bytes unsolicited_advertisement(const IpAddress& address, const MacAddress& mac) {
    Bytes advertisement;
    append(advertisement, {136, 0, 0, 0, 0x20, 0, 0, 0});  // type, code, checksum, flags: override
    append(advertisement, address.bytes);
    append(advertisement, {2, 1});  // option: target link-layer address, 8 bytes
    append(advertisement, mac.bytes);

    put_icmpv6_checksum(advertisement, address.bytes);
    auto length = static_cast<std::uint8_t>(advertisement.size());

    Bytes frame;
    append(frame, {0x33, 0x33, 0x00, 0x00, 0x00, 0x01});
    append(frame, mac.bytes);
    append(frame, {0x86, 0xdd});
    append(frame, {0x60, 0, 0, 0, 0, length, 58, 255});  // version, payload length, ICMPv6, hop limit 255
    append(frame, address.bytes);
    append(frame, kAllNodes);
    append(frame, advertisement);
    return frame;
}

Bytes igmp_query(const MacAddress& source) {
    Bytes header;  // with router alert; from nobody, which IGMP alone may do
    append(header, {0x46, 0xc0, 0, 36, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 224, 0, 0, 1, 0x94, 4, 0, 0});
    put_checksum(header, 10, 0);
    Bytes query;  // type, answer within 0.1 s, checksum, all groups, robustness 2, interval 125 s, no sources
    append(query, {0x11, 1, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0});
    put_checksum(query, 2, 0);

    Bytes frame;
    append(frame, {0x01, 0x00, 0x5e, 0x00, 0x00, 0x01});
    append(frame, source.bytes);
    append(frame, {0x08, 0x00});
    append(frame, header);
    append(frame, query);
    return frame;
}

Bytes mld_query(const MacAddress& source) {
    std::array<std::uint8_t, 16> link_local{0xfe, 0x80};  // any other source is ignored
    std::copy(source.bytes.begin(), source.bytes.end(), link_local.begin() + 10);
    Bytes query;  // type, answer within 100 ms, all groups, robustness 2, interval 125 s, no sources
    append(query, {130, 0, 0, 0, 0, 100, 0, 0});
    append(query, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    append(query, {2, 125, 0, 0});
    put_icmpv6_checksum(query, link_local);

    Bytes frame;
    append(frame, {0x33, 0x33, 0x00, 0x00, 0x00, 0x01});
    append(frame, source.bytes);
    append(frame, {0x86, 0xdd});
    append(frame, {0x60, 0, 0, 0, 0, static_cast<std::uint8_t>(8 + query.size()), 0, 1});  // hop limit 1
    append(frame, link_local);
    append(frame, kAllNodes);
    append(frame, {58, 0, 5, 2, 0, 0, 1, 0});  // hop-by-hop options: router alert, padding
    append(frame, query);
    return frame;
}

}  // namespace

std::vector<std::uint8_t> encode_announcement(const IpAddress& address, const MacAddress& mac) {
    return address.family == Family::ipv4 ? gratuitous_arp(address, mac) : unsolicited_advertisement(address, mac);
}

std::vector<std::uint8_t> encode_membership_query(Family family, const MacAddress& source) {
    return family == Family::ipv4 ? igmp_query(source) : mld_query(source);
}

}  // namespace ipmp
