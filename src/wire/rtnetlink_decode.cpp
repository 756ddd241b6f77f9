#include "wire/rtnetlink_decode.hpp"

#include <linux/net_namespace.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

#include "wire/rtnetlink_message.hpp"

namespace ipmp {

namespace {

constexpr std::uint16_t kLinkNamespaceImmutable = 67;  // IFLA_NETNS_IMMUTABLE, newer than Debian 12's headers

struct LinkExtras {
    std::optional<std::uint8_t> carrier;
    std::uint32_t carrier_ups = 0, carrier_downs = 0;
    InterfaceIndex peer;
    bool peer_elsewhere = false;  // in another network namespace: its index means nothing here
};

bool read_link_attribute(const nlattr* attribute, LinkState& link, LinkExtras& extras) {
    switch (mnl_attr_get_type(attribute)) {
        case IFLA_IFNAME:
            return read_text(attribute, link.name);
        case IFLA_IFALIAS:
            return read_text(attribute, link.alias);
        case IFLA_MTU:
            return read_number(attribute, link.mtu_bytes);
        case IFLA_GSO_MAX_SIZE:
            return read_number(attribute, link.gso_bytes);
        case IFLA_GSO_MAX_SEGS:
            return read_number(attribute, link.gso_segments);
        case IFLA_MASTER:
            return read_number(attribute, link.master.value);
        case IFLA_LINK:
            return read_number(attribute, extras.peer.value);
        case IFLA_LINK_NETNSID:
            extras.peer_elsewhere = true;
            return read_number(attribute, link.peer_namespace);
        case kLinkNamespaceImmutable:
            link.immovable = mnl_attr_get_payload_len(attribute) == 1 && mnl_attr_get_u8(attribute) != 0;
            return true;
        case IFLA_CARRIER:
            return read_number(attribute, extras.carrier.emplace());
        case IFLA_CARRIER_UP_COUNT:
            return read_number(attribute, extras.carrier_ups);
        case IFLA_CARRIER_DOWN_COUNT:
            return read_number(attribute, extras.carrier_downs);
        case IFLA_ADDRESS:  // other link types have other lengths, which is fine
            if (mnl_attr_get_payload_len(attribute) == link.mac.bytes.size())
                std::memcpy(link.mac.bytes.data(), mnl_attr_get_payload(attribute), link.mac.bytes.size());
            return true;
        case IFLA_LINKINFO:
            return visit_nested(attribute, [&](const nlattr* inner) {
                return mnl_attr_get_type(inner) != IFLA_INFO_KIND || read_text(inner, link.kind);
            });
        default:
            return true;
    }
}

}  // namespace

std::optional<LinkState> decode_link(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWLINK, RTM_DELLINK}, sizeof(ifinfomsg));
    if (!message) return {};
    const auto& header = message.family_header<ifinfomsg>();
    if (header.ifi_family != AF_UNSPEC || header.ifi_index <= 0) return {};

    LinkState link;
    LinkExtras extras;
    if (!visit_attributes(message, [&](const nlattr* a) { return read_link_attribute(a, link, extras); })) return {};
    if (link.name.empty()) return {};
    link.index.value = static_cast<std::uint32_t>(header.ifi_index);
    link.ethernet = header.ifi_type == ARPHRD_ETHER && !(header.ifi_flags & IFF_LOOPBACK);
    link.multicast = header.ifi_flags & IFF_MULTICAST;
    link.no_arp = header.ifi_flags & IFF_NOARP;
    link.admin_up = header.ifi_flags & IFF_UP;
    bool carrier = extras.carrier ? *extras.carrier != 0 : (header.ifi_flags & IFF_LOWER_UP) != 0;
    link.carrier = carrier && (header.ifi_flags & IFF_RUNNING);
    link.starting = link.admin_up && carrier && !link.carrier;
    link.carrier_changes = extras.carrier_ups + extras.carrier_downs;
    link.immovable = link.immovable || link.kind == "gretap" || link.kind == "erspan";  // each namespace has its own
    if (extras.peer_elsewhere) link.peer_elsewhere = extras.peer.value;
    else if (extras.peer != link.index) link.peer = extras.peer;
    return link;
}

std::optional<std::uint32_t> decode_namespace_id(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWNSID}, sizeof(rtgenmsg));
    if (!message) return {};
    std::int32_t id = -1;
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        return mnl_attr_get_type(attribute) != NETNSA_NSID || read_number(attribute, id);
    });
    if (!well_formed || id < 0) return {};
    return static_cast<std::uint32_t>(id);
}

