// Inbound rules (a) to (h) of docs/DATAPLANE.md as tables. What goes up to a unicast destination carries ipmp0's MAC.
#include "packet_table.hpp"

namespace ipmp {

using namespace packets;

namespace {

Bytes to(const MacAddress& destination, std::uint16_t type, const Bytes& payload, const MacAddress& source = kPeer) {
    return ethernet(destination, source, type, payload);
}

void no_nominee(GroupImage& image) { image.nominee = {}; }
void forwarding(GroupImage& image) { image.forwards = {true, true}; }

Bytes udp4(const char* destination, std::uint16_t port = 2000) {
    return ipv4("192.0.2.9", destination, kUdp, udp(67, port));
}
Bytes udp6(const char* destination, std::uint16_t port = 2000) {
    return ipv6("fe80::99", destination, kUdp, udp(547, port));
}

}  // namespace

PACKET_TABLE(Steer, a_what_is_not_ours_passes) {
    Bytes version5 = to(kMac0, kIpv4, udp4("192.0.2.1"));
    version5[14] = 0x55;
    Bytes short_header = to(kMac0, kIpv4, udp4("192.0.2.1"));
    short_header[14] = 0x44;
    Bytes version4 = to(kMac0, kIpv6, udp6("2001:db8::1"));
    version4[14] = 0x40;
    Bytes request = to(kBroadcast, kArp, arp(kRequest, kPeer, "192.0.2.9", kZeroMac, "192.0.2.1"));
    Bytes strange_arp = request;
    strange_arp[19] = 8;
    Bytes ns = to(kGroup6, kIpv6, nd(kNs, "fe80::99", "ff02::1:ff00:1", "2001:db8::1", source_option(kPeer)));
    Bytes bad_option =
        to(kGroup6, kIpv6, nd(kNs, "fe80::99", "ff02::1:ff00:1", "2001:db8::1", {1, 0, 0, 0, 0, 0, 0, 0}));
    return {
        {"LLDP, unicast", "under0", to(kMac0, kLldp, Bytes(46)), kPass},
        {"LLDP, multicast", "under0", to(packets::mac("01:80:c2:00:00:0e"), kLldp, Bytes(46)), kPass},
        {"a tag inside a tag", "under0", to(kMac0, kVlan, join({{0, 5}, u16(kIpv4), udp4("192.0.2.1")})), kPass},
        {"a data address at somebody else's MAC (flooded)", "under0", to(kMac1, kIpv4, udp4("192.0.2.1")), kPass},
        {"a wrong IPv4 version", "under0", version5, kPass, "in_malformed"},
        {"an IPv4 header shorter than possible", "under0", short_header, kPass, "in_malformed"},
        {"a wrong IPv6 version", "under0", version4, kPass, "in_malformed"},
        {"half an ARP message", "under0", cut(request, 40), kPass, "in_malformed"},
        {"ARP for addresses of another size", "under0", strange_arp, kPass, "in_malformed"},
        {"a neighbour solicitation without its target", "under0", cut(ns, 14 + 40 + 10), kPass, "in_malformed"},
        {"a neighbour solicitation shorter than it says", "under0", cut(ns, ns.size() - 1), kPass, "in_malformed"},
        {"an option of length 0", "under0", bad_option, kPass, "in_malformed"},
    };
}

PACKET_TABLE(Steer, b_queries_reach_the_NIC_and_on_the_nominee_ipmp0_too) {
    Bytes igmp_query = to(kGroup4, kIpv4, igmp(0x11, "192.0.2.9", "224.0.0.1"));
    Bytes mld_query = to(kGroup6, kIpv6, mld(kMldQuery, "fe80::99", "ff02::1"));
    Bytes bare_query =
        to(kGroup6, kIpv6, ipv6("fe80::99", "ff02::1", kIcmp6, icmp6("fe80::99", "ff02::1", kMldQuery, Bytes(20))));
    Bytes igmp_report = to(kGroup4, kIpv4, igmp(0x16, "192.0.2.9", "224.0.0.5"));
    Bytes mld_report = to(kGroup6, kIpv6, mld(143, "fe80::99", "ff02::16"));
    Bytes fragment = to(kGroup4, kIpv4, ipv4("192.0.2.9", "224.0.0.1", kIgmp, {0x11, 0, 0, 0, 0, 0, 0, 0}, 0x0001));
    return {
        {"IGMP query on the nominee", "under0", igmp_query, kPass, "in_copied"},
        {"IGMP query elsewhere", "under1", igmp_query, kPass},
        {"IGMP query without a nominee", "under0", igmp_query, kPass, "", no_nominee},
        {"MLD query on the nominee", "under1", mld_query, kPass, "in_copied"},
        {"MLD query elsewhere", "under0", mld_query, kPass},
        {"MLD query without a router alert", "under1", bare_query, kPass, "in_copied"},
        {"an IGMP report is an ordinary group frame", "under0", igmp_report, kUp},
        {"an MLD report is an ordinary group frame", "under0", mld_report, kDrop, "in_not_nominee"},
        {"a later fragment is no query", "under1", fragment, kDrop, "in_not_nominee"},
        {"a hop-by-hop header that is cut is no query", "under1", cut(mld_query, 14 + 40 + 4), kUp},
    };
}

PACKET_TABLE(Steer, R_ADR_3_c_questions_about_a_NICs_own_address_are_its_own) {
    auto request = [](const char* target, const MacAddress& destination = kBroadcast) {
        return to(destination, kArp, arp(kRequest, kPeer, "192.0.2.9", kZeroMac, target));
    };
    auto ns = [](const char* target) {
        return to(kGroup6, kIpv6, nd(kNs, "fe80::99", "ff02::1:ff00:10", target, source_option(kPeer)));
    };
    auto na = [](const char* target, const MacAddress& stated = kPeer) {
        return to(kGroup6, kIpv6, nd(kNa, "fe80::99", "ff02::1", target, target_option(stated)));
    };
    return {
        {"ARP for it, on the nominee", "under0", request("192.0.2.20"), kPass},
        {"ARP for it, not on the nominee", "under1", request("192.0.2.21"), kPass},
        {"unicast ARP for it", "under1", request("192.0.2.21", kMac1), kPass},
        {"ARP for another NIC's, on the nominee", "under0", request("192.0.2.21"), kDrop, "in_other_nic"},
        {"ARP for another NIC's, elsewhere", "under1", request("192.0.2.20"), kDrop, "in_other_nic"},
        {"NS for it", "under0", ns("fe80::10"), kPass},
        {"NS for it, on the nominee", "under1", ns("fe80::11"), kPass},
        {"NS for another NIC's", "under0", ns("fe80::11"), kDrop, "in_other_nic"},
        {"a duplicate address probe for it", "under0",
         to(kGroup6, kIpv6, nd(kNs, "::", "ff02::1:ff00:10", "fe80::10", nonce_option())), kPass},
        {"somebody else's NA claiming it", "under0", na("fe80::10"), kPass},
        {"somebody else's NA claiming another NIC's", "under0", na("fe80::11"), kDrop, "in_other_nic"},
        {"our own NA for it, echoed", "under0", na("fe80::10", kMac0), kDrop, "in_own_echo"},
    };
}

PACKET_TABLE(Steer, d_DHCP_to_a_client_is_seen_by_both) {
    return {
        {"broadcast offer on the nominee", "under0", to(kBroadcast, kIpv4, udp4("255.255.255.255", 68)), kPass,
         "in_copied"},
        {"broadcast offer elsewhere", "under1", to(kBroadcast, kIpv4, udp4("255.255.255.255", 68)), kPass},
        {"unicast offer of a new address on the nominee", "under0", to(kMac0, kIpv4, udp4("192.0.2.50", 68)), kPass,
         "in_copied"},
        {"unicast offer of a new address elsewhere", "under1", to(kMac1, kIpv4, udp4("192.0.2.50", 68)), kPass},
        {"renewal of a data address, on any NIC", "under1", to(kMac1, kIpv4, udp4("192.0.2.1", 68)), kUp},
        {"renewal of a test address", "under0", to(kMac0, kIpv4, udp4("192.0.2.20", 68)), kPass},
        {"DHCPv6 to the NIC's link-local", "under1", to(kMac1, kIpv6, udp6("fe80::11", 546)), kPass},
        {"DHCPv6 to ipmp0's link-local", "under1", to(kMac1, kIpv6, udp6("fe80::ee", 546)), kUp},
        {"DHCPv6 to an unknown link-local on the nominee", "under1", to(kMac1, kIpv6, udp6("fe80::77", 546)), kPass,
         "in_copied"},
        {"behind IPv4 options", "under0",
         to(kBroadcast, kIpv4, ipv4("192.0.2.9", "255.255.255.255", kUdp, udp(67, 68), 0, Bytes(8, 1))), kPass,
         "in_copied"},
        {"a later fragment has no ports", "under0",
         to(kBroadcast, kIpv4, ipv4("192.0.2.9", "255.255.255.255", kUdp, udp(67, 68), 0x0020)), kUp},
        {"a cut UDP header is none", "under0", cut(to(kBroadcast, kIpv4, udp4("255.255.255.255", 68)), 14 + 20 + 5),
         kUp},
    };
}

PACKET_TABLE(Steer, R_SPR_3_e_own_frames_coming_back_are_dropped) {
    Bytes data4 = udp4("224.0.0.251");
    auto gratuitous = [](const MacAddress& stated, const MacAddress& source) {
        return to(kBroadcast, kArp, arp(kRequest, stated, "192.0.2.1", kZeroMac, "192.0.2.1"), source);
    };
    auto na = [](const MacAddress& stated, const MacAddress& source, const MacAddress& destination = kGroup6) {
        return to(destination, kIpv6,
                  nd(kNa, "fe80::ee", "2001:db8::1", "2001:db8::1", join({nonce_option(), target_option(stated)})),
                  source);
    };
    Bytes ns = to(kGroup6, kIpv6, nd(kNs, "fe80::ee", "ff02::1:ff00:9", "2001:db8::9", source_option(kMac1)), kPeer);
    Bytes dad = to(kGroup6, kIpv6, nd(kNs, "::", "ff02::1:ff00:1", "2001:db8::1", nonce_option()), kMac0);
    return {
        {"multicast sent by the other member", "under0", to(kGroup4, kIpv4, data4, kMac1), kDrop, "in_own_echo"},
        {"IPv6 multicast sent by the other member", "under1", to(kGroup6, kIpv6, udp6("ff02::fb"), kMac0), kDrop,
         "in_own_echo"},
        {"broadcast on a NIC that is not the nominee", "under1", to(kBroadcast, kIpv4, udp4("192.0.2.255"), kMac0),
         kDrop, "in_own_echo"},
        {"a gratuitous ARP of ours", "under0", gratuitous(kMac1, kMac1), kDrop, "in_own_echo"},
        {"ARP stating a member's MAC from elsewhere", "under0", gratuitous(kMac1, kPeer), kDrop, "in_own_echo"},
        {"ARP from a member's MAC stating another", "under0", gratuitous(kPeer, kMac1), kDrop, "in_own_echo"},
        {"unicast ARP stating a member's MAC", "under0",
         to(kMac0, kArp, arp(kReply, kMac1, "192.0.2.9", kMac0, "192.0.2.1")), kDrop, "in_own_echo"},
        {"an NA of ours", "under1", na(kMac0, kMac0), kDrop, "in_own_echo"},
        {"a unicast NA stating a member's MAC", "under0", na(kMac1, kPeer, kMac0), kDrop, "in_own_echo"},
        {"an NS stating a member's MAC", "under1", ns, kDrop, "in_own_echo"},
        {"a duplicate address probe of ours", "under1", dad, kDrop, "in_own_echo"},
        {"an RS of ours", "under1", to(kGroup6, kIpv6, rs("fe80::ee", source_option(kMac0)), kPeer), kDrop,
         "in_own_echo"},
        {"unicast data from a member's MAC is data", "under0", to(kMac0, kIpv4, udp4("192.0.2.1"), kMac1), kUp},
    };
}

PACKET_TABLE(Steer, R_SPR_3_f_other_group_frames_have_exactly_one_way_up) {
    Bytes broadcast = to(kBroadcast, kIpv4, udp4("192.0.2.255"));
    Bytes multicast = to(kGroup4, kIpv4, udp4("224.0.0.251"));
    Bytes multicast6 = to(kGroup6, kIpv6, udp6("ff02::fb"));
    Bytes request = to(kBroadcast, kArp, arp(kRequest, kPeer, "192.0.2.9", kZeroMac, "192.0.2.1"));
    Bytes announce = to(kBroadcast, kArp, arp(kReply, kPeer, "192.0.2.9", kPeer, "192.0.2.9"));
    Bytes ns = to(kGroup6, kIpv6, nd(kNs, "fe80::99", "ff02::1:ff00:1", "2001:db8::1", source_option(kPeer)));
    Bytes advertisement = to(kGroup6, kIpv6, ra("fe80::99", "ff02::1", source_option(kPeer)));
    return {
        {"broadcast", "under0", broadcast, kUp},
        {"broadcast", "under1", broadcast, kDrop, "in_not_nominee"},
        {"multicast", "under0", multicast, kUp},
        {"multicast", "under1", multicast, kDrop, "in_not_nominee"},
        {"IPv6 multicast", "under1", multicast6, kUp},
        {"IPv6 multicast", "under0", multicast6, kDrop, "in_not_nominee"},
        {"ARP for a data address follows the IPv4 nominee", "under0", request, kUp},
        {"ARP for a data address elsewhere", "under1", request, kDrop, "in_not_nominee"},
        {"somebody else's announcement", "under0", announce, kUp},
        {"NS for a data address follows the IPv6 nominee", "under1", ns, kUp},
        {"NS for a data address elsewhere", "under0", ns, kDrop, "in_not_nominee"},
        {"router advertisement", "under1", advertisement, kUp},
        {"router advertisement elsewhere", "under0", advertisement, kDrop, "in_not_nominee"},
        {"broadcast without a nominee", "under0", broadcast, kDrop, "in_not_nominee", no_nominee},
        {"IPv6 multicast without a nominee", "under1", multicast6, kDrop, "in_not_nominee", no_nominee},
    };
}

PACKET_TABLE(Steer, g_unicast_to_a_data_address_goes_up_from_any_member) {
    auto nobody_active = [](GroupImage& image) { image.slots = {}, image.nominee = {}; };
    return {
        {"IPv4, on the bound NIC", "under1", to(kMac1, kIpv4, udp4("192.0.2.1")), kUp},
        {"IPv4, on another member", "under0", to(kMac0, kIpv4, udp4("192.0.2.1")), kUp},
        {"IPv4, bound to nobody", "under0", to(kMac0, kIpv4, udp4("192.0.2.2")), kUp},
        {"IPv4, with no NIC active", "under0", to(kMac0, kIpv4, udp4("192.0.2.1")), kUp, "", nobody_active},
        {"IPv4 fragment", "under0", to(kMac0, kIpv4, ipv4("192.0.2.9", "192.0.2.1", kUdp, Bytes(64), 0x2010)), kUp},
        {"IPv4 with options", "under0",
         to(kMac0, kIpv4, ipv4("192.0.2.9", "192.0.2.1", kTcp, Bytes(20), 0, Bytes(40, 1))), kUp},
        {"IPv6", "under1", to(kMac1, kIpv6, udp6("2001:db8::1")), kUp},
        {"IPv6 to ipmp0's link-local", "under1", to(kMac1, kIpv6, udp6("fe80::ee")), kUp},
        {"unicast ARP request for it", "under0", to(kMac0, kArp, arp(kRequest, kPeer, "192.0.2.9", kMac1, "192.0.2.1")),
         kUp},
        {"ARP reply to it", "under0", to(kMac0, kArp, arp(kReply, kPeer, "192.0.2.9", kMac1, "192.0.2.1")), kUp},
        {"unicast NS to it", "under1",
         to(kMac1, kIpv6, nd(kNs, "fe80::99", "2001:db8::1", "2001:db8::1", source_option(kPeer))), kUp},
        {"NA to it", "under1", to(kMac1, kIpv6, nd(kNa, "fe80::99", "2001:db8::1", "fe80::99", target_option(kPeer))),
         kUp},
        {"RA to ipmp0's link-local", "under0", to(kMac0, kIpv6, ra("fe80::99", "fe80::ee", source_option(kPeer))), kUp},
        {"ICMPv6 redirect to it", "under0",
         to(kMac0, kIpv6, nd(kRedirect, "fe80::99", "2001:db8::1", "2001:db8::7", target_option(kPeer))), kUp},
    };
}

PACKET_TABLE(Steer, h_the_rest_passes_unless_the_group_forwards) {
    return {
        {"IPv4 to the NIC's own address", "under0", to(kMac0, kIpv4, udp4("192.0.2.20")), kPass},
        {"IPv4 to another NIC's own address", "under0", to(kMac0, kIpv4, udp4("192.0.2.21")), kPass},
        {"IPv6 to the NIC's own address", "under0", to(kMac0, kIpv6, udp6("fe80::10")), kPass},
        {"an NA to the NIC's own address", "under0",
         to(kMac0, kIpv6, nd(kNa, "fe80::99", "fe80::10", "fe80::99", target_option(kPeer))), kPass},
        {"an ARP reply to the NIC's own address", "under1",
         to(kMac1, kArp, arp(kReply, kPeer, "192.0.2.9", kMac1, "192.0.2.21")), kPass},
        {"IPv4 to an unknown address", "under0", to(kMac0, kIpv4, udp4("203.0.113.1")), kPass},
        {"IPv6 to an unknown address", "under0", to(kMac0, kIpv6, udp6("2001:db8::77")), kPass},
        {"forwarding: IPv4 to an unknown address", "under0", to(kMac0, kIpv4, udp4("203.0.113.1")), kUp, "",
         forwarding},
        {"forwarding: IPv6 to an unknown address", "under1", to(kMac1, kIpv6, udp6("2001:db8::77")), kUp, "",
         forwarding},
        {"forwarding: the NIC's own address stays its own", "under0", to(kMac0, kIpv4, udp4("192.0.2.20")), kPass, "",
         forwarding},
    };
}

}  // namespace ipmp
