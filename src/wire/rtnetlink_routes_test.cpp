// R-GRP-6, R-CMD-4: what a route or nexthop object looks like once it names another link. Messages are written here
// as the kernel would; what the kernel makes of the requests is tested in shell/netlink_apply_test and tests/netns.
#include "wire/rtnetlink_routes.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/ipv6_route.h>
#include <linux/nexthop.h>
#include <linux/route.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>
#include <map>
#include <vector>

#include "wire/rtnetlink_encode.hpp"

namespace ipmp {
namespace {

constexpr InterfaceIndex kFrom{3}, kTo{9}, kOther{4};
using Bytes = std::vector<std::uint8_t>;

Bytes ip(const char* text) {
    IpAddress address = *parse_ip(text);
    return Bytes(address.bytes.begin(), address.bytes.begin() + static_cast<std::ptrdiff_t>(address.size_bytes()));
}

Bytes hop(std::uint32_t link, const char* gateway, std::uint8_t weight, std::uint8_t flags = 0) {
    alignas(8) std::uint8_t buffer[64] = {};
    rtnexthop header{static_cast<unsigned short>(sizeof header + 8), flags, static_cast<std::uint8_t>(weight - 1),
                     static_cast<int>(link)};
    std::memcpy(buffer, &header, sizeof header);
    nlattr attribute{8, RTA_GATEWAY};
    std::memcpy(buffer + sizeof header, &attribute, sizeof attribute);
    std::memcpy(buffer + sizeof header + sizeof attribute, ip(gateway).data(), 4);
    return Bytes(buffer, buffer + header.rtnh_len);
}

Bytes operator+(Bytes left, const Bytes& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

struct RouteMessage {
    alignas(8) std::uint8_t buffer[2048] = {};
    nlmsghdr* header = mnl_nlmsg_put_header(buffer);
    rtmsg* route = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(rtmsg)));

    explicit RouteMessage(Family family = Family::ipv4) {
        header->nlmsg_type = RTM_NEWROUTE;
        route->rtm_family = family == Family::ipv4 ? AF_INET : AF_INET6;
        route->rtm_protocol = RTPROT_STATIC;
        route->rtm_type = RTN_UNICAST;
        route->rtm_table = RT_TABLE_MAIN;
        put(RTA_TABLE, RT_TABLE_MAIN);
    }
    RouteMessage& put(std::uint16_t type, std::uint32_t value) {
        mnl_attr_put_u32(header, type, value);
        return *this;
    }
    RouteMessage& put(std::uint16_t type, const Bytes& value) {
        mnl_attr_put(header, type, value.size(), value.data());
        return *this;
    }
    RouteMessage& to(const char* network, std::uint8_t prefix_length) {
        route->rtm_dst_len = prefix_length;
        return put(RTA_DST, ip(network));
    }
    RouteMessage& expires(int ticks) {
        rta_cacheinfo info{};
        info.rta_expires = ticks;
        Bytes bytes(sizeof info);
        std::memcpy(bytes.data(), &info, sizeof info);
        return put(RTA_CACHEINFO, bytes);
    }
    MessageBytes bytes() const { return {buffer, header->nlmsg_len}; }
    auto move() const { return decode_route_move(bytes(), kFrom, kTo); }
};

std::map<int, Bytes> attributes_of(const NetlinkRequest& request, std::size_t family_header_bytes = sizeof(rtmsg)) {
    std::map<int, Bytes> found;
    auto* header = reinterpret_cast<const nlmsghdr*>(request.data());
    EXPECT_EQ(header->nlmsg_len, request.size());
    auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(header, family_header_bytes));
    for (; reinterpret_cast<const std::uint8_t*>(attribute) < request.data() + request.size();
         attribute = mnl_attr_next(attribute)) {
        auto* first = static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute));
        found[mnl_attr_get_type(attribute)] = Bytes(first, first + mnl_attr_get_payload_len(attribute));
    }
    return found;
}

