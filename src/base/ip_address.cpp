#include "base/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

namespace ipmp {

bool IpAddress::is_zero() const {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

bool IpAddress::is_link_local() const {
    return family == Family::ipv6 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool IpAddress::is_multicast() const {
    return family == Family::ipv4 ? (bytes[0] & 0xf0) == 0xe0 : bytes[0] == 0xff;
}

std::string to_string(const IpAddress& address) {
    char text[INET6_ADDRSTRLEN] = {};
    int af = address.family == Family::ipv4 ? AF_INET : AF_INET6;
    inet_ntop(af, address.bytes.data(), text, sizeof text);
    return text;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
    std::string terminated(text);
    IpAddress address;
    if (terminated.size() != text.size() || terminated.find('\0') != std::string::npos) return {};
    address.family = terminated.find(':') == std::string::npos ? Family::ipv4 : Family::ipv6;
    int af = address.family == Family::ipv4 ? AF_INET : AF_INET6;
    if (inet_pton(af, terminated.c_str(), address.bytes.data()) != 1) return {};
    return address;
}

namespace {

// The bits of byte `index` that belong to the host part of a prefix.
std::uint8_t host_bits(std::size_t index, std::uint8_t prefix_length) {
    std::size_t first_bit = index * 8;
    if (first_bit >= prefix_length) return 0xff;
    if (first_bit + 8 <= prefix_length) return 0;
    return static_cast<std::uint8_t>(0xff >> (prefix_length - first_bit));
}

}  // namespace

std::optional<IpAddress> broadcast_of(const IpAddress& address, std::uint8_t prefix_length) {
    if (address.family != Family::ipv4 || prefix_length >= 31) return {};
    IpAddress broadcast = address;
    for (std::size_t i = 0; i < 4; ++i) broadcast.bytes[i] |= host_bits(i, prefix_length);
    return broadcast;
}

std::uint8_t default_prefix_length(const IpAddress& address) {
    if (address.family == Family::ipv6) return 128;
    if (address.bytes[0] < 128) return 8;
    return address.bytes[0] < 192 ? 16 : 24;
}

IpAddress network_of(const IpAddress& address, std::uint8_t prefix_length) {
    IpAddress network = address;
    for (std::size_t i = 0; i < address.size_bytes(); ++i) {
        network.bytes[i] &= static_cast<std::uint8_t>(~host_bits(i, prefix_length));
    }
    return network;
}

}  // namespace ipmp
