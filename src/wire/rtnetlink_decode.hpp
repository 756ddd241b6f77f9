// rtnetlink messages -> model values. Pure and bounds-checked: every function takes one whole message
// (header and all) and gives nothing for a message of another type, a malformed one, or one that is none
// of our business. The bytes may come from anywhere and may be unaligned.
//
// Purpose: the only place that knows how the kernel spells links, addresses, rules, routes, neighbours and
// traffic-control filters. shell/netlink_* moves the bytes; wire/rtnetlink_encode is the other direction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "model/kernel_state.hpp"
#include "model/peer.hpp"

namespace ipmp {

using MessageBytes = std::span<const std::uint8_t>;

// RTM_NEWLINK or RTM_DELLINK, but not those of a bridge port (AF_BRIDGE), which describe only a part.
// What `filter` stands for and `settings` are not in such a message and stay empty.
std::optional<LinkState> decode_link(MessageBytes message);

// RTM_NEWADDR or RTM_DELADDR.
// The number that a network namespace has in another one; nothing: it has none there yet.
std::optional<std::uint32_t> decode_namespace_id(MessageBytes message);
std::optional<AddressState> decode_address(MessageBytes message);

struct AddressLifetime {
    std::uint32_t valid_seconds = 0, preferred_seconds = 0;  // from now on; all ones: forever
    bool operator==(const AddressLifetime&) const = default;
};
// What is left to the address of an RTM_NEWADDR.
std::optional<AddressLifetime> decode_address_lifetime(MessageBytes message);

// The token of an RTM_NEWLINK that was asked for with all details; zero: has none.
std::optional<IpAddress> decode_ipv6_token(MessageBytes message);

// RTM_NEWRULE or RTM_DELRULE, ours only: kRouteProtocol, one whole source address.
std::optional<RuleState> decode_rule(MessageBytes message);

// RTM_NEWROUTE or RTM_DELROUTE, ours only: kRouteProtocol, one outgoing link.
std::optional<RouteState> decode_route(MessageBytes message);

struct NeighbourState {
    InterfaceIndex link;
    Peer peer;
    bool operator==(const NeighbourState&) const = default;
};

// RTM_NEWNEIGH of a host whose MAC is or was known to be right: not while it is looked up in vain, no multicast, no
// proxy entry.
std::optional<NeighbourState> decode_neighbour(MessageBytes message);

struct FilterState {
    InterfaceIndex link;
    std::uint32_t parent = 0;
    std::uint16_t priority = 0;
    std::uint32_t handle = 0;
    std::string kind;              // "bpf", "flower", …
    std::uint32_t program_id = 0;  // 0: not a BPF filter
    std::string program_name;

    bool operator==(const FilterState&) const = default;
};

// RTM_NEWNEIGH of a proxy entry or of one made to stay.
std::optional<NeighbourEntry> decode_neighbour_entry(MessageBytes message);

inline constexpr std::uint32_t kIngressParent = 0xfffffff2;  // TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
inline constexpr std::uint32_t kEgressParent = 0xfffffff3;   // TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

// Ours, be it of another daemon run, another priority or another group: told by the name of its program.
bool is_ipmp_filter(const FilterState& filter);

// RTM_NEWTFILTER or RTM_DELTFILTER.
std::optional<FilterState> decode_filter(MessageBytes message);

// The link any traffic-control message (qdisc, class or filter) is about.
std::optional<InterfaceIndex> decode_traffic_control_link(MessageBytes message);

// NLMSG_ERROR: how a request ended.
struct Acknowledgement {
    int error_number = 0;  // 0: success
    std::string text;      // the kernel's own explanation, often empty
    bool operator==(const Acknowledgement&) const = default;
};
std::optional<Acknowledgement> decode_acknowledgement(MessageBytes message);

}  // namespace ipmp