Bytes number(std::uint32_t value) {
    Bytes bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

const nlmsghdr& header_of(const NetlinkRequest& request) { return *reinterpret_cast<const nlmsghdr*>(request.data()); }
const rtmsg& route_of(const NetlinkRequest& request) {
    return *static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&header_of(request)));
}

TEST(RouteMove, R_GRP_6_KeepsEveryAttributeButTheLink) {
    RouteMessage message;
    const Bytes metrics = {8, 0, RTAX_MTU, 0, 0x78, 5, 0, 0};
    message.to("198.51.100.0", 24).put(RTA_OIF, kFrom.value).put(RTA_GATEWAY, ip("192.0.2.254"));
    message.put(RTA_PRIORITY, 50).put(RTA_PREFSRC, ip("192.0.2.1")).put(RTA_METRICS, metrics).put(RTA_FLOW, 6);
    message.route->rtm_tos = 0x10;
    message.route->rtm_protocol = 42;
    message.route->rtm_flags = RTNH_F_ONLINK | RTNH_F_LINKDOWN;
    auto move = message.move();
    ASSERT_TRUE(move);
    EXPECT_EQ(move->text, "route 198.51.100.0/24 via 192.0.2.254 table 254 metric 50");
    EXPECT_FALSE(move->advertised);
    std::map<int, Bytes> expected{{RTA_TABLE, number(254)},     {RTA_DST, ip("198.51.100.0")},
                                  {RTA_OIF, number(kTo.value)}, {RTA_GATEWAY, ip("192.0.2.254")},
                                  {RTA_PRIORITY, number(50)},   {RTA_PREFSRC, ip("192.0.2.1")},
                                  {RTA_METRICS, metrics},       {RTA_FLOW, number(6)}};
    EXPECT_EQ(attributes_of(move->replace), expected);
    EXPECT_EQ(attributes_of(move->append), expected);
    EXPECT_EQ(header_of(move->replace).nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK | NLM_F_REPLACE) << "never creates";
    EXPECT_EQ(header_of(move->append).nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND);
    EXPECT_EQ(route_of(move->replace).rtm_tos, 0x10);
    EXPECT_EQ(route_of(move->replace).rtm_protocol, 42);
    EXPECT_EQ(route_of(move->replace).rtm_flags, unsigned{RTNH_F_ONLINK}) << "the kernel refuses what tells its state";
    expected[RTA_OIF] = number(kFrom.value);
    EXPECT_EQ(attributes_of(move->remove), expected);
    EXPECT_EQ(header_of(move->remove).nlmsg_type, RTM_DELROUTE);
}

TEST(RouteMove, R_GRP_6_ChangesOnlyItsHopsOfAMultipathRoute) {
    RouteMessage message;
    message.to("198.51.100.0", 24);
    message.put(RTA_MULTIPATH,
                hop(kFrom.value, "192.0.2.253", 3, RTNH_F_LINKDOWN) + hop(kOther.value, "192.0.2.254", 1));
    auto move = message.move();
    ASSERT_TRUE(move);
    auto hops = hop(kTo.value, "192.0.2.253", 3) + hop(kOther.value, "192.0.2.254", 1);
    EXPECT_EQ(attributes_of(move->replace).at(RTA_MULTIPATH), hops);
    EXPECT_FALSE(attributes_of(move->replace).contains(RTA_OIF));
}

TEST(RouteMove, R_GRP_6_HopsThatBecomeTheSameOneAddTheirWeights) {
    RouteMessage message;
    message.to("198.51.100.0", 24);
    message.put(RTA_MULTIPATH, hop(kFrom.value, "192.0.2.254", 2) + hop(kTo.value, "192.0.2.254", 3));
    EXPECT_EQ(attributes_of(message.move()->replace).at(RTA_MULTIPATH), hop(kTo.value, "192.0.2.254", 5));
    RouteMessage heavy;
    heavy.put(RTA_MULTIPATH, hop(kFrom.value, "192.0.2.254", 255) + hop(kTo.value, "192.0.2.254", 255));
    EXPECT_EQ(attributes_of(heavy.move()->replace).at(RTA_MULTIPATH)[3], 255);
}

