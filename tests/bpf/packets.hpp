// Frames for the packet tables, built from the outside in as bytes. Independent of src/wire on purpose: a mistake
// there must not hide one in the data path.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"

namespace ipmp::packets {

using Bytes = std::vector<std::uint8_t>;

inline MacAddress mac(const std::string& text) { return parse_mac(text).value(); }
inline IpAddress ip(const std::string& text) { return parse_ip(text).value(); }

inline Bytes join(std::initializer_list<Bytes> parts) {
    Bytes whole;
    for (const auto& part : parts) whole.insert(whole.end(), part.begin(), part.end());
    return whole;
}

inline Bytes bytes_of(const MacAddress& address) { return {address.bytes.begin(), address.bytes.end()}; }

inline Bytes bytes_of(const IpAddress& address) {
    return {address.bytes.begin(), address.bytes.begin() + static_cast<std::ptrdiff_t>(address.size_bytes())};
}

inline Bytes u16(std::size_t value) {
    return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value & 0xff)};
}

inline std::uint16_t checksum(const Bytes& data) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < data.size(); ++i) {
        sum += static_cast<std::uint32_t>(data[i]) << (i % 2 == 0 ? 8 : 0);
    }
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

enum : std::uint16_t { kIpv4 = 0x0800, kArp = 0x0806, kVlan = 0x8100, kIpv6 = 0x86dd, kLldp = 0x88cc };
enum : std::uint16_t { kRarp = 0x8035, kServiceVlan = 0x88a8, kPppoe = 0x8864, kEapol = 0x888e, kLacp = 0x8809 };
enum : std::uint16_t { kPtp = 0x88f7, kLoopbackTest = 0x9000, kMpls = 0x8847 };
enum : std::uint8_t { kIcmp = 1, kIgmp = 2, kTcp = 6, kUdp = 17, kIcmp6 = 58 };
enum : std::uint8_t { kIpIp = 4, kGre = 47, kEsp = 50, kAh = 51, kSctp = 132, kUdpLite = 136 };
enum : std::uint8_t { kHopByHop = 0, kRouting = 43, kFragment = 44, kNoNextHeader = 59, kDestinationOptions = 60 };

inline Bytes ethernet(const MacAddress& to, const MacAddress& from, std::uint16_t type, const Bytes& payload) {
    return join({bytes_of(to), bytes_of(from), u16(type), payload});
}

inline Bytes udp(std::uint16_t from, std::uint16_t to, std::size_t payload_bytes = 20) {
    return join({u16(from), u16(to), u16(8 + payload_bytes), u16(0), Bytes(payload_bytes, 0x55)});
}

// `fragment`: the flags and offset field. `options`: a multiple of four bytes.
inline Bytes ipv4(const std::string& from, const std::string& to, std::uint8_t protocol, const Bytes& payload,
                  std::uint16_t fragment = 0, const Bytes& options = {}) {
    auto version_and_length = static_cast<std::uint8_t>(0x45 + options.size() / 4);
    Bytes head = join({{version_and_length, 0},
                       u16(20 + options.size() + payload.size()),
                       u16(7),
                       u16(fragment),
                       {64, protocol},
                       u16(0),
                       bytes_of(ip(from)),
                       bytes_of(ip(to)),
                       options});
    std::uint16_t sum = checksum(head);
    head[10] = static_cast<std::uint8_t>(sum >> 8);
    head[11] = static_cast<std::uint8_t>(sum & 0xff);
    return join({head, payload});
}

inline Bytes ipv6(const std::string& from, const std::string& to, std::uint8_t next_header, const Bytes& payload) {
    return join(
        {{0x60, 0, 0, 0}, u16(payload.size()), {next_header, 255}, bytes_of(ip(from)), bytes_of(ip(to)), payload});
}

// IPv6 extension headers of `units` times 8 bytes; the authentication header counts otherwise.
inline Bytes extension(std::uint8_t next_header, std::size_t units = 1) {
    return join({{next_header, static_cast<std::uint8_t>(units - 1)}, Bytes(8 * units - 2, 0)});
}
inline Bytes authentication(std::uint8_t next_header) { return join({{next_header, 4}, Bytes(22, 7)}); }
inline Bytes fragment_header(std::uint8_t next_header, std::uint16_t offset_units, bool more, std::uint8_t id = 1) {
    return join({{next_header, 0}, u16(static_cast<std::size_t>(offset_units) * 8 + more), {0, 0, 0, id}});
}

// An ICMPv6 message with its checksum; `body` is what follows the checksum.
inline Bytes icmp6(const std::string& from, const std::string& to, std::uint8_t type, const Bytes& body) {
    Bytes message = join({{type, 0, 0, 0}, body});
    Bytes pseudo =
        join({bytes_of(ip(from)), bytes_of(ip(to)), {0, 0}, u16(message.size()), {0, 0, 0, kIcmp6}, message});
    std::uint16_t sum = checksum(pseudo);
    message[2] = static_cast<std::uint8_t>(sum >> 8);
    message[3] = static_cast<std::uint8_t>(sum & 0xff);
    return message;
}

inline Bytes option(std::uint8_t type, const MacAddress& address) { return join({{type, 1}, bytes_of(address)}); }
inline Bytes source_option(const MacAddress& address) { return option(1, address); }
inline Bytes target_option(const MacAddress& address) { return option(2, address); }
inline Bytes nonce_option() { return {14, 1, 1, 2, 3, 4, 5, 6}; }

enum : std::uint8_t { kRs = 133, kRa = 134, kNs = 135, kNa = 136, kRedirect = 137, kMldQuery = 130 };

// IPv6 packet with an NS or NA for `target`.
inline Bytes nd(std::uint8_t type, const std::string& from, const std::string& to, const std::string& target,
                const Bytes& options = {}) {
    return ipv6(from, to, kIcmp6, icmp6(from, to, type, join({{0, 0, 0, 0}, bytes_of(ip(target)), options})));
}

inline Bytes rs(const std::string& from, const Bytes& options = {}) {
    return ipv6(from, "ff02::2", kIcmp6, icmp6(from, "ff02::2", kRs, join({{0, 0, 0, 0}, options})));
}

inline Bytes ra(const std::string& from, const std::string& to, const Bytes& options = {}) {
    return ipv6(from, to, kIcmp6, icmp6(from, to, kRa, join({{64, 0, 7, 8}, Bytes(8, 0), options})));
}

// An MLD message behind a hop-by-hop header with a router alert, as on the wire.
inline Bytes mld(std::uint8_t type, const std::string& from, const std::string& to) {
    Bytes alert{kIcmp6, 0, 5, 2, 0, 0, 1, 0};
    return ipv6(from, to, 0, join({alert, icmp6(from, to, type, Bytes(20, 0))}));
}

inline Bytes igmp(std::uint8_t type, const std::string& from, const std::string& to) {
    return ipv4(from, to, kIgmp, {type, 100, 0, 0, 0, 0, 0, 0}, 0, {0x94, 4, 0, 0});
}

enum : std::uint8_t { kRequest = 1, kReply = 2 };

inline Bytes arp(std::uint8_t operation, const MacAddress& sender_mac, const std::string& sender,
                 const MacAddress& target_mac, const std::string& target) {
    return join({{0, 1, 8, 0, 6, 4, 0, operation},
                 bytes_of(sender_mac),
                 bytes_of(ip(sender)),
                 bytes_of(target_mac),
                 bytes_of(ip(target))});
}

inline Bytes cut(Bytes frame, std::size_t size_bytes) {
    frame.resize(size_bytes);
    return frame;
}

}  // namespace ipmp::packets
