// An Ethernet address, in the order its bytes have on the wire.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace ipmp {

struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};

    auto operator<=>(const MacAddress&) const = default;
    // In two halves that compilers compare as numbers: for six bytes they call memcmp(), and images are full of these.
    bool operator==(const MacAddress& other) const {
        return std::memcmp(bytes.data(), other.bytes.data(), 4) == 0 &&
               std::memcmp(bytes.data() + 4, other.bytes.data() + 4, 2) == 0;
    }
    bool is_zero() const { return *this == MacAddress{}; }
};

std::string to_string(const MacAddress& mac);  // "02:00:5e:10:00:01"
std::optional<MacAddress> parse_mac(std::string_view text);

}  // namespace ipmp
