#include "wire/rtnetlink_routes.hpp"

#include <fmt/format.h>
#include <linux/ipv6_route.h>
#include <linux/nexthop.h>
#include <linux/route.h>
#include <linux/rtnetlink.h>

#include "wire/rtnetlink_message.hpp"

namespace ipmp {

namespace {

constexpr std::uint32_t kTicksPerSecond = 100;  // USER_HZ, the same on every architecture we support

// A request that grows attribute by attribute, as long as need be.
class Writer {
  public:
    Writer(std::uint16_t type, std::uint16_t flags, const void* family_header, std::size_t size_bytes) {
        nlmsghdr header{};
        header.nlmsg_type = type;
        header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
        append(&header, sizeof header);
        append(family_header, size_bytes);
    }
    void put(std::uint16_t type, const void* data, std::size_t size_bytes) {
        nlattr attribute{static_cast<std::uint16_t>(sizeof attribute + size_bytes), type};
        append(&attribute, sizeof attribute);
        append(data, size_bytes);
    }
    void put(std::uint16_t type, std::uint32_t value) { put(type, &value, sizeof value); }
    void put(const nlattr* attribute) {
        put(attribute->nla_type, mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));
    }
    NetlinkRequest finish() {
        reinterpret_cast<nlmsghdr*>(bytes_.data())->nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
        return std::move(bytes_);
    }

  private:
    void append(const void* data, std::size_t size_bytes) {
        auto* first = static_cast<const std::uint8_t*>(data);
        bytes_.insert(bytes_.end(), first, first + size_bytes);
        bytes_.resize(MNL_ALIGN(bytes_.size()));
    }
    NetlinkRequest bytes_;
};

// One hop of a multipath route. `rest`: its attributes, that is gateway and encapsulation.
struct Hop {
    rtnexthop header;
    std::string rest;
};

std::optional<std::vector<Hop>> read_hops(const nlattr* attribute) {
    std::string_view left(static_cast<const char*>(mnl_attr_get_payload(attribute)),
                          mnl_attr_get_payload_len(attribute));
    std::vector<Hop> hops;
    while (!left.empty()) {
        Hop hop;
        if (left.size() < sizeof hop.header) return {};
        std::memcpy(&hop.header, left.data(), sizeof hop.header);
        std::size_t size_bytes = hop.header.rtnh_len;
        if (size_bytes < sizeof hop.header || size_bytes > left.size()) return {};
        hop.rest = left.substr(sizeof hop.header, size_bytes - sizeof hop.header);
        hops.push_back(std::move(hop));
        left.remove_prefix(std::min<std::size_t>(left.size(), MNL_ALIGN(size_bytes)));
    }
    return hops;
}

// Hops that become the same one are put together, their weights added: IPv6 refuses twins.
std::string write_hops(const std::vector<Hop>& hops, InterfaceIndex from, InterfaceIndex to) {
    std::vector<Hop> moved;
    for (Hop hop : hops) {
        if (hop.header.rtnh_ifindex == static_cast<int>(from.value))
            hop.header.rtnh_ifindex = static_cast<int>(to.value);
        hop.header.rtnh_flags &= RTNH_F_ONLINK;  // the others tell how it fares
        auto twin = std::find_if(moved.begin(), moved.end(), [&](const Hop& other) {
            return other.header.rtnh_ifindex == hop.header.rtnh_ifindex && other.rest == hop.rest;
        });
        if (twin == moved.end()) {
            moved.push_back(std::move(hop));
        } else {
            int weight = twin->header.rtnh_hops + hop.header.rtnh_hops + 1;  // stored as weight - 1
            twin->header.rtnh_hops = static_cast<std::uint8_t>(std::min(weight, 255));
        }
    }
    std::string bytes;
    for (const Hop& hop : moved) {
        bytes.append(reinterpret_cast<const char*>(&hop.header), sizeof hop.header);
        bytes += hop.rest;
        bytes.resize(MNL_ALIGN(bytes.size()));
    }
    return bytes;
}

// One route message taken apart.
struct Route {
    rtmsg header{};
    Family family = Family::ipv4;
    IpAddress network, source, gateway;
    bool has_gateway = false, has_nexthop_object = false;
    InterfaceIndex link;
    std::uint32_t table = 0, metric = 0;
    std::int32_t expires_ticks = 0;  // 0: never
    std::uint8_t preference = 0;
    std::vector<Hop> hops;
    std::optional<IpAddress> preferred_source;
    std::vector<const nlattr*> kept;  // attributes that a rewritten route takes over as they are

