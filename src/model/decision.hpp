// What the engine decided about a NIC, a group or an address, and why: told by the status, so that `ipmp why` can
// explain what it shows. core/decisions records them; only the last ones are kept, and none outlives the daemon.
#pragma once

#include <cstdint>
#include <string>

namespace ipmp {

enum class DecisionObject : std::uint8_t { interface, group, address };

enum class DecisionKind : std::uint8_t {
    joined,     // NIC: a group
    left,       // NIC: its group
    missing,    // NIC: expected in the group, but not there
    failed,     // NIC, or a group that has no usable one left
    repaired,   // NIC
    offline,    // NIC
    online,     // NIC
    inactive,   // NIC: rests
    active,     // NIC: carries traffic again
    kept,       // NIC: failed with its whole group by opinion only, so it carries on
    bound,      // address: its NIC for inbound traffic is `to`
    unbound,    // address: it has none
    withdrawn,  // address: somebody else has it; `to` is that MAC
    ok,         // group
    degraded,   // group
};

enum class DecisionReason : std::uint8_t {
    asked,     // by a command
    observed,  // found so in the kernel
    link_down,
    link_up,
    set_down,  // administratively down
    missing,   // the NIC is gone
    declared,  // an administrator wants it treated as failed
    probes,    // unanswered; of a repair: answered again
    unstable,  // its link came up too often within a minute
    duplicate_mac,
    standby,      // it is a standby, and enough others carry traffic
    no_failback,  // FAILBACK=no, and enough others carry traffic
    needed,       // in place of one that does not work
    left,         // the former NIC is in the group no more
    not_plumbed,  // the former NIC has not that family any more
    balance,      // so that NICs carry equally many addresses
    first,        // the address has just come up
    member_back,  // there was no NIC to carry it before
    no_member,    // no NIC can carry it
    duplicate_address,
    members,  // of a group: because of its NIC `from`
};

struct Decision {
    std::uint64_t sequence = 0;  // counts all of them from 1 since the daemon started
    std::uint64_t at_ms = 0;     // CLOCK_MONOTONIC
    DecisionObject object = DecisionObject::interface;
    std::string name;   // NIC, IPMP interface or address
    std::string group;  // IPMP interface
    DecisionKind what = DecisionKind::joined;
    DecisionReason why = DecisionReason::observed;
    std::string from, to;  // NICs of an address; of a group `from`, see above
    std::string command;   // the method of org.ipmp.Mpathd that led to it, if one did
    bool operator==(const Decision&) const = default;
};

}  // namespace ipmp
