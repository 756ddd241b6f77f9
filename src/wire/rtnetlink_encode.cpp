#include "wire/rtnetlink_encode.hpp"

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/nexthop.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "wire/rtnetlink_builder.hpp"

namespace ipmp {

namespace {

constexpr std::uint16_t kAcknowledge = NLM_F_ACK;
constexpr std::uint16_t kCreate = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
constexpr std::uint16_t kDump = NLM_F_DUMP;

std::uint8_t kernel_family(Family family) { return family == Family::ipv4 ? AF_INET : AF_INET6; }

Builder link_change(InterfaceIndex link) {
    Builder builder(RTM_NEWLINK, kAcknowledge);
    builder.family_header<ifinfomsg>().ifi_index = static_cast<int>(link.value);
    return builder;
}

NetlinkRequest add_address(const AddAddress& op, const std::optional<AddressLifetime>& lifetime, std::uint16_t flags) {
    Builder builder(RTM_NEWADDR, flags);
    auto& header = builder.family_header<ifaddrmsg>();
    header.ifa_family = kernel_family(op.address.family);
    header.ifa_prefixlen = op.prefix_length;
    header.ifa_scope = op.scope_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;  // IPv6 takes it from the address
    header.ifa_index = op.link.value;
    builder.put(IFA_LOCAL, op.address).put(IFA_ADDRESS, op.address);
    if (op.broadcast) builder.put(IFA_BROADCAST, *op.broadcast);
    if (op.address.family == Family::ipv6)
        builder.put(IFA_FLAGS, std::uint32_t{IFA_F_NODAD} | (lifetime ? IFA_F_NOPREFIXROUTE : 0u));
    if (lifetime || op.deprecated) {
        constexpr std::uint32_t forever = 0xffffffff;
        ifa_cacheinfo info{};
        info.ifa_valid = lifetime ? lifetime->valid_seconds : forever;
        info.ifa_prefered = op.deprecated ? 0 : lifetime->preferred_seconds;
        builder.put(IFA_CACHEINFO, &info, sizeof info);
    }
    return builder.finish();
}

NetlinkRequest rule(std::uint16_t type, std::uint16_t flags, const RuleState& rule) {
    Builder builder(type, flags);
    auto& header = builder.family_header<fib_rule_hdr>();
    header.family = kernel_family(rule.source.family);
    header.src_len = bits_of(rule.source.family);
    header.action = FR_ACT_TO_TBL;
    return builder.put(FRA_SRC, rule.source)
        .put(FRA_TABLE, rule.table)
        .put(FRA_PRIORITY, kRulePriority)
        .put_byte(FRA_PROTOCOL, kRouteProtocol)
        .finish();
}

NetlinkRequest route(std::uint16_t type, std::uint16_t flags, const RouteState& route,
                     std::uint8_t protocol = kRouteProtocol) {
    bool ipv4 = route.network.family == Family::ipv4;
    bool multicast = !ipv4 && route.network.is_multicast();
    Builder builder(type, flags);
    auto& header = builder.family_header<rtmsg>();
    header.rtm_family = kernel_family(route.network.family);
    header.rtm_dst_len = route.prefix_length;
    header.rtm_protocol = protocol;
    header.rtm_scope = ipv4 && !route.gateway ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    if (route.gateway) header.rtm_flags = RTNH_F_ONLINK;  // a server may name a router beyond the address's own network
    header.rtm_type = multicast ? RTN_MULTICAST : RTN_UNICAST;
    builder.put(RTA_DST, network_of(route.network, route.prefix_length))
        .put(RTA_OIF, route.link.value)
        .put(RTA_TABLE, route.table);
    if (multicast) builder.put(RTA_PRIORITY, kMulticastRouteMetric);
    if (route.gateway) builder.put(RTA_GATEWAY, *route.gateway).put(RTA_PRIORITY, route.metric);
    return builder.finish();
}

NetlinkRequest neighbour(std::uint16_t type, std::uint16_t flags, const NeighbourEntry& entry) {
    Builder builder(type, flags);
    auto& header = builder.family_header<ndmsg>();
    header.ndm_family = kernel_family(entry.address.family);
    header.ndm_ifindex = static_cast<int>(entry.link.value);
    header.ndm_state = NUD_PERMANENT;
    header.ndm_flags = entry.mac ? 0 : NTF_PROXY;
    builder.put(NDA_DST, entry.address);
    if (entry.mac) builder.put(NDA_LLADDR, *entry.mac);
    return builder.finish();
}

template <typename FamilyHeader>
Builder dump(std::uint16_t type) {
    Builder builder(type, kDump);
    builder.family_header<FamilyHeader>();  // strict checking wants all of it, zeroed
    return builder;
}

}  // namespace

NetlinkRequest encode_create_pair(const CreateIpmpLink& op, int lower_namespace_fd) {
    IPMP_CHECK(op.name.size() <= kMaxLinkNameBytes && op.lower_name.size() <= kMaxLinkNameBytes);
    Builder builder(RTM_NEWLINK, kCreate);
    builder.family_header<ifinfomsg>().ifi_index = static_cast<int>(op.index);
    builder.put(IFLA_IFNAME, op.name).put(IFLA_ADDRESS, op.mac);
    builder.nest(IFLA_LINKINFO, [&] {
        builder.put(IFLA_INFO_KIND, std::string("veth"));
        builder.nest(IFLA_INFO_DATA, [&] {
            builder.nest(VETH_INFO_PEER, [&] {
                builder.family_header<ifinfomsg>();
                builder.put(IFLA_IFNAME, op.lower_name).put(IFLA_ADDRESS, op.lower_mac);
                if (lower_namespace_fd < 0) return;
                builder.put(IFLA_NET_NS_FD, static_cast<std::uint32_t>(lower_namespace_fd));
            });
        });
    });
    return builder.finish();
}

NetlinkRequest encode_move(InterfaceIndex link, int namespace_fd) {
    return link_change(link).put(IFLA_NET_NS_FD, static_cast<std::uint32_t>(namespace_fd)).finish();
}

NetlinkRequest encode(const RenameLink& op) {
    IPMP_CHECK(op.name.size() <= kMaxLinkNameBytes);
    return link_change(op.link).put(IFLA_IFNAME, op.name).finish();
}

NetlinkRequest encode_set_alias(InterfaceIndex link, const std::string& alias) {
    return link_change(link).put(IFLA_IFALIAS, alias).finish();
}

NetlinkRequest encode(const SetLinkArp& op) {
    Builder builder(RTM_NEWLINK, kAcknowledge);
    auto& header = builder.family_header<ifinfomsg>();
    header.ifi_index = static_cast<int>(op.link.value);
    header.ifi_flags = op.arp ? 0 : IFF_NOARP;
    header.ifi_change = IFF_NOARP;
    return builder.finish();
}

NetlinkRequest encode_set_all_multicast(InterfaceIndex link, bool on) {
    Builder builder(RTM_NEWLINK, kAcknowledge);
    auto& header = builder.family_header<ifinfomsg>();
    header.ifi_index = static_cast<int>(link.value);
    header.ifi_flags = on ? IFF_ALLMULTI : 0;
    header.ifi_change = IFF_ALLMULTI;
    return builder.finish();
}

NetlinkRequest encode_set_no_generated_addresses(InterfaceIndex link) {
    Builder builder = link_change(link);
    builder.nest(IFLA_AF_SPEC, [&] {
        builder.nest(AF_INET6, [&] { builder.put_byte(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE); });
    });
    return builder.finish();
}

NetlinkRequest encode(const SetIpv6Token& op) {
    Builder builder = link_change(op.link);
    IpAddress token = op.token;  // the kernel wants nothing but the last 64 bits
    std::fill_n(token.bytes.begin(), 8, std::uint8_t{0});
    builder.nest(IFLA_AF_SPEC, [&] { builder.nest(AF_INET6, [&] { builder.put(IFLA_INET6_TOKEN, token); }); });
    return builder.finish();
}

NetlinkRequest encode(const DeleteLink& op) {
    Builder builder(RTM_DELLINK, kAcknowledge);
    builder.family_header<ifinfomsg>().ifi_index = static_cast<int>(op.link.value);
    return builder.finish();
}

NetlinkRequest encode(const SetLinkUp& op) {
    Builder builder(RTM_NEWLINK, kAcknowledge);
    auto& header = builder.family_header<ifinfomsg>();
    header.ifi_index = static_cast<int>(op.link.value);
    header.ifi_flags = op.up ? IFF_UP : 0;
    header.ifi_change = IFF_UP;
    return builder.finish();
}

NetlinkRequest encode(const SetLinkMtu& op) { return link_change(op.link).put(IFLA_MTU, op.mtu_bytes).finish(); }

NetlinkRequest encode(const SetLinkGso& op) {
    return link_change(op.link)
        .put(IFLA_GSO_MAX_SIZE, op.gso_bytes)
        .put(IFLA_GSO_MAX_SEGS, op.gso_segments)
        .finish();
}

NetlinkRequest encode(const SetLinkMac& op) { return link_change(op.link).put(IFLA_ADDRESS, op.mac).finish(); }

NetlinkRequest encode(const AddAddress& op, const std::optional<AddressLifetime>& lifetime) {
    return add_address(op, lifetime, kCreate);
}

NetlinkRequest encode_replace(const AddAddress& op, const std::optional<AddressLifetime>& lifetime) {
    return add_address(op, lifetime, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
}

NetlinkRequest encode(const RemoveAddress& op) {
    Builder builder(RTM_DELADDR, kAcknowledge);
    auto& header = builder.family_header<ifaddrmsg>();
    header.ifa_family = kernel_family(op.address.family);
    header.ifa_prefixlen = op.prefix_length;
    header.ifa_index = op.link.value;
    return builder.put(IFA_LOCAL, op.address).put(IFA_ADDRESS, op.address).finish();
}

NetlinkRequest encode(const AddRule& op) { return rule(RTM_NEWRULE, kCreate, op.rule); }
NetlinkRequest encode(const RemoveRule& op) { return rule(RTM_DELRULE, kAcknowledge, op.rule); }

NetlinkRequest encode(const AddRoute& op) {
    // IPv4 replaces what stands in our table. IPv6 must not: two groups each have a route to ff00::/8 of
    // the same metric; without NLM_F_EXCL only the very same route is EEXIST.
    std::uint16_t ipv4_only = op.route.network.family == Family::ipv4 ? NLM_F_REPLACE : 0;
    auto flags = static_cast<std::uint16_t>(NLM_F_ACK | NLM_F_CREATE | ipv4_only);
    return route(RTM_NEWROUTE, flags, op.route, op.ours ? kRouteProtocol : RTPROT_DHCP);
}

NetlinkRequest encode(const RemoveRoute& op) { return route(RTM_DELROUTE, kAcknowledge, op.route); }

NetlinkRequest encode_get_link(InterfaceIndex link) {
    Builder builder(RTM_GETLINK, kAcknowledge);
    builder.family_header<ifinfomsg>().ifi_index = static_cast<int>(link.value);
    return builder.put(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS}).finish();
}

NetlinkRequest encode_get_link(const std::string& name) {
    IPMP_CHECK(name.size() <= kMaxLinkNameBytes);
    Builder builder(RTM_GETLINK, kAcknowledge);
    builder.family_header<ifinfomsg>();
    return builder.put(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS}).put(IFLA_IFNAME, name).finish();
}

