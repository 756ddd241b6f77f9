#include "core/predicates.hpp"

#include <algorithm>

#include "base/natural_order.hpp"

namespace ipmp {

namespace {

template <typename StateType, typename Pointer>
std::vector<Pointer> collect_members(StateType& state, const Group& group) {
    std::vector<Pointer> members;
    for (auto& [name, interface] : state.interfaces) {
        if (interface.group == group.interface) members.push_back(&interface);
    }
    std::sort(members.begin(), members.end(), [](Pointer a, Pointer b) { return natural_less(a->name, b->name); });
    return members;
}

template <typename StateType>
auto find_by_index(StateType& state, InterfaceIndex index) -> decltype(&state.interfaces.begin()->second) {
    if (!index) return nullptr;
    for (auto& [name, interface] : state.interfaces) {
        if (interface.index == index) return &interface;
    }
    return nullptr;
}

}  // namespace

std::uint32_t filter_handle(const Group& group) {
    std::uint32_t number = 0;
    for (char c : group.lower_name) {
        if (c >= '0' && c <= '9') number = number * 10 + static_cast<std::uint32_t>(c - '0');
    }
    return number + 1;
}

std::vector<const Interface*> members_of(const State& state, const Group& group) {
    return collect_members<const State, const Interface*>(state, group);
}

std::vector<Interface*> members_of(State& state, const Group& group) {
    return collect_members<State, Interface*>(state, group);
}

std::vector<const Interface*> below_of(const State& state, const Interface& interface) {
    constexpr std::size_t kDeepest = 8;  // as the kernel allows
    std::vector<const Interface*> below;
    for (const Interface* at = find_interface(state, interface.parent); at && below.size() < kDeepest;
         at = find_interface(state, at->parent)) {
        below.push_back(at);
    }
    return below;
}

std::vector<InterfaceIndex> links_to_watch(const State& state) {
    std::set<InterfaceIndex> links;
    for (const auto& [name, interface] : state.interfaces) {
        if (!watched(interface) || !interface.index) continue;
        links.insert(interface.index);
        for (const Interface* below : below_of(state, interface)) links.insert(below->index);
    }
    return {links.begin(), links.end()};
}

const Interface* find_interface(const State& state, InterfaceIndex index) { return find_by_index(state, index); }
Interface* find_interface(State& state, InterfaceIndex index) { return find_by_index(state, index); }

const Interface* same_interface(const std::map<std::string, Interface>& before, const Interface& interface) {
    auto found = before.find(interface.name);
    const Interface* namesake = found == before.end() ? nullptr : &found->second;
    bool is_it = namesake && (!interface.index || namesake->index == interface.index);  // as a rule
    if (is_it) return namesake;
    for (const auto& [name, former] : before) {
        if (interface.index && former.index == interface.index) return &former;
    }
    return namesake;
}

const LogicalAddress* find_up(const std::vector<LogicalAddress>& addresses, const IpAddress& address) {
    auto found = std::find_if(addresses.begin(), addresses.end(), [&](const LogicalAddress& logical) {
        return logical.up && logical.address == address;
    });
    return found == addresses.end() ? nullptr : &*found;
}

std::set<IpAddress> in_question(const Group& group) {
    std::set<IpAddress> open;
    for (const GroupFamily& family : group.families) {
        for (const LogicalAddress& logical : family.addresses) {
            if (logical.up && logical.uniqueness != Uniqueness::settled) open.insert(logical.address);
        }
    }
    return open;
}

bool is_seen(const KernelState& kernel, InterfaceIndex link, const IpAddress& address, bool AddressState::*property) {
    return std::any_of(kernel.addresses.begin(), kernel.addresses.end(), [&](const AddressState& seen) {
        return seen.link == link && seen.address == address && seen.*property;
    });
}

bool has_data_address(const KernelState& kernel, const Interface& interface, const Group& group) {
    return std::any_of(kernel.addresses.begin(), kernel.addresses.end(), [&](const AddressState& seen) {
        bool is_own = contains(interface.families[index_of(seen.address.family)].addresses, seen.address);
        return seen.link == interface.index && hosts(group, seen.address) && !is_own;
    });
}

bool contains(const std::vector<LogicalAddress>& addresses, const IpAddress& address) {
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const LogicalAddress& logical) { return logical.address == address; });
}

bool hosts(const Group& group, const IpAddress& address) {
    return contains(group.families[index_of(address.family)].addresses, address);
}

}  // namespace ipmp
