// Real frames over attached programs: redirect targets, copies, VLAN tags, and changes under traffic.
#include <atomic>
#include <thread>

#include "bench.hpp"

namespace ipmp {
namespace {

using namespace packets;

constexpr int kSoonMs = 2000;

class Live : public Bench {
  protected:
    void start() {
        apply(base_image());
        attach("ipmpl0", Filter::spread);
        attach("under0", Filter::steer);
        attach("under1", Filter::steer);
    }
    static Bytes outbound(std::uint16_t port) {
        return ethernet(kPeer, kUpperMac, kIpv4, ipv4("192.0.2.1", "192.0.2.9", kUdp, udp(port, 9)));
    }
    static Bytes inbound(const MacAddress& to, std::uint16_t port = 9) {
        return ethernet(to, kPeer, kIpv4, ipv4("192.0.2.9", "192.0.2.1", kUdp, udp(9, port)));
    }
};

TEST_F(Live, what_ipmp0_sends_leaves_by_the_chosen_NIC) {
    start();
    UniqueFd wire0 = open_tap("wire0"), wire1 = open_tap("wire1");
    send("ipmp0", outbound(7));
    Bytes sent = ethernet(kPeer, kMac1, kIpv4, ipv4("192.0.2.1", "192.0.2.9", kUdp, udp(7, 9)));
    EXPECT_EQ(receive(wire1, kSoonMs), sent);
    Bytes request =
        ethernet(kBroadcast, kUpperMac, kArp, arp(kRequest, kUpperMac, "192.0.2.20", kZeroMac, "192.0.2.9"));
    send("ipmp0", request);
    EXPECT_EQ(receive(wire0, kSoonMs),
              ethernet(kBroadcast, kMac0, kArp, arp(kRequest, kMac0, "192.0.2.20", kZeroMac, "192.0.2.9")));
    EXPECT_EQ(receive(wire1, 0), Bytes{});
}

TEST_F(Live, what_is_for_a_data_address_arrives_on_ipmp0_and_nowhere_else) {
    start();
    UniqueFd ipmp0 = open_tap("ipmp0"), stack0 = open_tap("under0", kIpv4);
    send("wire0", inbound(kMac0));
    EXPECT_EQ(receive(ipmp0, kSoonMs), inbound(kUpperMac));
    EXPECT_EQ(receive(stack0, 0), Bytes{});
}

TEST_F(Live, b_a_query_arrives_on_both) {
    start();
    UniqueFd ipmp0 = open_tap("ipmp0"), stack0 = open_tap("under0", kIpv4);
    Bytes query = ethernet(kGroup4, kPeer, kIpv4, igmp(0x11, "192.0.2.9", "224.0.0.1"));
    send("wire0", query);
    EXPECT_EQ(receive(stack0, kSoonMs), query);
    EXPECT_EQ(receive(ipmp0, kSoonMs), query);
    EXPECT_EQ(receive(ipmp0, 0), Bytes{}) << "one copy only";
}

TEST_F(Live, d_a_unicast_DHCP_offer_arrives_on_both_each_with_its_MAC) {
    start();
    UniqueFd ipmp0 = open_tap("ipmp0"), stack0 = open_tap("under0", kIpv4);
    auto offer = [](const MacAddress& to) {
        return ethernet(to, kPeer, kIpv4, ipv4("192.0.2.9", "192.0.2.50", kUdp, udp(67, 68)));
    };
    send("wire0", offer(kMac0));
    EXPECT_EQ(receive(stack0, kSoonMs), offer(kMac0));
    EXPECT_EQ(receive(ipmp0, kSoonMs), offer(kUpperMac));
}

TEST_F(Live, R_GRP_14_a_tagged_frame_for_a_data_address_is_left_alone) {
    start();
    UniqueFd ipmp0 = open_tap("ipmp0");
    Bytes plain = inbound(kMac0);
    Bytes tagged =
        join({Bytes(plain.begin(), plain.begin() + 12), u16(kVlan), {0, 5}, Bytes(plain.begin() + 12, plain.end())});
    send("wire0", tagged);
    send("wire0", inbound(kMac0, 77));  // comes behind: what arrives first tells about the tagged one
    EXPECT_EQ(receive(ipmp0, kSoonMs), inbound(kUpperMac, 77));
    EXPECT_EQ(receive(ipmp0, 0), Bytes{});
}

// BPF_PROG_TEST_RUN refuses frames that are shorter than their IP header.
TEST_F(Live, a_frames_cut_anywhere_inside_the_IP_header_pass) {
    start();
    UniqueFd ipmp0 = open_tap("ipmp0");
    Bytes ipv6_frame = ethernet(kMac0, kPeer, kIpv6, ipv6("2001:db8::9", "2001:db8::1", kUdp, udp(1, 2)));
    std::uint64_t sent = 0;
    for (std::size_t size = 15; size < 14 + 20; ++size, ++sent) send("wire0", cut(inbound(kMac0), size));
    for (std::size_t size = 15; size < 14 + 40; ++size, ++sent) send("wire0", cut(ipv6_frame, size));
    send("wire0", inbound(kMac0, 77));
    EXPECT_EQ(receive(ipmp0, kSoonMs), inbound(kUpperMac, 77));
    EXPECT_EQ(counted(), (std::map<std::string, std::uint64_t>{{"in_malformed", sent}}));
}

TEST_F(Live, R_SPR_5_jumbo_frames_pass_both_ways) {
    start();
    UniqueFd ipmp0 = open_tap("ipmp0"), wire1 = open_tap("wire1");
    auto jumbo = [](const MacAddress& to, const MacAddress& from, const char* sender, const char* receiver) {
        return ethernet(to, from, kIpv4, ipv4(sender, receiver, kUdp, udp(7, 9, 9000 - 28)));
    };
    send("wire0", jumbo(kMac0, kPeer, "192.0.2.9", "192.0.2.1"));
    EXPECT_EQ(receive(ipmp0, kSoonMs), jumbo(kUpperMac, kPeer, "192.0.2.9", "192.0.2.1"));
    send("ipmp0", jumbo(kPeer, kUpperMac, "192.0.2.1", "192.0.2.9"));
    EXPECT_EQ(receive(wire1, kSoonMs), jumbo(kPeer, kMac1, "192.0.2.1", "192.0.2.9"));
}

TEST_F(Live, R_ADR_6_a_broadcast_claim_heard_by_all_members_is_one_event) {
    start();
    MacAddress thief = mac("02:00:00:00:00:66");
    Bytes claim = ethernet(kBroadcast, thief, kArp, arp(kRequest, thief, "192.0.2.1", kZeroMac, "192.0.2.1"));
    UniqueFd ipmp0 = open_tap("ipmp0");
    send("wire1", claim);
    send("wire0", claim);
    EXPECT_EQ(receive(ipmp0, kSoonMs), claim);
    std::vector<Event> events = dataplane_.take_events();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(std::get<AddressClaimed>(events[0]).claimant, thief);
    EXPECT_EQ(std::get<AddressClaimed>(events[0]).link, under1().index);
}

TEST_F(Live, frames_cut_inside_the_IP_header_leave_as_they_are) {
    start();
    UniqueFd wire1 = open_tap("wire1");
    send("ipmp0", cut(outbound(1), 16));
    Bytes sent = receive(wire1, kSoonMs);
    ASSERT_EQ(sent.size(), 16u);
    EXPECT_EQ(Bytes(sent.begin() + 6, sent.begin() + 12), bytes_of(kMac1));
}

TEST_F(Live, a_NIC_taken_out_of_the_slots_sends_nothing_more) {
    start();
    GroupImage image = base_image();
    image.slots[0].fill(under0());
    apply(image);
    UniqueFd wire0 = open_tap("wire0"), wire1 = open_tap("wire1");
    for (std::uint16_t port = 1; port <= 100; ++port) send("ipmp0", outbound(port));
    for (int i = 0; i < 100; ++i) ASSERT_NE(receive(wire0, kSoonMs), Bytes{});
    EXPECT_EQ(receive(wire1, 0), Bytes{});
}

TEST_F(Live, slots_changed_under_traffic_never_mix_two_NICs) {
    start();
    UniqueFd wire0 = open_tap("wire0"), wire1 = open_tap("wire1");
    std::atomic<bool> stop = false;
    int changes = 0;
    std::thread writer([&] {
        GroupImage image = base_image();
        for (; !stop; ++changes) {
            image.slots[0].fill(changes % 2 ? under1() : under0());
            if (!dataplane_.apply({.changed = {{"ipmp0", image}}})) break;
        }
    });
    constexpr int kFrames = 50000;
    for (int i = 0; i < kFrames; ++i) send("ipmp0", outbound(static_cast<std::uint16_t>(i)));
    stop = true;
    writer.join();
    int arrived = 0;
    for (auto [tap, mac] : {std::pair{&wire0, kMac0}, std::pair{&wire1, kMac1}}) {
        for (Bytes frame = receive(*tap, 100); !frame.empty(); frame = receive(*tap, 0), ++arrived) {
            ASSERT_EQ(Bytes(frame.begin() + 6, frame.begin() + 12), bytes_of(mac));
        }
    }
    EXPECT_EQ(arrived, kFrames);
    EXPECT_GT(changes, 100);
}

}  // namespace
}  // namespace ipmp
