// What the kernel holds of interest to us, as one value. The netlink thread builds it and hands over a
// whole fresh one whenever anything changed: messages are hints, this is the truth (design D7).
// A field that we never compare or decide on does not belong here.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "model/ids.hpp"

namespace ipmp {

// Setting name -> value as text. A name is a path below /proc/sys/net in which `*` stands for the
// link's name, e.g. "ipv4/conf/*/rp_filter"; or kAllMulticast, which is a flag of the link, 0 or 1.
using Settings = std::map<std::string, std::string>;
inline constexpr const char* kAllMulticast = "allmulticast";

// Which of our traffic-control programs sits on a link.
enum class Filter : std::uint8_t {
    none,     // not ours, or nothing
    outdated, // ours, but of an earlier daemon run: replace in place, never remove first
    spread,   // lower end of an IPMP link, or the IPMP interface itself (FAST_PATH): spreads outbound traffic
    steer,    // underlying interface: steers inbound traffic
};

// Where a filter of ours sits on a link. Each group has a handle of its own, so that the kernel itself tells whose
// member a NIC is (core/recover).
struct FilterPlace {
    std::uint16_t priority = 0;
    std::uint32_t handle = 0;
    bool egress = false;  // on that hook: of an IPMP interface; on the ingress hook else
    auto operator<=>(const FilterPlace&) const = default;
};

struct LinkState {
    InterfaceIndex index;
    std::string name;
    std::string kind;   // IFLA_INFO_KIND: "veth", "bond", …; empty for plain NICs
    std::string alias;  // IFLA_IFALIAS; ours carry kIpmpLinkAlias / kLowerLinkAlias
    MacAddress mac;
    std::uint32_t mtu_bytes = 0;
    std::uint32_t gso_bytes = 0, gso_segments = 0;  // most that one send hands to the link in one piece
    bool ethernet = false;  // ARPHRD_ETHER and not loopback
    bool multicast = false;
    bool no_arp = false;
    bool admin_up = false;
    // Has carrier, and the kernel has acted on it (IFF_RUNNING): after a return it may take a second until the
    // queues are open, and until then every frame is lost. After a loss it is false at once.
    bool carrier = false;
    bool starting = false;  // up, with carrier, and the kernel has not acted on it yet
    // IFLA_CARRIER_UP_COUNT + IFLA_CARRIER_DOWN_COUNT. Orders observations of `carrier`: the state that
    // goes with the larger count is the newer one, whichever way and however late it arrives.
    std::uint32_t carrier_changes = 0;
    InterfaceIndex peer;    // other end of a veth, or parent of a stacked link, if that is within our sight
    std::uint32_t peer_elsewhere = 0;  // its index in another network namespace ...
    std::uint32_t peer_namespace = 0;  // ... which has this number where the link is
    bool immovable = false;  // stays in its network namespace; kernels before 6.15 do not say
    InterfaceIndex master;  // bridge, bond or team it is a port of
    // Of managed links that are not ours: routes and nexthop objects of other programs that name it and have to
    // move to its group. Those that the kernel refused to move are not counted.
    std::uint32_t foreign_routes = 0;
    // Of an IPMP interface that has moved: routes of other programs that came with it and are not put back yet.
    std::uint32_t waiting_routes = 0;
    // Of managed links with ManagedLink::route_sources: routes of each family that have another source than is wanted.
    std::array<std::uint32_t, 2> other_sources{};
    Filter filter = Filter::none;
    FilterPlace filter_place;  // of `filter`
    bool filter_surplus = false;  // there is more than one of ours
    std::string filter_group;  // IPMP interface whose data path `filter` belongs to; empty for none and outdated
    std::uint16_t filter_in_front = 0;  // lowest priority of another program's filter that runs before ours; 0: none
    Settings settings;  // only for links asked for in ApplyKernel::managed; absent ones do not exist here

    bool operator==(const LinkState&) const = default;
};

struct AddressState {
    InterfaceIndex link;
    IpAddress address;
    std::uint8_t prefix_length = 0;
    std::optional<IpAddress> broadcast;
    bool scope_link = false;      // scope narrower than global (IPv6: fe80::/10)
    bool tentative = false;
    bool dad_failed = false;
    bool finite_lifetime = false;  // owned by DHCP or autoconfiguration
    bool deprecated = false;       // preferred no more
    bool temporary = false;        // IPv6 privacy extension: will be replaced by another one anyway

    bool operator==(const AddressState&) const = default;
    auto key() const { return std::tie(link, address, prefix_length); }
};

// `ip rule add from SOURCE lookup TABLE`, ours only (recognised by kRouteProtocol).
struct RuleState {
    IpAddress source;
    std::uint32_t table = 0;
    Place place = Place::host;
    auto operator<=>(const RuleState&) const = default;
};

// `ip route add NETWORK/PREFIX [via GATEWAY onlink] dev LINK table TABLE [metric METRIC]`; ours only
// (recognised by kRouteProtocol).
struct RouteState {
    IpAddress network;
    std::uint8_t prefix_length = 0;
    InterfaceIndex link;
    std::uint32_t table = 0;
    std::optional<IpAddress> gateway = {};  // only of a lease's routes
    std::uint32_t metric = 0;               // with a gateway; others have the kernel's
    auto operator<=>(const RouteState&) const = default;
};

// Somebody whom a route points to: its gateway, or the one host it leads to (R-DET-3).
struct TargetRoute {
    InterfaceIndex link;
    IpAddress target;
    auto operator<=>(const TargetRoute&) const = default;
};

// A neighbour entry that somebody made to stay (`ip neigh add ... nud permanent`), or a proxy entry (`ip neigh add
// proxy ...`), which has no MAC: this host answers for `address`.
struct NeighbourEntry {
    InterfaceIndex link;
    IpAddress address;
    std::optional<MacAddress> mac;
    auto operator<=>(const NeighbourEntry&) const = default;
};

struct KernelState {
    // The newest ApplyKernel batch whose effects this state already contains; 0 before the first.
    std::uint64_t generation = 0;
    NamedPlaces named_places;  // applications' namespaces that are there and looked into: for IPMP interfaces only
    std::map<InterfaceIndex, LinkState> links;
    std::vector<AddressState> addresses;  // in the kernel's own order, which is the order of precedence
    std::vector<RuleState> rules;
    std::vector<RouteState> routes;
    std::vector<TargetRoute> target_routes;  // of IPMP interfaces and managed links, in order, each once
    std::vector<NeighbourEntry> neighbours;  // all proxy entries, and of members those made to stay

    bool operator==(const KernelState&) const = default;
};

inline constexpr const char* kIpmpLinkAlias = "IPMP interface";     // upper end: ipmp0
inline constexpr const char* kLowerLinkAlias = "IPMP lower end";    // lower end: ipmpl0
inline constexpr std::uint8_t kRouteProtocol = 73;                  // rtnetlink protocol of our rules and routes
inline constexpr std::uint32_t kMainTable = 254;
inline constexpr std::uint32_t kTestTableBase = 0x49500000;         // table of test addresses = base + interface index

}  // namespace ipmp
