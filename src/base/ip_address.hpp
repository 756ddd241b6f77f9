// IPv4 and IPv6 addresses as one value type, ordered by family, then numerically.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ipmp {

enum class Family : std::uint8_t { ipv4 = 4, ipv6 = 6 };
inline constexpr std::array kFamilies{Family::ipv4, Family::ipv6};

inline std::size_t index_of(Family family) { return family == Family::ipv4 ? 0 : 1; }
inline std::uint8_t bits_of(Family family) { return family == Family::ipv4 ? 32 : 128; }

struct IpAddress {
    Family family = Family::ipv4;
    std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 uses the first four, the rest are 0

    auto operator<=>(const IpAddress&) const = default;

    bool is_zero() const;         // 0.0.0.0 or ::
    bool is_link_local() const;   // fe80::/10; never true for IPv4
    bool is_multicast() const;
    std::size_t size_bytes() const { return family == Family::ipv4 ? 4 : 16; }
};

std::string to_string(const IpAddress& address);
std::optional<IpAddress> parse_ip(std::string_view text);

// The IPv4 broadcast address of `address`/`prefix_length`; nothing for IPv6, /31 and /32.
std::optional<IpAddress> broadcast_of(const IpAddress& address, std::uint8_t prefix_length);

// What an address that is given without a length gets: the IPv4 classes of RFC 791, as ifconfig always had it; or /128.
std::uint8_t default_prefix_length(const IpAddress& address);

// `address` with all bits after `prefix_length` cleared.
IpAddress network_of(const IpAddress& address, std::uint8_t prefix_length);

}  // namespace ipmp