TEST(RouteMove, LeavesAloneWhatIsNotForeignOrNotThere) {
    auto moves = [](auto change) {
        RouteMessage message;
        message.to("198.51.100.0", 24);
        change(message);
        return message.move().has_value();
    };
    EXPECT_TRUE(moves([](auto& m) { m.put(RTA_OIF, kFrom.value); }));
    EXPECT_TRUE(moves([](auto& m) { m.put(RTA_OIF, kFrom.value).route->rtm_type = RTN_MULTICAST; }));
    EXPECT_FALSE(moves([](auto& m) { m.put(RTA_OIF, kOther.value); }));
    EXPECT_FALSE(moves([](auto&) {})) << "blackhole and the like";
    EXPECT_FALSE(moves([](auto& m) { m.put(RTA_OIF, kFrom.value).put(RTA_NH_ID, 7); })) << "its object moves";
    for (auto type : {RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST})
        EXPECT_FALSE(moves([&](auto& m) { m.put(RTA_OIF, kFrom.value).route->rtm_type = type; }));
    for (auto protocol : {RTPROT_KERNEL, int{kRouteProtocol}})
        EXPECT_FALSE(moves(
            [&](auto& m) { m.put(RTA_OIF, kFrom.value).route->rtm_protocol = static_cast<unsigned char>(protocol); }));
    EXPECT_FALSE(moves([](auto& m) { m.put(RTA_OIF, kFrom.value).route->rtm_flags = RTM_F_CLONED; }));
    EXPECT_FALSE(moves(
        [](auto& m) { m.put(RTA_OIF, kFrom.value).put(RTA_TABLE, RT_TABLE_LOCAL).route->rtm_table = RT_TABLE_LOCAL; }));
    EXPECT_FALSE(moves([](auto& m) { m.put(RTA_OIF, kFrom.value).header->nlmsg_type = RTM_DELROUTE; }));
}

TEST(RouteMove, KeepsTheRemainingLifetimeOfAnIpv6Route) {
    RouteMessage message(Family::ipv6);
    message.to("2001:db8:1::", 48).put(RTA_OIF, kFrom.value).put(RTA_PRIORITY, 1024).expires(1201);
    auto move = message.move();
    ASSERT_TRUE(move);
    EXPECT_FALSE(move->advertised);
    EXPECT_EQ(attributes_of(move->replace).at(RTA_EXPIRES), number(13)) << "seconds, rounded up";
    EXPECT_FALSE(attributes_of(move->replace).contains(RTA_CACHEINFO));
    EXPECT_FALSE(attributes_of(move->remove).contains(RTA_EXPIRES));
    RouteMessage gone(Family::ipv6);
    gone.to("2001:db8:1::", 48).put(RTA_OIF, kFrom.value).expires(-5);
    EXPECT_FALSE(gone.move());
}

