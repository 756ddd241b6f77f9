// The engine's whole memory, as plain values. wire/state_codec writes all of it but the fields marked
// transient to run/ipmp/state.json, so that a restarted daemon goes on where the last one stopped (design D6).
// Indices stay valid across restarts of the daemon; a NIC that came back under another index is found by name.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "base/time.hpp"
#include "model/command.hpp"
#include "model/config.hpp"
#include "model/dataplane_image.hpp"
#include "model/dhcp.hpp"
#include "model/ids.hpp"
#include "model/kernel_state.hpp"
#include "model/status.hpp"

namespace ipmp {

// Whether a data address is known to be nobody else's (core/duplicates, R-ADR-6). All others are always `settled`.
enum class Uniqueness : std::uint8_t {
    settled,     // the link has been asked, or it is not ours to ask
    tentative,   // being asked: bound, so that answers are heard, but not on the IPMP interface yet
    optimistic,  // in use already while the link is asked, or until there is an active NIC to ask from
    duplicate,   // somebody else has it: neither bound nor on the IPMP interface, asked for again now and then
};

// An address with its administrative flags; one logical interface (ipmp0, ipmp0:1, …) of one family.
// Number 0 always exists on a plumbed interface, as a zero stub if need be; it is not kept here then.
struct LogicalAddress {
    std::uint32_t number = 0;
    IpAddress address;
    std::uint8_t prefix_length = 0;
    std::optional<IpAddress> broadcast;
    bool up = false;
    bool no_failover = false;  // test address: stays on its NIC (R-ADR-2)
    bool deprecated = false;
    bool is_private = false;  // not for routing programs to tell others of
    bool adopted = false;  // another program put it into the kernel; it may take it away again
    bool scope_link = false;  // IPv4: of narrower scope than global, as that program wanted
    Uniqueness uniqueness = Uniqueness::settled;
    std::optional<MacAddress> claimant;  // who has it: of a duplicate, also while it is tentative again

    bool operator==(const LogicalAddress&) const = default;
};

struct InterfaceFamily {
    bool plumbed = false;
    bool implied = false;  // plumbed, as it is in use, but nobody asked for it yet: to ask for it is no repetition
    std::vector<LogicalAddress> addresses;  // by number
    std::uint32_t metric = 0;               // for routing programs to read
    std::optional<LogicalName> route_source;  // its first address is the preferred source of this NIC's routes
    bool operator==(const InterfaceFamily&) const = default;
};

// What a link's carrier was when it was observed last.
struct CarrierSeen {
    bool present = false;
    bool starting = false;  // present, but the kernel's queues are not open yet
    std::uint32_t changes = 0;
    bool operator==(const CarrierSeen&) const = default;
};

// What a NIC was configured with when it was detached: for the undo, until it is unplugged or configured anew
// (R-DYN-5).
struct DetachRecord {
    std::string group;  // its name, not that of the IPMP interface; empty: it was in none
    std::array<InterfaceFamily, 2> families;
    bool standby = false;
    std::uint32_t wanted_mtu_bytes = 0;
    std::optional<MacAddress> wanted_mac;
    bool admin_up = false;
    bool done = false;  // the kernel has let it go; else a new daemon undoes what was begun
    bool operator==(const DetachRecord&) const = default;
};

// A NIC we know, in a group or not.
struct Interface {
    std::string name;
    InterfaceIndex index;  // 0: missing (vanished or not there yet); a failure for its group (R-DET-14)
    std::string group;     // IPMP interface name; empty: in no group
    bool expected = false;  // missing since boot: a place kept in its group, not a NIC that was there once
    bool tracked = false;  // ours: in the anonymous group, watched though in no group (R-DET-12)
    std::array<InterfaceFamily, 2> families;
    bool standby = false;   // administrator's
    bool inactive = false;  // ours: functioning, but not needed (R-POL-1)
    bool failed = false;    // ours: not usable, by link or probes
    bool probe_failed = false;  // ours: probes say so, or must agree before it counts as repaired (R-DET-6)
    bool probe_answered = false;  // ours: some probe was, since it is watched: a new daemon need not be patient
    bool kept = false;      // FAILED with the whole group, by opinion only: carries on what it carried (R-DET-8)
    bool offline = false;   // if_mpadm -d, or hardware_duplicate
    bool hardware_duplicate = false;  // ours: offline because another member has the same MAC (R-DET-10)
    bool declared_failed = false;     // administrator's: to be treated as if the link were lost
    std::uint32_t wanted_mtu_bytes = 0;     // administrator's; 0: whatever it has
    std::optional<MacAddress> wanted_mac;   // administrator's
    Settings saved_settings;  // as they were before the join; restored at leave
    bool up_when_lost = false;  // was admin-up when it vanished: is brought up when it is back (R-DYN-6)
    std::optional<DetachRecord> detached;

