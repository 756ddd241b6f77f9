#include "shell/netlink_monitor.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "wire/rtnetlink_routes.hpp"
#include "wire/rtnetlink_targets.hpp"

namespace ipmp {

namespace {

constexpr std::size_t kReceiveBytes = 1 << 16;

constexpr std::array kGroups{RTNLGRP_LINK,         RTNLGRP_IPV4_IFADDR,  RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_RULE,
                             RTNLGRP_IPV6_RULE,    RTNLGRP_IPV4_ROUTE,   RTNLGRP_IPV6_ROUTE,  RTNLGRP_TC,
                             RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF, RTNLGRP_NEXTHOP};

// On a router other people's routes come by the million: the kernel itself drops all but ours, those that name a
// member, and default and host routes, the likely targets of probes, that name an IPMP interface, before they take
// room in the receive buffer. Types are in host order, the filter loads in network order. Routes over several hops
// pass: they are few, and look-ups inside attributes many.
Result<void> drop_foreign_routes(int fd, const RouteLinks& links) {
    constexpr std::uint32_t type_offset = offsetof(nlmsghdr, nlmsg_type);
    constexpr std::uint32_t protocol_offset = sizeof(nlmsghdr) + offsetof(rtmsg, rtm_protocol);
    constexpr std::uint32_t length_offset = sizeof(nlmsghdr) + offsetof(rtmsg, rtm_dst_len);
    constexpr std::uint32_t attributes_offset = sizeof(nlmsghdr) + sizeof(rtmsg);
    constexpr auto find_attribute = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_NLATTR);  // 0: none of type X
    const sock_filter pass = BPF_STMT(BPF_RET | BPF_K, 0xffffffff), drop = BPF_STMT(BPF_RET | BPF_K, 0);
    std::vector<sock_filter> program{
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, type_offset),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 1, 0),
        pass,
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, protocol_offset),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kRouteProtocol, 0, 1),
        pass,
        BPF_STMT(BPF_LDX | BPF_IMM, RTA_MULTIPATH),
        BPF_STMT(BPF_LD | BPF_IMM, attributes_offset),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, find_attribute),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
        pass,
        BPF_STMT(BPF_LDX | BPF_IMM, RTA_OIF),
        BPF_STMT(BPF_LD | BPF_IMM, attributes_offset),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, find_attribute),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
        drop,
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_IND, sizeof(nlattr)),
    };
    auto pass_those_of = [&](const std::vector<InterfaceIndex>& indices) {
        for (InterfaceIndex link : indices) {
            program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(link.value), 0, 1));
            program.push_back(pass);
        }
    };
    pass_those_of(links.members);
    const sock_filter keep_link = BPF_STMT(BPF_MISC | BPF_TAX, 0), link_again = BPF_STMT(BPF_MISC | BPF_TXA, 0);
    program.insert(program.end(), {keep_link, BPF_STMT(BPF_LD | BPF_B | BPF_ABS, length_offset),
                                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
                                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 32, 2, 0),
                                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 128, 1, 0), drop, link_again});
    pass_those_of(links.uppers);
    program.push_back(drop);
    sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0)
        return system_error("filtering route messages");
    return {};
}

bool is_foreign_route(MessageBytes message, const RouteLinks& links) {
    return std::any_of(links.members.begin(), links.members.end(), [&](InterfaceIndex link) {
        return decode_route_move(message, link, link) || decode_nexthop_move(message, link, link);
    });
}

bool leads_to_target(MessageBytes message, const RouteLinks& links) {
    auto targets = decode_target_routes(message);
    return std::any_of(targets.begin(), targets.end(), [&](const TargetRoute& route) {
        return std::find(links.uppers.begin(), links.uppers.end(), route.link) != links.uppers.end();
    });
}

}  // namespace

bool link_differs(const LinkState& told, const KernelState& known) {
    auto found = known.links.find(told.index);
    if (found == known.links.end()) return true;
    LinkState comparable = told;  // what is not in such messages is taken over
    comparable.filter = found->second.filter;
    comparable.filter_place = found->second.filter_place;
    comparable.filter_surplus = found->second.filter_surplus;
    comparable.filter_group = found->second.filter_group;
    comparable.filter_in_front = found->second.filter_in_front;
    comparable.settings = found->second.settings;
    comparable.foreign_routes = found->second.foreign_routes;
    comparable.other_sources = found->second.other_sources;
    return comparable != found->second;
}

