// The frames that tell a link where a data address is now: gratuitous ARP request (R2.8) and overriding
// unsolicited neighbour advertisement (RFC 4861 §7.2.6).
#pragma once

#include <cstdint>
#include <vector>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"

namespace ipmp {

// A whole Ethernet frame, sent from and stating `mac`.
std::vector<std::uint8_t> encode_announcement(const IpAddress& address, const MacAddress& mac);

}  // namespace ipmp