    bool names(InterfaceIndex wanted) const {
        return link == wanted || std::any_of(hops.begin(), hops.end(), [&](const Hop& hop) {
                   return hop.header.rtnh_ifindex == static_cast<int>(wanted.value);
               });
    }
    bool of_advertisement() const {
        return family == Family::ipv6 && table == RT_TABLE_MAIN && hops.empty() && expires_ticks > 0 &&
               (header.rtm_protocol == RTPROT_RA || header.rtm_protocol == RTPROT_KERNEL);
    }
};

bool read_attribute(const nlattr* attribute, Route& route) {
    switch (mnl_attr_get_type(attribute)) {
        case RTA_OIF:
            return read_number(attribute, route.link.value);
        case RTA_MULTIPATH: {
            auto hops = read_hops(attribute);
            if (!hops) return false;
            route.hops = *std::move(hops);
            return true;
        }
        case RTA_CACHEINFO: {
            rta_cacheinfo info{};
            if (!read_number(attribute, info)) return false;
            route.expires_ticks = info.rta_expires;
            return true;
        }
        case RTA_NH_ID:
            route.has_nexthop_object = true;
            return true;
        case RTA_DST:
            route.kept.push_back(attribute);
            return read_ip(attribute, route.family, route.network);
        case RTA_SRC:
            route.kept.push_back(attribute);
            return read_ip(attribute, route.family, route.source);
        case RTA_GATEWAY:
            route.has_gateway = true;
            route.kept.push_back(attribute);
            return read_ip(attribute, route.family, route.gateway);
        case RTA_TABLE:
            route.kept.push_back(attribute);
            return read_number(attribute, route.table);
        case RTA_PRIORITY:
            route.kept.push_back(attribute);
            return read_number(attribute, route.metric);
        case RTA_PREF:
            route.kept.push_back(attribute);
            return read_number(attribute, route.preference);
        case RTA_PREFSRC:
            route.kept.push_back(attribute);
            return read_ip(attribute, route.family, route.preferred_source.emplace());
        case RTA_VIA:
            route.has_gateway = true;
            [[fallthrough]];
        case RTA_METRICS:
        case RTA_FLOW:
        case RTA_ENCAP_TYPE:
        case RTA_ENCAP:
        case RTA_TTL_PROPAGATE:
            route.kept.push_back(attribute);
            return true;
        default:
            return true;
    }
}

// The message must outlive the result.
std::optional<Route> read_route(const Message& message) {
    if (!message) return {};
    Route route;
    route.header = message.family_header<rtmsg>();
    auto family = family_of(route.header.rtm_family);
    if (!family || route.header.rtm_dst_len > bits_of(*family)) return {};
    route.family = *family;
    route.network.family = route.source.family = route.gateway.family = *family;
    route.table = route.header.rtm_table;
    if (!visit_attributes(message, [&](const nlattr* attribute) { return read_attribute(attribute, route); }))
        return {};
    return route;
}

std::string key_of(const Route& route) {
    // IPv6 lets routes with and without a gateway stand side by side, and replaces like by like.
    bool ipv6_gateway = route.family == Family::ipv6 && (route.has_gateway || !route.hops.empty());
    return fmt::format("{}/{} from {}/{} table {} tos {} metric {}{}", to_string(route.network),
                       route.header.rtm_dst_len, to_string(route.source), route.header.rtm_src_len, route.table,
                       route.header.rtm_tos, route.metric, ipv6_gateway ? " with gateway" : "");
}

std::string text_of(const Route& route) {
    std::string text = "route default";
    if (route.header.rtm_dst_len > 0)
        text = fmt::format("route {}/{}", to_string(route.network), route.header.rtm_dst_len);
    if (!route.hops.empty()) text += fmt::format(" over {} hops", route.hops.size());
    if (!route.gateway.is_zero()) text += " via " + to_string(route.gateway);
    text += fmt::format(" table {}", route.table);
    if (route.metric != 0) text += fmt::format(" metric {}", route.metric);
    return text;
}

bool must_move(const Route& route, InterfaceIndex from) {
    if (!route.names(from) || route.has_nexthop_object || (route.header.rtm_flags & RTM_F_CLONED)) return false;
    if (route.header.rtm_type != RTN_UNICAST && route.header.rtm_type != RTN_MULTICAST) return false;
    if (route.table == RT_TABLE_LOCAL || route.header.rtm_protocol == kRouteProtocol) return false;
    if (route.expires_ticks < 0) return false;  // has just expired
    // Prefix routes come and go with addresses; but one that advertisements made outlives its address.
    return route.header.rtm_protocol != RTPROT_KERNEL ||
           (route.of_advertisement() && !route.network.is_link_local() && !route.network.is_multicast());
}

NetlinkRequest write_route(const Route& route, std::uint16_t type, std::uint16_t flags, InterfaceIndex from,
                           InterfaceIndex to) {
    rtmsg header = route.header;
    header.rtm_flags &= RTNH_F_ONLINK;  // the others tell how it fares
    Writer writer(type, flags, &header, sizeof header);
    for (const nlattr* attribute : route.kept) writer.put(attribute);
    if (route.link) writer.put(RTA_OIF, route.link == from ? to.value : route.link.value);
    if (!route.hops.empty()) {
        std::string hops = write_hops(route.hops, from, to);
        writer.put(RTA_MULTIPATH, hops.data(), hops.size());
    }
    if (type == RTM_NEWROUTE && route.expires_ticks > 0) {
        auto ticks = static_cast<std::uint32_t>(route.expires_ticks);
        writer.put(RTA_EXPIRES, (ticks + kTicksPerSecond - 1) / kTicksPerSecond);
    }
    return writer.finish();
}

AdvertisedRoute advertised_route(const Route& route) {
    std::uint32_t flags = RTF_UP | RTF_ADDRCONF | RTF_EXPIRES;
    if (route.has_gateway) {
        flags |= RTF_GATEWAY | RTF_PREF(static_cast<std::uint32_t>(route.preference & 3));
        flags |= route.header.rtm_dst_len == 0 ? RTF_DEFAULT : RTF_ROUTEINFO;
    } else {
        flags |= RTF_PREFIX_RT;
    }
    return {.network = route.network,
            .prefix_length = route.header.rtm_dst_len,
            .gateway = route.gateway,
            .metric = route.metric,
            .flags = flags,
            .expires_ticks = static_cast<std::uint32_t>(route.expires_ticks)};
}

}  // namespace

