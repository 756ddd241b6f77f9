// The field's predicates over State, each in one place (reference: in.mpathd "Definitions used everywhere").
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/state.hpp"

namespace ipmp {

// The NIC exists where it belongs, is administratively up and has carrier.
inline bool has_carrier(const Interface& interface) {
    return interface.index && !interface.misplaced && interface.admin_up && interface.carrier;
}

// The same, and no administrator says otherwise.
inline bool link_up(const Interface& interface) { return has_carrier(interface) && !interface.declared_failed; }

// Its failures and repairs are detected: a member of a group, or of the anonymous one (core/anonymous_group).
inline bool watched(const Interface& interface) { return !interface.group.empty() || interface.tracked; }

// Works, as far as detection knows; an INACTIVE interface may be functioning.
inline bool functioning(const Interface& interface) {
    return interface.index && !interface.failed && !interface.offline && !interface.starting_until;
}

// Functioning, and has an UP address: on Linux the NIC's admin state stands for that of the zero stub (design §2).
inline bool usable(const Interface& interface) { return functioning(interface) && interface.admin_up; }

// Functioning, or FAILED together with its whole group by opinion only: it carries on what it carried (R-DET-8).
inline bool works(const Interface& interface) {
    return functioning(interface) || (interface.kept && link_up(interface) && !interface.offline);
}

inline bool active(const Interface& interface) {
    return works(interface) && interface.admin_up && !interface.inactive;
}

// Frames may pass between its NICs and its interface without the queues of the pair: both are in one network namespace,
// as a program redirects to no other, and the administrator wants it so.
inline bool goes_at_once(const Group& group, const Config& config) {
    bool stays_together = !group.isolate && group.upper_namespace.empty() && !group.misplaced;
    return config.fast_path && stays_together && group.upper.place == group.lower.place;
}

// May carry traffic of `family` (R0.1).
inline bool active_for(const Interface& interface, Family family) {
    return active(interface) && interface.families[index_of(family)].plumbed;
}

// An address that counts as the group's while UP on a member: everything but test addresses, IPv6
// link-locals and zero stubs (R-GRP-5).
inline bool migrates(const LogicalAddress& logical) {
    return logical.up && !logical.no_failover && !logical.address.is_zero() && !logical.address.is_link_local();
}

// UP addresses of a group: which of them belong on the IPMP interface, which are bound, and which must not be
// announced, as another host may have them (core/duplicates).
inline bool in_use(const LogicalAddress& logical) {
    bool usable = logical.uniqueness == Uniqueness::settled || logical.uniqueness == Uniqueness::optimistic;
    return logical.up && !logical.address.is_zero() && usable;
}
inline bool wants_binding(const LogicalAddress& logical) {
    return logical.up && !logical.address.is_zero() && logical.uniqueness != Uniqueness::duplicate;
}
std::set<IpAddress> in_question(const Group& group);
// The handle of `group`'s traffic-control filters: 1 + the number of its lower end, so that none is 0.
std::uint32_t filter_handle(const Group& group);

// For who finds it in use: `family` is plumbed, if it was not before, without anybody's asking.
template <typename AnyFamily>
void imply(AnyFamily& family) {
    if (family.plumbed) return;
    family.plumbed = family.implied = true;
}

// Members in natural name order.
std::vector<const Interface*> members_of(const State& state, const Group& group);
std::vector<Interface*> members_of(State& state, const Group& group);

// The links that a stacked interface is on, nearest first; none for a NIC.
std::vector<const Interface*> below_of(const State& state, const Interface& interface);
// Whose carrier matters: all that are watched, with those below them; in order.
std::vector<InterfaceIndex> links_to_watch(const State& state);

const Interface* find_interface(const State& state, InterfaceIndex index);
Interface* find_interface(State& state, InterfaceIndex index);

// What `interface` was before, under whatever name.
const Interface* same_interface(const std::map<std::string, Interface>& before, const Interface& interface);

// The UP one that is `address`, or null.
const LogicalAddress* find_up(const std::vector<LogicalAddress>& addresses, const IpAddress& address);

// The kernel holds `address` on `link`, and it has `property`.
bool is_seen(const KernelState& kernel, InterfaceIndex link, const IpAddress& address, bool AddressState::*property);

// One of `addresses`, UP or not, is `address`.
bool contains(const std::vector<LogicalAddress>& addresses, const IpAddress& address);

// `address` is a data address of `group`, UP or not.
bool hosts(const Group& group, const IpAddress& address);
// The kernel holds one of those on `interface`, which has it no more: it is on its way.
bool has_data_address(const KernelState& kernel, const Interface& interface, const Group& group);

}  // namespace ipmp
