#include "wire/rtnetlink_targets.hpp"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>

#include "wire/rtnetlink_message.hpp"

namespace ipmp {

namespace {

struct Hop {
    InterfaceIndex link;
    std::optional<IpAddress> gateway;
};

bool read_hop_attribute(const nlattr* attribute, Family family, Hop& hop) {
    switch (mnl_attr_get_type(attribute)) {
        case RTA_OIF:
            return read_number(attribute, hop.link.value);
        case RTA_GATEWAY:
            return read_ip(attribute, family, hop.gateway.emplace());
        case RTA_VIA: {  // a gateway of the other family: an IPv4 route by an IPv6 router
            auto* via = static_cast<const rtvia*>(mnl_attr_get_payload(attribute));
            std::size_t size_bytes = mnl_attr_get_payload_len(attribute);
            if (size_bytes != sizeof(rtvia) + 16 || via->rtvia_family != AF_INET6) return true;
            IpAddress& gateway = hop.gateway.emplace();
            gateway.family = Family::ipv6;
            std::memcpy(gateway.bytes.data(), via->rtvia_addr, 16);
            return true;
        }
        default:
            return true;
    }
}

bool read_hops(const nlattr* attribute, Family family, std::vector<Hop>& hops) {
    auto* at = static_cast<const char*>(mnl_attr_get_payload(attribute));
    std::size_t left = mnl_attr_get_payload_len(attribute);
    while (left > 0) {
        rtnexthop header;
        if (left < sizeof header) return false;
        std::memcpy(&header, at, sizeof header);
        if (header.rtnh_len < sizeof header || header.rtnh_len > left) return false;
        Hop hop{.link = {static_cast<std::uint32_t>(header.rtnh_ifindex)}, .gateway = {}};
        bool well_formed =
            visit_attributes(at + sizeof header, header.rtnh_len - sizeof header,
                             [&](const nlattr* inner) { return read_hop_attribute(inner, family, hop); });
        if (!well_formed) return false;
        hops.push_back(hop);
        std::size_t step = std::min<std::size_t>(left, MNL_ALIGN(header.rtnh_len));
        at += step;
        left -= step;
    }
    return true;
}

}  // namespace

std::vector<TargetRoute> decode_target_routes(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWROUTE, RTM_DELROUTE}, sizeof(rtmsg));
    if (!message) return {};
    const auto& header = message.family_header<rtmsg>();
    bool ours_to_read = (header.rtm_family == AF_INET || header.rtm_family == AF_INET6) &&
                        header.rtm_type == RTN_UNICAST && header.rtm_table != RT_TABLE_LOCAL;
    if (!ours_to_read) return {};
    Family family = header.rtm_family == AF_INET ? Family::ipv4 : Family::ipv6;
    std::vector<Hop> hops(1);
    std::optional<IpAddress> destination;
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        if (mnl_attr_get_type(attribute) == RTA_MULTIPATH) return read_hops(attribute, family, hops);
        if (mnl_attr_get_type(attribute) == RTA_DST) return read_ip(attribute, family, destination.emplace());
        return read_hop_attribute(attribute, family, hops.front());
    });
    if (!well_formed) return {};
    std::vector<TargetRoute> targets;
    for (const Hop& hop : hops) {
        if (!hop.link) continue;
        if (hop.gateway) targets.push_back({hop.link, *hop.gateway});
        if (destination && header.rtm_dst_len == bits_of(family)) targets.push_back({hop.link, *destination});
    }
    return targets;
}

}  // namespace ipmp
