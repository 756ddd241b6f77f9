#include "wire/rtnetlink_tables.hpp"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <set>

#include "base/check.hpp"
#include "wire/rtnetlink_message.hpp"

namespace ipmp {

namespace {

constexpr std::size_t kRequestBytes = 512;  // far more than these few attributes take

template <typename FamilyHeader>
struct Request {
    NetlinkRequest bytes = NetlinkRequest(kRequestBytes);
    nlmsghdr* header = mnl_nlmsg_put_header(bytes.data());
    FamilyHeader* family = static_cast<FamilyHeader*>(mnl_nlmsg_put_extra_header(header, sizeof(FamilyHeader)));

    Request(std::uint16_t type, int flags) {
        header->nlmsg_type = type;
        header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    }
    void put(std::uint16_t type, const void* data, std::size_t size_bytes) {
        IPMP_CHECK(mnl_attr_put_check(header, bytes.size(), type, size_bytes, data));
    }
    void put(std::uint16_t type, const IpAddress& address) { put(type, address.bytes.data(), address.size_bytes()); }
    void put(std::uint16_t type, std::uint32_t value) { put(type, &value, sizeof value); }
    NetlinkRequest finish() {
        bytes.resize(header->nlmsg_len);
        return std::move(bytes);
    }
};

std::uint8_t kernel_family(Family family) { return family == Family::ipv4 ? AF_INET : AF_INET6; }

std::uint8_t kernel_type(RouteKind kind) {
    if (kind == RouteKind::blackhole) return RTN_BLACKHOLE;
    return kind == RouteKind::unreachable ? RTN_UNREACHABLE : RTN_UNICAST;
}

NetlinkRequest route_request(const TableRoute& route, std::uint16_t type, int flags) {
    Request<rtmsg> request(type, NLM_F_ACK | flags);
    bool deletes = type == RTM_DELROUTE;
    request.family->rtm_family = kernel_family(route.destination.family);
    request.family->rtm_dst_len = route.prefix_length;
    request.family->rtm_table = RT_TABLE_MAIN;
    request.family->rtm_protocol = deletes ? RTPROT_UNSPEC : RTPROT_STATIC;
    bool any_type = deletes && route.kind == RouteKind::unicast;
    request.family->rtm_type = any_type ? std::uint8_t{RTN_UNSPEC} : kernel_type(route.kind);
    bool on_link = route.kind == RouteKind::unicast && !route.gateway;
    if (deletes) request.family->rtm_scope = RT_SCOPE_NOWHERE;  // any
    else request.family->rtm_scope = on_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    if (route.prefix_length > 0) request.put(RTA_DST, route.destination);
    if (route.gateway) request.put(RTA_GATEWAY, *route.gateway);
    if (route.link) request.put(RTA_OIF, route.link->value);
    if (route.source) request.put(RTA_PREFSRC, *route.source);
    if (route.mtu_bytes) {
        nlattr* metrics = mnl_attr_nest_start(request.header, RTA_METRICS);
        request.put(RTAX_MTU, *route.mtu_bytes);
        mnl_attr_nest_end(request.header, metrics);
    }
    return request.finish();
}

RouteKind kind_of(std::uint8_t kernel_type) {
    if (kernel_type == RTN_UNICAST || kernel_type == RTN_LOCAL) return RouteKind::unicast;
    if (kernel_type == RTN_BLACKHOLE) return RouteKind::blackhole;
    return kernel_type == RTN_UNREACHABLE ? RouteKind::unreachable : RouteKind::other;
}

bool read_mtu(const nlattr* metrics, TableRoute& route) {
    return visit_nested(metrics, [&](const nlattr* attribute) {
        bool is_mtu = mnl_attr_get_type(attribute) == RTAX_MTU;
        return !is_mtu || read_number(attribute, route.mtu_bytes.emplace());
    });
}

NetlinkRequest neighbour_request(const TableNeighbour& neighbour, std::uint16_t type, int flags) {
    Request<ndmsg> request(type, NLM_F_ACK | flags);
    request.family->ndm_family = kernel_family(neighbour.address.family);
    request.family->ndm_ifindex = static_cast<int>(neighbour.link.value);
    request.family->ndm_state = neighbour.permanent || neighbour.proxy ? NUD_PERMANENT : NUD_REACHABLE;
    request.family->ndm_flags = neighbour.proxy ? NTF_PROXY : 0;
    request.put(NDA_DST, neighbour.address);
    if (neighbour.mac) request.put(NDA_LLADDR, neighbour.mac->bytes.data(), neighbour.mac->bytes.size());
    return request.finish();
}

}  // namespace

NetlinkRequest encode_add(const TableRoute& route) {
    return route_request(route, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
}
NetlinkRequest encode_change(const TableRoute& route) { return route_request(route, RTM_NEWROUTE, NLM_F_REPLACE); }
NetlinkRequest encode_delete(const TableRoute& route) { return route_request(route, RTM_DELROUTE, 0); }

NetlinkRequest encode_look_up(const IpAddress& destination) {
    Request<rtmsg> request(RTM_GETROUTE, NLM_F_ACK);
    request.family->rtm_family = kernel_family(destination.family);
    request.family->rtm_dst_len = bits_of(destination.family);
    request.family->rtm_flags = RTM_F_FIB_MATCH;
    request.put(RTA_DST, destination);
    return request.finish();
}

std::optional<TableRoute> decode_table_route(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWROUTE}, sizeof(rtmsg));
    if (!message) return {};
    const auto& header = message.family_header<rtmsg>();
    auto family = family_of(header.rtm_family);
    if (!family || header.rtm_dst_len > bits_of(*family)) return {};
    TableRoute route;
    route.destination.family = *family;
    route.prefix_length = header.rtm_dst_len;
    route.kind = kind_of(header.rtm_type);
    route.is_local = header.rtm_type == RTN_LOCAL;
    static const std::set<int> by_others{RTPROT_KERNEL, RTPROT_REDIRECT, RTPROT_RA, RTPROT_DHCP};
    route.by_hand = !by_others.contains(header.rtm_protocol);
    std::uint32_t table = header.rtm_table;
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
            case RTA_DST:
                return read_ip(attribute, *family, route.destination);
            case RTA_GATEWAY:
                return read_ip(attribute, *family, route.gateway.emplace());
            case RTA_PREFSRC:
                return read_ip(attribute, *family, route.source.emplace());
            case RTA_OIF:
                return read_number(attribute, route.link.emplace().value);
            case RTA_TABLE:
                return read_number(attribute, table);
            case RTA_METRICS:
                return read_mtu(attribute, route);
            default:
                return true;
        }
    });
    if (!well_formed) return {};
    route.in_main_table = table == RT_TABLE_MAIN;
    return route;
}

