#include "core/snapshot.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/natural_order.hpp"
#include "core/applications.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

std::string name_of(const State& state, InterfaceIndex index) {
    const Interface* interface = find_interface(state, index);
    return interface ? interface->name : "";
}

std::vector<const Group*> groups_in_order(const State& state) {
    std::vector<const Group*> groups;
    for (const auto& [name, group] : state.groups) groups.push_back(&group);
    std::sort(groups.begin(), groups.end(),
              [](auto* a, auto* b) { return natural_less(a->interface, b->interface); });
    return groups;
}

// Carries data traffic and is no part of a failed group that merely tries on (R-DET-8).
bool shown_active(const Interface& member) { return active(member) && !member.failed; }

InterfaceHealth health_of(const Interface& member) {
    if (member.offline) return InterfaceHealth::offline;
    if (member.starting_until) return InterfaceHealth::unknown;
    if (member.failed) return InterfaceHealth::failed;
    return member.probe == ProbeHealth::unknown ? InterfaceHealth::unknown : InterfaceHealth::ok;
}

std::vector<std::string> active_members(const State& state, const Group& group) {
    std::vector<std::string> names;
    for (const Interface* member : members_of(state, group)) {
        if (active(*member)) names.push_back(member->name);
    }
    return names;
}

void append_addresses(const State& state, const Group& group, std::vector<AddressStatus>& addresses) {
    std::map<InterfaceIndex, std::string> names;
    for (const auto& [name, interface] : state.interfaces) names[interface.index] = name;
    const std::vector<std::string> active = active_members(state, group);
    for (Family which : kFamilies) {
        const GroupFamily& family = group.families[index_of(which)];
        if (!family.plumbed) continue;
        std::map<IpAddress, InterfaceIndex> bound;
        for (const Binding& binding : family.bindings) bound.emplace(binding.address, binding.member);
        bool zero_listed = family.addresses.empty() || family.addresses.front().number != 0;
        if (zero_listed) {
            IpAddress stub;
            stub.family = which;
            addresses.push_back({.address = stub, .group = group.interface});
        }
        for (const LogicalAddress& logical : family.addresses) {
            // Zero addresses are the only ones a group can have twice.
            if (logical.address.is_zero() && std::exchange(zero_listed, true)) continue;
            bool duplicate = logical.uniqueness == Uniqueness::duplicate;
            AddressStatus status{.address = logical.address, .up = logical.up && !duplicate, .group = group.interface};
            auto binding = bound.find(logical.address);
            if (binding != bound.end() && binding->second && in_use(logical)) status.inbound = names[binding->second];
            if (!status.inbound.empty()) status.outbound = active;
            addresses.push_back(std::move(status));
        }
    }
}

void append_proxies(const State& state, const Group& group, std::vector<ProxyStatus>& proxies) {
    for (const GroupFamily& family : group.families) {
        for (const Binding& binding : family.proxies) {
            proxies.push_back({binding.address, group.interface, name_of(state, binding.member)});
        }
    }
}

}  // namespace

GroupStatus group_status(const Group& group, const std::vector<const Interface*>& members) {
    GroupStatus status{.interface = group.interface, .name = group.name, .state = group.health,
                       .policy = group.policy, .isolate = group.isolate,
                       .network_namespace = group.upper_namespace};
    for (const Interface* member : members) {
        if (shown_active(*member)) status.active.push_back(member->name);
        else if (functioning(*member) && member->inactive) status.inactive.push_back(member->name);
        else status.unusable.push_back(member->name);
    }
    return status;
}

InterfaceStatus interface_status(const Group& group, const Interface& member) {
    InterfaceStatus status{.name = member.name, .index = member.index.value};
    bool is_nominee4 = member.index && group.families[0].nominee == member.index;
    status.active = shown_active(member);
    status.group = group.interface;
    status.inactive = member.inactive;
    status.standby = member.standby;
    status.multicast4 = status.broadcast4 = is_nominee4;
    status.multicast6 = member.index && group.families[1].nominee == member.index;
    status.down = !member.admin_up || member.offline;
    status.hardware_duplicate = member.hardware_duplicate;
    status.link = link_up(member) ? LinkHealth::up : LinkHealth::down;
    if (member.starting_until) status.link = LinkHealth::unknown;
    bool fails = member.failed && member.probe != ProbeHealth::disabled;  // by its link as well
    status.probe = fails ? ProbeHealth::failed : member.probe;
    status.state = health_of(member);
    return status;
}

Status snapshot_of(const State& state, const KernelState& kernel, const AddressIndex& seen) {
    Status status;
    for (const Group* group : groups_in_order(state)) {
        std::vector<const Interface*> members = members_of(state, *group);
        status.groups.push_back(group_status(*group, members));
        status.groups.back().namespace_missing = !has_home(state, kernel, *group);
        for (const Interface* member : members) {
            status.interfaces.push_back(interface_status(*group, *member));
        }
        append_addresses(state, *group, status.addresses);
        append_proxies(state, *group, status.proxies);
    }
    status.plumbed = plumbed_interfaces(state, kernel, seen);
    return status;
}

}  // namespace ipmp
