#include "tools/ifconfig_words.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <memory>

namespace ipmp {

namespace {

template <typename Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
    Number number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) return {};
    return number;
}

}  // namespace

std::optional<IpAddress> look_up_host(const std::string& host, Family family) {
    if (auto address = parse_ip(host)) return address->family == family ? address : std::nullopt;
    addrinfo hints{};
    hints.ai_family = family == Family::ipv4 ? AF_INET : AF_INET6;
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    if (host.empty() || getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return {};
    std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
    IpAddress address{family, {}};
    if (family == Family::ipv4) {
        std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in*>(found->ai_addr)->sin_addr, 4);
    } else {
        std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(found->ai_addr)->sin6_addr, 16);
    }
    return address;
}

std::optional<LogicalName> parse_logical_name(std::string_view text) {
    std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return LogicalName{std::string(text), 0};
    auto number = parse_number<std::uint32_t>(text.substr(colon + 1));
    if (!number) return {};
    return LogicalName{std::string(text.substr(0, colon)), *number};
}

Result<AddressWord> parse_address_word(const std::string& text, Family family) {
    AddressWord word;
    std::size_t slash = text.find('/');
    std::string host = text.substr(0, slash);
    auto address = look_up_host(host, family);
    if (!address) return Error{text + ": bad address"};
    word.address = *address;
    if (slash == std::string::npos) return word;
    word.prefix_length = parse_number<std::uint8_t>(std::string_view(text).substr(slash + 1));
    if (!word.prefix_length || *word.prefix_length > bits_of(family)) return Error{"Bad prefix length in " + text};
    return word;
}

std::optional<std::uint8_t> parse_netmask(const std::string& text) {
    std::optional<std::uint32_t> mask;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        mask = parse_number<std::uint32_t>(std::string_view(text).substr(2), 16);
    } else if (auto dotted = parse_ip(text); dotted && dotted->family == Family::ipv4) {
        mask = 0;
        for (std::size_t i = 0; i < 4; ++i) mask = (*mask << 8) | dotted->bytes[i];
    }
    if (!mask || std::countl_one(*mask) + std::countr_zero(*mask) < 32) return {};
    return static_cast<std::uint8_t>(std::countl_one(*mask));
}

std::optional<std::uint32_t> parse_whole(std::string_view text) { return parse_number<std::uint32_t>(text); }

}  // namespace ipmp
