#include "base/mac_address.hpp"

#include <charconv>
#include <cstdio>

namespace ipmp {

std::string to_string(const MacAddress& mac) {
    char text[18];
    const auto& b = mac.bytes;
    std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    return text;
}

std::optional<MacAddress> parse_mac(std::string_view text) {
    MacAddress mac;
    const char* at = text.data();
    const char* end = text.data() + text.size();
    for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
        if (i > 0) {
            if (at == end || *at != ':') return {};
            ++at;
        }
        auto [next, error] = std::from_chars(at, end, mac.bytes[i], 16);
        if (error != std::errc{} || next - at > 2) return {};
        at = next;
    }
    if (at != end) return {};
    return mac;
}

}  // namespace ipmp
