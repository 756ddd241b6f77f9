#include "core/link_wishes.hpp"

#include <algorithm>

#include "core/predicates.hpp"

namespace ipmp {

namespace {

void plan_link(const Interface& nic, const LinkState& link, std::vector<KernelOp>& ops) {
    if (nic.wanted_mtu_bytes != 0 && link.mtu_bytes != nic.wanted_mtu_bytes) {
        ops.push_back(SetLinkMtu{link.index, nic.wanted_mtu_bytes});
    }
    if (nic.wanted_mac && link.mac != *nic.wanted_mac) ops.push_back(SetLinkMac{link.index, *nic.wanted_mac});
}

// The address that `source` stands for: that of its number, else the first one that others may know.
std::optional<IpAddress> address_of(const State& state, const KernelState& kernel, const LogicalName& source,
                                    Family family) {
    auto nic = state.interfaces.find(source.interface);
    if (nic != state.interfaces.end()) {
        for (const LogicalAddress& logical : nic->second.families[index_of(family)].addresses) {
            bool suits = logical.number == source.number && logical.up && !logical.address.is_zero();
            if (suits && !logical.address.is_link_local()) return logical.address;
        }
    }
    if (source.number != 0) return {};
    for (const AddressState& seen : kernel.addresses) {
        auto link = kernel.links.find(seen.link);
        bool there = link != kernel.links.end() && link->second.name == source.interface;
        there = there && seen.link.place == Place::host;
        if (there && seen.address.family == family && !seen.scope_link) return seen.address;
    }
    return {};
}

const LogicalAddress* find_deprecated(const std::vector<LogicalAddress>& addresses, const IpAddress& address) {
    const LogicalAddress* found = find_up(addresses, address);
    return found && found->deprecated && !found->no_failover && !found->adopted ? found : nullptr;
}

bool share_network(const AddressState& one, const AddressState& other) {
    return one.prefix_length == other.prefix_length &&
           network_of(one.address, one.prefix_length) == network_of(other.address, other.prefix_length);
}

// Of several IPv4 addresses of one network the first is the source Linux chooses: deprecated ones go behind the others.
// Where secondary addresses are not promoted they go with the first, so they are put back in the same breath.
void plan_order(InterfaceIndex link, const std::vector<LogicalAddress>& addresses, const KernelState& kernel,
                std::vector<KernelOp>& ops) {
    bool any = std::any_of(addresses.begin(), addresses.end(), [](const auto& logical) { return logical.deprecated; });
    if (!any) return;  // as a rule, and there may be thousands of addresses
    for (auto seen = kernel.addresses.begin(); seen != kernel.addresses.end(); ++seen) {
        if (seen->link != link || seen->address.family != Family::ipv4) continue;
        const LogicalAddress* deprecated = find_deprecated(addresses, seen->address);
        if (!deprecated || !in_use(*deprecated)) continue;
        std::vector<KernelOp> put_back;
        for (auto later = std::next(seen); later != kernel.addresses.end(); ++later) {
            const LogicalAddress* other = later->link == link ? find_up(addresses, later->address) : nullptr;
            if (!other || other->deprecated || !in_use(*other) || !share_network(*seen, *later)) continue;
            put_back.push_back(AddAddress{link, later->address, later->prefix_length, later->broadcast,
                                          later->scope_link, {}, false});
        }
        if (put_back.empty()) continue;
        ops.push_back(RemoveAddress{link, seen->address, seen->prefix_length});
        ops.insert(ops.end(), put_back.begin(), put_back.end());
        ops.push_back(AddAddress{link, seen->address, seen->prefix_length, seen->broadcast, seen->scope_link, {},
                                 true});
        return;  // one at a time: what is planned next is seen on top of this
    }
}

}  // namespace

std::optional<std::array<std::optional<IpAddress>, 2>> wanted_route_sources(const State& state,
                                                                            const KernelState& kernel,
                                                                            const Interface& nic) {
    std::array<std::optional<IpAddress>, 2> sources;
    for (Family family : kFamilies) {
        const std::optional<LogicalName>& source = nic.families[index_of(family)].route_source;
        if (source) sources[index_of(family)] = address_of(state, kernel, *source, family);
    }
    if (!sources[0] && !sources[1]) return {};
    return sources;
}

std::vector<KernelOp> plan_link_wishes(const State& state, const KernelState& kernel) {
    std::vector<KernelOp> ops;
    for (const auto& [name, nic] : state.interfaces) {
        auto link = kernel.links.find(nic.index);
        if (link == kernel.links.end() || nic.misplaced) continue;  // a refusal because it moves must undo no wish
        plan_link(nic, link->second, ops);
        if (!nic.offline) plan_order(nic.index, nic.families[0].addresses, kernel, ops);
        auto sources = wanted_route_sources(state, kernel, nic);
        for (Family family : kFamilies) {
            bool differs = sources && (*sources)[index_of(family)] && link->second.other_sources[index_of(family)] > 0;
            if (differs) ops.push_back(SetRouteSources{nic.index, family, (*sources)[index_of(family)]});
        }
    }
    for (const auto& [name, group] : state.groups) {
        if (group.upper && !group.misplaced) plan_order(group.upper, group.families[0].addresses, kernel, ops);
    }
    return ops;
}

void forget_refused_wishes(State& state, const KernelApplied& event) {
    for (const KernelApplied::Failure& failure : event.failures) {
        if (const auto* mtu = std::get_if<SetLinkMtu>(&failure.op)) {
            Interface* nic = find_interface(state, mtu->link);
            if (nic && nic->wanted_mtu_bytes == mtu->mtu_bytes) nic->wanted_mtu_bytes = 0;
        }
        if (const auto* mac = std::get_if<SetLinkMac>(&failure.op)) {
            Interface* nic = find_interface(state, mac->link);
            if (nic && nic->wanted_mac == mac->mac) nic->wanted_mac.reset();
        }
    }
}

}  // namespace ipmp
