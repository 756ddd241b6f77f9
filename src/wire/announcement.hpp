// The frames that we build ourselves. Those that tell a link where a data address is now: gratuitous ARP request
// (R2.8) and overriding unsolicited neighbour advertisement (RFC 4861 §7.2.6). And those that make the host's own
// stack report its multicast memberships anew: general queries of IGMPv3 (RFC 3376 §4.1) and MLDv2 (RFC 3810 §5.1).
#pragma once

#include <cstdint>
#include <vector>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"

namespace ipmp {

// A whole Ethernet frame, sent from and stating `mac`.
std::vector<std::uint8_t> encode_announcement(const IpAddress& address, const MacAddress& mac);

// Asks for an answer within a tenth of a second. It is for ipmp0 only and never on a wire.
std::vector<std::uint8_t> encode_membership_query(Family family, const MacAddress& source);

}  // namespace ipmp