namespace {

bool traffic_control_matters(MessageBytes message, const KernelState& known, const ManagedLinks& managed) {
    auto link = decode_traffic_control_link(message);
    if (!link) return false;
    auto filter = decode_filter(message);
    if (filter && is_ipmp_filter(*filter)) return true;
    auto found = known.links.find(*link);
    return found == known.links.end() ? managed.contains(*link)
                                      : can_have_filter(found->second, managed, {.former = known});
}

// What is in the namespace of others matters only where it is about an IPMP interface.
bool is_in_scope(InterfaceIndex link, const FilterScope& scope) {
    return !scope.ours_only || scope.former.links.contains(link);
}

bool matters(std::uint16_t type, MessageBytes message, const ManagedLinks& managed, const FilterScope& scope,
             const RouteLinks& route_links) {
    const KernelState& known = scope.former;
    switch (type) {
        case RTM_NEWLINK: {
            auto link = decode_link(message);
            bool can_be_ours = link && (link->alias == kIpmpLinkAlias || is_in_scope(link->index, scope));
            return can_be_ours && link_differs(*link, known);
        }
        case RTM_DELLINK: {
            auto link = decode_link(message);
            return link && is_in_scope(link->index, scope);
        }
        case RTM_NEWADDR: {  // a router advertisement renews addresses all the time
            auto address = decode_address(message);
            return address && is_in_scope(address->link, scope) &&
                   std::find(known.addresses.begin(), known.addresses.end(), *address) == known.addresses.end();
        }
        case RTM_DELADDR: {
            auto address = decode_address(message);
            return address && is_in_scope(address->link, scope);
        }
        case RTM_NEWRULE:
        case RTM_DELRULE:
            return decode_rule(message).has_value();
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
            return decode_route(message).has_value() || leads_to_target(message, route_links) ||
                   (type == RTM_NEWROUTE && is_foreign_route(message, route_links));
        case RTM_NEWNEXTHOP:
            return is_foreign_route(message, route_links);
        case RTM_DELNEXTHOP:
            return false;
        case RTM_NEWNETCONF:
            return true;
        default:
            return traffic_control_matters(message, known, managed);
    }
}

// Whom a link message is about.
std::optional<InterfaceIndex> link_of(const nlmsghdr& header) {
    bool is_of_link = header.nlmsg_type == RTM_NEWLINK || header.nlmsg_type == RTM_DELLINK;
    if (!is_of_link || header.nlmsg_len < mnl_nlmsg_size(sizeof(ifinfomsg))) return {};
    const auto* message = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&header));
    return InterfaceIndex{static_cast<std::uint32_t>(message->ifi_index)};
}

}  // namespace

NetlinkMonitor::NetlinkMonitor(mnl_socket* socket) : socket_(socket), buffer_(kReceiveBytes) {}

Result<NetlinkMonitor> NetlinkMonitor::open(UniqueFd socket, int receive_buffer_bytes) {
    if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) < 0) return system_error("opening an rtnetlink socket");
    mnl_socket* raw = mnl_socket_fdopen(socket.get());
    if (!raw) return system_error("opening an rtnetlink socket");
    static_cast<void>(socket.release());
    NetlinkMonitor monitor(raw);
    if (mnl_socket_bind(raw, 0, MNL_SOCKET_AUTOPID) < 0) return system_error("binding an rtnetlink socket");
    if (::setsockopt(monitor.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer_bytes, sizeof(int)) < 0 &&
        ::setsockopt(monitor.fd(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(int)) < 0)
        return system_error("sizing the receive buffer");
    if (auto result = drop_foreign_routes(monitor.fd(), {}); !result) return result.error();
    for (int group : kGroups) {
        if (mnl_socket_setsockopt(raw, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
            return system_error("subscribing to rtnetlink");
    }
    return monitor;
}

Result<void> NetlinkMonitor::watch_routes_of(const RouteLinks& links) {
    if (links == route_links_) return {};
    if (auto result = drop_foreign_routes(fd(), links); !result) return result;
    route_links_ = links;
    return {};
}

NetlinkMonitor::Hints NetlinkMonitor::drain(const ManagedLinks& managed, const FilterScope& scope) {
    Hints hints;
    while (true) {
        ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
        if (size < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK) return hints;
            hints.changed = hints.overrun = true;  // ENOBUFS: messages lost; ENOSPC: one too long for us
            if (errno != ENOBUFS && errno != ENOSPC) return hints;
            continue;
        }
        int left = static_cast<int>(size);
        for (auto* header = reinterpret_cast<const nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(header, left);
             header = mnl_nlmsg_next(header, &left)) {
            auto link = link_of(*header);
            bool is_known_link = link && scope.former.links.contains(*link);
            if (hints.changed && !is_known_link) continue;  // it cannot say more
            MessageBytes message(reinterpret_cast<const std::uint8_t*>(header), header->nlmsg_len);
            if (!matters(header->nlmsg_type, message, managed, scope, route_links_)) continue;
            hints.changed = true;
            if (is_known_link) hints.links.push_back(*link);
        }
    }
}

}  // namespace ipmp