std::optional<AddressState> decode_address(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWADDR, RTM_DELADDR}, sizeof(ifaddrmsg));
    if (!message) return {};
    const auto& header = message.family_header<ifaddrmsg>();
    auto family = family_of(header.ifa_family);
    if (!family || header.ifa_index == 0 || header.ifa_prefixlen > bits_of(*family)) return {};

    AddressState state{.link = {header.ifa_index}, .prefix_length = header.ifa_prefixlen};
    std::optional<IpAddress> address, local;
    std::uint32_t flags = header.ifa_flags;
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
            case IFA_ADDRESS:
                return read_ip(attribute, *family, address.emplace());
            case IFA_LOCAL:
                return read_ip(attribute, *family, local.emplace());
            case IFA_BROADCAST:
                return read_ip(attribute, *family, state.broadcast.emplace());
            case IFA_FLAGS:
                return read_number(attribute, flags);
            default:
                return true;
        }
    });
    if (!well_formed || (!address && !local)) return {};
    state.address = local ? *local : *address;  // on a point-to-point address IFA_ADDRESS is the peer
    state.scope_link = header.ifa_scope != RT_SCOPE_UNIVERSE;
    state.tentative = flags & IFA_F_TENTATIVE;
    state.dad_failed = flags & IFA_F_DADFAILED;
    state.deprecated = flags & IFA_F_DEPRECATED;
    state.finite_lifetime = !(flags & IFA_F_PERMANENT);
    state.temporary = *family == Family::ipv6 && (flags & IFA_F_TEMPORARY);  // IPv4: secondary
    return state;
}

std::optional<AddressLifetime> decode_address_lifetime(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWADDR}, sizeof(ifaddrmsg));
    if (!message) return {};
    std::optional<AddressLifetime> lifetime;
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        if (mnl_attr_get_type(attribute) != IFA_CACHEINFO) return true;
        ifa_cacheinfo info{};
        if (!read_number(attribute, info)) return false;
        lifetime = {info.ifa_valid, info.ifa_prefered};
        return true;
    });
    if (!well_formed) return {};
    return lifetime;
}

std::optional<IpAddress> decode_ipv6_token(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWLINK}, sizeof(ifinfomsg));
    if (!message) return {};
    std::optional<IpAddress> token;
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        if (mnl_attr_get_type(attribute) != IFLA_AF_SPEC) return true;
        return visit_nested(attribute, [&](const nlattr* family) {
            if (mnl_attr_get_type(family) != AF_INET6) return true;
            return visit_nested(family, [&](const nlattr* inner) {
                return mnl_attr_get_type(inner) != IFLA_INET6_TOKEN || read_ip(inner, Family::ipv6, token.emplace());
            });
        });
    });
    if (!well_formed) return {};
    return token;
}

std::optional<RuleState> decode_rule(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWRULE, RTM_DELRULE}, sizeof(fib_rule_hdr));
    if (!message) return {};
    const auto& header = message.family_header<fib_rule_hdr>();
    auto family = family_of(header.family);
    if (!family || header.src_len != bits_of(*family)) return {};

    RuleState rule{.table = header.table};
    bool has_source = false;
    std::uint8_t protocol = 0;
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
            case FRA_SRC:
                has_source = true;
                return read_ip(attribute, *family, rule.source);
            case FRA_TABLE:
                return read_number(attribute, rule.table);
            case FRA_PROTOCOL:
                return read_number(attribute, protocol);
            default:
                return true;
        }
    });
    if (!well_formed || !has_source || protocol != kRouteProtocol) return {};
    return rule;
}

std::optional<RouteState> decode_route(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWROUTE, RTM_DELROUTE}, sizeof(rtmsg));
    if (!message) return {};
    const auto& header = message.family_header<rtmsg>();
    if (header.rtm_protocol != kRouteProtocol || (header.rtm_flags & RTM_F_CLONED)) return {};
    auto family = family_of(header.rtm_family);
    if (!family || header.rtm_dst_len > bits_of(*family)) return {};

    RouteState route{.network = {.family = *family}, .prefix_length = header.rtm_dst_len, .table = header.rtm_table};
    std::uint32_t metric = 0;
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
            case RTA_DST:
                return read_ip(attribute, *family, route.network);
            case RTA_OIF:
                return read_number(attribute, route.link.value);
            case RTA_TABLE:
                return read_number(attribute, route.table);
            case RTA_GATEWAY:
                return read_ip(attribute, *family, route.gateway.emplace());
            case RTA_PRIORITY:
                return read_number(attribute, metric);
            default:
                return true;
        }
    });
    if (!well_formed || !route.link) return {};
    if (route.gateway) route.metric = metric;
    return route;
}

std::optional<NeighbourState> decode_neighbour(MessageBytes bytes) {
    constexpr int kUsable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
    Message message(bytes, {RTM_NEWNEIGH}, sizeof(ndmsg));
    if (!message) return {};
    const auto& header = message.family_header<ndmsg>();
    auto family = family_of(header.ndm_family);
    if (!family || header.ndm_ifindex <= 0) return {};
    if (!(header.ndm_state & kUsable) || (header.ndm_flags & NTF_PROXY)) return {};

    NeighbourState neighbour{.link = {static_cast<std::uint32_t>(header.ndm_ifindex)}, .peer = {}};
    bool has_address = false, has_mac = false;
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
            case NDA_DST:
                return has_address = read_ip(attribute, *family, neighbour.peer.address);
            case NDA_LLADDR:  // other link types have other lengths
                has_mac = mnl_attr_get_payload_len(attribute) == neighbour.peer.mac.bytes.size();
                if (has_mac)
                    std::memcpy(neighbour.peer.mac.bytes.data(), mnl_attr_get_payload(attribute),
                                neighbour.peer.mac.bytes.size());
                return true;
            default:
                return true;
        }
    });
    if (!well_formed || !has_address || !has_mac || neighbour.peer.address.is_multicast()) return {};
    return neighbour;
}

