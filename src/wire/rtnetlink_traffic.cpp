#include "wire/rtnetlink_traffic.hpp"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "wire/rtnetlink_builder.hpp"
#include "wire/rtnetlink_message.hpp"

namespace ipmp {

NetlinkRequest encode_dump_traffic() {
    Builder builder(RTM_GETSTATS, NLM_F_DUMP);
    builder.family_header<if_stats_msg>().filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
    return builder.finish();
}

std::optional<LinkTraffic> decode_traffic(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWSTATS}, sizeof(if_stats_msg));
    if (!message) return {};
    LinkTraffic traffic{.index = message.family_header<if_stats_msg>().ifindex};
    bool counted = false;
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        if (mnl_attr_get_type(attribute) != IFLA_STATS_LINK_64) return true;
        // Only its beginning, which all kernels have: later ones append to it.
        struct {
            std::uint64_t received_packets, sent_packets, received_bytes, sent_bytes;
        } counts{};
        if (mnl_attr_get_payload_len(attribute) < sizeof counts) return false;
        std::memcpy(&counts, mnl_attr_get_payload(attribute), sizeof counts);
        traffic.received_bytes = counts.received_bytes;
        traffic.received_packets = counts.received_packets;
        traffic.sent_bytes = counts.sent_bytes;
        traffic.sent_packets = counts.sent_packets;
        counted = true;
        return true;
    });
    if (!well_formed || !counted) return {};
    return traffic;
}

}  // namespace ipmp
