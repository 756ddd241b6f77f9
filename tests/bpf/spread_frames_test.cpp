// Outbound, more of every kind: transports, ARP, ND, other protocols, policies, priority. The rules one by one are in
// spread_test.cpp, how even the policies are in policy_test.cpp.
#include <array>

#include "packet_table.hpp"

namespace ipmp {

using namespace packets;

namespace {

Bytes from(const MacAddress& source, std::uint16_t type, const Bytes& payload, const MacAddress& to = kPeer) {
    return ethernet(to, source, type, payload);
}

SpreadCase leaves(std::string sentence, const MacAddress& source, std::uint16_t type, const Bytes& payload,
                  Change change = {}, Context context = {}) {
    return {std::move(sentence),
            from(kUpperMac, type, payload),
            kUp,
            from(source, type, payload),
            "",
            std::move(change),
            context};
}

void by_tuple(GroupImage& image) { image.policy = SpreadPolicy::tuple; }
void by_destination(GroupImage& image) { image.policy = SpreadPolicy::destination; }
void by_source(GroupImage& image) { image.policy = SpreadPolicy::source; }
void empty_slots(GroupImage& image) { image.slots = {}; }

Change both(Change first, Change second) {
    return [=](GroupImage& image) { first(image), second(image); };
}

}  // namespace

PACKET_TABLE(Spread, R_SPR_5_whatever_is_in_a_packet_it_leaves_as_it_is) {
    std::vector<SpreadCase> cases;
    for (std::uint8_t protocol : Bytes{kIcmp, kTcp, kUdp, kUdpLite, kSctp, kEsp, kAh, kGre, kIpIp}) {
        Bytes inside(40, 1);
        cases.push_back(leaves("IPv4 protocol " + std::to_string(protocol), kMac1, kIpv4,
                               ipv4("192.0.2.1", "198.51.100.1", protocol, inside)));
        cases.push_back(leaves("IPv6 next header " + std::to_string(protocol), kMac0, kIpv6,
                               ipv6("2001:db8::1", "2001:db8::99", protocol, inside)));
    }
    for (std::uint8_t header : {kHopByHop, kRouting, kDestinationOptions}) {
        cases.push_back(leaves("IPv6 extension header " + std::to_string(header), kMac0, kIpv6,
                               ipv6("2001:db8::1", "2001:db8::99", header, join({extension(kUdp), udp(1, 2)}))));
    }
    Bytes with_options = ipv4("192.0.2.1", "198.51.100.1", kTcp, Bytes(20), 0, Bytes(40, 1));
    Bytes large4 = ipv4("192.0.2.1", "198.51.100.1", kTcp, Bytes(3000, 1));
    Bytes large6 = ipv6("2001:db8::1", "2001:db8::99", kTcp, Bytes(3000, 1));
    for (SpreadCase& more : std::vector<SpreadCase>{
             leaves("IPv4 options", kMac1, kIpv4, with_options),
             leaves("first fragment", kMac1, kIpv4, ipv4("192.0.2.1", "198.51.100.1", kUdp, udp(1, 2), 0x2000)),
             leaves("middle fragment", kMac1, kIpv4, ipv4("192.0.2.1", "198.51.100.1", kUdp, Bytes(64), 0x2008)),
             leaves("last fragment", kMac1, kIpv4, ipv4("192.0.2.1", "198.51.100.1", kUdp, Bytes(3), 0x0010)),
             leaves("IPv6 fragment", kMac0, kIpv6,
                    ipv6("2001:db8::1", "2001:db8::99", kFragment, join({fragment_header(kUdp, 8, true), Bytes(64)}))),
             leaves("no next header", kMac0, kIpv6, ipv6("2001:db8::1", "2001:db8::99", kNoNextHeader, {})),
             leaves("a large IPv4 frame", kMac1, kIpv4, large4),
             leaves("a bundle of IPv4 segments", kMac1, kIpv4, large4, {}, {.gso_size = 1448}),
             leaves("a large IPv6 frame", kMac0, kIpv6, large6),
             leaves("a bundle of IPv6 segments", kMac0, kIpv6, large6, {}, {.gso_size = 1428}),
             leaves("a mark stays", kMac1, kIpv4, large4, {}, {.mark = 0x4711}),
         }) {
        cases.push_back(std::move(more));
    }
    return cases;
}

PACKET_TABLE(Spread, R_SPR_4_ARP_of_all_kinds) {
    auto message = [](const MacAddress& mac, std::uint8_t operation, const char* sender, const MacAddress& target_mac,
                      const char* target) {
        return from(mac, kArp, arp(operation, mac, sender, target_mac, target), kBroadcast);
    };
    auto with = [&](std::size_t offset, std::uint8_t value) {
        Bytes frame = message(kUpperMac, kRequest, "192.0.2.1", kZeroMac, "192.0.2.9");
        frame[14 + offset] = value;
        return frame;
    };
    Bytes padding(18, 0);
    std::vector<SpreadCase> cases{
        {"an announcement", message(kUpperMac, kRequest, "192.0.2.1", kBroadcast, "192.0.2.1"), kUp,
         message(kMac1, kRequest, "192.0.2.1", kBroadcast, "192.0.2.1")},
        {"a unicast request (reachability)",
         from(kUpperMac, kArp, arp(kRequest, kUpperMac, "192.0.2.1", kPeer, "192.0.2.9")), kUp,
         from(kMac1, kArp, arp(kRequest, kMac1, "192.0.2.1", kPeer, "192.0.2.9"))},
        {"a reply for a test address", message(kUpperMac, kReply, "192.0.2.20", kPeer, "192.0.2.9"), kUp,
         message(kMac0, kReply, "192.0.2.20", kPeer, "192.0.2.9")},
        {"a probe for a test address", message(kUpperMac, kRequest, "0.0.0.0", kZeroMac, "192.0.2.21"), kUp,
         message(kMac1, kRequest, "0.0.0.0", kZeroMac, "192.0.2.21")},
        {"a probe for an unbound address", message(kUpperMac, kRequest, "0.0.0.0", kZeroMac, "192.0.2.2"), kDrop, kNone,
         "out_unbound"},
        {"an answer for others (proxy)", message(kUpperMac, kReply, "192.0.2.99", kPeer, "192.0.2.9"), kUp,
         message(kMac0, kReply, "192.0.2.99", kPeer, "192.0.2.9"), "out_unknown_sender"},
        {"InARP", message(kUpperMac, 8, "192.0.2.1", kPeer, "0.0.0.0"), kUp,
         message(kMac1, 8, "192.0.2.1", kPeer, "0.0.0.0")},
        {"RARP in ARP's EtherType states the NIC's MAC twice", message(kUpperMac, 3, "192.0.2.1", kUpperMac, "0.0.0.0"),
         kUp, message(kMac1, 3, "192.0.2.1", kMac1, "0.0.0.0")},
        {"padded to the least frame", join({message(kUpperMac, kRequest, "192.0.2.1", kZeroMac, "192.0.2.9"), padding}),
         kUp, join({message(kMac1, kRequest, "192.0.2.1", kZeroMac, "192.0.2.9"), padding})},
        {"a foreign sender MAC is corrected", from(kPeer, kArp, arp(kReply, kPeer, "192.0.2.1", kZeroMac, "192.0.2.9")),
         kUp, from(kMac1, kArp, arp(kReply, kMac1, "192.0.2.1", kZeroMac, "192.0.2.9"))},
        {"hardware type of IEEE 802", with(1, 6), kDrop, kNone, "out_malformed"},
        {"a protocol that is not IPv4", with(2, 0x86), kDrop, kNone, "out_malformed"},
        {"hardware addresses of 8 bytes", with(4, 8), kDrop, kNone, "out_malformed"},
        {"protocol addresses of 16 bytes", with(5, 16), kDrop, kNone, "out_malformed"},
    };
    for (std::size_t size : {14, 15, 22, 28, 32, 38}) {
        cases.push_back({"cut to " + std::to_string(size),
                         cut(message(kUpperMac, kRequest, "192.0.2.1", kZeroMac, "192.0.2.9"), size), kDrop, kNone,
                         "out_malformed"});
    }
    return cases;
}

PACKET_TABLE(Spread, R_SPR_4_ND_of_all_kinds) {
    auto ns = [](const MacAddress& mac, const Bytes& options) {
        return from(mac, kIpv6, nd(kNs, "2001:db8::1", "ff02::1:ff00:9", "2001:db8::9", options), kGroup6);
    };
    auto two = [](const MacAddress& mac) { return join({source_option(mac), nonce_option(), target_option(mac)}); };
    auto unsolicited = [](const MacAddress& mac) {
        return from(mac, kIpv6, nd(kNa, "2001:db8::1", "ff02::1", "2001:db8::1", target_option(mac)), kGroup6);
    };
    auto solicit = [](const MacAddress& mac) { return from(mac, kIpv6, rs("fe80::11", source_option(mac)), kGroup6); };
    auto advertise = [](const MacAddress& mac, const char* sender) {
        return from(mac, kIpv6, ra(sender, "fe80::99", source_option(mac)));
    };
    auto bare_na = [](const MacAddress& mac) {
        return from(mac, kIpv6, nd(kNa, "2001:db8::1", "2001:db8::9", "2001:db8::1"));
    };
    Bytes wide = join({{1, 2}, bytes_of(kPeer), Bytes(8)});
    std::vector<SpreadCase> cases{
        {"no option at all", ns(kUpperMac, {}), kUp, ns(kMac0, {})},
        {"two options that state MACs", ns(kUpperMac, two(kUpperMac)), kUp, ns(kMac0, two(kMac0))},
        {"a foreign MAC is corrected", ns(kUpperMac, source_option(kPeer)), kUp, ns(kMac0, source_option(kMac0))},
        {"a source option of 16 bytes is none of Ethernet's", ns(kUpperMac, wide), kUp, ns(kMac0, wide)},
        {"a unicast NS (reachability)",
         from(kUpperMac, kIpv6, nd(kNs, "2001:db8::1", "2001:db8::9", "2001:db8::9", source_option(kUpperMac))), kUp,
         from(kMac0, kIpv6, nd(kNs, "2001:db8::1", "2001:db8::9", "2001:db8::9", source_option(kMac0)))},
        {"an unsolicited NA", unsolicited(kUpperMac), kUp, unsolicited(kMac0)},
        {"an NA without an option", bare_na(kUpperMac), kUp, bare_na(kMac0)},
        {"an RS of a NIC's link-local address", solicit(kUpperMac), kUp, solicit(kMac1)},
        {"a unicast RA", advertise(kUpperMac, "fe80::ee"), kUp, advertise(kMac0, "fe80::ee")},
        {"an RA of an unknown address", advertise(kUpperMac, "fe80::77"), kUp, advertise(kMac1, "fe80::77"),
         "out_unknown_sender"},
        {"an NS of an unbound address",
         from(kUpperMac, kIpv6, nd(kNs, "2001:db8::2", "ff02::1", "2001:db8::9", source_option(kUpperMac)), kGroup6),
         kDrop, kNone, "out_unbound"},
    };
    Bytes whole = ns(kUpperMac, source_option(kUpperMac));
    for (std::size_t size : {55, 58, 62, 70, 77, 78, 79, 85}) {
        cases.push_back({"cut to " + std::to_string(size), cut(whole, size), kDrop, kNone, "out_malformed"});
    }
    return cases;
}

PACKET_TABLE(Spread, other_protocols_leave_by_the_IPv4_nominee) {
    std::vector<SpreadCase> cases;
    for (std::uint16_t type : std::vector<std::uint16_t>{kEapol, kLacp, kPtp, kPppoe, kLoopbackTest, kRarp, kMpls}) {
        cases.push_back({"EtherType " + std::to_string(type), from(kUpperMac, type, Bytes(46)), kUp,
                         from(kMac0, type, Bytes(46)), "out_other_protocol"});
    }
    cases.push_back({"an Ethernet header and nothing else", from(kUpperMac, kLldp, {}), kUp, from(kMac0, kLldp, {}),
                     "out_other_protocol"});
    cases.push_back({"a service tag", from(kUpperMac, kServiceVlan, Bytes(46)), kDrop, kNone, "out_tagged"});
    return cases;
}

// under1 carries all IPv4 slots, under0 all IPv6 slots; 192.0.2.1 is bound to under1, 2001:db8::1 to under0.
PACKET_TABLE(Spread, R_SPR_1_policies) {
    auto packet4 = [](const char* source) { return ipv4(source, "198.51.100.1", kUdp, udp(1, 2)); };
    auto packet6 = [](const char* source) { return ipv6(source, "2001:db8::99", kUdp, udp(1, 2)); };
    auto onto_under0 = [](GroupImage& image) {
        image.addresses[ip("192.0.2.1")].nic = image.addresses[ip("192.0.2.20")].nic;
    };
    Bytes multicast = ipv4("192.0.2.1", "224.0.0.251", kUdp, udp(1, 2));
    Bytes request = arp(kRequest, kUpperMac, "192.0.2.1", kZeroMac, "192.0.2.9");
    std::vector<SpreadCase> cases{
        leaves("source: a data address by its NIC", kMac0, kIpv4, packet4("192.0.2.1"), both(by_source, onto_under0)),
        leaves("source: a NIC's own address by that NIC", kMac0, kIpv4, packet4("192.0.2.20"), by_source),
        leaves("source: an unknown address by its slot", kMac1, kIpv4, packet4("203.0.113.7"), by_source),
        leaves("source: an unbound address by its slot", kMac1, kIpv4, packet4("192.0.2.2"), by_source),
        leaves("source: an IPv6 data address by its NIC", kMac0, kIpv6, packet6("2001:db8::1"), by_source),
        leaves("source: a link-local address by its NIC", kMac1, kIpv6, packet6("fe80::11"), by_source),
        leaves("source: an unknown IPv6 address by its slot", kMac0, kIpv6, packet6("2001:db8:7::1"), by_source),
        leaves("source: a bound address needs no slot", kMac1, kIpv4, packet4("192.0.2.1"),
               both(by_source, empty_slots)),
        {"source: neither NIC nor slot", from(kUpperMac, kIpv4, packet4("192.0.2.2")), kDrop, kNone, "out_no_active",
         both(by_source, empty_slots)},
        leaves("source: a fragment like the rest", kMac0, kIpv4,
               ipv4("192.0.2.20", "198.51.100.1", kUdp, Bytes(8), 0x0010), by_source),
        {"source: multicast still by the nominee", from(kUpperMac, kIpv4, multicast, kGroup4), kUp,
         from(kMac0, kIpv4, multicast, kGroup4), "", by_source},
        {"source: ARP still by its sender", from(kUpperMac, kArp, request), kUp,
         from(kMac1, kArp, arp(kRequest, kMac1, "192.0.2.1", kZeroMac, "192.0.2.9")), "", by_source},
    };
    for (const auto& [name, change] :
         std::map<const char*, Change>{{"tuple", by_tuple}, {"destination", by_destination}}) {
        cases.push_back(leaves(std::string(name) + ": IPv4", kMac1, kIpv4, packet4("192.0.2.1"), change));
        cases.push_back(leaves(std::string(name) + ": IPv6", kMac0, kIpv6, packet6("2001:db8::1"), change));
        cases.push_back(leaves(std::string(name) + ": an IPv4 header and nothing else", kMac1, kIpv4,
                               ipv4("192.0.2.1", "198.51.100.1", kTcp, {}), change));
        cases.push_back(leaves(std::string(name) + ": nine extension headers", kMac0, kIpv6,
                               ipv6("2001:db8::1", "2001:db8::99", kRouting,
                                    join({extension(kRouting), extension(kRouting), extension(kRouting),
                                          extension(kRouting), extension(kRouting), extension(kRouting),
                                          extension(kRouting), extension(kRouting), extension(kUdp), udp(1, 2)})),
                               change));
        cases.push_back(leaves(std::string(name) + ": an extension header that is cut", kMac0, kIpv6,
                               ipv6("2001:db8::1", "2001:db8::99", kRouting, {kUdp, 200}), change));
        cases.push_back({std::string(name) + ": an empty slot", from(kUpperMac, kIpv4, packet4("192.0.2.1")), kDrop,
                         kNone, "out_no_active", both(change, empty_slots)});
    }
    return cases;
}

// What ip_tos2prio of Linux says for the four bits above ECN's lowest.
constexpr std::array<std::uint32_t, 16> kPriorityOfService{0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4};

TEST_F(Spread, the_type_of_service_becomes_the_priority_again_and_marks_stay) {
    apply(base_image());
    for (unsigned service = 0; service < 256; ++service) {
        Bytes frame4 = from(kUpperMac, kIpv4, ipv4("192.0.2.1", "198.51.100.1", kUdp, udp(1, 2)));
        frame4[15] = static_cast<std::uint8_t>(service);
        Bytes frame6 = from(kUpperMac, kIpv6, ipv6("2001:db8::1", "2001:db8::99", kUdp, udp(1, 2)));
        frame6[14] = static_cast<std::uint8_t>(0x60 | service >> 4);
        frame6[15] = static_cast<std::uint8_t>(service << 4);
        Bytes multicast = from(kUpperMac, kIpv4, ipv4("192.0.2.1", "224.0.0.251", kUdp, udp(1, 2)), kGroup4);
        multicast[15] = static_cast<std::uint8_t>(service);
        std::uint32_t expected = service == 0 ? 3 : kPriorityOfService[service >> 1 & 15];
        for (const Bytes& frame : {frame4, frame6, multicast}) {
            Outcome outcome = run(Filter::spread, "ipmpl0", frame, {.mark = 0xabcd, .priority = 3});
            ASSERT_EQ(outcome.context.priority, expected) << "type of service " << service;
            ASSERT_EQ(outcome.context.mark, 0xabcdu);
        }
    }
}

TEST(SpreadTables, hold_more_than_140_cases) { EXPECT_GT(Tables<SpreadCase>::count(), 140u); }

}  // namespace ipmp
