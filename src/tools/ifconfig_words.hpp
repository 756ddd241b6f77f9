// The words of an ifconfig command line and their values, as the Solaris grammar reads them (R-CMD-1).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "model/command.hpp"

namespace ipmp {

// "ipmp0" or "ipmp0:1". Nothing: the number is not one.
std::optional<LogicalName> parse_logical_name(std::string_view text);

// An address, or what the resolver says of a name.
std::optional<IpAddress> look_up_host(const std::string& host, Family family);
using HostLookUp = std::function<std::optional<IpAddress>(const std::string&, Family)>;

struct AddressWord {
    IpAddress address;
    std::optional<std::uint8_t> prefix_length;
};

// "A" or "A/n"; A may be a host name. Errors are ifconfig's own texts.
Result<AddressWord> parse_address_word(const std::string& text, Family family);

// "255.255.255.0" or "0xffffff00". Nothing: not a mask of leading ones.
std::optional<std::uint8_t> parse_netmask(const std::string& text);

// A number without sign. Nothing: it is none, or too large.
std::optional<std::uint32_t> parse_whole(std::string_view text);

}  // namespace ipmp