std::optional<NeighbourEntry> decode_neighbour_entry(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWNEIGH}, sizeof(ndmsg));
    if (!message) return {};
    const auto& header = message.family_header<ndmsg>();
    auto family = family_of(header.ndm_family);
    if (!family || header.ndm_ifindex <= 0) return {};
    bool is_proxy = header.ndm_flags & NTF_PROXY;
    if (!is_proxy && header.ndm_state != NUD_PERMANENT) return {};

    NeighbourEntry entry{.link = {static_cast<std::uint32_t>(header.ndm_ifindex)}, .address = {}, .mac = {}};
    bool has_address = false;
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
            case NDA_DST:
                return has_address = read_ip(attribute, *family, entry.address);
            case NDA_LLADDR:
                if (!is_proxy && mnl_attr_get_payload_len(attribute) == MacAddress{}.bytes.size()) {
                    std::memcpy(entry.mac.emplace().bytes.data(), mnl_attr_get_payload(attribute),
                                MacAddress{}.bytes.size());
                }
                return true;
            default:
                return true;
        }
    });
    if (!well_formed || !has_address || entry.address.is_multicast() || entry.mac.has_value() == is_proxy) return {};
    return entry;
}

std::optional<FilterState> decode_filter(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWTFILTER, RTM_DELTFILTER}, sizeof(tcmsg));
    if (!message) return {};
    const auto& header = message.family_header<tcmsg>();
    if (header.tcm_ifindex <= 0) return {};  // a block shared by many links is none of ours

    FilterState filter{.link = {static_cast<std::uint32_t>(header.tcm_ifindex)},
                       .parent = header.tcm_parent,
                       .priority = static_cast<std::uint16_t>(header.tcm_info >> 16),
                       .handle = header.tcm_handle};
    const nlattr* options = nullptr;  // their meaning depends on the kind
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        if (mnl_attr_get_type(attribute) == TCA_KIND) return read_text(attribute, filter.kind);
        if (mnl_attr_get_type(attribute) == TCA_OPTIONS) options = attribute;
        return true;
    });
    if (well_formed && options && filter.kind == "bpf") {
        well_formed = visit_nested(options, [&](const nlattr* inner) {
            switch (mnl_attr_get_type(inner)) {
                case TCA_BPF_ID:
                    return read_number(inner, filter.program_id);
                case TCA_BPF_NAME:
                    return read_text(inner, filter.program_name);
                default:
                    return true;
            }
        });
    }
    if (!well_formed) return {};
    return filter;
}

bool is_ipmp_filter(const FilterState& filter) {
    bool is_hooked = filter.parent == kIngressParent || filter.parent == kEgressParent;
    return is_hooked && filter.kind == "bpf" && filter.program_id != 0 && filter.program_name.starts_with("ipmp_");
}

std::optional<InterfaceIndex> decode_traffic_control_link(MessageBytes bytes) {
    Message message(bytes,
                    {RTM_NEWTFILTER, RTM_DELTFILTER, RTM_NEWQDISC, RTM_DELQDISC, RTM_NEWTCLASS, RTM_DELTCLASS,
                     RTM_NEWCHAIN, RTM_DELCHAIN},
                    sizeof(tcmsg));
    if (!message || message.family_header<tcmsg>().tcm_ifindex <= 0) return {};
    return InterfaceIndex{static_cast<std::uint32_t>(message.family_header<tcmsg>().tcm_ifindex)};
}

std::optional<Acknowledgement> decode_acknowledgement(MessageBytes bytes) {
    Message message(bytes, {NLMSG_ERROR}, sizeof(nlmsgerr));
    if (!message) return {};
    const auto& error = message.family_header<nlmsgerr>();
    if (error.error > 0 || error.error < -4095) return {};
    Acknowledgement acknowledgement{.error_number = -error.error};
    // The request itself, if not capped away, stands before the attributes; we always ask for capping.
    if ((message.header().nlmsg_flags & NLM_F_ACK_TLVS) && (message.header().nlmsg_flags & NLM_F_CAPPED)) {
        if (!visit_attributes(message, [&](const nlattr* attribute) {
                return mnl_attr_get_type(attribute) != NLMSGERR_ATTR_MSG || read_text(attribute, acknowledgement.text);
            }))
            acknowledgement.text.clear();
    }
    return acknowledgement;
}

}  // namespace ipmp
