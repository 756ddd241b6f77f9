#include "core/observe.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/address_index.hpp"
#include "core/applications.hpp"
#include "core/forwarding.hpp"
#include "core/isolation.hpp"
#include "core/predicates.hpp"
#include "core/roster.hpp"

namespace ipmp {

namespace {

bool is_ours(const LinkState& link) { return link.alias == kIpmpLinkAlias || link.alias == kLowerLinkAlias; }

// `missing`, a member, is back in `nic`: links that come back may get their names a moment after they appear (R-DYN-6).
void take_place(Interface& missing, const Interface& nic) {
    missing.index = nic.index;
    missing.admin_up = nic.admin_up;
    missing.own_carrier = nic.own_carrier;
    missing.parent = nic.parent;
}

// DHCP clients follow their interfaces, and go with the one of two configurations that goes: `replaced` has the former
// names of NICs that took the place of a missing one, `forgotten` the names of missing ones that are no more.
void rename_clients(std::vector<DhcpClient>& clients, const std::map<std::string, std::string>& new_names,
                    const std::set<std::string>& replaced, const std::set<std::string>& forgotten) {
    std::erase_if(clients, [&](const DhcpClient& client) {
        const std::string& name = client.key.logical.interface;
        return new_names.contains(name) ? replaced.contains(name) : forgotten.contains(name);
    });
    for (DhcpClient& client : clients) {
        auto name = new_names.find(client.key.logical.interface);
        if (name != new_names.end()) client.key.logical.interface = name->second;
    }
}

// Renames entries whose link has another name now. All are taken out before any is put back: names may be swapped.
void file_renames(State& state, const KernelState& kernel) {
    std::vector<std::pair<std::string, decltype(state.interfaces)::node_type>> renamed;  // by former name
    std::map<std::string, std::string> new_names;
    std::set<std::string> replaced, forgotten;
    InterfacesByLink<const Interface> interfaces(state.interfaces);
    for (const auto& [index, link] : kernel.links) {
        const Interface* known = interfaces.find(index);
        if (!known || known->name == link.name || has_taken_name(state, kernel, link)) continue;
        std::string former = known->name;
        new_names[former] = link.name;
        auto node = state.interfaces.extract(former);
        node.key() = node.mapped().name = link.name;
        renamed.emplace_back(std::move(former), std::move(node));
    }
    for (auto& [former, node] : renamed) {
        auto missing = state.interfaces.find(node.key());
        bool was_there = missing != state.interfaces.end() && !missing->second.expected;
        if (was_there && node.mapped().group.empty()) {
            take_place(missing->second, node.mapped());
            replaced.insert(former);
            continue;
        }
        if (missing != state.interfaces.end()) {
            forgotten.insert(node.key());
            state.interfaces.erase(missing);
        }
        state.interfaces.insert(std::move(node));
    }
    rename_clients(state.dhcp_clients, new_names, replaced, forgotten);
}

// The State's entry for a kernel link whose index no other has: a missing one of the same name that came back, else a
// new one.
Interface& new_entry(State& state, const LinkState& link) {
    Interface& entry = state.interfaces[link.name];
    if (entry.expected) entry = {};  // a newcomer: what it is to be is in its files
    entry.name = link.name;
    entry.index = link.index;
    entry.own_carrier = {};
    return entry;
}

bool newer(std::uint32_t candidate, std::uint32_t known) {
    return static_cast<std::int32_t>(candidate - known) >= 0;
}

// Interfaces of these kinds send and receive by one link below and have no wire of their own.
constexpr std::array kStackedKinds{"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec"};

InterfaceIndex parent_of(const LinkState& link) {
    bool stacked = std::find(kStackedKinds.begin(), kStackedKinds.end(), link.kind) != kStackedKinds.end();
    return stacked ? link.peer : InterfaceIndex{};
}

// Linux passes the carrier of a link on to what is stacked on it up to a second late. So an interface has carrier while
// all links below it have, each known by the newest of its own observations.
void combine_carriers(State& state) {
    for (auto& [name, interface] : state.interfaces) {
        CarrierSeen all = interface.own_carrier;
        bool nearly = all.present || all.starting;
        for (const Interface* below : below_of(state, interface)) {
            const CarrierSeen& own = below->own_carrier;
            all.present &= own.present;
            nearly &= own.present || own.starting;
            all.changes += own.changes;
        }
        interface.carrier = all.present;
        interface.starting = nearly && !all.present;
        interface.carrier_changes = all.changes;
    }
}

void file_links(State& state, const KernelState& kernel) {
    follow_moves(state, kernel);
    for (auto& [name, interface] : state.interfaces) {
        if (interface.index && !kernel.links.contains(interface.index)) file_vanished(state, interface.index);
    }
    std::erase_if(state.interfaces,
                  [](const auto& entry) { return !entry.second.index && entry.second.group.empty(); });
    file_renames(state, kernel);
    InterfacesByLink<Interface> known(state.interfaces);  // new ones have links of their own
    for (const auto& [index, link] : kernel.links) {
        if (!link.ethernet || is_ours(link)) continue;
        if (index.place == Place::members && link.immovable) continue;  // came with the namespace
        Interface* own = known.find(index);
        if (own && own->index != index) own = nullptr;  // another link of its name has just taken its place
        if (!own && has_taken_name(state, kernel, link)) continue;
        Interface& entry = own ? *own : new_entry(state, link);
        entry.mac = link.mac;
        entry.mtu_bytes = link.mtu_bytes;
        // A NIC that others configure counts as plumbed when first seen up (design §2); one that was plumbed for a
        // single family stays so.
        bool came_up = link.admin_up && !entry.admin_up;
        if (came_up && !entry.families[0].plumbed && !entry.families[1].plumbed) {
            for (InterfaceFamily& family : entry.families) imply(family);
            entry.detached.reset();
        }
        entry.admin_up = link.admin_up;
        if (link.admin_up) entry.up_when_lost = false;
        entry.parent = parent_of(link);
        if (newer(link.carrier_changes, entry.own_carrier.changes)) {
            entry.own_carrier = {link.carrier, link.starting, link.carrier_changes};
        }
        if (!entry.group.empty() && entry.saved_settings.empty()) entry.saved_settings = link.settings;
    }
    combine_carriers(state);
}

void file_groups(State& state, const KernelState& kernel) {
    std::map<std::string_view, std::vector<const LinkState*>> ours;  // by name, each in order of index
    for (const auto& [index, link] : kernel.links) {
        if (is_ours(link)) ours[link.name].push_back(&link);
    }
    for (auto& [name, group] : state.groups) {
        group.upper = group.lower = {};
        for (const LinkState* link : ours[group.lower_name]) {
            if (link->alias == kLowerLinkAlias) group.lower = link->index;
        }
        for (const LinkState* link : ours[group.interface]) {
            bool is_upper = link->index.place != Place::members && link->alias == kIpmpLinkAlias;
            bool is_paired = group.lower && link->peer == group.lower;
            if (is_upper && (is_paired || !group.upper)) group.upper = link->index;
        }
    }
}

// Flags that were set before the kernel had made a NIC's link-local address, as in `plumb -failover up`, were meant for
// that address (R-ADR-4): it comes in place of the stub that has kept them.
bool takes_place_of_stub(std::vector<LogicalAddress>& addresses, const AddressState& seen) {
    bool has_stub = !addresses.empty() && addresses.front().number == 0 && addresses.front().address.is_zero();
    if (!has_stub || !seen.address.is_link_local()) return false;
    addresses.front().address = seen.address;
    addresses.front().prefix_length = seen.prefix_length;
    addresses.front().up = true;
    return true;
}

void adopt(std::vector<LogicalAddress>& addresses, const AddressState& seen) {
    if (takes_place_of_stub(addresses, seen)) return;
    LogicalAddress logical{.number = free_number(addresses, 0),
                           .address = seen.address,
                           .prefix_length = seen.prefix_length,
                           .broadcast = seen.broadcast,
                           .up = true,
                           .adopted = true,
                           .scope_link = seen.scope_link && seen.address.family == Family::ipv4};
    insert_logical(addresses, logical);
}

// An adopted address that its program took away again is gone here too.
void forget_removed(std::vector<LogicalAddress>& addresses, const AddressIndex& seen, InterfaceIndex link) {
    std::erase_if(addresses, [&](const LogicalAddress& logical) {
        return logical.adopted && !seen.contains(link, logical.address);
    });
}

void file_addresses(State& state, const KernelState& kernel, const std::set<DoomedAddress>& doomed) {
    AddressIndex present(kernel);
    InterfacesByLink<Interface> interfaces(state.interfaces);
    struct Hosting {
        Group* group;
        std::set<IpAddress> addresses;  // of both families, UP or not: there may be thousands
    };
    std::map<InterfaceIndex, Hosting> groups;  // by upper end
    for (auto& [name, interface] : state.interfaces) {
        for (auto& family : interface.families) forget_removed(family.addresses, present, interface.index);
    }
    for (auto& [name, group] : state.groups) {
        if (!group.upper) continue;
        Hosting hosting{&group, {}};
        for (auto& family : group.families) {
            forget_removed(family.addresses, present, group.upper);
            for (const LogicalAddress& logical : family.addresses) hosting.addresses.insert(logical.address);
        }
        groups.emplace(group.upper, std::move(hosting));
    }
    for (const AddressState& seen : kernel.addresses) {
        if (doomed.contains({seen.link, seen.address, seen.prefix_length})) continue;
        std::size_t family = index_of(seen.address.family);
        if (auto found = groups.find(seen.link); found != groups.end()) {
            auto& [group, addresses] = found->second;
            if (addresses.contains(seen.address) || is_full(*group, seen.address.family)) continue;
            addresses.insert(seen.address);
            imply(group->families[family]);
            adopt(group->families[family].addresses, seen);
        } else if (Interface* interface = interfaces.find(seen.link)) {
            if (contains(interface->families[family].addresses, seen.address)) continue;
            auto own_group = state.groups.find(interface->group);
            bool migrated = own_group != state.groups.end() && hosts(own_group->second, seen.address);
            if (migrated) continue;  // the planner takes it away here
            imply(interface->families[family]);
            adopt(interface->families[family].addresses, seen);
        }
    }
}

// Another NIC has `address` as its test address: it must not become everybody's (core/hygiene tells).
bool tests_another(const State& state, const Interface& interface, const IpAddress& address) {
    return std::any_of(state.interfaces.begin(), state.interfaces.end(), [&](const auto& entry) {
        const Interface& other = entry.second;
        const LogicalAddress* same = find_up(other.families[index_of(address.family)].addresses, address);
        return &other != &interface && other.group == interface.group && same && same->no_failover;
    });
}

// The zeroth without an address, which any address may take the place of, unless it is UP or to be a special one.
bool is_plain_stub(const LogicalAddress& logical) {
    bool has_flags = logical.up || logical.no_failover || logical.deprecated || logical.is_private;
    return logical.number == 0 && logical.address.is_zero() && !has_flags;
}

}  // namespace

bool has_taken_name(const State& state, const KernelState& kernel, const LinkState& link) {
    auto holder = state.interfaces.find(link.name);
    if (holder == state.interfaces.end() || holder->second.index == link.index) return false;
    auto its_link = kernel.links.find(holder->second.index);
    return its_link != kernel.links.end() && its_link->second.name == link.name;
}

std::uint32_t free_number(const std::vector<LogicalAddress>& addresses, std::uint32_t first) {
    std::uint32_t number = first;
    for (const LogicalAddress& logical : addresses) {
        if (logical.number == number && !is_plain_stub(logical)) ++number;
    }
    return number;
}

void insert_logical(std::vector<LogicalAddress>& addresses, LogicalAddress logical) {
    std::erase_if(addresses, [&](const LogicalAddress& other) {
        return other.number == logical.number && is_plain_stub(other);
    });
    auto position = std::find_if(addresses.begin(), addresses.end(),
                                 [&](const LogicalAddress& other) { return other.number > logical.number; });
    addresses.insert(position, logical);
}

void file_observation(State& state, const KernelState& kernel, const std::set<DoomedAddress>& doomed) {
    file_links(state, kernel);
    file_groups(state, kernel);
    file_forwarding(state, kernel);
    file_addresses(state, kernel, doomed);
}

// A loss only: where carrier has returned, frames are lost until the kernel shows the link RUNNING (LinkState).
void file_carriers(State& state, const CarriersChanged& event) {
    for (const CarrierChange& change : event.links) {
        Interface* interface = find_interface(state, change.link);
        if (change.up || !interface || !newer(change.carrier_changes, interface->own_carrier.changes)) continue;
        interface->own_carrier = {.changes = change.carrier_changes};
    }
    combine_carriers(state);
}

void file_vanished(State& state, InterfaceIndex link) {
    Interface* interface = find_interface(state, link);
    if (!interface) return;
    interface->index = {};
    interface->up_when_lost = interface->admin_up;
    interface->admin_up = false;
    interface->own_carrier.present = interface->own_carrier.starting = false;
    interface->parent = {};
    combine_carriers(state);
}

void migrate_addresses(State& state, const KernelState& kernel) {
    for (auto& [name, interface] : state.interfaces) {
        auto group = state.groups.find(interface.group);
        if (group == state.groups.end()) continue;
        for (std::size_t family = 0; family < kFamilies.size(); ++family) {
            if (interface.families[family].plumbed) imply(group->second.families[family]);
            auto& source = interface.families[family].addresses;
            auto& target = group->second.families[family].addresses;
            bool is_beside = interface.index.place == group->second.upper.place;  // lifetimes cannot go anywhere else
            auto goes = [&, &member = interface](const LogicalAddress& logical) {
                if (!migrates(logical)) return false;
                bool ends = is_seen(kernel, member.index, logical.address, &AddressState::finite_lifetime);
                return (is_beside || !ends) && !tests_another(state, member, logical.address);
            };
            for (LogicalAddress& logical : source) {
                if (!goes(logical) || contains(target, logical.address)) continue;
                LogicalAddress moved = logical;
                moved.number = free_number(target, 0);
                bool ends_by_itself = is_seen(kernel, interface.index, logical.address, &AddressState::finite_lifetime);
                moved.adopted = logical.adopted && ends_by_itself;
                bool refused = is_seen(kernel, interface.index, logical.address, &AddressState::dad_failed);
                if (refused && !moved.adopted) moved.uniqueness = Uniqueness::tentative;  // R6.6: asked for anew
                insert_logical(target, moved);
            }
            std::erase_if(source, goes);
        }
    }
}

void forget_restored_settings(State& state, const KernelState& kernel) {
    for (auto& [name, interface] : state.interfaces) {
        if (!interface.group.empty() || interface.saved_settings.empty() || interface.misplaced) continue;
        auto link = kernel.links.find(interface.index);
        if (link == kernel.links.end() || link->second.settings.empty()) continue;
        bool restored = std::all_of(interface.saved_settings.begin(), interface.saved_settings.end(), [&](auto& saved) {
            auto seen = link->second.settings.find(saved.first);
            return seen == link->second.settings.end() || seen->second == saved.second;
        });
        if (restored) interface.saved_settings.clear();
    }
}

}  // namespace ipmp