NetlinkRequest encode_get_link_in_detail(InterfaceIndex link) {
    Builder builder(RTM_GETLINK, kAcknowledge);
    builder.family_header<ifinfomsg>().ifi_index = static_cast<int>(link.value);
    return builder.finish();
}

NetlinkRequest encode_get_namespace_id(int namespace_fd) {
    Builder builder(RTM_GETNSID, kAcknowledge);
    builder.family_header<rtgenmsg>().rtgen_family = AF_UNSPEC;
    return builder.put(NETNSA_FD, static_cast<std::uint32_t>(namespace_fd)).finish();
}

NetlinkRequest encode_dump_links() {
    return dump<ifinfomsg>(RTM_GETLINK).put(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS}).finish();
}

NetlinkRequest encode_dump_addresses(Family family) { return encode_dump_addresses(family, {}); }

NetlinkRequest encode_dump_addresses(Family family, InterfaceIndex link) {
    Builder builder(RTM_GETADDR, kDump);
    auto& header = builder.family_header<ifaddrmsg>();
    header.ifa_family = kernel_family(family);
    header.ifa_index = link.value;
    return builder.finish();
}

NetlinkRequest encode_dump_rules(Family family) {
    Builder builder(RTM_GETRULE, kDump);
    builder.family_header<fib_rule_hdr>().family = kernel_family(family);
    return builder.finish();
}

