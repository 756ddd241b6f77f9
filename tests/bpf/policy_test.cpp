// How even the policies spread, and that they keep together what belongs together: 10,000 flows over 2, 3 and 4 NICs.
// BPF_PROG_TEST_RUN gives the kernel's flow hash a frame without a socket, so it hashes addresses and ports with its
// own random key: each flow is another one, and the outcome differs a little from boot to boot.
#include <cmath>
#include <set>

#include "packet_table.hpp"

namespace ipmp {
namespace {

using namespace packets;

constexpr int kFlows = 10000;

class Policy : public Bench {
  protected:
    // NICs that differ by their MAC alone, dealt to the slots in turn.
    void deal(std::size_t nics, SpreadPolicy policy) {
        GroupImage image = base_image();
        image.policy = policy;
        for (auto& slots : image.slots) {
            for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = nic_number(i % nics);
        }
        apply(image);
    }
    Nic nic_number(std::size_t number) const {
        MacAddress address = kMac0;
        address.bytes[4] = 0x77, address.bytes[5] = static_cast<std::uint8_t>(number);
        return {under0().index, address};
    }
    std::size_t nic_of(const Bytes& packet) const {
        std::uint16_t type = packet[0] >> 4 == 4 ? kIpv4 : kIpv6;
        Outcome outcome = run(Filter::spread, "ipmpl0", ethernet(kPeer, kUpperMac, type, packet));
        EXPECT_EQ(outcome.verdict, Verdict::redirect);
        EXPECT_EQ(outcome.frame[10], 0x77);
        return outcome.frame[11];
    }
    template <typename MakePacket>
    void expect_even(SpreadPolicy policy, const char* what, MakePacket make_packet) {
        for (std::size_t nics : {2, 3, 4}) {
            deal(nics, policy);
            std::vector<int> flows(nics, 0);
            for (int flow = 0; flow < kFlows; ++flow) ++flows[nic_of(make_packet(flow))];
            double even = static_cast<double>(kFlows) / static_cast<double>(nics);
            for (int count : flows) EXPECT_LT(std::abs(count - even), even / 10) << what << ", " << nics << " NICs";
        }
    }
};

std::string host4(int number) {
    return "10.9." + std::to_string(number / 250) + "." + std::to_string(number % 250 + 1);
}
std::string host6(int number) { return "2001:db8:9::" + std::to_string(number); }  // decimal digits read as hexadecimal

std::uint16_t port(int number) { return static_cast<std::uint16_t>(number); }

TEST_F(Policy, R_SPR_1_flow_is_even) {
    expect_even(SpreadPolicy::flow, "IPv4",
                [](int flow) { return ipv4("192.0.2.1", host4(flow), kTcp, udp(port(30000 + flow), 443, 0)); });
    expect_even(SpreadPolicy::flow, "IPv6",
                [](int flow) { return ipv6("2001:db8::1", "2001:db8::99", kUdp, udp(port(30000 + flow), 443, 0)); });
}

// What clients really do: count up, and Linux in steps of two.
TEST_F(Policy, R_SPR_1_tuple_is_even) {
    expect_even(SpreadPolicy::tuple, "source ports one after the other",
                [](int flow) { return ipv4("192.0.2.1", "192.0.2.9", kTcp, udp(port(30000 + flow), 443, 0)); });
    expect_even(SpreadPolicy::tuple, "source ports in steps of two", [](int flow) {
        return ipv6("2001:db8::1", "2001:db8::99", kTcp, udp(port(30000 + 2 * flow), 443, 0));
    });
    expect_even(SpreadPolicy::tuple, "many hosts, the same ports",
                [](int flow) { return ipv4("192.0.2.1", host4(flow), kUdp, udp(53, 53, 0)); });
    expect_even(SpreadPolicy::tuple, "many hosts without ports",
                [](int flow) { return ipv6("2001:db8::1", host6(flow), kEsp, Bytes(8)); });
}

TEST_F(Policy, R_SPR_1_destination_is_even) {
    expect_even(SpreadPolicy::destination, "IPv4",
                [](int flow) { return ipv4("192.0.2.1", host4(flow), kTcp, udp(1, 2, 0)); });
    expect_even(SpreadPolicy::destination, "IPv6",
                [](int flow) { return ipv6("2001:db8::1", host6(flow), kTcp, udp(1, 2, 0)); });
}

TEST_F(Policy, R_SPR_1_source_is_as_even_as_the_bindings) {
    constexpr int kAddresses = 20;
    for (std::size_t nics : {2, 3, 4}) {
        GroupImage image = base_image();
        image.policy = SpreadPolicy::source;
        std::vector<int> bound(nics, 0), flows(nics, 0);
        for (int i = 0; i < kAddresses; ++i) {
            std::size_t number = static_cast<std::size_t>(i) % 7 % nics;  // not dealt in turn
            image.addresses[ip(host4(i))] = {AddressKind::data, nic_number(number)};
            ++bound[number];
        }
        apply(image);
        for (int flow = 0; flow < kFlows; ++flow) {
            ++flows[nic_of(ipv4(host4(flow % kAddresses), "192.0.2.9", kTcp, udp(port(flow), 443, 0)))];
        }
        for (std::size_t i = 0; i < nics; ++i) EXPECT_EQ(flows[i], bound[i] * (kFlows / kAddresses));
    }
}

TEST_F(Policy, R_SPR_1_tuple_and_destination_keep_to_what_they_look_at) {
    deal(4, SpreadPolicy::destination);
    std::set<std::size_t> nics;
    for (int flow = 0; flow < 200; ++flow) {
        nics.insert(nic_of(ipv4(host4(flow), "192.0.2.9", kTcp, udp(port(flow), port(2 * flow), 0))));
    }
    EXPECT_EQ(nics.size(), 1u) << "one destination, one NIC";

    deal(4, SpreadPolicy::tuple);
    for (int flow = 0; flow < 200; ++flow) {
        Bytes plain = ipv4("192.0.2.1", host4(flow), kTcp, udp(port(flow), 80, 0));
        std::size_t first = nic_of(plain);
        EXPECT_EQ(nic_of(plain), first);
        EXPECT_EQ(nic_of(ipv4("192.0.2.1", host4(flow), kTcp, udp(port(flow), 80, 900), 0, Bytes(8, 1))), first)
            << "size and options do not matter";
    }
}

TEST_F(Policy, R_SPR_1_the_tuple_hash_has_no_key) {
    deal(4, SpreadPolicy::tuple);
    std::vector<std::size_t> before, after;
    auto all = [&](std::vector<std::size_t>& nics) {
        for (int flow = 0; flow < 200; ++flow) {
            nics.push_back(nic_of(ipv4("192.0.2.1", host4(flow), kTcp, udp(port(flow), 80, 0))));
        }
    };
    all(before);
    ASSERT_TRUE(dataplane_.apply({.gone = {"ipmp0"}}));  // fresh programs and maps, as after a restart
    deal(4, SpreadPolicy::tuple);
    all(after);
    EXPECT_EQ(before, after);
    EXPECT_EQ(std::set(before.begin(), before.end()).size(), 4u);
}

TEST_F(Policy, R_SPR_1_all_fragments_of_a_datagram_leave_by_one_NIC) {
    for (SpreadPolicy policy : {SpreadPolicy::flow, SpreadPolicy::tuple}) {
        deal(4, policy);
        std::set<std::size_t> used;
        for (int i = 0; i < 200; ++i) {
            Bytes start = udp(port(1000 + i), 2049, 1000);
            std::size_t first = nic_of(ipv4("192.0.2.1", host4(i), kUdp, start, 0x2000));
            EXPECT_EQ(nic_of(ipv4("192.0.2.1", host4(i), kUdp, Bytes(1000, port(i) & 0xff), 0x2000 | 126)), first);
            EXPECT_EQ(nic_of(ipv4("192.0.2.1", host4(i), kUdp, {1, 2, 3, 4, 5}, 252)), first);
            auto fragment6 = [&](std::uint16_t offset, bool more, const Bytes& data) {
                return ipv6("2001:db8::1", host6(i), kFragment, join({fragment_header(kUdp, offset, more), data}));
            };
            std::size_t first6 = nic_of(fragment6(0, true, start));
            EXPECT_EQ(nic_of(fragment6(126, true, Bytes(1000, port(i) & 0xff))), first6);
            EXPECT_EQ(nic_of(fragment6(252, false, {1, 2, 3})), first6);
            used.insert(first), used.insert(first6);
        }
        EXPECT_EQ(used.size(), 4u);
    }
}

TEST_F(Policy, R_SPR_1_ports_are_found_behind_extension_headers) {
    deal(4, SpreadPolicy::tuple);
    for (int flow = 0; flow < 100; ++flow) {
        Bytes transport = udp(port(30000 + flow), 443);
        auto behind = [&](std::uint8_t first, const Bytes& headers) {
            return nic_of(ipv6("2001:db8::1", "2001:db8::99", first, join({headers, transport})));
        };
        std::size_t plain = behind(kTcp, {});
        EXPECT_EQ(behind(kHopByHop, extension(kTcp)), plain);
        EXPECT_EQ(behind(kRouting, extension(kTcp, 3)), plain);
        EXPECT_EQ(behind(kDestinationOptions, extension(kTcp, 2)), plain);
        EXPECT_EQ(behind(kAh, authentication(kTcp)), plain);
        EXPECT_EQ(behind(kFragment, fragment_header(kTcp, 0, false)), plain) << "a fragment that is the whole datagram";
        EXPECT_EQ(behind(kHopByHop, join({extension(kRouting), extension(kAh), authentication(kDestinationOptions),
                                          extension(kTcp)})),
                  plain);
    }
}

}  // namespace
}  // namespace ipmp