    // As observed last; read again at every start.
    MacAddress mac;
    std::uint32_t mtu_bytes = 0;
    bool admin_up = false;
    bool carrier = false;  // its own, and of a stacked interface that of all links below it as well
    bool starting = false;  // has carrier, but the kernel's queues are not open yet
    bool misplaced = false;  // not in the network namespace its group wants it in: no link until it is
    std::uint32_t carrier_changes = 0;  // of all of them together

    // Transient.
    CarrierSeen own_carrier;
    InterfaceIndex parent;  // the link below a stacked one, if it is in this network namespace
    ProbeHealth probe = ProbeHealth::disabled;  // as core/probing sees it
    std::optional<Instant> starting_until;  // a newcomer that is starting is waited for, at most until then
    std::vector<Instant> link_ups;         // newest last, at most Config::link_ups_per_minute (R-DET-7)
    bool flapping_reported = false;
    std::optional<Instant> repair_due;     // the flapping rule holds the repair back until then

    bool operator==(const Interface&) const = default;
};

// The binding of one UP data address for inbound traffic (R-SPR-2).
struct Binding {
    IpAddress address;
    InterfaceIndex member;        // 0: unbound, as no member is active
    std::uint64_t sequence = 0;   // larger = bound more recently
    bool operator==(const Binding&) const = default;
};

struct GroupFamily {
    bool plumbed = false;
    bool implied = false;  // plumbed, as members use it; nobody asked for it yet
    std::vector<LogicalAddress> addresses;  // by number
    std::uint32_t metric = 0;               // for routing programs to read
    std::vector<InterfaceIndex> active;     // in order of activation, longest first (R3.2)
    InterfaceIndex nominee;
    std::vector<Binding> bindings;          // UP data addresses but duplicates, in order of first binding
    std::vector<Binding> proxies;           // addresses of others that this host answers for on the group's link
    std::array<InterfaceIndex, kSlotCount> slots{};
    std::optional<Instant> give_back_due;   // transient: next paced step of slots to a repaired member (design D4)
    bool operator==(const GroupFamily&) const = default;
};

struct Group {
    std::string interface;   // IPMP interface name, ipmp0
    std::string name;        // group name; equal to `interface` until renamed
    std::string lower_name;  // ipmpl0
    SpreadPolicy policy = SpreadPolicy::flow;
    bool isolate = false;  // members and lower end are in a network namespace of ours (R-VIS-1)
    std::string upper_namespace;  // the application's that the IPMP interface belongs in; empty: the host's
    std::uint32_t wanted_mtu_bytes = 0;  // administrator's, at most; 0: the least of the members'
    std::uint32_t wanted_index = 0;      // of the link, when it is made; 0: the kernel's choice
    std::array<bool, 2> forwards{};  // [index_of(family)] (R-GRP-10)
    InterfaceIndex forwards_on;      // the IPMP link that showed `forwards`; 0: none has yet
    MacAddress mac, lower_mac;
    std::array<GroupFamily, 2> families;
    std::uint64_t next_sequence = 1;  // of Binding
    GroupHealth health = GroupHealth::failed;
    bool failure_reported = false;

    // As observed last.
    InterfaceIndex upper, lower;
    bool misplaced = false;  // `upper` is not in the network namespace it belongs in

    bool operator==(const Group&) const = default;
};

struct State {
    std::map<std::string, Group> groups;          // by IPMP interface name
    std::map<std::string, Interface> interfaces;  // by name
    std::vector<DhcpClient> dhcp_clients;         // each key once
    NamedPlaces named_places;                     // those that groups want, or still have something in
    bool operator==(const State&) const = default;
};

}  // namespace ipmp
