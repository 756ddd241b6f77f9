// What the steer program reports besides its verdict: claims, probes, answers, and the record of peers; through the
// real ring buffer and the real Dataplane. A table says which frame means what; the tests behind it are about bounds.
#include <bpf/bpf.h>

#include <poll.h>

#include "bpf/ipmp_abi.h"
#include "packet_table.hpp"
#include "shell/clock.hpp"
#include "shell/dataplane_reports.hpp"

namespace ipmp {
namespace {

using namespace packets;

const MacAddress kThief = mac("02:00:00:00:00:66");

std::string text_of(const Event& event) {
    if (auto* claim = std::get_if<AddressClaimed>(&event))
        return to_string(claim->address) + (claim->probing ? " probed by " : " claimed by ") +
               to_string(claim->claimant);
    if (auto* answer = std::get_if<PeerAnswered>(&event))
        return to_string(answer->peer) + " answered " + to_string(answer->address);
    return "something else";
}

struct EventCase {
    const char* sentence;
    const char* link;
    Bytes frame;
    std::vector<std::string> events = {};
};

class Events : public Bench {
  protected:
    void check(const std::vector<EventCase>& cases) {
        for (const EventCase& test : cases) {
            SCOPED_TRACE(test.sentence);
            forget_paces();
            EXPECT_EQ(texts_of(test.link, test.frame), test.events);
        }
    }
    void SetUp() override {
        Bench::SetUp();
        if (!IsSkipped() && !HasFatalFailure()) apply(base_image());
    }
    std::vector<Event> events_of(const char* link, const Bytes& frame) {
        run(Filter::steer, link, frame);
        return dataplane_.take_events();
    }
    std::vector<std::string> texts_of(const char* link, const Bytes& frame) {
        std::vector<std::string> texts;
        for (const Event& event : events_of(link, frame)) texts.push_back(text_of(event));
        return texts;
    }
    // As if the last claims were long ago.
    void forget_paces() {
        UniqueFd paces = map("ipmp_paces");
        ipmp_address_key key{};
        while (bpf_map_get_next_key(paces.get(), nullptr, &key) == 0) bpf_map_delete_elem(paces.get(), &key);
    }
    std::vector<PeersFound::Found> find_peers(std::vector<IpAddress> addresses) {
        EXPECT_TRUE(dataplane_.find_peers({"ipmp0", {}, std::move(addresses)}));
        for (const Event& event : dataplane_.take_events()) {
            auto* found = std::get_if<PeersFound>(&event);
            EXPECT_FALSE(found && found->found.empty()) << "nobody is told of nobody";
            if (found) return found->found;
        }
        return {};
    }
    static void put_peer(const UniqueFd& peers, const char* address, const IpAddress& peer, Duration age) {
        ipmp_peer_key key{.address = to_abi(ip(address)), .peer = {}};
        std::copy(peer.bytes.begin(), peer.bytes.end(), key.peer);
        ipmp_peer value{};
        value.seen_ns = static_cast<__u64>((now() - age).time_since_epoch().count());
        std::copy(kPeer.bytes.begin(), kPeer.bytes.end(), value.mac);
        ASSERT_EQ(bpf_map_update_elem(peers.get(), &key, &value, BPF_ANY), 0);
    }
};

Bytes arp_from(const MacAddress& source, const MacAddress& to, std::uint8_t operation, const char* sender,
               const char* target) {
    return ethernet(to, source, kArp, arp(operation, source, sender, kZeroMac, target));
}
Bytes nd_from(const MacAddress& source, const Bytes& message, const MacAddress& to = kGroup6) {
    return ethernet(to, source, kIpv6, message);
}
Bytes with_byte(Bytes frame, std::size_t offset, std::uint8_t value) {
    frame[offset] = value;
    return frame;
}
// An NA with flags; the checksum is not looked at here.
Bytes flagged_na(std::uint8_t flags, const char* from, const char* to, const char* target, const Bytes& options = {}) {
    return with_byte(nd(kNa, from, to, target, options), 40 + 4, flags);
}
constexpr std::uint8_t kSolicited = 0x40;

TEST_F(Events, R_ADR_6_who_claims_or_probes_an_address_by_ARP_is_reported_wherever_it_is_heard) {
    const std::string claimed = "192.0.2.1 claimed by 02:00:00:00:00:66";
    const std::string probed = "192.0.2.1 probed by 02:00:00:00:00:66";
    auto request = [](const char* sender, const char* target) {
        return arp_from(kThief, kBroadcast, kRequest, sender, target);
    };
    check({
        {"a request, on the nominee", "under0", request("192.0.2.1", "192.0.2.9"), {claimed}},
        {"a request, where it is dropped", "under1", request("192.0.2.1", "192.0.2.9"), {claimed}},
        {"an announcement", "under1", request("192.0.2.1", "192.0.2.1"), {claimed}},
        {"a gratuitous reply", "under1", arp_from(kThief, kBroadcast, kReply, "192.0.2.1", "192.0.2.1"), {claimed}},
        {"a unicast reply", "under1", arp_from(kThief, kMac1, kReply, "192.0.2.1", "192.0.2.9"), {claimed}},
        {"a unicast reply to another data address",
         "under1",
         arp_from(kThief, kMac1, kReply, "192.0.2.1", "192.0.2.2"),
         {claimed}},
        {"a request for a NIC's own address", "under0", request("192.0.2.1", "192.0.2.20"), {claimed}},
        {"a request for another NIC's address", "under0", request("192.0.2.1", "192.0.2.21"), {claimed}},
        {"a claim of an unbound address",
         "under0",
         request("192.0.2.2", "192.0.2.2"),
         {"192.0.2.2 claimed by 02:00:00:00:00:66"}},
        {"a probe", "under1", request("0.0.0.0", "192.0.2.1"), {probed}},
        {"a request of nobody's is no claim", "under0", request("192.0.2.9", "192.0.2.1"), {}},
        {"a claim of a NIC's own address is the kernel's matter", "under0", request("192.0.2.20", "192.0.2.20"), {}},
        {"our own request", "under0", arp_from(kMac1, kBroadcast, kRequest, "192.0.2.1", "192.0.2.9"), {}},
        {"our own probe", "under0", arp_from(kMac1, kBroadcast, kRequest, "0.0.0.0", "192.0.2.1"), {}},
        {"a member's MAC in the message",
         "under0",
         ethernet(kBroadcast, kThief, kArp, arp(kRequest, kMac1, "192.0.2.1", kZeroMac, "192.0.2.1")),
         {}},
        {"a member's MAC on the frame",
         "under0",
         ethernet(kBroadcast, kMac1, kArp, arp(kRequest, kThief, "192.0.2.1", kZeroMac, "192.0.2.1")),
         {}},
        {"a frame for another host", "under0", arp_from(kThief, kPeer, kReply, "192.0.2.1", "192.0.2.9"), {}},
        {"InARP", "under0", arp_from(kThief, kBroadcast, 8, "192.0.2.1", "192.0.2.9"), {}},
        {"half a message", "under0", cut(request("192.0.2.1", "192.0.2.9"), 40), {}},
    });
}

TEST_F(Events, R_ADR_6_who_claims_or_probes_an_address_by_ND_is_reported_wherever_it_is_heard) {
    const std::string claimed = "2001:db8::1 claimed by 02:00:00:00:00:66";
    Bytes na = nd(kNa, "fe80::66", "ff02::1", "2001:db8::1", target_option(kThief));
    Bytes silent_na = nd(kNa, "fe80::66", "ff02::1", "2001:db8::1");
    Bytes probe = nd(kNs, "::", "ff02::1:ff00:1", "2001:db8::1", nonce_option());
    Bytes ns = nd(kNs, "2001:db8::1", "ff02::1:ff00:9", "2001:db8::9", source_option(kThief));
    Bytes silent_ns = nd(kNs, "2001:db8::1", "ff02::1:ff00:9", "2001:db8::9");
    check({
        {"an NA, on the nominee", "under1", nd_from(kThief, na), {claimed}},
        {"an NA, where it is dropped", "under0", nd_from(kThief, na), {claimed}},
        {"an NA without an option, by its source", "under0", nd_from(kThief, silent_na), {claimed}},
        {"an NA of ours without an option", "under0", nd_from(kMac1, silent_na), {}},
        {"an NA of ours",
         "under0",
         nd_from(kMac1, nd(kNa, "fe80::ee", "ff02::1", "2001:db8::1", target_option(kMac1))),
         {}},
        {"an NA that came through a router", "under1", with_byte(nd_from(kThief, na), 14 + 7, 254), {}},
        {"an NA with a code", "under1", with_byte(nd_from(kThief, na), 14 + 41, 1), {}},
        {"an NA with broken options", "under1", with_byte(nd_from(kThief, na), 14 + 40 + 25, 0), {}},
        {"a duplicate address probe", "under0", nd_from(kThief, probe), {"2001:db8::1 probed by 02:00:00:00:00:66"}},
        {"our own duplicate address probe", "under1", nd_from(kMac0, probe), {}},
        {"an NS from a data address", "under0", nd_from(kThief, ns), {claimed}},
        {"an NS from a data address that states no MAC", "under0", nd_from(kThief, silent_ns), {}},
        {"an RS from a data address",
         "under1",
         nd_from(kThief, rs("fe80::ee", source_option(kThief))),
         {"fe80::ee claimed by 02:00:00:00:00:66"}},
        {"an NA for a NIC's own address is the kernel's matter",
         "under0",
         nd_from(kThief, nd(kNa, "fe80::66", "ff02::1", "fe80::10", target_option(kThief))),
         {}},
    });
}

TEST_F(Events, R_ADR_6_a_claim_names_the_NIC_it_was_heard_at) {
    auto events = events_of("under1", arp_from(kThief, kBroadcast, kRequest, "192.0.2.1", "192.0.2.1"));
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(std::get<AddressClaimed>(events[0]).link, under1().index);
}

TEST_F(Events, a_peers_answer_to_a_data_address_is_reported_at_its_NIC) {
    auto reply = [](const MacAddress& to, const char* target) {
        return ethernet(to, kPeer, kArp, arp(kReply, kPeer, "192.0.2.9", to, target));
    };
    auto na = [](std::uint8_t flags, const char* to, const char* target) {
        return ethernet(kMac0, kPeer, kIpv6, flagged_na(flags, "fe80::99", to, target, target_option(kPeer)));
    };
    check({
        {"an ARP reply at the bound NIC", "under1", reply(kMac1, "192.0.2.1"), {"192.0.2.9 answered 192.0.2.1"}},
        {"an ARP reply at another NIC", "under0", reply(kMac0, "192.0.2.1")},
        {"an ARP reply to an unbound address", "under0", reply(kMac0, "192.0.2.2")},
        {"an ARP reply to a NIC's own address", "under0", reply(kMac0, "192.0.2.20")},
        {"an ARP request is no answer", "under1", arp_from(kPeer, kMac1, kRequest, "192.0.2.9", "192.0.2.1")},
        {"a solicited NA at the bound NIC",
         "under0",
         na(kSolicited, "2001:db8::1", "fe80::99"),
         {"fe80::99 answered 2001:db8::1"}},
        {"an unsolicited NA", "under0", na(0x20, "2001:db8::1", "fe80::99")},
        {"a solicited NA at another NIC", "under1",
         ethernet(kMac1, kPeer, kIpv6, flagged_na(kSolicited, "fe80::99", "2001:db8::1", "fe80::99"))},
        {"a solicited NA to a NIC's own address", "under0", na(kSolicited, "fe80::10", "fe80::99")},
        {"a solicited NA from far away", "under0", with_byte(na(kSolicited, "2001:db8::1", "fe80::99"), 14 + 7, 64)},
    });
}

TEST_F(Events, claims_of_one_address_come_at_most_ten_times_a_second) {
    Bytes claim = arp_from(kThief, kBroadcast, kRequest, "192.0.2.1", "192.0.2.1");
    Instant begin = now();
    std::size_t heard = 0;
    while (now() - begin < std::chrono::milliseconds(350)) heard += events_of("under0", claim).size();
    auto took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now() - begin).count();
    EXPECT_GE(heard, 3u);
    EXPECT_LE(heard, 1 + static_cast<std::size_t>(took_ms) / IPMP_CLAIM_PAUSE_MS);
    EXPECT_TRUE(counted().empty()) << "copies are no loss";
}

TEST_F(Events, a_flood_of_claims_of_all_addresses_ends_in_the_kernel) {
    GroupImage image = base_image();
    for (int i = 0; i < 4000; ++i) {
        image.addresses[ip("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250))] = {AddressKind::data,
                                                                                                  under0()};
    }
    apply(image);
    Instant begin = now();
    std::size_t heard = 0;
    for (int i = 0; i < 4000; ++i) {
        std::string address = "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250);
        heard += events_of("under0", arp_from(kThief, kBroadcast, kRequest, address.c_str(), address.c_str())).size();
    }
    auto seconds = static_cast<std::size_t>(std::chrono::ceil<std::chrono::seconds>(now() - begin).count());
    EXPECT_GE(heard, static_cast<std::size_t>(IPMP_CLAIMS_PER_SECOND));
    EXPECT_LE(heard, seconds * IPMP_CLAIMS_PER_SECOND);
    EXPECT_EQ(counted().at("events_limited"), 4000 - heard);
}

TEST_F(Events, answers_are_bounded_and_not_starved_by_claims) {
    Bytes answer = ethernet(kMac1, kPeer, kArp, arp(kReply, kPeer, "192.0.2.9", kMac1, "192.0.2.1"));
    Instant begin = now();
    std::size_t heard = 0;
    for (int i = 0; i < 3000; ++i) heard += events_of("under1", answer).size();
    auto seconds = static_cast<std::size_t>(std::chrono::ceil<std::chrono::seconds>(now() - begin).count());
    EXPECT_GE(heard, static_cast<std::size_t>(IPMP_ANSWERS_PER_SECOND));
    EXPECT_LE(heard, seconds * IPMP_ANSWERS_PER_SECOND);
    EXPECT_EQ(texts_of("under0", arp_from(kThief, kBroadcast, kRequest, "192.0.2.2", "192.0.2.2")).size(), 1u);
}

TEST_F(Events, a_daemon_that_does_not_read_loses_events_and_the_loss_is_counted) {
    Bytes answer = ethernet(kMac1, kPeer, kArp, arp(kReply, kPeer, "192.0.2.9", kMac1, "192.0.2.1"));
    UniqueFd buckets = map("ipmp_buckets");
    __u32 key = IPMP_EVENT_ANSWER;
    ipmp_bucket unused{};
    for (int i = 0; i < 1500; ++i) {
        bpf_map_update_elem(buckets.get(), &key, &unused, BPF_ANY);
        EXPECT_EQ(run(Filter::steer, "under1", answer).verdict, Verdict::redirect);
    }
    std::size_t heard = dataplane_.take_events().size();
    EXPECT_GT(heard, 900u);
    EXPECT_EQ(counted().at("events_lost"), 1500 - heard);
    bpf_map_update_elem(buckets.get(), &key, &unused, BPF_ANY);
    EXPECT_EQ(events_of("under1", answer).size(), 1u) << "read, it works again";
}

TEST_F(Events, the_descriptor_tells_that_events_wait) {
    pollfd wait{dataplane_.event_fd(), POLLIN, 0};
    EXPECT_EQ(poll(&wait, 1, 0), 0);
    run(Filter::steer, "under0", arp_from(kThief, kBroadcast, kRequest, "192.0.2.1", "192.0.2.1"));
    EXPECT_EQ(poll(&wait, 1, 0), 1);
    EXPECT_EQ(dataplane_.take_events().size(), 1u);
    EXPECT_EQ(poll(&wait, 1, 0), 0);
    ASSERT_TRUE(dataplane_.find_peers({"ipmp0", {}, {ip("192.0.2.1")}}));
    EXPECT_EQ(poll(&wait, 1, 0), 0) << "nobody is known";
    put_peer(map("ipmp_peers"), "192.0.2.1", ip("192.0.2.9"), {});
    ASSERT_TRUE(dataplane_.find_peers({"ipmp0", {}, {ip("192.0.2.1")}}));
    EXPECT_EQ(poll(&wait, 1, 0), 1);
    EXPECT_EQ(dataplane_.take_events().size(), 1u);
    EXPECT_EQ(poll(&wait, 1, 0), 0);
}

TEST_F(Events, groups_report_apart_and_a_group_that_is_gone_is_silent) {
    ASSERT_TRUE(dataplane_.apply({.changed = {{"ipmp0", base_image()}, {"ipmp1", base_image()}}}));
    Bytes claim = arp_from(kThief, kBroadcast, kRequest, "192.0.2.1", "192.0.2.1");
    run(Filter::steer, "under0", claim);
    ASSERT_TRUE(dataplane_.apply({.gone = {"ipmp0"}}));
    EXPECT_TRUE(dataplane_.take_events().empty());
    EXPECT_TRUE(find_peers({ip("192.0.2.1")}).empty()) << "nor does who asks about it wake anybody";
}

TEST_F(Events, who_asks_for_a_data_address_is_a_peer) {
    const MacAddress second = mac("02:00:00:00:00:98");
    auto request = [](const char* sender, const char* target, const MacAddress& source = kPeer) {
        return arp_from(source, kBroadcast, kRequest, sender, target);
    };
    auto ns = [](const char* sender, const Bytes& options) {
        return nd_from(kPeer, nd(kNs, sender, "ff02::1:ff00:1", "2001:db8::1", options));
    };
    run(Filter::steer, "under0", request("192.0.2.9", "192.0.2.1"));
    run(Filter::steer, "under1", request("192.0.2.8", "192.0.2.1"));         // dropped: the nominee has it
    run(Filter::steer, "under0", request("0.0.0.0", "192.0.2.1"));           // has no address yet
    run(Filter::steer, "under0", request("192.0.2.2", "192.0.2.1"));         // says it is us
    run(Filter::steer, "under0", request("192.0.2.7", "192.0.2.20"));        // not a data address
    run(Filter::steer, "under0", request("192.0.2.6", "192.0.2.1", kMac1));  // a member
    run(Filter::steer, "under0", ethernet(kMac0, kPeer, kArp, arp(kReply, kPeer, "192.0.2.5", kMac0, "192.0.2.1")));
    run(Filter::steer, "under0", ethernet(kMac0, kPeer, kIpv4, ipv4("192.0.2.4", "192.0.2.1", kUdp, udp(1, 2))));
    run(Filter::steer, "under1", ns("fe80::99", source_option(second)));      // the MAC it states
    run(Filter::steer, "under1", ns("fe80::98", {}));                         // the MAC it comes from
    run(Filter::steer, "under1", with_byte(ns("fe80::97", {}), 14 + 7, 64));  // from far away
    Bytes own = nd_from(kMac1, nd(kNs, "fe80::96", "2001:db8::1", "2001:db8::1"));
    std::ranges::copy(bytes_of(kMac0), own.begin());
    run(Filter::steer, "under0", own);                                        // unicast, a member's that states nothing
    using Found = PeersFound::Found;
    EXPECT_EQ(find_peers({ip("192.0.2.1")}), (std::vector{Found{ip("192.0.2.1"), {ip("192.0.2.9"), kPeer}}}));
    EXPECT_EQ(find_peers({ip("2001:db8::1")}), (std::vector{Found{ip("2001:db8::1"), {ip("fe80::98"), kPeer}},
                                                            Found{ip("2001:db8::1"), {ip("fe80::99"), second}}}))
        << "the most recent one first";

    run(Filter::steer, "under0", request("192.0.2.9", "192.0.2.1", second));
    EXPECT_EQ(find_peers({ip("192.0.2.1")}), (std::vector{Found{ip("192.0.2.1"), {ip("192.0.2.9"), second}}}));
    EXPECT_EQ(find_peers({ip("192.0.2.2")}), std::vector<Found>{});
    EXPECT_EQ(find_peers({}), std::vector<Found>{});
}

TEST_F(Events, new_peers_of_an_address_are_bounded_and_known_ones_are_not) {
    auto ask = [&](int number, const char* target) {
        std::string peer = "192.0.2." + std::to_string(number);
        run(Filter::steer, "under0", arp_from(kPeer, kBroadcast, kRequest, peer.c_str(), target));
    };
    Instant begin = now();
    for (int i = 100; i < 250; ++i) ask(i, "192.0.2.1");
    ask(100, "192.0.2.1");
    ask(200, "192.0.2.2");
    auto seconds = static_cast<std::size_t>(std::chrono::ceil<std::chrono::seconds>(now() - begin).count());
    std::size_t found = find_peers({ip("192.0.2.1")}).size();
    EXPECT_GE(found, static_cast<std::size_t>(IPMP_NEW_PEERS_PER_SECOND));
    EXPECT_LE(found, seconds * IPMP_NEW_PEERS_PER_SECOND);
    EXPECT_EQ(counted().at("peers_limited"), 150 - found);
    EXPECT_EQ(find_peers({ip("192.0.2.1")}).front().peer.address, ip("192.0.2.100")) << "asked again last";
    EXPECT_EQ(find_peers({ip("192.0.2.2")}).size(), 1u) << "another address has an allowance of its own";
}

TEST_F(Events, peers_are_forgotten_after_an_hour) {
    UniqueFd peers = map("ipmp_peers");
    put_peer(peers, "192.0.2.1", ip("192.0.2.8"), std::chrono::minutes(59));
    put_peer(peers, "192.0.2.1", ip("192.0.2.9"), std::chrono::minutes(61));
    auto found = find_peers({ip("192.0.2.1")});
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].peer.address, ip("192.0.2.8"));
}

