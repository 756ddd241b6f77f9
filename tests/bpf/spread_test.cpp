// Outbound rules of docs/DATAPLANE.md as tables: what the host sends on ipmp0, and what leaves by which NIC. The NIC
// is told by the source MAC: the program writes it from the same map value it redirects to.
#include "packet_table.hpp"

namespace ipmp {

using namespace packets;

namespace {

void no_active(GroupImage& image) {
    image.slots = {};
    image.nominee = {};
    for (auto& [address, entry] : image.addresses) {
        if (entry.kind == AddressKind::data) entry.nic = {};
    }
}

Bytes from(const MacAddress& source, std::uint16_t type, const Bytes& payload, const MacAddress& to = kPeer) {
    return ethernet(to, source, type, payload);
}

}  // namespace

PACKET_TABLE(Spread, R_SPR_1_unicast_leaves_by_the_slot_of_its_hash) {
    Bytes udp4 = ipv4("192.0.2.1", "198.51.100.1", kUdp, udp(1000, 2000));
    Bytes udp6 = ipv6("2001:db8::1", "2001:db8::99", kUdp, udp(1000, 2000));
    Bytes echo6 = ipv6("2001:db8::1", "2001:db8::99", kIcmp6, icmp6("2001:db8::1", "2001:db8::99", 128, Bytes(4, 1)));
    Bytes fragment = ipv4("192.0.2.1", "198.51.100.1", kUdp, Bytes(64, 1), 0x2010);
    Bytes redirect6 = nd(kRedirect, "fe80::ee", "2001:db8::99", "2001:db8::98", target_option(kPeer));
    return {
        {"IPv4 leaves by the IPv4 slots", from(kUpperMac, kIpv4, udp4), Verdict::redirect, from(kMac1, kIpv4, udp4)},
        {"IPv6 leaves by the IPv6 slots", from(kUpperMac, kIpv6, udp6), Verdict::redirect, from(kMac0, kIpv6, udp6)},
        {"ICMPv6 that is not ND is ordinary", from(kUpperMac, kIpv6, echo6), Verdict::redirect,
         from(kMac0, kIpv6, echo6)},
        {"a later fragment is ordinary", from(kUpperMac, kIpv4, fragment), Verdict::redirect,
         from(kMac1, kIpv4, fragment)},
        {"an ND redirect states a third party's MAC and keeps it", from(kUpperMac, kIpv6, redirect6), Verdict::redirect,
         from(kMac0, kIpv6, redirect6)},
        {"a forwarded packet needs no data address",
         from(kPeer, kIpv4, ipv4("203.0.113.5", "192.0.2.9", kTcp, Bytes(20))), Verdict::redirect,
         from(kMac1, kIpv4, ipv4("203.0.113.5", "192.0.2.9", kTcp, Bytes(20)))},
        {"with an empty slot IPv4 is dropped", from(kUpperMac, kIpv4, udp4), Verdict::drop, kNone, "out_no_active",
         no_active},
        {"with an empty slot IPv6 is dropped", from(kUpperMac, kIpv6, udp6), Verdict::drop, kNone, "out_no_active",
         no_active},
        {"IPv6 leaves although IPv4 has no NIC", from(kUpperMac, kIpv6, udp6), Verdict::redirect,
         from(kMac0, kIpv6, udp6), "", [](GroupImage& image) { image.slots[0] = {}; }},
    };
}

TEST_F(Spread, R_SPR_1_flows_use_all_NICs_and_keep_theirs) {
    GroupImage image = base_image();
    for (std::size_t i = 0; i < kSlotCount; ++i) image.slots[0][i] = i % 2 ? under0() : under1();
    apply(image);
    std::map<Bytes, int> flows_by_source;
    for (std::uint16_t port = 1000; port < 1200; ++port) {
        Bytes frame = from(kUpperMac, kIpv4, ipv4("192.0.2.1", "198.51.100.1", kUdp, udp(port, 53)));
        Bytes first = run(Filter::spread, "ipmpl0", frame).frame;
        EXPECT_EQ(run(Filter::spread, "ipmpl0", frame).frame, first);
        ++flows_by_source[Bytes(first.begin() + 6, first.begin() + 12)];
    }
    EXPECT_EQ(flows_by_source.size(), 2u);
    EXPECT_GT(flows_by_source[bytes_of(kMac0)], 60);
    EXPECT_GT(flows_by_source[bytes_of(kMac1)], 60);
}

PACKET_TABLE(Spread, R_SPR_3_group_frames_leave_by_the_nominee) {
    Bytes broadcast = ipv4("192.0.2.1", "192.0.2.255", kUdp, udp(1, 2));
    Bytes multicast = ipv4("192.0.2.1", "224.0.0.251", kUdp, udp(1, 2));
    Bytes multicast6 = ipv6("2001:db8::1", "ff02::fb", kUdp, udp(1, 2));
    Bytes report = mld(143, "fe80::ee", "ff02::16");
    return {
        {"IPv4 broadcast", from(kUpperMac, kIpv4, broadcast, kBroadcast), Verdict::redirect,
         from(kMac0, kIpv4, broadcast, kBroadcast)},
        {"IPv4 multicast", from(kUpperMac, kIpv4, multicast, kGroup4), Verdict::redirect,
         from(kMac0, kIpv4, multicast, kGroup4)},
        {"IPv6 multicast", from(kUpperMac, kIpv6, multicast6, kGroup6), Verdict::redirect,
         from(kMac1, kIpv6, multicast6, kGroup6)},
        {"an MLD report", from(kUpperMac, kIpv6, report, kGroup6), Verdict::redirect,
         from(kMac1, kIpv6, report, kGroup6)},
        {"no nominee: dropped", from(kUpperMac, kIpv4, multicast, kGroup4), Verdict::drop, kNone, "out_no_active",
         no_active},
        {"no IPv6 nominee: dropped", from(kUpperMac, kIpv6, multicast6, kGroup6), Verdict::drop, kNone, "out_no_active",
         no_active},
    };
}

PACKET_TABLE(Spread, R_SPR_4_ARP_states_the_MAC_of_the_NIC_it_leaves_by) {
    auto request = [](const MacAddress& mac, const char* sender, const char* target = "192.0.2.9") {
        return from(mac, kArp, arp(kRequest, mac, sender, kZeroMac, target), kBroadcast);
    };
    auto reply = [](const MacAddress& mac, const char* sender) {
        return from(mac, kArp, arp(kReply, mac, sender, kPeer, "192.0.2.9"));
    };
    auto gratuitous_reply = [](const MacAddress& mac) {
        return from(mac, kArp, arp(kReply, mac, "192.0.2.1", mac, "192.0.2.1"), kBroadcast);
    };
    Bytes foreign_hardware = request(kUpperMac, "192.0.2.1");
    foreign_hardware[15] = 6;
    return {
        {"a request leaves by the NIC its sender is bound to", request(kUpperMac, "192.0.2.1"), Verdict::redirect,
         request(kMac1, "192.0.2.1")},
        {"so does a reply", reply(kUpperMac, "192.0.2.1"), Verdict::redirect, reply(kMac1, "192.0.2.1")},
        {"a gratuitous reply states the NIC's MAC twice", gratuitous_reply(kUpperMac), Verdict::redirect,
         gratuitous_reply(kMac1)},
        {"a test address speaks by its own NIC", request(kUpperMac, "192.0.2.21"), Verdict::redirect,
         request(kMac1, "192.0.2.21")},
        {"the other test address by the other NIC", request(kUpperMac, "192.0.2.20"), Verdict::redirect,
         request(kMac0, "192.0.2.20")},
        {"a duplicate address probe goes by its target", request(kUpperMac, "0.0.0.0", "192.0.2.1"), Verdict::redirect,
         request(kMac1, "0.0.0.0", "192.0.2.1")},
        {"a probe for an unknown address goes by the nominee", request(kUpperMac, "0.0.0.0", "192.0.2.77"),
         Verdict::redirect, request(kMac0, "0.0.0.0", "192.0.2.77"), "out_unknown_sender"},
        {"an unknown sender goes by the nominee", request(kUpperMac, "192.0.2.77"), Verdict::redirect,
         request(kMac0, "192.0.2.77"), "out_unknown_sender"},
        {"an unbound address is silent", request(kUpperMac, "192.0.2.2"), Verdict::drop, kNone, "out_unbound"},
        {"an unknown sender without an active NIC is dropped", request(kUpperMac, "192.0.2.77"), Verdict::drop, kNone,
         "out_no_active", no_active},
        {"a truncated message is dropped, as it may state ipmp0's MAC", cut(request(kUpperMac, "192.0.2.1"), 41),
         Verdict::drop, kNone, "out_malformed"},
        {"so is one for other hardware", foreign_hardware, Verdict::drop, kNone, "out_malformed"},
    };
}

PACKET_TABLE(Spread, R_SPR_4_ND_states_the_MAC_of_the_NIC_it_leaves_by) {
    auto ns = [](const MacAddress& mac, const char* sender, const char* target = "2001:db8::9") {
        return from(mac, kIpv6, nd(kNs, sender, "ff02::1:ff00:9", target, source_option(mac)), kGroup6);
    };
    auto na = [](const MacAddress& mac, const char* target) {
        return from(mac, kIpv6, nd(kNa, "fe80::ee", "2001:db8::9", target, target_option(mac)));
    };
    auto dad = [](const MacAddress& mac, const char* target) {
        return from(mac, kIpv6, nd(kNs, "::", "ff02::1:ff00:1", target, nonce_option()), kGroup6);
    };
    auto behind_nonce = [](const MacAddress& mac) {
        return from(mac, kIpv6,
                    nd(kNs, "fe80::11", "ff02::1:ff00:9", "2001:db8::9", join({nonce_option(), source_option(mac)})),
                    kGroup6);
    };
    auto solicit = [](const MacAddress& mac, const char* sender) {
        return from(mac, kIpv6, rs(sender, source_option(mac)), kGroup6);
    };
    auto advertise = [](const MacAddress& mac) {
        Bytes prefix = join({{3, 4}, Bytes(30, 7)});
        return from(mac, kIpv6,
                    ra("fe80::ee", "ff02::1", join({prefix, source_option(mac), {5, 1, 0, 0, 0, 0, 5, 220}})), kGroup6);
    };
    Bytes silent_rs = rs("::");
    return {
        {"an NS leaves by the NIC its sender is bound to", ns(kUpperMac, "2001:db8::1"), Verdict::redirect,
         ns(kMac0, "2001:db8::1")},
        {"from ipmp0's link-local likewise", ns(kUpperMac, "fe80::ee"), Verdict::redirect, ns(kMac0, "fe80::ee")},
        {"options behind others are found", behind_nonce(kUpperMac), Verdict::redirect, behind_nonce(kMac1)},
        {"an NA goes by its target", na(kUpperMac, "2001:db8::1"), Verdict::redirect, na(kMac0, "2001:db8::1")},
        {"an NA for a NIC's own address by that NIC", na(kUpperMac, "fe80::11"), Verdict::redirect,
         na(kMac1, "fe80::11")},
        {"a duplicate address probe goes by its target", dad(kUpperMac, "2001:db8::1"), Verdict::redirect,
         dad(kMac0, "2001:db8::1")},
        {"a probe for an unknown address goes by the nominee", dad(kUpperMac, "2001:db8::77"), Verdict::redirect,
         dad(kMac1, "2001:db8::77"), "out_unknown_sender"},
        {"an RS goes by its sender", solicit(kUpperMac, "fe80::ee"), Verdict::redirect, solicit(kMac0, "fe80::ee")},
        {"an RS from :: goes by the nominee, which is usual", from(kUpperMac, kIpv6, silent_rs, kGroup6),
         Verdict::redirect, from(kMac1, kIpv6, silent_rs, kGroup6)},
        {"an RA states the NIC's MAC", advertise(kUpperMac), Verdict::redirect, advertise(kMac0)},
        {"an unknown sender goes by the nominee", ns(kUpperMac, "2001:db8::77"), Verdict::redirect,
         ns(kMac1, "2001:db8::77"), "out_unknown_sender"},
        {"an NA for an unknown address (proxy) too", na(kUpperMac, "2001:db8::77"), Verdict::redirect,
         na(kMac1, "2001:db8::77"), "out_unknown_sender"},
        {"an unbound address is silent", na(kUpperMac, "2001:db8::2"), Verdict::drop, kNone, "out_unbound"},
        {"no active NIC: dropped", ns(kUpperMac, "2001:db8::77"), Verdict::drop, kNone, "out_no_active", no_active},
    };
}

PACKET_TABLE(Spread, R_SPR_4_malformed_ND_never_leaves) {
    auto ns = [](const Bytes& options) {
        return from(kUpperMac, kIpv6, nd(kNs, "2001:db8::1", "ff02::1:ff00:9", "2001:db8::9", options), kGroup6);
    };
    Bytes many;
    for (int i = 0; i < 33; ++i) many = join({many, nonce_option()});
    Bytes full(many.begin(), many.begin() + 31 * 8);
    auto full_ns = [&](const MacAddress& mac) {
        return from(mac, kIpv6, nd(kNs, "2001:db8::1", "ff02::1", "2001:db8::9", join({full, source_option(mac)})),
                    kGroup6);
    };
    Bytes whole = ns(source_option(kUpperMac));
    Bytes beyond_option = ns({14, 3, 0, 0, 0, 0, 0, 0});
    Bytes padded = join({whole, Bytes(6, 0xab)});
    Bytes padded_out =
        from(kMac0, kIpv6, nd(kNs, "2001:db8::1", "ff02::1:ff00:9", "2001:db8::9", source_option(kMac0)), kGroup6);
    return {
        {"an option of length 0", ns({1, 0, 0, 0, 0, 0, 0, 0}), Verdict::drop, kNone, "out_malformed"},
        {"an option longer than the message", beyond_option, Verdict::drop, kNone, "out_malformed"},
        {"half an option", cut(whole, whole.size() - 3), Verdict::drop, kNone, "out_malformed"},
        {"a message without its target", cut(whole, 14 + 40 + 20), Verdict::drop, kNone, "out_malformed"},
        {"more options than we look at", ns(many), Verdict::drop, kNone, "out_malformed"},
        {"as many options as we look at", full_ns(kUpperMac), Verdict::redirect, full_ns(kMac0)},
        {"padding behind the message is left alone", padded, Verdict::redirect, join({padded_out, Bytes(6, 0xab)})},
    };
}

PACKET_TABLE(Spread, everything_else) {
    Bytes lldp = Bytes(46, 9);
    Bytes tagged = join({{0, 5}, u16(kIpv4), ipv4("192.0.2.1", "192.0.2.9", kUdp, udp(1, 2))});
    return {
        {"another protocol leaves by the IPv4 nominee", from(kUpperMac, kLldp, lldp), Verdict::redirect,
         from(kMac0, kLldp, lldp), "out_other_protocol"},
        {"tagged frames would never be answered", from(kUpperMac, kVlan, tagged), Verdict::drop, kNone, "out_tagged"},
        {"IPv6 that ends with its header is sent as it is", cut(from(kUpperMac, kIpv6, rs("::")), 54),
         Verdict::redirect, cut(from(kMac0, kIpv6, rs("::")), 54)},
    };
}

TEST_F(Spread, another_protocol_without_a_nominee_is_dropped) {
    GroupImage image = base_image();
    image.nominee = {};
    apply(image);
    EXPECT_EQ(run(Filter::spread, "ipmpl0", from(kUpperMac, kLldp, Bytes(46))).verdict, Verdict::drop);
    EXPECT_EQ(counted(), (std::map<std::string, std::uint64_t>{{"out_no_active", 1}, {"out_other_protocol", 1}}));
}

}  // namespace ipmp