std::optional<RouteMove> decode_route_move(MessageBytes bytes, InterfaceIndex from, InterfaceIndex to) {
    Message message(bytes, {RTM_NEWROUTE}, sizeof(rtmsg));
    auto route = read_route(message);
    if (!route || !must_move(*route, from)) return {};
    RouteMove move{.text = text_of(*route),
                   .key = key_of(*route),
                   .replace = write_route(*route, RTM_NEWROUTE, NLM_F_REPLACE, from, to),
                   .append = write_route(*route, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, from, to),
                   .remove = write_route(*route, RTM_DELROUTE, 0, from, from),
                   .advertised = {}};
    if (route->of_advertisement()) move.advertised = advertised_route(*route);
    return move;
}

std::optional<std::string> route_key(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWROUTE}, sizeof(rtmsg));
    auto route = read_route(message);
    if (!route || (route->header.rtm_flags & RTM_F_CLONED)) return {};
    return key_of(*route);
}

std::optional<SourceChange> decode_source_change(MessageBytes bytes, const SetRouteSources& wanted) {
    Message message(bytes, {RTM_NEWROUTE}, sizeof(rtmsg));
    auto route = read_route(message);
    if (route) route->header.rtm_flags &= RTM_F_CLONED | RTNH_F_ONLINK;  // the others tell how it fares
    if (!route || route->family != wanted.family || route->link != wanted.link || !route->hops.empty()) return {};
    bool is_ours = route->table != RT_TABLE_LOCAL && route->header.rtm_protocol != kRouteProtocol;
    bool can_change = route->header.rtm_type == RTN_UNICAST && !(route->header.rtm_flags & RTM_F_CLONED) &&
                      !route->has_nexthop_object && route->expires_ticks == 0 && !route->network.is_link_local();
    if (!is_ours || !can_change || route->preferred_source == wanted.source) return {};
    SourceChange change{text_of(*route), route->preferred_source, {}};
    std::erase_if(route->kept, [](const nlattr* attribute) { return mnl_attr_get_type(attribute) == RTA_PREFSRC; });
    Writer writer(RTM_NEWROUTE, NLM_F_REPLACE, &route->header, sizeof route->header);
    for (const nlattr* attribute : route->kept) writer.put(attribute);
    writer.put(RTA_OIF, wanted.link.value);
    if (wanted.source) writer.put(RTA_PREFSRC, wanted.source->bytes.data(), wanted.source->size_bytes());
    change.replace = writer.finish();
    return change;
}

std::optional<NexthopMove> decode_nexthop_move(MessageBytes bytes, InterfaceIndex from, InterfaceIndex to) {
    Message message(bytes, {RTM_NEWNEXTHOP}, sizeof(nhmsg));
    if (!message) return {};
    nhmsg header = message.family_header<nhmsg>();
    header.nh_flags &= RTNH_F_ONLINK;
    header.nh_scope = 0;  // the kernel's own finding
    Writer writer(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof header);
    InterfaceIndex link;
    std::uint32_t id = 0;
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
            case NHA_OIF:
                return read_number(attribute, link.value);
            case NHA_ID:
                writer.put(attribute);
                return read_number(attribute, id);
            case NHA_GATEWAY:
            case NHA_ENCAP_TYPE:
            case NHA_ENCAP:
                writer.put(attribute);
                return true;
            default:
                return true;
        }
    });
    if (!well_formed || id == 0 || link != from || !link) return {};
    writer.put(NHA_OIF, to.value);
    return NexthopMove{fmt::format("nexthop {}", id), writer.finish()};
}

}  // namespace ipmp