TEST(RouteMove, RoutesOfAdvertisementsGetTheKernelsOwnFlags) {
    RouteMessage router(Family::ipv6);
    router.put(RTA_OIF, kFrom.value).put(RTA_GATEWAY, ip("fe80::1")).put(RTA_PRIORITY, 1024).expires(180000);
    router.put(RTA_PREF, Bytes{1});
    router.route->rtm_protocol = RTPROT_RA;
    auto move = router.move();
    ASSERT_TRUE(move && move->advertised);
    EXPECT_EQ(move->text, "route default via fe80::1 table 254 metric 1024");
    AdvertisedRoute expected{.gateway = *parse_ip("fe80::1"),
                             .metric = 1024,
                             .flags = RTF_UP | RTF_GATEWAY | RTF_ADDRCONF | RTF_DEFAULT | RTF_EXPIRES | RTF_PREF(1u),
                             .expires_ticks = 180000};
    EXPECT_EQ(*move->advertised, expected);

    RouteMessage on_link(Family::ipv6);
    on_link.to("2001:db8::", 64).put(RTA_OIF, kFrom.value).put(RTA_PRIORITY, 256).expires(1000);
    on_link.route->rtm_protocol = RTPROT_KERNEL;
    move = on_link.move();
    ASSERT_TRUE(move && move->advertised);
    EXPECT_EQ(move->advertised->flags, unsigned{RTF_UP | RTF_ADDRCONF | RTF_PREFIX_RT | RTF_EXPIRES});
    EXPECT_EQ(move->advertised->prefix_length, 64);

    RouteMessage link_local(Family::ipv6);
    link_local.to("fe80::", 64).put(RTA_OIF, kFrom.value).expires(1000).route->rtm_protocol = RTPROT_KERNEL;
    EXPECT_FALSE(link_local.move()) << "belongs to the NIC";
}

TEST(RouteMove, KeysTellWhatAReplacementWouldHit) {
    auto key = [](auto change, Family family = Family::ipv4) {
        RouteMessage message(family);
        message.put(RTA_OIF, kFrom.value);
        change(message);
        return *route_key(message.bytes());
    };
    auto plain = key([](auto& m) { m.to("198.51.100.0", 24); });
    EXPECT_EQ(plain, key([](auto& m) { m.to("198.51.100.0", 24).put(RTA_GATEWAY, ip("192.0.2.254")); }));
    EXPECT_NE(plain, key([](auto& m) { m.to("198.51.100.0", 25); }));
    EXPECT_NE(plain, key([](auto& m) { m.to("198.51.100.0", 24).put(RTA_PRIORITY, 1); }));
    EXPECT_NE(plain, key([](auto& m) { m.to("198.51.100.0", 24).put(RTA_TABLE, 7); }));
    EXPECT_NE(plain, key([](auto& m) { m.to("198.51.100.0", 24).route->rtm_tos = 4; }));
    EXPECT_NE(key([](auto& m) { m.to("2001:db8::", 64); }, Family::ipv6),
              key([](auto& m) { m.to("2001:db8::", 64).put(RTA_GATEWAY, ip("fe80::1")); }, Family::ipv6));
}

TEST(RouteMove, SaysNothingOnMalformedMessages) {
    RouteMessage message;
    message.to("198.51.100.0", 24).put(RTA_MULTIPATH, hop(kFrom.value, "192.0.2.254", 1));
    ASSERT_TRUE(message.move());
    for (std::size_t size = 0; size < message.header->nlmsg_len; ++size) {
        EXPECT_FALSE(decode_route_move({message.buffer, size}, kFrom, kTo)) << size;
        EXPECT_FALSE(route_key({message.buffer, size})) << size;
    }
    for (std::uint16_t length : std::initializer_list<std::uint16_t>{0, 4, 7, 200}) {
        Bytes bad = hop(kFrom.value, "192.0.2.254", 1);
        std::memcpy(bad.data(), &length, sizeof length);
        RouteMessage broken;
        EXPECT_FALSE(broken.put(RTA_MULTIPATH, bad).move()) << length;
    }
    RouteMessage wide;
    EXPECT_FALSE(wide.put(RTA_OIF, kFrom.value).put(RTA_GATEWAY, ip("fe80::1")).move());
}

