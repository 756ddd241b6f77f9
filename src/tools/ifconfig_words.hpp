// The words of an ifconfig command line and their values, as the Solaris grammar reads them (R-CMD-1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "model/command.hpp"

namespace ipmp {

// "ipmp0" or "ipmp0:1". Nothing: the number is not one.
std::optional<LogicalName> parse_logical_name(std::string_view text);
std::string to_string(const LogicalName& name);

struct AddressWord {
    IpAddress address;
    std::optional<std::uint8_t> prefix_length;
};

// "A" or "A/n"; A may be a host name. Errors are ifconfig's own texts.
Result<AddressWord> parse_address_word(const std::string& text, Family family);

// "255.255.255.0" or "0xffffff00". Nothing: not a mask of leading ones.
std::optional<std::uint8_t> parse_netmask(const std::string& text);

// Words of the grammar with an argument, and those without; anything else is an address.
bool takes_argument(std::string_view word);
bool is_plain_word(std::string_view word);

// Words of the grammar that this version does not carry out.
bool is_unsupported_word(std::string_view word);

}  // namespace ipmp
