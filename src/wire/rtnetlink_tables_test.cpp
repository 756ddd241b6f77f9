// Requests of `route` and `arp` as the kernel will read them, and what it answers, taken apart (R-CMD-3, R-CMD-4). What
// the kernel makes of them is tested in tests/netns/test_arp_route.py.
#include "wire/rtnetlink_tables.hpp"

#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <cstring>

#include "wire/rtnetlink_message.hpp"

namespace ipmp {
namespace {

IpAddress ip(const char* text) { return *parse_ip(text); }

// A request to add something reads as the kernel's word that it is there.
TEST(RtnetlinkTables, R_CMD_4_ARouteReadsBackAsItWasWritten) {
    TableRoute route{.destination = ip("10.1.0.0"),
                     .prefix_length = 16,
                     .gateway = ip("192.0.2.254"),
                     .source = ip("192.0.2.1"),
                     .link = InterfaceIndex{7},
                     .mtu_bytes = 1400,
                     .by_hand = true};
    EXPECT_EQ(decode_table_route(encode_add(route)), route);
    EXPECT_EQ(decode_table_route(encode_change(route)), route);
    TableRoute unroutable{.destination = ip("2001:db8::"), .prefix_length = 32, .kind = RouteKind::blackhole,
                          .by_hand = true};
    EXPECT_EQ(decode_table_route(encode_add(unroutable)), unroutable);
    TableRoute everywhere{.gateway = ip("192.0.2.254"), .by_hand = true};
    EXPECT_EQ(decode_table_route(encode_add(everywhere)), everywhere);
}

TEST(RtnetlinkTables, R_CMD_4_DeletingNamesOnlyWhatIsGiven) {
    NetlinkRequest request = encode_delete(TableRoute{.destination = ip("10.0.0.0"), .prefix_length = 8});
    Message message(request, {RTM_DELROUTE}, sizeof(rtmsg));
    ASSERT_TRUE(message);
    EXPECT_EQ(message.family_header<rtmsg>().rtm_scope, RT_SCOPE_NOWHERE);
    EXPECT_EQ(message.family_header<rtmsg>().rtm_protocol, RTPROT_UNSPEC);
    EXPECT_EQ(message.family_header<rtmsg>().rtm_type, RTN_UNSPEC);
    EXPECT_FALSE(decode_table_route(request)) << "it is no route";
}

TEST(RtnetlinkTables, R_CMD_4_OnLinkRoutesHaveTheScopeOfALink) {
    NetlinkRequest request = encode_add(
        TableRoute{.destination = ip("10.0.0.0"), .prefix_length = 8, .link = InterfaceIndex{7}});
    Message message(request, {RTM_NEWROUTE}, sizeof(rtmsg));
    ASSERT_TRUE(message);
    EXPECT_EQ(message.family_header<rtmsg>().rtm_scope, RT_SCOPE_LINK);
}

TEST(RtnetlinkTables, R_CMD_3_NeighbourEntriesReadBackAsTheyWereWritten) {
    TableNeighbour entry{.link = {7}, .address = ip("192.0.2.9"), .mac = parse_mac("02:00:00:00:00:09")};
    EXPECT_EQ(decode_table_neighbour(encode_add(entry)), entry);
    entry.permanent = true;
    EXPECT_EQ(decode_table_neighbour(encode_add(entry)), entry);
    TableNeighbour proxy{.link = {7}, .address = ip("192.0.2.50"), .permanent = true, .proxy = true};
    EXPECT_EQ(decode_table_neighbour(encode_add(proxy)), proxy);
}

TEST(RtnetlinkTables, R_CMD_3_WhoHasNotAnsweredHasNoEntry) {
    NetlinkRequest request =
        encode_add(TableNeighbour{.link = {7}, .address = ip("192.0.2.9"), .mac = parse_mac("02:00:00:00:00:09")});
    auto* header = reinterpret_cast<nlmsghdr*>(request.data());
    auto* neighbour = static_cast<ndmsg*>(mnl_nlmsg_get_payload(header));
    for (int state : {NUD_INCOMPLETE, NUD_FAILED, NUD_NONE}) {
        neighbour->ndm_state = static_cast<std::uint16_t>(state);
        EXPECT_FALSE(decode_table_neighbour(request));
    }
    neighbour->ndm_state = NUD_STALE;
    EXPECT_TRUE(decode_table_neighbour(request));
}

TEST(RtnetlinkTables, NoTruncationIsRead) {
    NetlinkRequest route = encode_add(TableRoute{.destination = ip("10.1.0.0"), .prefix_length = 16});
    for (std::size_t size = 0; size < route.size(); ++size) {
        EXPECT_FALSE(decode_table_route({route.data(), size}));
    }
}

}  // namespace
}  // namespace ipmp
