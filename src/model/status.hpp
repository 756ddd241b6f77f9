// One self-consistent picture of everything, for tools and tests (R-STA-1). The daemon serves it as JSON
// (wire/status_codec); render/ turns it into tables. Lists are in natural name order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "model/dataplane_image.hpp"
#include "model/decision.hpp"

namespace ipmp {

enum class GroupHealth : std::uint8_t { ok, degraded, failed };
enum class InterfaceHealth : std::uint8_t { ok, failed, offline, unknown };
enum class LinkHealth : std::uint8_t { up, down, unknown };
enum class ProbeHealth : std::uint8_t { ok, failed, unknown, disabled };

struct GroupStatus {
    std::string interface;  // ipmp0
    std::string name;       // group name
    GroupHealth state = GroupHealth::failed;
    std::optional<std::uint32_t> failure_detection_time_ms;  // only while some member is probed
    std::vector<std::string> active, inactive, unusable;
    SpreadPolicy policy = SpreadPolicy::flow;
    bool isolate = false;  // its underlying interfaces are in a network namespace of their own
    std::string network_namespace;  // the application's that `interface` belongs in; empty: the host's
    bool namespace_missing = false;  // there is none of that name
    bool operator==(const GroupStatus&) const = default;
};

struct InterfaceStatus {
    std::string name;
    std::uint32_t index = 0;
    bool active = false;
    std::string group;  // IPMP interface name
    bool inactive = false, standby = false;
    bool multicast4 = false, broadcast4 = false, multicast6 = false;  // nominee flags m b M
    bool down = false;                // d: no UP address on it
    bool hardware_duplicate = false;  // h
    LinkHealth link = LinkHealth::unknown;
    ProbeHealth probe = ProbeHealth::disabled;
    InterfaceHealth state = InterfaceHealth::unknown;
    bool operator==(const InterfaceStatus&) const = default;
};

// Who has learnt of an address's last move to another underlying interface (design D5).
struct RebindStatus {
    std::string interface;    // it moved there; empty if that is gone
    std::uint64_t at_ms = 0;  // CLOCK_MONOTONIC
    std::uint32_t peers_asked = 0;
    std::uint32_t peers_moved = 0;        // have answered to the new place
    std::uint32_t peers_silent = 0;       // asked in vain; others are still being asked
    std::uint64_t slowest_answer_ms = 0;  // from the move on, rounded up
    bool operator==(const RebindStatus&) const = default;
};

struct AddressStatus {
    IpAddress address;
    bool up = false;
    std::string group;                  // IPMP interface name
    std::string inbound;                // bound underlying interface; empty if down or none active
    std::vector<std::string> outbound;  // active members; empty if down or unbound
    std::optional<RebindStatus> rebind;  // the last one; none yet since the daemon started
    bool operator==(const AddressStatus&) const = default;
};

enum class TargetMode : std::uint8_t { disabled, routes, multicast };

// Whom one NIC probes in one family.
struct TargetStatus {
    std::string interface;
    TargetMode mode = TargetMode::disabled;
    std::optional<IpAddress> test_address;
    std::vector<IpAddress> targets;  // in firing order
    bool operator==(const TargetStatus&) const = default;
};

// One numbered address of an interface: eth0, eth0:1. The zeroth may be a stub, 0.0.0.0 or ::.
struct LogicalStatus {
    std::uint32_t number = 0;
    std::uint64_t flags = 0;  // model/interface_flags.hpp
    IpAddress address;
    std::uint8_t prefix_length = 0;
    std::optional<IpAddress> broadcast;
    bool operator==(const LogicalStatus&) const = default;
};

struct PlumbedFamily {
    std::uint32_t mtu_bytes = 0;
    std::vector<LogicalStatus> logicals;  // by number
    std::uint32_t metric = 0;
    std::string route_source;  // the logical interface whose address its routes prefer as their source, or empty
    bool operator==(const PlumbedFamily&) const = default;
};

// An interface that IP uses, in a group or not, as ifconfig shows it.
struct PlumbedInterface {
    std::string name;
    std::uint32_t index = 0;
    std::string group_name;                  // of an underlying or an IPMP interface, else empty
    std::optional<MacAddress> mac;           // none on IPMP interfaces and what is not Ethernet
    std::optional<PlumbedFamily> inet, inet6;  // none: not plumbed for that family
    bool operator==(const PlumbedInterface&) const = default;
};

inline const std::optional<PlumbedFamily>& family_of(const PlumbedInterface& interface, Family family) {
    return family == Family::ipv4 ? interface.inet : interface.inet6;
}

// An address of others that this host answers for on a group's link (`arp -s A MAC pub`).
struct ProxyStatus {
    IpAddress address;
    std::string group;    // IPMP interface name
    std::string inbound;  // underlying interface it is bound to; empty if none is active
    bool operator==(const ProxyStatus&) const = default;
};

enum class DhcpPhase : std::uint8_t { selecting, bound, releasing, inform_sent, information };

// A logical interface under DHCP control. Times are CLOCK_MONOTONIC; none: never.
struct DhcpStatus {
    std::string interface;
    std::uint32_t number = 0;
    Family family = Family::ipv4;
    DhcpPhase state = DhcpPhase::selecting;
    bool primary = false;
    std::optional<IpAddress> address;
    std::optional<std::uint64_t> began_ms, renews_ms, expires_ms;
    bool operator==(const DhcpStatus&) const = default;
};

// The lists of a Status, in their order.
enum class StatusList : std::uint8_t { groups, interfaces, addresses, targets, plumbed, proxies, dhcp, decisions };

struct Status {
    std::vector<GroupStatus> groups;
    std::vector<InterfaceStatus> interfaces;
    std::vector<AddressStatus> addresses;
    std::vector<TargetStatus> targets;
    std::vector<PlumbedInterface> plumbed;
    std::vector<ProxyStatus> proxies;
    std::vector<DhcpStatus> dhcp;
    std::vector<Decision> decisions;  // the last ones, in their order
    bool operator==(const Status&) const = default;
};

// `status` without what is in the other lists. Of a host with thousands of addresses most of a Status is the lists
// that a question is not about.
Status only(const Status& status, const std::vector<StatusList>& wanted);

}  // namespace ipmp
