// Echo requests and replies of probes: ICMP (RFC 792) and ICMPv6 (RFC 4443 §4). The payload ends in a nonce that only
// who saw the request can know; everything a raw socket hands over may be forged and is checked here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ip_address.hpp"

namespace ipmp {

inline constexpr std::size_t kProbeNonceBytes = 8;

struct Echo {
    std::uint16_t id = 0;
    std::uint16_t sequence = 0;
    std::uint64_t nonce = 0;
    bool operator==(const Echo&) const = default;
};

// The ICMP message, without IP header. The kernel fills in the checksum of ICMPv6.
std::vector<std::uint8_t> encode_echo_request(Family family, const Echo& echo);

// What a raw socket received: for IPv4 with IP header, for IPv6 without. Nothing: no echo reply, or not of this form.
std::optional<Echo> decode_echo_reply(Family family, std::span<const std::uint8_t> bytes);

// The nonce of a packet of ours that the kernel hands back whole, whatever headers it starts with.
std::optional<std::uint64_t> nonce_at_end(std::span<const std::uint8_t> packet);

}  // namespace ipmp