NetlinkRequest encode_dump_routes(Family family) {
    Builder builder(RTM_GETROUTE, kDump);
    auto& header = builder.family_header<rtmsg>();
    header.rtm_family = kernel_family(family);
    header.rtm_protocol = kRouteProtocol;
    return builder.finish();
}

NetlinkRequest encode_dump_routes(Family family, InterfaceIndex link) {
    Builder builder(RTM_GETROUTE, kDump);
    builder.family_header<rtmsg>().rtm_family = kernel_family(family);
    return builder.put(RTA_OIF, link.value).finish();
}

NetlinkRequest encode_dump_all_routes(Family family) {
    Builder builder(RTM_GETROUTE, kDump);
    builder.family_header<rtmsg>().rtm_family = kernel_family(family);
    return builder.finish();
}

NetlinkRequest encode_dump_nexthops(InterfaceIndex link) {
    return dump<nhmsg>(RTM_GETNEXTHOP).put(NHA_OIF, link.value).finish();
}

NetlinkRequest encode_dump_neighbours(Family family, InterfaceIndex link) {
    Builder builder(RTM_GETNEIGH, kDump);
    builder.family_header<ndmsg>().ndm_family = kernel_family(family);
    return builder.put(NDA_IFINDEX, link.value).finish();
}

NetlinkRequest encode_dump_proxies(Family family) {
    Builder builder(RTM_GETNEIGH, kDump);
    auto& header = builder.family_header<ndmsg>();
    header.ndm_family = kernel_family(family);
    header.ndm_flags = NTF_PROXY;
    return builder.finish();
}

NetlinkRequest encode_add_neighbour(const NeighbourEntry& entry) {
    return neighbour(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, entry);
}

NetlinkRequest encode_remove_neighbour(const NeighbourEntry& entry) {
    return neighbour(RTM_DELNEIGH, kAcknowledge, entry);
}

}  // namespace ipmp