NetlinkRequest encode_add(const TableNeighbour& neighbour) {
    return neighbour_request(neighbour, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
}
NetlinkRequest encode_delete(const TableNeighbour& neighbour) { return neighbour_request(neighbour, RTM_DELNEIGH, 0); }

NetlinkRequest encode_dump_table_neighbours(Family family) {
    Request<ndmsg> request(RTM_GETNEIGH, NLM_F_DUMP);
    request.family->ndm_family = kernel_family(family);
    return request.finish();
}

std::optional<TableNeighbour> decode_table_neighbour(MessageBytes bytes) {
    Message message(bytes, {RTM_NEWNEIGH}, sizeof(ndmsg));
    if (!message) return {};
    const auto& header = message.family_header<ndmsg>();
    auto family = family_of(header.ndm_family);
    if (!family || header.ndm_ifindex <= 0) return {};
    TableNeighbour neighbour{.link = {static_cast<std::uint32_t>(header.ndm_ifindex)}};
    neighbour.address.family = *family;
    neighbour.proxy = header.ndm_flags & NTF_PROXY;
    neighbour.permanent = neighbour.proxy || (header.ndm_state & NUD_PERMANENT);
    bool known = header.ndm_state & (NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE);
    bool has_address = false;
    bool well_formed = visit_attributes(message, [&](const nlattr* attribute) {
        switch (mnl_attr_get_type(attribute)) {
            case NDA_DST:
                has_address = true;
                return read_ip(attribute, *family, neighbour.address);
            case NDA_LLADDR:
                if (mnl_attr_get_payload_len(attribute) != sizeof(MacAddress::bytes)) return true;  // not Ethernet
                std::memcpy(neighbour.mac.emplace().bytes.data(), mnl_attr_get_payload(attribute), 6);
                return true;
            default:
                return true;
        }
    });
    bool useful = neighbour.proxy || (known && neighbour.mac);
    if (!well_formed || !has_address || !useful) return {};
    return neighbour;
}

}  // namespace ipmp
