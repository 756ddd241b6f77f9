// What the words of `arp` ask for (R-CMD-3). Pure; hosts stay names here.
#pragma once

#include <string>
#include <vector>

#include "base/mac_address.hpp"
#include "base/result.hpp"

namespace ipmp {

enum class ArpVerb : std::uint8_t { get, list, set, remove, set_all };

struct ArpEntry {
    std::string host;
    MacAddress mac;
    bool temporary = false, published = false;
};

struct ArpLine {
    ArpVerb verb = ArpVerb::get;
    bool numeric = false;  // of a list
    std::string operand;   // a host, of set_all a file
    ArpEntry entry;        // to be set
};

// An error that is empty asks for the usage.
Result<ArpLine> parse_arp_line(const std::vector<std::string>& words);
// `host ether_address [temp] [pub] [trail] [permanent]`, on the command line or in a file; two words at least.
Result<ArpEntry> parse_arp_entry(const std::vector<std::string>& words);

}  // namespace ipmp
