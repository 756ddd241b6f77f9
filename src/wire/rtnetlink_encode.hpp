// Model values -> rtnetlink requests. Each function gives one complete request that asks for an
// acknowledgement (or a dump); the socket that sends it fills in the sequence number.
//
// Purpose: the only place that knows which attributes and flags a change needs. Requests are written so
// that "already so" can be told from failure by the error number alone (shell/netlink_apply).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/kernel_op.hpp"
#include "wire/rtnetlink_decode.hpp"

namespace ipmp {

using NetlinkRequest = std::vector<std::uint8_t>;

inline constexpr std::uint32_t kRulePriority = 10000;
// Below the kernel's own 256, so that multicast sent without an interface takes our route (design D11).
inline constexpr std::uint32_t kMulticastRouteMetric = 128;

inline constexpr std::size_t kMaxLinkNameBytes = 15;

// A veth pair with names and MAC addresses. Aliases and flags need requests of their own (the kernel does
// not take them at creation). Names longer than kMaxLinkNameBytes are a bug of the caller.
// `lower_namespace_fd`: where the lower end is made; -1: beside the upper one.
NetlinkRequest encode_create_pair(const CreateIpmpLink& op, int lower_namespace_fd = -1);
NetlinkRequest encode_set_alias(InterfaceIndex link, const std::string& alias);
NetlinkRequest encode_set_all_multicast(InterfaceIndex link, bool on);
NetlinkRequest encode_set_no_generated_addresses(InterfaceIndex link);  // IPv6 addrgenmode none

NetlinkRequest encode(const SetIpv6Token& op);
NetlinkRequest encode(const DeleteLink& op);
NetlinkRequest encode_move(InterfaceIndex link, int namespace_fd);
NetlinkRequest encode(const RenameLink& op);
NetlinkRequest encode(const SetLinkUp& op);
NetlinkRequest encode(const SetLinkMtu& op);
NetlinkRequest encode(const SetLinkGso& op);
NetlinkRequest encode(const SetLinkMac& op);
NetlinkRequest encode(const SetLinkArp& op);
// EEXIST if there in any form; IPv6 without DAD. `lifetime`: nothing = forever. The on-link route of an IPv6 address
// with a lifetime is made by advertisements, not by the address.
NetlinkRequest encode(const AddAddress& op, const std::optional<AddressLifetime>& lifetime = {});
NetlinkRequest encode_replace(const AddAddress& op, const std::optional<AddressLifetime>& lifetime = {});  // sets it
NetlinkRequest encode(const RemoveAddress& op);
NetlinkRequest encode(const AddRule& op);
NetlinkRequest encode(const RemoveRule& op);
// An IPv6 multicast network becomes a multicast route with kMulticastRouteMetric.
NetlinkRequest encode(const AddRoute& op);
NetlinkRequest encode(const RemoveRoute& op);

NetlinkRequest encode_get_link(InterfaceIndex link);
NetlinkRequest encode_get_link(const std::string& name);
NetlinkRequest encode_get_link_in_detail(InterfaceIndex link);

NetlinkRequest encode_get_namespace_id(int namespace_fd);

NetlinkRequest encode_dump_links();
NetlinkRequest encode_dump_addresses(Family family);
NetlinkRequest encode_dump_addresses(Family family, InterfaceIndex link);  // of that link only; ENODEV: there is none
NetlinkRequest encode_dump_rules(Family family);
NetlinkRequest encode_dump_routes(Family family);                       // the kernel leaves out all but ours
NetlinkRequest encode_dump_routes(Family family, InterfaceIndex link);  // everybody's that name the link in any hop
NetlinkRequest encode_dump_all_routes(Family family);
NetlinkRequest encode_dump_nexthops(InterfaceIndex link);
NetlinkRequest encode_dump_neighbours(Family family, InterfaceIndex link);
NetlinkRequest encode_dump_proxies(Family family);
NetlinkRequest encode_add_neighbour(const NeighbourEntry& entry);  // or replaces it
NetlinkRequest encode_remove_neighbour(const NeighbourEntry& entry);

// The hooks of a link and the filters on them.
NetlinkRequest encode_add_clsact(InterfaceIndex link);  // EEXIST: it is there
// Puts a BPF program there, or replaces the one that is.
NetlinkRequest encode_put_filter(InterfaceIndex link, const FilterPlace& place, int program_fd,
                                 const std::string& program_name);
NetlinkRequest encode_remove_filter(InterfaceIndex link, const FilterPlace& place);
NetlinkRequest encode_dump_filters(InterfaceIndex link, bool egress);  // everybody's

}  // namespace ipmp
