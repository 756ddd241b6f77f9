// What -l of ipmp-exporter takes. The HTTP server's own grammar is wider: there a comma joins several, letters behind a
// port ask for TLS, and a port alone means all addresses, which nobody should get by a slip.
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

#include "base/ip_address.hpp"

namespace ipmp {

inline bool is_listen_address(std::string_view text) {
    std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    std::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
    bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    auto address = parse_ip(bracketed ? host.substr(1, host.size() - 2) : host);
    if (!address || bracketed != (address->family == Family::ipv6)) return false;
    std::uint16_t number = 0;
    auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    return error == std::errc() && end == port.data() + port.size() && number > 0;
}

}  // namespace ipmp
