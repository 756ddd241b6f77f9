#include "wire/rtnetlink_decode.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "wire/rtnetlink_encode.hpp"

namespace ipmp {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Writes messages as the kernel would; independent of the encoder under src/wire.
struct Writer {
    alignas(8) std::uint8_t buffer[2048] = {};
    nlmsghdr* header = mnl_nlmsg_put_header(buffer);

    explicit Writer(std::uint16_t type) { header->nlmsg_type = type; }
    template <typename T>
    T* family() {
        return static_cast<T*>(mnl_nlmsg_put_extra_header(header, sizeof(T)));
    }
    Bytes bytes() const { return Bytes(buffer, buffer + header->nlmsg_len); }
};

struct LinkMessage : Writer {
    ifinfomsg* info = family<ifinfomsg>();
    explicit LinkMessage(std::uint16_t type = RTM_NEWLINK) : Writer(type) {
        info->ifi_index = 7;
        info->ifi_type = ARPHRD_ETHER;
        info->ifi_flags = IFF_UP | IFF_MULTICAST | IFF_RUNNING | IFF_LOWER_UP;
        mnl_attr_put_strz(header, IFLA_IFNAME, "eth7");
    }
};

Bytes full_link() {
    LinkMessage message;
    const std::uint8_t mac[6] = {2, 0, 0, 0, 0, 7};
    mnl_attr_put(message.header, IFLA_ADDRESS, sizeof mac, mac);
    mnl_attr_put_strz(message.header, IFLA_IFALIAS, kIpmpLinkAlias);
    mnl_attr_put_u32(message.header, IFLA_MTU, 9000);
    mnl_attr_put_u32(message.header, IFLA_MASTER, 3);
    mnl_attr_put_u32(message.header, IFLA_LINK, 8);
    mnl_attr_put_u8(message.header, IFLA_CARRIER, 1);
    mnl_attr_put_u32(message.header, IFLA_CARRIER_UP_COUNT, 4);
    mnl_attr_put_u32(message.header, IFLA_CARRIER_DOWN_COUNT, 5);
    nlattr* info = mnl_attr_nest_start(message.header, IFLA_LINKINFO);
    mnl_attr_put_strz(message.header, IFLA_INFO_KIND, "veth");
    mnl_attr_nest_end(message.header, info);
    return message.bytes();
}

Bytes full_address() {
    Writer message(RTM_NEWADDR);
    auto* header = message.family<ifaddrmsg>();
    header->ifa_family = AF_INET;
    header->ifa_prefixlen = 24;
    header->ifa_index = 7;
    header->ifa_scope = RT_SCOPE_LINK;
    mnl_attr_put_u32(message.header, IFA_ADDRESS, htonl(0xc0000201));
    mnl_attr_put_u32(message.header, IFA_LOCAL, htonl(0xc0000201));
    mnl_attr_put_u32(message.header, IFA_BROADCAST, htonl(0xc00002ff));
    mnl_attr_put_u32(message.header, IFA_FLAGS, IFA_F_PERMANENT);
    return message.bytes();
}

Bytes full_filter(std::uint16_t type = RTM_NEWTFILTER) {
    Writer message(type);
    auto* header = message.family<tcmsg>();
    header->tcm_ifindex = 7;
    header->tcm_parent = kIngressParent;
    header->tcm_handle = 3;
    header->tcm_info = (std::uint32_t{0x4950} << 16) | htons(0x0003);
    mnl_attr_put_strz(message.header, TCA_KIND, "bpf");
    nlattr* options = mnl_attr_nest_start(message.header, TCA_OPTIONS);
    mnl_attr_put_strz(message.header, TCA_BPF_NAME, "ipmp_steer");
    mnl_attr_put_u32(message.header, TCA_BPF_ID, 99);
    mnl_attr_nest_end(message.header, options);
    return message.bytes();
}

Bytes refusal() {
    Writer message(NLMSG_ERROR);
    message.header->nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
    message.family<nlmsgerr>()->error = -EBUSY;
    mnl_attr_put_strz(message.header, NLMSGERR_ATTR_MSG, "Device is busy");
    return message.bytes();
}

TEST(DecodeLink, ReadsEveryField) {
    auto link = decode_link(full_link());
    ASSERT_TRUE(link);
    LinkState expected{.index = {7},
                       .name = "eth7",
                       .kind = "veth",
                       .alias = kIpmpLinkAlias,
                       .mac = {{2, 0, 0, 0, 0, 7}},
                       .mtu_bytes = 9000,
                       .ethernet = true,
                       .multicast = true,
                       .admin_up = true,
                       .carrier = true,
                       .carrier_changes = 9,
                       .peer = {8},
                       .master = {3}};
    EXPECT_EQ(*link, expected);
}

// R-DET-1: RUNNING lags on ordinary NICs. A loss counts from the carrier attribute on; a return only counts once
// RUNNING says that the kernel has opened the NIC's queues again.
TEST(DecodeLink, CarrierReturnsWithRunningOnly) {
    LinkMessage message;
    message.info->ifi_flags &= ~static_cast<unsigned>(IFF_RUNNING);
    mnl_attr_put_u8(message.header, IFLA_CARRIER, 1);
    auto link = decode_link(message.bytes());
    ASSERT_TRUE(link);
    EXPECT_FALSE(link->carrier);
    EXPECT_TRUE(link->starting);
}

// R-VIS-1: the other end's number counts in its own namespace only.
TEST(DecodeLink, APeerInAnotherNamespaceIsKeptApart) {
    LinkMessage near, far;
    mnl_attr_put_u32(near.header, IFLA_LINK, 77);
    mnl_attr_put_u32(far.header, IFLA_LINK, 77);
    mnl_attr_put_u32(far.header, IFLA_LINK_NETNSID, 1);
    mnl_attr_put_u8(far.header, 67, 1);  // IFLA_NETNS_IMMUTABLE
    EXPECT_EQ(decode_link(near.bytes())->peer, InterfaceIndex{77});
    EXPECT_FALSE(decode_link(near.bytes())->immovable);
    EXPECT_EQ(decode_link(far.bytes())->peer, InterfaceIndex{});
    EXPECT_EQ(decode_link(far.bytes())->peer_elsewhere, 77u);
    EXPECT_TRUE(decode_link(far.bytes())->immovable);
}

TEST(DecodeLink, BelievesCarrierNotRunning) {
    LinkMessage message;
    mnl_attr_put_u8(message.header, IFLA_CARRIER, 0);
    auto link = decode_link(message.bytes());
    ASSERT_TRUE(link);
    EXPECT_FALSE(link->carrier);
    EXPECT_FALSE(link->starting);
}

TEST(DecodeLink, PeerInAnotherNamespaceIsNoPeer) {
    for (bool netnsid_first : {false, true}) {
        LinkMessage message;
        if (netnsid_first) mnl_attr_put_u32(message.header, IFLA_LINK_NETNSID, 0);
        mnl_attr_put_u32(message.header, IFLA_LINK, 8);
        if (!netnsid_first) mnl_attr_put_u32(message.header, IFLA_LINK_NETNSID, 0);
        auto link = decode_link(message.bytes());
        ASSERT_TRUE(link);
        EXPECT_EQ(link->peer, InterfaceIndex{});
    }
}

TEST(DecodeLink, LoopbackAndTunnelsAreNotEthernet) {
    LinkMessage loopback, tunnel;
    loopback.info->ifi_flags |= IFF_LOOPBACK;
    tunnel.info->ifi_type = ARPHRD_TUNNEL;
    const std::uint8_t ipv4[4] = {192, 0, 2, 1};
    mnl_attr_put(tunnel.header, IFLA_ADDRESS, sizeof ipv4, ipv4);
    ASSERT_TRUE(decode_link(loopback.bytes()));
    ASSERT_TRUE(decode_link(tunnel.bytes()));
    EXPECT_FALSE(decode_link(loopback.bytes())->ethernet);
    EXPECT_FALSE(decode_link(tunnel.bytes())->ethernet);
    EXPECT_TRUE(decode_link(tunnel.bytes())->mac.is_zero());
}

TEST(DecodeLink, RefusesPartialBridgeMessagesNamelessLinksAndOtherTypes) {
    LinkMessage bridge, other(RTM_NEWADDR);
    bridge.info->ifi_family = AF_BRIDGE;
    EXPECT_FALSE(decode_link(bridge.bytes()));
    EXPECT_FALSE(decode_link(other.bytes()));
    Writer nameless(RTM_NEWLINK);
    nameless.family<ifinfomsg>()->ifi_index = 7;
    EXPECT_FALSE(decode_link(nameless.bytes()));
}

TEST(DecodeLink, RefusesAttributesOfWrongSize) {
    LinkMessage message;
    mnl_attr_put_u8(message.header, IFLA_MTU, 1);
    EXPECT_FALSE(decode_link(message.bytes()));
}

TEST(DecodeAddress, ReadsEveryField) {
    auto address = decode_address(full_address());
    ASSERT_TRUE(address);
    AddressState expected{.link = {7},
                          .address = *parse_ip("192.0.2.1"),
                          .prefix_length = 24,
                          .broadcast = parse_ip("192.0.2.255"),
                          .scope_link = true};
    EXPECT_EQ(*address, expected);
}

TEST(DecodeAddress, Ipv6FlagsComeFromTheWideAttribute) {
    Writer message(RTM_NEWADDR);
    auto* header = message.family<ifaddrmsg>();
    header->ifa_family = AF_INET6;
    header->ifa_prefixlen = 64;
    header->ifa_index = 2;
    header->ifa_flags = IFA_F_PERMANENT;
    auto ip = *parse_ip("2001:db8::5");
    mnl_attr_put(message.header, IFA_ADDRESS, 16, ip.bytes.data());
    mnl_attr_put_u32(message.header, IFA_FLAGS, IFA_F_TENTATIVE | IFA_F_DADFAILED);
    auto address = decode_address(message.bytes());
    ASSERT_TRUE(address);
    EXPECT_EQ(address->address, ip);
    EXPECT_TRUE(address->tentative);
    EXPECT_TRUE(address->dad_failed);
    EXPECT_TRUE(address->finite_lifetime);
    EXPECT_FALSE(address->scope_link);
}

TEST(DecodeAddress, PointToPointTakesTheLocalEnd) {
    Writer message(RTM_NEWADDR);
    auto* header = message.family<ifaddrmsg>();
    header->ifa_family = AF_INET;
    header->ifa_prefixlen = 32;
    header->ifa_index = 2;
    mnl_attr_put_u32(message.header, IFA_LOCAL, htonl(0x0a000001));
    mnl_attr_put_u32(message.header, IFA_ADDRESS, htonl(0x0a000002));
    ASSERT_TRUE(decode_address(message.bytes()));
    EXPECT_EQ(decode_address(message.bytes())->address, *parse_ip("10.0.0.1"));
}

// What we ask the kernel to add is what we recognise as ours, whichever message it comes back in.
TEST(DecodeRule, RecognisesOurOwn) {
    for (const char* source : {"192.0.2.20", "2001:db8::20"}) {
        RuleState rule{.source = *parse_ip(source), .table = kTestTableBase + 3};
        EXPECT_EQ(decode_rule(encode(AddRule{rule})), rule);
        EXPECT_EQ(decode_rule(encode(RemoveRule{rule})), rule);
    }
}

TEST(DecodeRule, LeavesOthersAlone) {
    Writer message(RTM_NEWRULE);
    auto* header = message.family<fib_rule_hdr>();
    header->family = AF_INET;
    header->src_len = 32;
    header->table = 100;
    mnl_attr_put_u32(message.header, FRA_SRC, htonl(0x0a000001));
    mnl_attr_put_u8(message.header, FRA_PROTOCOL, RTPROT_STATIC);
    EXPECT_FALSE(decode_rule(message.bytes()));
}

TEST(DecodeRoute, RecognisesOurOwn) {
    for (const char* network : {"192.0.2.0", "ff00::"}) {
        RouteState route{.network = *parse_ip(network), .prefix_length = 8, .link = {4}, .table = kTestTableBase + 4};
        route.network = network_of(route.network, route.prefix_length);
        EXPECT_EQ(decode_route(encode(AddRoute{route})), route);
    }
}

TEST(DecodeRoute, LeavesOthersAlone) {
    Writer message(RTM_NEWROUTE);
    auto* header = message.family<rtmsg>();
    header->rtm_family = AF_INET;
    header->rtm_protocol = RTPROT_BOOT;
    mnl_attr_put_u32(message.header, RTA_OIF, 4);
    EXPECT_FALSE(decode_route(message.bytes()));
    header->rtm_protocol = kRouteProtocol;
    EXPECT_TRUE(decode_route(message.bytes()));
    header->rtm_dst_len = 33;
    EXPECT_FALSE(decode_route(message.bytes()));
}

TEST(DecodeNeighbourEntry, ReadsProxiesAndWhatIsMadeToStay_R_CMD_3) {
    const MacAddress mac{{2, 0, 0, 0, 0, 9}};
    auto entry = [&](std::uint16_t state, std::uint8_t flags, bool with_mac) {
        Writer message(RTM_NEWNEIGH);
        auto* header = message.family<ndmsg>();
        header->ndm_family = AF_INET;
        header->ndm_ifindex = 7;
        header->ndm_state = state;
        header->ndm_flags = flags;
        mnl_attr_put_u32(message.header, NDA_DST, htonl(0xc0000232));
        if (with_mac) mnl_attr_put(message.header, NDA_LLADDR, mac.bytes.size(), mac.bytes.data());
        return decode_neighbour_entry(message.bytes());
    };
    const IpAddress address = *parse_ip("192.0.2.50");
    EXPECT_EQ(entry(NUD_PERMANENT, 0, true), (NeighbourEntry{{7}, address, mac}));
    EXPECT_EQ(entry(0, NTF_PROXY, false), (NeighbourEntry{{7}, address, {}}));
    EXPECT_FALSE(entry(NUD_REACHABLE, 0, true));
    EXPECT_FALSE(entry(NUD_NOARP, 0, true)) << "the kernel's own";
    EXPECT_FALSE(entry(NUD_PERMANENT, 0, false)) << "of no use to Ethernet";
    EXPECT_FALSE(decode_neighbour_entry(full_link()));
}

TEST(DecodeFilter, ReadsEveryField) {
    FilterState expected{.link = {7},
                         .parent = kIngressParent,
                         .priority = 0x4950,
                         .handle = 3,
                         .kind = "bpf",
                         .program_id = 99,
                         .program_name = "ipmp_steer"};
    EXPECT_EQ(decode_filter(full_filter()), expected);
    EXPECT_EQ(decode_filter(full_filter(RTM_DELTFILTER)), expected);
    EXPECT_TRUE(is_ipmp_filter(expected));
    expected.program_name = "other";
    EXPECT_FALSE(is_ipmp_filter(expected));
    EXPECT_EQ(decode_traffic_control_link(full_filter()), InterfaceIndex{7});
    EXPECT_FALSE(decode_traffic_control_link(full_link()));
}

TEST(DecodeAcknowledgement, GivesTheKernelsOwnWords) {
    EXPECT_EQ(decode_acknowledgement(refusal()), (Acknowledgement{EBUSY, "Device is busy"}));
    Writer success(NLMSG_ERROR);
    success.family<nlmsgerr>();
    EXPECT_EQ(decode_acknowledgement(success.bytes()), Acknowledgement{});
}

struct Sample {
    const char* name;
    Bytes bytes;
};

std::vector<Sample> samples() {
    RuleState rule{.source = *parse_ip("2001:db8::20"), .table = 5};
    RouteState route{.network = *parse_ip("192.0.2.0"), .prefix_length = 24, .link = {4}, .table = 5};
    return {{"link", full_link()},           {"address", full_address()},        {"filter", full_filter()},
            {"rule", encode(AddRule{rule})}, {"route", encode(AddRoute{route})}, {"refusal", refusal()}};
}

// True if any decoder made sense of `bytes`, which are moved to a heap block of exactly their size first, so
// that a sanitizer sees every byte read beyond them.
bool any_decodes(const Bytes& bytes, std::size_t misalignment = 0) {
    Bytes shifted(misalignment, 0);
    shifted.insert(shifted.end(), bytes.begin(), bytes.end());
    shifted.shrink_to_fit();
    MessageBytes message(shifted.data() + misalignment, bytes.size());
    return decode_link(message) || decode_address(message) || decode_rule(message) || decode_route(message) ||
           decode_filter(message) || decode_traffic_control_link(message) || decode_acknowledgement(message);
}

TEST(DecodeMalformed, TruncationAtEveryLengthGivesNothing) {
    for (const auto& [name, bytes] : samples()) {
        EXPECT_TRUE(any_decodes(bytes)) << name;
        EXPECT_TRUE(any_decodes(bytes, 1)) << name << " unaligned";
        for (std::size_t size = 0; size < bytes.size(); ++size)
            EXPECT_FALSE(any_decodes(Bytes(bytes.begin(), bytes.begin() + static_cast<long>(size))))
                << name << " cut to " << size;
    }
}

// The header owns up to the shorter length: a cut inside an attribute must still be noticed.
TEST(DecodeMalformed, ALengthBeyondTheSignedRangeIsNoLength) {  // found by fuzz_rtnetlink
    Bytes message = full_link();
    std::fill_n(message.begin(), 4, std::uint8_t{0xff});
    EXPECT_FALSE(decode_link(message));
}

TEST(DecodeMalformed, CutAttributesAreNoticed) {
    Bytes whole = full_link();
    for (std::size_t size = sizeof(nlmsghdr); size < whole.size(); ++size) {
        Bytes cut(whole.begin(), whole.begin() + static_cast<long>(size));
        auto length = static_cast<std::uint32_t>(size);
        std::memcpy(cut.data(), &length, sizeof length);
        auto link = decode_link(cut);
        if (!link) continue;
        EXPECT_EQ(link->name, "eth7");
        EXPECT_TRUE(link->alias.empty() || link->alias == kIpmpLinkAlias) << "cut to " << size;
    }
    Bytes cut(whole.begin(), whole.end() - 2);
    auto length = static_cast<std::uint32_t>(cut.size());
    std::memcpy(cut.data(), &length, sizeof length);
    EXPECT_FALSE(decode_link(cut));
}

TEST(DecodeMalformed, AnyByteMayHaveAnyOfTheNastyValues) {
    std::size_t decoded = 0;
    for (const auto& [name, bytes] : samples()) {
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            for (int value : {0x00, 0x01, 0x03, 0x04, 0x7f, 0x80, 0xff}) {
                Bytes changed = bytes;
                changed[i] = static_cast<std::uint8_t>(value);
                decoded += any_decodes(changed);
            }
        }
    }
    EXPECT_GT(decoded, 0u);  // most changes hit values, not structure
}

}  // namespace
}  // namespace ipmp
