#include "wire/rtnetlink_traffic.hpp"

#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <cstring>

#include "wire/rtnetlink_builder.hpp"
#include "wire/rtnetlink_message.hpp"

namespace ipmp {
namespace {

const rtnl_link_stats64 kStatistics{.rx_packets = 1, .tx_packets = 2, .rx_bytes = 5'000'000'000, .tx_bytes = 4};

NetlinkRequest answer(std::uint16_t type, std::uint16_t attribute, std::size_t size_bytes) {
    Builder builder(type, 0);
    builder.family_header<if_stats_msg>().ifindex = 7;
    return builder.put(attribute, &kStatistics, size_bytes).finish();
}

TEST(RtnetlinkTraffic, OnlyTheCountersOfLinksAreAskedFor) {
    NetlinkRequest request = encode_dump_traffic();
    Message message(request, {RTM_GETSTATS}, sizeof(if_stats_msg));
    ASSERT_TRUE(message);
    EXPECT_EQ(message.header().nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
    EXPECT_EQ(message.family_header<if_stats_msg>().filter_mask, 1u << (IFLA_STATS_LINK_64 - 1));
}

TEST(RtnetlinkTraffic, IsReadWhateverAKernelAppends) {
    const LinkTraffic traffic{
        .index = 7, .received_bytes = 5'000'000'000, .received_packets = 1, .sent_bytes = 4, .sent_packets = 2};
    EXPECT_EQ(decode_traffic(answer(RTM_NEWSTATS, IFLA_STATS_LINK_64, sizeof kStatistics)), traffic);
    EXPECT_EQ(decode_traffic(answer(RTM_NEWSTATS, IFLA_STATS_LINK_64, 32)), traffic);
}

TEST(RtnetlinkTraffic, IsNothingWhereThereIsNone) {
    EXPECT_FALSE(decode_traffic(answer(RTM_NEWSTATS, IFLA_STATS_LINK_64, 31)));
    EXPECT_FALSE(decode_traffic(answer(RTM_NEWSTATS, IFLA_STATS_LINK_XSTATS, sizeof kStatistics)));
    EXPECT_FALSE(decode_traffic(answer(RTM_NEWLINK, IFLA_STATS_LINK_64, sizeof kStatistics)));
    EXPECT_FALSE(decode_traffic({}));
}

}  // namespace
}  // namespace ipmp
