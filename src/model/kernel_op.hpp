// Changes to the kernel, as values. core/planner makes them from wanted minus observed; the netlink
// thread carries them out in order. Each one is idempotent: "already so" is success.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "base/time.hpp"
#include "model/ids.hpp"
#include "model/kernel_state.hpp"

namespace ipmp {

// A veth pair: `name` with kIpmpLinkAlias and `mac`, `lower_name` with kLowerLinkAlias, `lower_mac`,
// ARP off and no IPv6 of its own (addrgenmode none). Both are left admin-down (design D11).
struct CreateIpmpLink {
    std::string name;
    std::string lower_name;
    MacAddress mac;
    MacAddress lower_mac;
    std::uint32_t index = 0;  // of the upper end; 0: the kernel's choice
    Place lower_place = Place::host;
    Place upper_place = Place::host;
    auto operator<=>(const CreateIpmpLink&) const = default;
};

struct DeleteLink {
    InterfaceIndex link;
    auto operator<=>(const DeleteLink&) const = default;
};

// Into another network namespace. The kernel takes the link down for it and forgets its addresses, routes, settings and
// filters. It refuses links whose kind cannot be moved, and a name that is taken there.
struct MoveLink {
    InterfaceIndex link;
    Place to = Place::host;
    auto operator<=>(const MoveLink&) const = default;
};

// Makes sure of an application's namespace that an administrator has named for `ipmp_interface`, whose interface has
// been in `former` before; to be looked into by the observation that follows.
struct OpenNamespace {
    std::string name;
    Place place = Place::host;
    std::string ipmp_interface, former;
    auto operator<=>(const OpenNamespace&) const = default;
};

struct RenameLink {
    InterfaceIndex link;
    std::string name;
    auto operator<=>(const RenameLink&) const = default;
};

struct SetLinkUp {
    InterfaceIndex link;
    bool up = true;
    auto operator<=>(const SetLinkUp&) const = default;
};

struct SetLinkMtu {
    InterfaceIndex link;
    std::uint32_t mtu_bytes = 0;
    auto operator<=>(const SetLinkMtu&) const = default;
};

struct SetLinkGso {
    InterfaceIndex link;
    std::uint32_t gso_bytes = 0, gso_segments = 0;
    auto operator<=>(const SetLinkGso&) const = default;
};

struct SetLinkMac {
    InterfaceIndex link;
    MacAddress mac;
    auto operator<=>(const SetLinkMac&) const = default;
};

struct SetLinkArp {
    InterfaceIndex link;
    bool arp = true;
    auto operator<=>(const SetLinkArp&) const = default;
};

// Adds with IFA_F_NODAD. A test address gets scope link, so that it is never chosen as a source (R-ADR-3).
struct AddAddress {
    InterfaceIndex link;
    IpAddress address;
    std::uint8_t prefix_length = 0;
    std::optional<IpAddress> broadcast;
    bool scope_link = false;
    InterfaceIndex lifetime_from;  // 0: lives forever; else as long as the same address on that link, and only if there
    bool deprecated = false;       // preferred no more
    std::optional<Instant> valid_until;  // 0 above, and there is a lease: its end
    auto operator<=>(const AddAddress&) const = default;
};

struct RemoveAddress {
    InterfaceIndex link;
    IpAddress address;
    std::uint8_t prefix_length = 0;
    auto operator<=>(const RemoveAddress&) const = default;
};

struct AddRule {
    RuleState rule;
    auto operator<=>(const AddRule&) const = default;
};
struct RemoveRule {
    RuleState rule;
    auto operator<=>(const RemoveRule&) const = default;
};
struct AddRoute {
    RouteState route;
    bool ours = true;  // else as by a DHCP client of somebody's: nobody here takes it away
    auto operator<=>(const AddRoute&) const = default;
};
struct RemoveRoute {
    RouteState route;
    auto operator<=>(const RemoveRoute&) const = default;
};

// Lets every route and nexthop object of other programs that names `from` name `to` instead, each in one step and
// with all its attributes (design D13). What the kernel refuses stays as it is, is logged and not tried again.
struct MoveRoutes {
    InterfaceIndex from, to;
    auto operator<=>(const MoveRoutes&) const = default;
};

// Adds the routes that other programs had over `link`, an IPMP interface, before it moved to this namespace. What the
// kernel refuses is logged and not tried again.
struct RestoreRoutes {
    InterfaceIndex link;
    auto operator<=>(const RestoreRoutes&) const = default;
};

// Makes an entry that belongs to a group one of its IPMP interface's.
struct MoveNeighbour {
    NeighbourEntry entry;
    InterfaceIndex to;
    auto operator<=>(const MoveNeighbour&) const = default;
};

// Addresses that router advertisements give `link` from now on end in the last 64 bits of `token`; unless it has a
// token already, which stays unless `replaces`.
struct SetIpv6Token {
    InterfaceIndex link;
    IpAddress token;
    bool replaces = false;
    auto operator<=>(const SetIpv6Token&) const = default;
};

// Gives the routes of one family that lead over `link` this preferred source; nothing: takes it from them.
struct SetRouteSources {
    InterfaceIndex link;
    Family family = Family::ipv4;
    std::optional<IpAddress> source;
    auto operator<=>(const SetRouteSources&) const = default;
};

struct WriteSetting {
    InterfaceIndex link;
    std::string name;   // see Settings
    std::string value;
    auto operator<=>(const WriteSetting&) const = default;
};

// Puts the program of `ipmp_interface`'s data path on the hook of `place`, replacing ours in place if one is there. One
// of ours in another place goes once the new one works.
struct AttachFilter {
    InterfaceIndex link;
    Filter filter = Filter::steer;  // spread or steer
    std::string ipmp_interface;
    FilterPlace place;
    auto operator<=>(const AttachFilter&) const = default;
};

// Removes our programs only; a clsact qdisc stays, as it may not be ours alone.
struct DetachFilter {
    InterfaceIndex link;
    auto operator<=>(const DetachFilter&) const = default;
};

using KernelOp = std::variant<CreateIpmpLink, DeleteLink, OpenNamespace, MoveLink, RenameLink, SetLinkUp, SetLinkMtu,
                              SetLinkGso, SetLinkMac, SetLinkArp, AddAddress, RemoveAddress, AddRule, RemoveRule,
                              AddRoute, RemoveRoute, MoveRoutes, RestoreRoutes, MoveNeighbour, SetIpv6Token,
                              SetRouteSources, WriteSetting, AttachFilter, DetachFilter>;

// What `op` was about to do, for messages: "add address 192.0.2.1/24 to ipmp0", with names from `links`.
std::string describe(const KernelOp& op, const std::map<InterfaceIndex, LinkState>& links = {});

}  // namespace ipmp