TEST(NexthopMove, R_GRP_6_KeepsIdAndGateway) {
    alignas(8) std::uint8_t buffer[256] = {};
    nlmsghdr* header = mnl_nlmsg_put_header(buffer);
    header->nlmsg_type = RTM_NEWNEXTHOP;
    auto* nexthop = static_cast<nhmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nhmsg)));
    nexthop->nh_family = AF_INET;
    nexthop->nh_protocol = RTPROT_STATIC;
    nexthop->nh_scope = RT_SCOPE_LINK;
    nexthop->nh_flags = RTNH_F_LINKDOWN;
    mnl_attr_put_u32(header, NHA_ID, 7);
    mnl_attr_put_u32(header, NHA_OIF, kFrom.value);
    mnl_attr_put(header, NHA_GATEWAY, 4, ip("192.0.2.254").data());
    MessageBytes message(buffer, header->nlmsg_len);
    auto move = decode_nexthop_move(message, kFrom, kTo);
    ASSERT_TRUE(move);
    EXPECT_EQ(move->text, "nexthop 7");
    std::map<int, Bytes> expected{{NHA_ID, number(7)}, {NHA_OIF, number(kTo.value)}, {NHA_GATEWAY, ip("192.0.2.254")}};
    EXPECT_EQ(attributes_of(move->replace, sizeof(nhmsg)), expected);
    auto* sent = static_cast<const nhmsg*>(mnl_nlmsg_get_payload(&header_of(move->replace)));
    EXPECT_EQ(sent->nh_protocol, RTPROT_STATIC);
    EXPECT_EQ(sent->nh_scope, 0) << "the kernel refuses one";
    EXPECT_EQ(sent->nh_flags, 0u);
    EXPECT_FALSE(decode_nexthop_move(message, kOther, kTo));
}

TEST(RouteSource, R_CMD_1_OnlyThePreferredSourceChanges) {
    RouteMessage message;
    message.to("192.0.2.0", 24).put(RTA_OIF, kFrom.value).put(RTA_PREFSRC, ip("192.0.2.1"));
    SetRouteSources wanted{kFrom, Family::ipv4, parse_ip("10.0.0.1")};
    auto change = decode_source_change(message.bytes(), wanted);
    ASSERT_TRUE(change);
    EXPECT_EQ(change->source, parse_ip("192.0.2.1"));
    auto again = decode_source_change(change->replace, wanted);
    EXPECT_FALSE(again) << "it has that source now";
    auto back = decode_source_change(change->replace, {kFrom, Family::ipv4, {}});
    ASSERT_TRUE(back);
    EXPECT_EQ(back->source, parse_ip("10.0.0.1"));
    EXPECT_FALSE(decode_source_change(back->replace, {kFrom, Family::ipv4, {}}));
}

TEST(RouteSource, R_CMD_1_OtherRoutesAreLeftAlone) {
    SetRouteSources wanted{kFrom, Family::ipv4, parse_ip("10.0.0.1")};
    RouteMessage elsewhere, local, ours, object;
    elsewhere.put(RTA_OIF, kOther.value);
    local.put(RTA_OIF, kFrom.value).route->rtm_type = RTN_LOCAL;
    ours.put(RTA_OIF, kFrom.value).route->rtm_protocol = kRouteProtocol;
    object.put(RTA_OIF, kFrom.value).put(RTA_NH_ID, 7);
    for (const RouteMessage* message : {&elsewhere, &local, &ours, &object}) {
        EXPECT_FALSE(decode_source_change(message->bytes(), wanted));
    }
}

TEST(GivenAwayRoute, IsNotOursToTakeAway) {
    RouteState route{.network = *parse_ip("0.0.0.0"), .link = kTo, .table = RT_TABLE_MAIN};
    route.gateway = parse_ip("192.0.2.254");
    auto protocol_of = [](const NetlinkRequest& request) {
        const auto* header = reinterpret_cast<const nlmsghdr*>(request.data());
        return static_cast<const rtmsg*>(NLMSG_DATA(header))->rtm_protocol;
    };
    EXPECT_EQ(protocol_of(encode(AddRoute{route})), kRouteProtocol);
    EXPECT_EQ(protocol_of(encode(AddRoute{route, false})), RTPROT_DHCP);
}

}  // namespace
}  // namespace ipmp
