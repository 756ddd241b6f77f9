// Inbound, more of every kind: link-local protocols, ARP, ND, multicast management, transports, extension headers,
// fragments, and frames made to hurt. The rules one by one are in steer_test.cpp.
#include "packet_table.hpp"

namespace ipmp {

using namespace packets;

namespace {

Bytes to(const MacAddress& destination, std::uint16_t type, const Bytes& payload) {
    return ethernet(destination, kPeer, type, payload);
}
Bytes to4(const char* destination, std::uint8_t protocol, const Bytes& payload, std::uint16_t fragment = 0) {
    return to(kMac0, kIpv4, ipv4("192.0.2.9", destination, protocol, payload, fragment));
}
Bytes to6(const char* destination, std::uint8_t next_header, const Bytes& payload) {
    return to(kMac0, kIpv6, ipv6("2001:db8::9", destination, next_header, payload));
}
Bytes group4(const char* destination, std::uint8_t protocol, const Bytes& payload) {
    return to(kGroup4, kIpv4, ipv4("192.0.2.9", destination, protocol, payload));
}
Bytes group6(const char* destination, std::uint8_t next_header, const Bytes& payload) {
    return to(kGroup6, kIpv6, ipv6("fe80::99", destination, next_header, payload));
}

void forwards4(GroupImage& image) { image.forwards = {true, false}; }
void forwards6(GroupImage& image) { image.forwards = {false, true}; }
void forwards_both(GroupImage& image) { image.forwards = {true, true}; }

}  // namespace

PACKET_TABLE(Steer, a_other_protocols_are_the_NICs) {
    auto group = [](const char* destination, std::uint16_t type) { return to(mac(destination), type, Bytes(46, 1)); };
    return {
        {"802.1X", "under0", group("01:80:c2:00:00:03", kEapol), kPass},
        {"802.1X, unicast", "under0", to(kMac0, kEapol, Bytes(46)), kPass},
        {"LACP", "under0", group("01:80:c2:00:00:02", kLacp), kPass},
        {"PTP", "under1", group("01:1b:19:00:00:00", kPtp), kPass},
        {"PTP, peer delay", "under0", group("01:80:c2:00:00:0e", kPtp), kPass},
        {"PPPoE", "under0", to(kMac0, kPppoe, Bytes(46)), kPass},
        {"a loopback test frame", "under0", to(kMac0, kLoopbackTest, Bytes(46)), kPass},
        {"a loopback test frame from a member", "under0", ethernet(kMac0, kMac1, kLoopbackTest, Bytes(46)), kPass},
        {"spanning tree (a length instead of an EtherType)", "under0", group("01:80:c2:00:00:00", 38), kPass},
        {"RARP", "under0", to(kBroadcast, kRarp, Bytes(46)), kPass},
        {"MPLS", "under0", to(kMac0, kMpls, Bytes(46)), kPass},
        {"a service tag inside a tag", "under0", to(kMac0, kServiceVlan, Bytes(46)), kPass},
        {"an Ethernet header and nothing else", "under0", to(kMac0, kLldp, {}), kPass},
        {"EtherType 0", "under1", to(kBroadcast, 0, Bytes(46)), kPass},
    };
}

PACKET_TABLE(Steer, ARP_of_all_kinds) {
    auto broadcast = [](std::uint8_t operation, const char* sender, const char* target) {
        return to(kBroadcast, kArp, arp(operation, kPeer, sender, kZeroMac, target));
    };
    auto unicast = [](std::uint8_t operation, const char* sender, const char* target) {
        return to(kMac0, kArp, arp(operation, kPeer, sender, kMac0, target));
    };
    Bytes padded = join({broadcast(kRequest, "192.0.2.9", "192.0.2.1"), Bytes(18, 0)});
    auto with = [](std::size_t offset, std::uint8_t value) {
        Bytes frame = to(kMac0, kArp, arp(kReply, kPeer, "192.0.2.9", kMac0, "192.0.2.1"));
        frame[14 + offset] = value;
        return frame;
    };
    std::vector<SteerCase> cases{
        {"a probe for a data address, on the nominee", "under0", broadcast(kRequest, "0.0.0.0", "192.0.2.1"), kUp},
        {"a probe for a data address, elsewhere", "under1", broadcast(kRequest, "0.0.0.0", "192.0.2.1"), kDrop,
         "in_not_nominee"},
        {"a probe for the NIC's own address", "under1", broadcast(kRequest, "0.0.0.0", "192.0.2.21"), kPass},
        {"an announcement of its own address", "under0", broadcast(kRequest, "192.0.2.9", "192.0.2.9"), kUp},
        {"somebody announces a data address, on the nominee", "under0", broadcast(kRequest, "192.0.2.1", "192.0.2.1"),
         kUp},
        {"somebody announces a data address, elsewhere", "under1", broadcast(kReply, "192.0.2.1", "192.0.2.1"), kDrop,
         "in_not_nominee"},
        {"somebody announces the NIC's own address", "under1", broadcast(kRequest, "192.0.2.21", "192.0.2.21"), kPass},
        {"a data address asks for the NIC's own", "under0", broadcast(kRequest, "192.0.2.1", "192.0.2.20"), kPass},
        {"a broadcast reply to a data address", "under0", broadcast(kReply, "192.0.2.9", "192.0.2.1"), kUp},
        {"a reply to an unbound data address", "under0", unicast(kReply, "192.0.2.9", "192.0.2.2"), kUp},
        {"a reply to nobody of ours", "under0", unicast(kReply, "192.0.2.9", "192.0.2.50"), kPass},
        {"a unicast request for nobody of ours", "under0", unicast(kRequest, "192.0.2.9", "192.0.2.50"), kPass},
        {"a unicast request for another NIC's address", "under0", unicast(kRequest, "192.0.2.9", "192.0.2.21"), kDrop,
         "in_other_nic"},
        {"an unusual target MAC does not matter", "under0",
         to(kBroadcast, kArp, arp(kRequest, kPeer, "192.0.2.9", kBroadcast, "192.0.2.1")), kUp},
        {"InARP, unicast", "under0", unicast(8, "192.0.2.9", "192.0.2.1"), kUp},
        {"InARP, broadcast, elsewhere", "under1", broadcast(8, "192.0.2.9", "192.0.2.1"), kDrop, "in_not_nominee"},
        {"RARP in ARP's EtherType", "under0", broadcast(3, "192.0.2.9", "192.0.2.1"), kUp},
        {"operation 0", "under0", unicast(0, "192.0.2.9", "192.0.2.20"), kPass},
        {"padded to the least frame", "under0", padded, kUp},
        {"hardware type of IEEE 802", "under0", with(1, 6), kPass, "in_malformed"},
        {"a protocol that is not IPv4", "under0", with(2, 0x86), kPass, "in_malformed"},
        {"hardware addresses of 8 bytes", "under0", with(4, 8), kPass, "in_malformed"},
        {"protocol addresses of 16 bytes", "under0", with(5, 16), kPass, "in_malformed"},
        {"the NIC's own question, stating its MAC", "under1",
         ethernet(kBroadcast, kMac0, kArp, arp(kRequest, kMac0, "192.0.2.20", kZeroMac, "192.0.2.21")), kPass},
    };
    for (std::size_t size : {14, 15, 22, 28, 32, 38, 41}) {
        cases.push_back({"cut to " + std::to_string(size), "under0",
                         cut(broadcast(kRequest, "192.0.2.9", "192.0.2.1"), size), kPass, "in_malformed"});
    }
    return cases;
}

PACKET_TABLE(Steer, ND_of_all_kinds) {
    Bytes silent_ns = nd(kNs, "fe80::99", "ff02::1:ff00:1", "2001:db8::1");
    Bytes far_ns = nd(kNs, "2001:db8::9", "2001:db8::1", "2001:db8::1", source_option(kPeer));
    far_ns[7] = 64;  // came through a router
    Bytes probe = nd(kNs, "::", "ff02::1:ff00:1", "2001:db8::1", nonce_option());
    Bytes claim = nd(kNa, "fe80::99", "ff02::1", "2001:db8::1", target_option(kPeer));
    Bytes unsolicited = nd(kNa, "fe80::99", "ff02::1", "fe80::99", target_option(kPeer));
    Bytes redirect = nd(kRedirect, "fe80::99", "fe80::10", "2001:db8::7", target_option(kPeer));
    Bytes hidden = ipv6(
        "fe80::99", "ff02::1", kHopByHop,
        join({extension(kIcmp6),
              icmp6("fe80::99", "ff02::1", kNa, join({Bytes(4), bytes_of(ip("fe80::10")), target_option(kMac1)}))}));
    return {
        {"an RS on the nominee", "under1", to(kGroup6, kIpv6, rs("fe80::99", source_option(kPeer))), kUp},
        {"an RS elsewhere", "under0", to(kGroup6, kIpv6, rs("fe80::99")), kDrop, "in_not_nominee"},
        {"an RS from nobody", "under1", to(kGroup6, kIpv6, rs("::")), kUp},
        {"an RA with prefix, MTU and source options", "under1",
         to(kGroup6, kIpv6,
            ra("fe80::99", "ff02::1", join({{3, 4}, Bytes(30, 7), {5, 1, 0, 0, 0, 0, 5, 220}, source_option(kPeer)}))),
         kUp},
        {"an RA to the NIC's link-local address", "under0", to(kMac0, kIpv6, ra("fe80::99", "fe80::10")), kPass},
        {"an RA that states a member's MAC", "under1",
         to(kGroup6, kIpv6, ra("fe80::99", "ff02::1", source_option(kMac0))), kDrop, "in_own_echo"},
        {"an NS without an option", "under1", to(kGroup6, kIpv6, silent_ns), kUp},
        {"an NS that came through a router", "under0", to(kMac0, kIpv6, far_ns), kUp},
        {"a probe for a data address, on the nominee", "under1", to(kGroup6, kIpv6, probe), kUp},
        {"a probe for a data address, elsewhere", "under0", to(kGroup6, kIpv6, probe), kDrop, "in_not_nominee"},
        {"an NA that claims a data address, on the nominee", "under1", to(kGroup6, kIpv6, claim), kUp},
        {"an NA that claims a data address, elsewhere", "under0", to(kGroup6, kIpv6, claim), kDrop, "in_not_nominee"},
        {"an unsolicited NA of a neighbour", "under1", to(kGroup6, kIpv6, unsolicited), kUp},
        {"a redirect to the NIC's own address", "under0", to(kMac0, kIpv6, redirect), kPass},
        {"an NS for another NIC's address, unicast", "under0",
         to(kMac0, kIpv6, nd(kNs, "fe80::99", "fe80::11", "fe80::11", source_option(kPeer))), kDrop, "in_other_nic"},
        {"an NA for another NIC's address, unicast, is ordinary", "under0",
         to(kMac0, kIpv6, nd(kNa, "fe80::99", "fe80::11", "fe80::11", target_option(kPeer))), kPass},
        {"an NS with a member's MAC for the NIC's own address", "under1",
         to(kGroup6, kIpv6, nd(kNs, "fe80::10", "ff02::1:ff00:11", "fe80::11", source_option(kMac0))), kPass},
        {"ND behind an extension header is ordinary", "under1", to(kGroup6, kIpv6, hidden), kUp},
    };
}

PACKET_TABLE(Steer, ND_made_to_hurt) {
    auto ns = [](const Bytes& options) {
        return to(kGroup6, kIpv6, nd(kNs, "fe80::99", "ff02::1:ff00:1", "2001:db8::1", options));
    };
    auto says_length = [](Bytes frame, std::size_t payload_bytes) {
        frame[18] = static_cast<std::uint8_t>(payload_bytes >> 8), frame[19] = payload_bytes & 0xff;
        return frame;
    };
    Bytes nonces;
    for (int i = 0; i < 31; ++i) nonces = join({nonces, nonce_option()});
    Bytes whole = ns(source_option(kPeer));
    Bytes advertisement = to(kGroup6, kIpv6, ra("fe80::99", "ff02::1", source_option(kPeer)));
    std::vector<SteerCase> cases{
        {"an option of length 0 in an RS", "under1", to(kGroup6, kIpv6, rs("fe80::99", Bytes(8))), kPass,
         "in_malformed"},
        {"an option of length 0 in an RA", "under1",
         to(kGroup6, kIpv6, ra("fe80::99", "ff02::1", {1, 0, 0, 0, 0, 0, 0, 0})), kPass, "in_malformed"},
        {"an option of length 0 in an NA", "under1",
         to(kGroup6, kIpv6, nd(kNa, "fe80::99", "ff02::1", "fe80::99", Bytes(8))), kPass, "in_malformed"},
        {"an option of length 0 behind a good one", "under1", ns(join({source_option(kPeer), Bytes(8)})), kPass,
         "in_malformed"},
        {"an option past the end", "under1", ns({14, 2, 0, 0, 0, 0, 0, 0}), kPass, "in_malformed"},
        {"an option of 2040 bytes", "under1", ns({14, 255, 0, 0, 0, 0, 0, 0}), kPass, "in_malformed"},
        {"half an option", "under1", ns({1, 1, 2, 0}), kPass, "in_malformed"},
        {"options end exactly", "under1", ns(join({nonces, source_option(kPeer)})), kUp},
        {"a member's MAC in the 32nd option", "under1", ns(join({nonces, source_option(kMac0)})), kDrop, "in_own_echo"},
        {"33 options: the last is not looked at", "under1", ns(join({nonces, nonce_option(), source_option(kMac0)})),
         kUp},
        {"a source option of 16 bytes states no MAC", "under1", ns(join({{1, 2}, bytes_of(kMac0), Bytes(8)})), kUp},
        {"a length that ends inside the target", "under1", says_length(whole, 8), kPass, "in_malformed"},
        {"a length of 0", "under1", says_length(whole, 0), kPass, "in_malformed"},
        {"a length beyond the frame", "under1", says_length(whole, 65535), kPass, "in_malformed"},
        {"a length that ends before the options", "under1", says_length(ns(source_option(kMac0)), 24), kUp},
        {"an RA cut inside its fixed part", "under1", cut(advertisement, 14 + 40 + 7), kPass, "in_malformed"},
        {"no ICMPv6 type at all", "under1", cut(whole, 14 + 40), kUp},
    };
    for (std::size_t size : {55, 58, 62, 70, 77, 78, 79, 85}) {
        cases.push_back({"an NS cut to " + std::to_string(size), "under1", cut(whole, size), kPass, "in_malformed"});
    }
    return cases;
}

PACKET_TABLE(Steer, multicast_management_of_all_kinds) {
    std::vector<SteerCase> cases;
    struct Kind {
        const char* name;
        std::uint8_t type;
        const char* destination;
    };
    for (const Kind& kind : {Kind{"IGMPv1 report", 0x12, "224.0.0.251"}, Kind{"IGMPv2 report", 0x16, "224.0.0.251"},
                             Kind{"IGMPv2 leave", 0x17, "224.0.0.2"}, Kind{"IGMPv3 report", 0x22, "224.0.0.22"},
                             Kind{"PIM version 1", 0x14, "224.0.0.2"}}) {
        Bytes frame = to(kGroup4, kIpv4, igmp(kind.type, "192.0.2.9", kind.destination));
        cases.push_back({kind.name, "under0", frame, kUp});
        cases.push_back({kind.name, "under1", frame, kDrop, "in_not_nominee"});
    }
    for (const Kind& kind : {Kind{"MLDv1 report", 131, "ff02::fb"}, Kind{"MLDv1 done", 132, "ff02::2"},
                             Kind{"MLDv2 report", 143, "ff02::16"}}) {
        Bytes frame = to(kGroup6, kIpv6, mld(kind.type, "fe80::99", kind.destination));
        cases.push_back({kind.name, "under1", frame, kUp});
        cases.push_back({kind.name, "under0", frame, kDrop, "in_not_nominee"});
    }
    Bytes v3 = ipv4("192.0.2.9", "224.0.0.1", kIgmp, join({{0x11, 100}, Bytes(10, 0)}), 0, {0x94, 4, 0, 0});
    Bytes specific = igmp(0x11, "192.0.2.9", "224.0.0.251");
    Bytes far_mld = ipv6("fe80::99", "ff02::1", kHopByHop,
                         join({extension(kIcmp6, 4), icmp6("fe80::99", "ff02::1", kMldQuery, Bytes(20))}));
    cases.insert(
        cases.end(),
        {
            {"IGMPv3 query", "under0", to(kGroup4, kIpv4, v3), kPass, "in_copied"},
            {"IGMPv3 query elsewhere", "under1", to(kGroup4, kIpv4, v3), kPass},
            {"group specific IGMP query", "under0", to(kGroup4, kIpv4, specific), kPass, "in_copied"},
            {"IGMP query sent to a data address", "under1", to(kMac1, kIpv4, igmp(0x11, "192.0.2.9", "192.0.2.1")),
             kUp},
            {"IGMP query sent to the NIC's own address", "under0",
             to(kMac0, kIpv4, igmp(0x11, "192.0.2.9", "192.0.2.20")), kPass},
            {"IGMP cut before its type", "under0", cut(to(kGroup4, kIpv4, v3), 14 + 24), kUp},
            {"MLD query behind a long hop-by-hop header", "under1", to(kGroup6, kIpv6, far_mld), kPass, "in_copied"},
            {"MLD query sent to the NIC's own address", "under0",
             to(kMac0, kIpv6, mld(kMldQuery, "fe80::99", "fe80::10")), kPass},
        });
    return cases;
}

PACKET_TABLE(Steer, g_whatever_is_in_a_packet_for_a_data_address_it_goes_up) {
    std::vector<SteerCase> cases;
    struct Protocol {
        const char* name;
        std::uint8_t number;
    };
    for (const Protocol& protocol :
         {Protocol{"TCP", kTcp}, Protocol{"UDP", kUdp}, Protocol{"UDP-Lite", kUdpLite}, Protocol{"SCTP", kSctp},
          Protocol{"ESP", kEsp}, Protocol{"AH", kAh}, Protocol{"GRE", kGre}, Protocol{"an unknown protocol", 253}}) {
        cases.push_back({std::string(protocol.name) + " over IPv4", "under0",
                         to4("192.0.2.1", protocol.number, Bytes(40, 1)), kUp});
        cases.push_back({std::string(protocol.name) + " over IPv6", "under0",
                         to6("2001:db8::1", protocol.number, Bytes(40, 1)), kUp});
    }
    for (std::uint8_t type : {0, 3, 4, 5, 8, 11, 12, 13}) {
        cases.push_back({"ICMP type " + std::to_string(type), "under0",
                         to4("192.0.2.1", kIcmp, join({{type, 4}, Bytes(34, 1)})), kUp});
    }
    for (std::uint8_t type : {1, 2, 3, 4, 128, 129, 138, 255}) {
        cases.push_back({"ICMPv6 type " + std::to_string(type), "under0",
                         to6("2001:db8::1", kIcmp6, join({{type, 0}, Bytes(34, 1)})), kUp});
    }
    for (std::uint8_t header : {kHopByHop, kRouting, kDestinationOptions}) {
        cases.push_back({"extension header " + std::to_string(header), "under0",
                         to6("2001:db8::1", header, join({extension(kUdp, 2), udp(1, 2)})), kUp});
    }
    Bytes chain = join({extension(kRouting), extension(kAh), authentication(kDestinationOptions), extension(kTcp)});
    cases.insert(cases.end(),
                 {
                     {"first fragment", "under0", to4("192.0.2.1", kUdp, udp(1, 2), 0x2000), kUp},
                     {"middle fragment", "under0", to4("192.0.2.1", kUdp, Bytes(64), 0x2008), kUp},
                     {"last fragment", "under0", to4("192.0.2.1", kUdp, Bytes(3), 0x0010), kUp},
                     {"first IPv6 fragment", "under0",
                      to6("2001:db8::1", kFragment, join({fragment_header(kUdp, 0, true), udp(1, 2)})), kUp},
                     {"middle IPv6 fragment", "under0",
                      to6("2001:db8::1", kFragment, join({fragment_header(kUdp, 8, true), Bytes(64)})), kUp},
                     {"last IPv6 fragment", "under0",
                      to6("2001:db8::1", kFragment, join({fragment_header(kUdp, 16, false), Bytes(3)})), kUp},
                     {"a chain of extension headers", "under0", to6("2001:db8::1", kHopByHop, chain), kUp},
                     {"no next header", "under0", to6("2001:db8::1", kNoNextHeader, {}), kUp},
                     {"an IPv4 header and nothing else", "under0", to4("192.0.2.1", kUdp, {}), kUp},
                     {"a large frame", "under0", to4("192.0.2.1", kTcp, Bytes(3000, 1)), kUp},
                     {"a bundle of IPv4 segments",
                      "under0",
                      to4("192.0.2.1", kTcp, Bytes(3000, 1)),
                      kUp,
                      "",
                      {},
                      {.gso_size = 1448}},
                     {"a bundle of IPv6 segments",
                      "under0",
                      to6("2001:db8::1", kTcp, Bytes(3000, 1)),
                      kUp,
                      "",
                      {},
                      {.gso_size = 1428}},
                     {"a mark stays", "under0", to4("192.0.2.1", kTcp, Bytes(20)), kUp, "", {}, {.mark = 77}},
                 });
    return cases;
}

PACKET_TABLE(Steer, addresses_that_are_not_what_the_MAC_says) {
    Bytes lie4 = to4("192.0.2.1", kUdp, udp(1, 2));
    Bytes long_header = lie4, short_total = lie4;
    long_header[14] = 0x4f;  // 60 bytes of header, which are not there
    short_total[16] = 0, short_total[17] = 10;
    Bytes long_group = group4("224.0.0.251", kUdp, udp(67, 68));
    long_group[14] = 0x4f;
    Bytes jumbogram = to6("2001:db8::1", kUdp, udp(1, 2));
    jumbogram[18] = jumbogram[19] = 0;
    return {
        {"an IPv4 header longer than the frame is the host's business", "under0", long_header, kUp},
        {"a total length shorter than the header too", "under0", short_total, kUp},
        {"a payload length of 0 too", "under0", jumbogram, kUp},
        {"a group frame with such a header is no DHCP", "under0", long_group, kUp},
        {"a multicast address in a unicast frame", "under0", to4("224.0.0.251", kUdp, udp(1, 2)), kPass},
        {"an IPv6 multicast address in a unicast frame", "under0", to6("ff02::fb", kUdp, udp(1, 2)), kPass},
        {"the loopback address", "under0", to4("127.0.0.1", kUdp, udp(1, 2)), kPass},
        {"the zero address", "under0", to4("0.0.0.0", kUdp, udp(1, 2)), kPass},
        {"the limited broadcast address in a unicast frame", "under0", to4("255.255.255.255", kUdp, udp(1, 2)), kPass},
        {"a data address in a broadcast frame, on the nominee", "under0", group4("192.0.2.1", kUdp, udp(1, 2)), kUp},
        {"a data address in a broadcast frame, elsewhere", "under1", group4("192.0.2.1", kUdp, udp(1, 2)), kDrop,
         "in_not_nominee"},
        {"a NIC's own address in a broadcast frame", "under1", group4("192.0.2.21", kUdp, udp(1, 2)), kDrop,
         "in_not_nominee"},
        {"an IPv6 data address in a multicast frame", "under1", group6("2001:db8::1", kUdp, udp(1, 2)), kUp},
        {"a data address as the source", "under0", to(kMac0, kIpv4, ipv4("192.0.2.1", "192.0.2.1", kUdp, udp(1, 2))),
         kUp},
        {"ipmp0's own MAC is nobody's on a wire", "under0",
         to(kUpperMac, kIpv4, ipv4("192.0.2.9", "192.0.2.1", kUdp, udp(1, 2))), kPass},
    };
}

PACKET_TABLE(Steer, d_what_is_DHCP_and_what_is_not) {
    Bytes offer = udp(67, 68), reply6 = udp(547, 546);
    auto broadcast = [](const Bytes& datagram, std::uint16_t fragment = 0) {
        return to(kBroadcast, kIpv4, ipv4("192.0.2.9", "255.255.255.255", kUdp, datagram, fragment));
    };
    return {
        {"to a server", "under0", broadcast(udp(68, 67)), kUp},
        {"to a server, elsewhere", "under1", broadcast(udp(68, 67)), kDrop, "in_not_nominee"},
        {"TCP to port 68", "under0", to(kBroadcast, kIpv4, ipv4("192.0.2.9", "255.255.255.255", kTcp, offer)), kUp},
        {"the first fragment has ports", "under0", broadcast(offer, 0x2000), kPass, "in_copied"},
        {"DHCPv6 to all servers", "under1", group6("ff02::1:2", kUdp, udp(546, 547)), kUp},
        {"DHCPv6 to clients by multicast", "under1", group6("ff02::1", kUdp, reply6), kPass, "in_copied"},
        {"DHCPv6 to clients by multicast, elsewhere", "under0", group6("ff02::1", kUdp, reply6), kPass},
        {"DHCPv6 behind an extension header", "under1",
         group6("ff02::1", kDestinationOptions, join({extension(kUdp), reply6})), kUp},
        {"a DHCPv6 header that is cut", "under1", cut(group6("ff02::1", kUdp, reply6), 14 + 40 + 5), kUp},
        {"an offer of a new address comes before forwarding", "under0", to4("192.0.2.50", kUdp, offer), kPass,
         "in_copied", forwards_both},
        {"DHCP to another NIC's own address", "under0", to4("192.0.2.21", kUdp, offer), kPass},
    };
}

PACKET_TABLE(Steer, R_GRP_10_h_forwarding_is_per_family) {
    Bytes own4 = to4("192.0.2.20", kUdp, udp(1, 2)), own6 = to6("fe80::10", kUdp, udp(1, 2));
    Bytes other4 = to4("192.0.2.21", kUdp, udp(1, 2)), other6 = to6("fe80::11", kUdp, udp(1, 2));
    Bytes transit4 = to4("203.0.113.1", kTcp, Bytes(20)), transit6 = to6("2001:db8:9::1", kTcp, Bytes(20));
    return {
        {"IPv4 in transit, IPv4 forwarded", "under0", transit4, kUp, "", forwards4},
        {"IPv4 in transit, IPv6 forwarded", "under0", transit4, kPass, "", forwards6},
        {"IPv6 in transit, IPv6 forwarded", "under0", transit6, kUp, "", forwards6},
        {"IPv6 in transit, IPv4 forwarded", "under0", transit6, kPass, "", forwards4},
        {"a fragment in transit", "under0", to4("203.0.113.1", kUdp, Bytes(8), 0x0010), kUp, "", forwards_both},
        {"the NIC's own IPv4 address", "under0", own4, kPass, "", forwards_both},
        {"the NIC's own IPv6 address", "under0", own6, kPass, "", forwards_both},
        {"another NIC's own IPv4 address", "under0", other4, kUp, "", forwards_both},
        {"another NIC's own IPv6 address", "under0", other6, kUp, "", forwards_both},
        {"another NIC's own IPv4 address, not forwarding", "under0", other4, kPass},
        {"another NIC's own IPv6 address, not forwarding", "under0", other6, kPass},
        {"a data address", "under0", to4("192.0.2.1", kUdp, udp(1, 2)), kUp, "", forwards_both},
        {"in transit to another MAC", "under0", to(kMac1, kIpv4, ipv4("192.0.2.9", "203.0.113.1", kUdp, udp(1, 2))),
         kPass, "", forwards_both},
        {"ARP for somebody else is not forwarded", "under0",
         to(kMac0, kArp, arp(kRequest, kPeer, "192.0.2.9", kZeroMac, "203.0.113.1")), kPass, "", forwards_both},
        {"broadcast is not forwarded", "under1", group4("203.0.113.255", kUdp, udp(1, 2)), kDrop, "in_not_nominee",
         forwards_both},
    };
}

TEST(SteerTables, hold_more_than_250_cases) { EXPECT_GT(Tables<SteerCase>::count(), 250u); }

}  // namespace ipmp
