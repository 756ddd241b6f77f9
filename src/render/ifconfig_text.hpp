// PlumbedInterface -> the text ifconfig shows (R-CMD-1): one block per logical interface and family, byte for byte as
// the original, with its blanks at line ends.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/status.hpp"

namespace ipmp {

// "8011000802<BROADCAST,MULTICAST,IPv4,FAILED,IPMP>"
std::string flags_text(std::uint64_t flags);

// "8:0:20:b9:19:fa"
std::string ether_text(const MacAddress& mac);

// Which blocks are wanted.
struct DisplayChoice {
    std::string interface;                // only this one; empty: all
    std::optional<std::uint32_t> number;  // of `interface`: only this logical one
    std::vector<Family> families;         // in the order they are shown
    bool only_up = false, only_down = false, without_dhcp = false;
    bool with_ether = false;
};

bool is_chosen(const LogicalStatus& logical, const DisplayChoice& choice);

// What ifconfig would have to be told to make logical interface `number` anew: "eth0 inet plumb mtu 1500 ... up\n".
std::string configinfo_text(const PlumbedInterface& interface, Family family, const LogicalStatus& logical);

// Empty: nothing is plumbed that was asked for.
std::string ifconfig_text(std::span<const PlumbedInterface> interfaces, const DisplayChoice& choice);

}  // namespace ipmp
