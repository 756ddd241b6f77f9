// What administrators ask for, one value per request, and how it ended. Each word of an ifconfig command
// line is one Command, applied at once (reference: ifconfig grammar); nothing is half-applied.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "model/dataplane_image.hpp"
#include "model/dhcp.hpp"

namespace ipmp {

struct CreateIpmp {  // ifconfig NAME [inet|inet6] ipmp
    std::string interface;
    Family family = Family::ipv4;
    std::uint32_t index = 0;  // wanted by `index N` on the same line; 0: the kernel's choice
};
struct Plumb {  // ifconfig NAME[:N] [inet|inet6] plumb; with a number: makes a logical interface without an address
    std::string interface;
    Family family = Family::ipv4;
    std::uint32_t number = 0;
};
struct Unplumb {  // ifconfig NAME[:N] [inet|inet6] unplumb
    std::string interface;
    Family family = Family::ipv4;
    std::uint32_t number = 0;
};
struct SetGroup {  // ifconfig NAME group G; "" leaves; on an IPMP interface: renames the group
    std::string interface;
    Family family = Family::ipv4;
    std::string group;
};
struct SetAddress {  // ifconfig LOGICAL A/n; no prefix length given: class-ful IPv4 default or /128
    LogicalName logical;
    IpAddress address;
    std::optional<std::uint8_t> prefix_length;
    std::optional<IpAddress> broadcast;
};
struct SetNetmask {  // ifconfig LOGICAL netmask M
    LogicalName logical;
    Family family = Family::ipv4;
    std::uint8_t prefix_length = 0;
};
struct AddLogical {  // ifconfig NAME addif A[/n]; CommandReply::detail names the new logical interface
    std::string interface;
    IpAddress address;
    std::optional<std::uint8_t> prefix_length;
};
struct RemoveLogical {  // ifconfig NAME removeif A
    std::string interface;
    IpAddress address;
};
struct SetFlags {  // up/down, -failover/failover, [-]deprecated, [-]private: only what has a value changes
    LogicalName logical;
    Family family = Family::ipv4;
    std::optional<bool> up;
    std::optional<bool> no_failover;
    std::optional<bool> deprecated;
    std::optional<bool> is_private;
    std::optional<bool> unawaited;  // true: answered before an address set up is known to be nobody else's
};
struct AwaitAddresses {};  // answered once no data address is being asked for any more (R-ADR-6)
struct SetStandby {  // ifconfig NAME standby | -standby
    std::string interface;
    bool standby = true;
};
struct SetOffline {  // if_mpadm -d NAME
    std::string interface;
    std::uint32_t minimum_redundancy = 1;
};
struct UndoOffline {  // if_mpadm -r NAME
    std::string interface;
};

struct Detach {  // ipmp detach NIC...: all of them or none (R-DYN-4); CommandReply::detail has one line for each
    std::vector<std::string> interfaces;
    bool force = false;
    bool dry_run = false;  // only says what would happen
};
struct UndoDetach {  // ipmp attach NIC, of one that was detached and never unplugged
    std::string interface;
};

struct ExpectMember {  // ipmp boot: a NIC that is missing and is to be in group `group` (R-DET-14)
    std::string interface;
    std::string group;
    bool inet = true, inet6 = false;  // families it will be plumbed for
    bool standby = false;
};

struct SetPolicy {  // ipmp policy IPMP-INTERFACE POLICY
    std::string interface;
    SpreadPolicy policy = SpreadPolicy::flow;
};
struct SetRouter {  // ifconfig NAME router | -router; on an underlying or IPMP interface: the whole group
    std::string interface;
    Family family = Family::ipv4;
    bool router = true;
};
struct SetMtu {  // ifconfig NAME mtu N; of an IPMP interface: at most that of each member
    std::string interface;
    Family family = Family::ipv4;
    std::uint32_t mtu_bytes = 0;
};
struct SetMetric {  // ifconfig NAME metric N: told to routing programs, shown
    std::string interface;
    Family family = Family::ipv4;
    std::uint32_t metric = 0;
};
struct SetEther {  // ifconfig NAME ether MAC
    std::string interface;
    MacAddress mac;
};
struct SetArp {  // ifconfig NAME arp | -arp
    std::string interface;
    bool arp = true;
};
struct SetFailed {  // ifconfig NAME failed | -failed: as if its link were lost, for tests of what follows then
    std::string interface;
    bool failed = true;
};
struct SetToken {  // ifconfig NAME inet6 token ADDRESS: what autoconfigured addresses end in
    std::string interface;
    IpAddress token;
};
struct SetRouteSource {  // ifconfig NAME usesrc LOGICAL | none
    std::string interface;
    Family family = Family::ipv4;
    std::optional<LogicalName> source;
};

struct ControlDhcp {  // ifconfig LOGICAL [inet6] dhcp VERB
    LogicalName logical;
    Family family = Family::ipv4;
    DhcpVerb verb = DhcpVerb::start;
    bool primary = false;
    bool wait = true;  // the answer comes once the server's did
};
// What the client of `logical` tells (tools/dhcp_client); lease and times as the server granted them, none: without
// end. Answered when the address can be used, so that the client finds it in the kernel.
struct ReportDhcp {
    LogicalName logical;
    Family family = Family::ipv4;
    std::uint64_t run = 0;  // of StartDhcpClient: what an earlier client says is too late
    DhcpNews news = DhcpNews::bound;
    std::optional<IpAddress> address;
    std::uint8_t prefix_length = 0;
    std::optional<IpAddress> broadcast;
    std::vector<DhcpRoute> routes;
    std::optional<std::uint32_t> renewal_s, lease_s;
    NameService names;
};

struct SetIsolate {  // ipmp isolate IPMP-INTERFACE on|off [-f]
    std::string interface;
    bool isolate = true;
    bool force = false;  // although moving its NICs interrupts all of the group
};

struct SetNamespace {  // ipmp namespace IPMP-INTERFACE NAME | -
    std::string interface;
    std::string network_namespace;  // as `ip netns` names it; empty: the host's
};

struct Stop {  // ipmp stop [--purge]; the daemon ends when this is answered with success
    bool purge = false;  // first groups become plain NICs (core/give_back); else the data path stays and works on
};

using Command = std::variant<CreateIpmp, Plumb, Unplumb, SetGroup, SetAddress, SetNetmask, AddLogical, RemoveLogical,
                             SetFlags, SetStandby, SetOffline, UndoOffline, SetPolicy, SetRouter, SetIsolate, Stop,
                             SetNamespace,
                             SetMtu, SetMetric, SetEther, SetArp, SetFailed, SetToken, SetRouteSource, AwaitAddresses,
                             Detach, UndoDetach, ControlDhcp, ReportDhcp, ExpectMember>;

// Why a command failed. Tools choose their documented text by this; `CommandReply::text` says it in full.
enum class CommandError : std::uint8_t {
    none,
    no_such_interface,     // ENXIO
    already_exists,        // EEXIST
    invalid_argument,      // EINVAL
    not_supported,         // ENOTSUP: the interface cannot do what IPMP needs
    in_use,                // EBUSY, EADDRINUSE
    address_managed,       // EADDRNOTAVAIL: address belongs to DHCP or autoconfiguration
    group_not_empty,
    minimum_redundancy,    // offline: no other functioning interface
    not_in_group,          // offline: unknown interface or not in a group
    not_offline,  // nor detached
    already_offline,
    duplicate_hardware_address,
    kernel_refused,        // a kernel operation failed; text has the details
    no_dhcp,               // the interface is not under DHCP control, or has no lease
    no_dhcp_client,        // the DHCP client is not installed or cannot be run
};

struct CommandReply {
    CommandError error = CommandError::none;
    std::string text;    // one line for people; empty on success
    std::string detail;  // what a successful command has to tell, e.g. "ipmp0:1"
    std::string unsaved;  // why a daemon that is killed now would have forgotten it; empty: it is saved
    bool operator==(const CommandReply&) const = default;
};

}  // namespace ipmp
