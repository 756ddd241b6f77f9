// What the encoders of frames share: bytes put one after the other, checksums, addresses of multicast.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "base/mac_address.hpp"
#include "wire/checksum.hpp"

namespace ipmp {

using Bytes = std::vector<std::uint8_t>;
using Ipv6Bytes = std::array<std::uint8_t, 16>;

inline constexpr Ipv6Bytes kAllNodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01};

inline void append(Bytes& frame, std::initializer_list<std::uint8_t> bytes) { frame.insert(frame.end(), bytes); }
inline void append(Bytes& frame, std::span<const std::uint8_t> bytes) {
    frame.insert(frame.end(), bytes.begin(), bytes.end());
}

inline void put_number(Bytes& message, std::size_t offset, std::size_t number) {
    message[offset] = static_cast<std::uint8_t>(number >> 8);
    message[offset + 1] = static_cast<std::uint8_t>(number);
}

// The checksum goes to `offset`, where zeroes are.
inline void put_checksum(Bytes& message, std::size_t offset, std::uint32_t sum_of_the_rest) {
    put_number(message, offset, internet_checksum_finish(internet_checksum_add(sum_of_the_rest, message)));
}

// The pseudo header (RFC 8200 §8.1) is part of the sum.
inline void put_icmpv6_checksum(Bytes& message, const Ipv6Bytes& source, const Ipv6Bytes& destination) {
    std::uint32_t sum = internet_checksum_add(internet_checksum_add(0, source), destination);
    Bytes rest{0, 0, 0, 0, 0, 0, 0, 58};  // length, next header
    put_number(rest, 2, message.size());
    put_checksum(message, 2, internet_checksum_add(sum, rest));
}

// Where an IPv6 multicast address is on Ethernet (RFC 2464 §7).
inline MacAddress multicast_mac(const Ipv6Bytes& group) {
    return MacAddress{{0x33, 0x33, group[12], group[13], group[14], group[15]}};
}

}  // namespace ipmp
