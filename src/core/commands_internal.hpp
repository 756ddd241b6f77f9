// What the files of commands.hpp share: how a command ends, how names are found, how addresses leave the kernel.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "core/commands.hpp"
#include "core/predicates.hpp"

namespace ipmp {

inline CommandReply success(std::string detail = "") { return {CommandError::none, "", std::move(detail)}; }

inline CommandReply failure(CommandError error, std::string text) { return {error, std::move(text), ""}; }

inline CommandReply no_such_interface(const std::string& name) {
    return failure(CommandError::no_such_interface, fmt::format("{}: no such interface", name));
}

inline Group* find_group(CommandContext& context, const std::string& ipmp_interface) {
    auto found = context.state.groups.find(ipmp_interface);
    return found == context.state.groups.end() ? nullptr : &found->second;
}

inline Interface* find_nic(CommandContext& context, const std::string& name) {
    auto found = context.state.interfaces.find(name);
    return found == context.state.interfaces.end() || !found->second.index ? nullptr : &found->second;
}

// `link` has a data address on its way to the IPMP interface `upper`, which may not be there yet.
inline bool brings(const State& state, InterfaceIndex link, InterfaceIndex upper, const IpAddress& address) {
    const Interface* nic = find_interface(state, link);
    auto group = nic ? state.groups.find(nic->group) : state.groups.end();
    if (!nic || group == state.groups.end()) return false;
    if (group->second.upper != upper || !hosts(group->second, address)) return false;
    return !contains(nic->families[index_of(address.family)].addresses, address);
}

// Takes every trace of one logical address out of the kernel: of `link`, and of members it has not left yet.
inline void doom(CommandContext& context, InterfaceIndex link, const IpAddress& address) {
    std::set<DoomedAddress> places = context.orders.arriving;
    for (const AddressState& seen : context.kernel.addresses) {
        places.insert({seen.link, seen.address, seen.prefix_length});
    }
    for (const DoomedAddress& place : places) {
        if (place.address != address) continue;
        if (place.link != link && !brings(context.state, place.link, link, address)) continue;
        context.orders.doomed.insert(place);
        context.orders.ops.push_back(RemoveAddress{place.link, place.address, place.prefix_length});
    }
}

inline void doom_all(CommandContext& context, InterfaceIndex link, std::vector<LogicalAddress>& addresses) {
    for (const LogicalAddress& logical : addresses) doom(context, link, logical.address);
    addresses.clear();
}

// Ends the membership of `nic`, and all that was only true of a member.
void leave_group(Interface& nic);
CommandReply set_group(const SetGroup& command, CommandContext& context);

// Whether the kernel holds of one what it is to hold of the other: it need not go for a moment to come back.
bool is_as_configured(const LogicalAddress& before, const LogicalAddress& after);

// Each carries out one command of commands_address.cpp.
CommandReply set_address(const SetAddress& command, CommandContext& context);
CommandReply set_netmask(const SetNetmask& command, CommandContext& context);
CommandReply add_logical(const AddLogical& command, CommandContext& context);
CommandReply remove_logical(const RemoveLogical& command, CommandContext& context);
CommandReply set_flags(const SetFlags& command, CommandContext& context);
CommandReply set_isolate(const SetIsolate& command, CommandContext& context);  // isolation.cpp
CommandReply set_namespace(const SetNamespace& command, CommandContext& context);  // applications.cpp
// Of commands_link.cpp.
CommandReply set_mtu(const SetMtu& command, CommandContext& context);
CommandReply set_metric(const SetMetric& command, CommandContext& context);
CommandReply set_ether(const SetEther& command, CommandContext& context);
CommandReply set_arp(const SetArp& command, CommandContext& context);
CommandReply set_failed(const SetFailed& command, CommandContext& context);
CommandReply set_token(const SetToken& command, CommandContext& context);
CommandReply set_route_source(const SetRouteSource& command, CommandContext& context);
// `nic` is one of the two in a `usesrc`, which excludes group and standby.
bool uses_route_source(const State& state, const Interface& nic);
// The same commands with a number other than 0.
CommandReply plumb_logical(const Plumb& command, CommandContext& context);
CommandReply unplumb_logical(const Unplumb& command, CommandContext& context);

}  // namespace ipmp
