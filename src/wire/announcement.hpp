// The frames that we build ourselves. Those that tell a link where a data address is now: gratuitous ARP request
// (R2.8) and overriding unsolicited neighbour advertisement (RFC 4861 §7.2.6); unicast ARP request and neighbour
// solicitation, which a peer answers (design D5). Those that ask whether an address is taken: ARP probe (RFC 5227
// §1.1) and solicitation from nobody (RFC 4862 §5.4.2). And those that make the host's own stack report its
// multicast memberships anew: general queries of IGMPv3 (RFC 3376 §4.1) and MLDv2 (RFC 3810 §5.1).
#pragma once

#include <cstdint>
#include <vector>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "model/peer.hpp"

namespace ipmp {

// A whole Ethernet frame, sent from and stating `mac`.
std::vector<std::uint8_t> encode_announcement(const IpAddress& address, const MacAddress& mac);

// Whole Ethernet frames from `mac`, the NIC's own. Nobody who hears a probe learns anything from it.
std::vector<std::uint8_t> encode_address_probe(const IpAddress& address, const MacAddress& mac);

// To `peer` alone, in the name of `address`: states `mac` as its place and asks for an answer.
std::vector<std::uint8_t> encode_peer_question(const IpAddress& address, const MacAddress& mac, const Peer& peer);

// Asks for an answer within a tenth of a second. It is for ipmp0 only and never on a wire.
std::vector<std::uint8_t> encode_membership_query(Family family, const MacAddress& source);

}  // namespace ipmp