TEST_F(Events, the_most_recent_peers_are_read_from_a_full_record) {
    constexpr int kEntries = IPMP_MAX_PEERS - 512;  // the kernel keeps some free for each CPU
    UniqueFd peers = map("ipmp_peers");
    auto peer = [](int number) {
        IpAddress address = ip("10.0.0.0");
        address.bytes[2] = static_cast<std::uint8_t>(number >> 8);
        address.bytes[3] = static_cast<std::uint8_t>(number);
        return address;
    };
    for (int i = 0; i < kEntries; ++i) {
        Duration age = std::chrono::microseconds(100 * (kEntries - i));  // a host just booted has no long past
        put_peer(peers, i % 2 ? "192.0.2.1" : "192.0.2.2", peer(i), age);
    }
    Instant begin = now();
    auto found = find_peers({ip("192.0.2.1"), ip("192.0.2.2")});
    auto took = std::chrono::duration_cast<std::chrono::microseconds>(now() - begin);
    RecordProperty("full_record_read_us", static_cast<int>(took.count()));
    ASSERT_EQ(found.size(), 2 * kMaxPeersPerAddress);
    EXPECT_EQ(found[0].peer.address, peer(kEntries - 1));
    EXPECT_EQ(found[kMaxPeersPerAddress].peer.address, peer(kEntries - 2));
}

}  // namespace
}  // namespace ipmp
