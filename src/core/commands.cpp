// IPMP interfaces, membership and offline; addresses are in commands_address.cpp.
#include "core/commands.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/fnv.hpp"
#include "core/applications.hpp"
#include "core/commands_internal.hpp"
#include "core/detach.hpp"
#include "core/dhcp.hpp"
#include "core/expectations.hpp"
#include "core/forwarding.hpp"
#include "core/give_back.hpp"
#include "core/hardware_duplicates.hpp"
#include "core/isolation.hpp"
#include "core/predicates.hpp"
#include "core/verdict.hpp"

namespace ipmp {

namespace {

constexpr std::uint32_t kMostIndex = 0x7fffffff;  // the kernel's are signed

Group* group_named(CommandContext& context, const std::string& group_name) {
    for (auto& [interface, group] : context.state.groups) {
        if (group.name == group_name) return &group;
    }
    return nullptr;
}

const LinkState* kernel_link(const CommandContext& context, const std::string& name) {
    for (const auto& [index, link] : context.kernel.links) {
        if (link.name == name) return &link;
    }
    return nullptr;
}

// ---- IPMP interfaces ------------------------------------------------------------------------------------------

Group& make_group(CommandContext& context, const std::string& interface, const std::string& name) {
    Group group;
    group.interface = interface;
    group.name = name;
    auto lower_taken = [&](const std::string& candidate) {
        if (kernel_link(context, candidate)) return true;
        return std::any_of(context.state.groups.begin(), context.state.groups.end(),
                           [&](const auto& entry) { return entry.second.lower_name == candidate; });
    };
    std::uint32_t number = 0;
    while (lower_taken(fmt::format("ipmpl{}", number))) ++number;
    group.lower_name = fmt::format("ipmpl{}", number);
    group.mac = link_mac(context.host_id, interface);
    group.lower_mac = link_mac(context.host_id, group.lower_name);
    return context.state.groups[interface] = group;
}

CommandReply create_ipmp(const CreateIpmp& command, CommandContext& context) {
    if (command.interface.empty()) return failure(CommandError::invalid_argument, "Invalid argument");
    if (Group* group = find_group(context, command.interface)) {
        GroupFamily& family = group->families[index_of(command.family)];
        if (family.plumbed && !family.implied) return failure(CommandError::already_exists, "Interface already exists");
        bool other_index = command.index != 0 && group->upper && group->upper.value != command.index;
        if (other_index) return failure(CommandError::not_supported, "its index is given already");
        family.plumbed = true;
        family.implied = false;
        return success();
    }
    if (kernel_link(context, command.interface) || context.state.interfaces.contains(command.interface)) {
        return failure(CommandError::already_exists, "Interface already exists");
    }
    if (group_named(context, command.interface)) {
        return failure(CommandError::already_exists, fmt::format("group {} already exists", command.interface));
    }
    if (command.index > kMostIndex) return failure(CommandError::invalid_argument, "Invalid argument");
    if (context.kernel.links.contains({command.index})) {
        return failure(CommandError::in_use, fmt::format("index {} is in use", command.index));
    }
    Group& group = make_group(context, command.interface, command.interface);
    group.families[index_of(command.family)].plumbed = true;
    group.wanted_index = command.index;
    return success();
}

// The implicit IPMP interface of an unknown group: ipmpN, lowest N that names neither interface nor group (R-GRP-2).
Group& make_implicit_group(CommandContext& context, const std::string& name) {
    std::uint32_t number = 0;
    auto taken = [&](const std::string& candidate) {
        return kernel_link(context, candidate) || context.state.interfaces.contains(candidate) ||
               find_group(context, candidate) || group_named(context, candidate);
    };
    while (taken(fmt::format("ipmp{}", number))) ++number;
    return make_group(context, fmt::format("ipmp{}", number), name);
}

CommandReply unplumb_group(Group& group, Family which, CommandContext& context) {
    GroupFamily& family = group.families[index_of(which)];
    if (!family.plumbed) return no_such_interface(group.interface);
    for (const Interface* member : members_of(context.state, group)) {
        if (member->families[index_of(which)].plumbed || !member->index) {
            return failure(CommandError::group_not_empty, "IPMP group is not empty");
        }
    }
    doom_all(context, group.upper, family.addresses);
    family = GroupFamily{};
    bool other_is_plumbed = group.families[0].plumbed || group.families[1].plumbed;
    if (other_is_plumbed) return success();
    context.state.groups.erase(std::string(group.interface));
    return success();
}

CommandReply rename_group(Group& group, const std::string& name, CommandContext& context) {
    if (name.empty()) return failure(CommandError::invalid_argument, "Invalid argument");
    if (name == group.name) return success();
    if (group_named(context, name)) return failure(CommandError::already_exists, "already exists");
    group.name = name;
    return success();
}

// ---- Membership -----------------------------------------------------------------------------------------------

}  // namespace

void leave_group(Interface& nic) {
    nic.group.clear();
    nic.declared_failed = false;
    forget_findings(nic);
    for (InterfaceFamily& family : nic.families) {  // only data addresses are asked for
        for (LogicalAddress& logical : family.addresses) logical.uniqueness = Uniqueness::settled;
    }
}

namespace {

CommandReply managed_by_dhcp(const Interface& nic, const std::string& address) {
    return failure(CommandError::address_managed,
                   fmt::format("{} has data addresses managed by a DHCP client ({}); move the lease first: release it "
                               "there, then `ifconfig IPMP-INTERFACE dhcp start`",
                               nic.name, address));
}

// Why `nic` cannot be a member, or success (R-GRP-7, design "Deny lists").
CommandReply vet(const Interface& nic, const CommandContext& context) {
    auto link = context.kernel.links.find(nic.index);
    if (link == context.kernel.links.end()) return no_such_interface(nic.name);
    if (link->second.no_arp || !link->second.multicast) {
        return failure(CommandError::not_supported, fmt::format("{}: needs ARP and multicast", nic.name));
    }
    if (uses_route_source(context.state, nic)) {
        return failure(CommandError::not_supported, fmt::format("{} has to do with usesrc", nic.name));
    }
    if (link->second.master) {
        auto master = context.kernel.links.find(link->second.master);
        std::string name = master == context.kernel.links.end() ? "another interface" : master->second.name;
        return failure(CommandError::in_use, fmt::format("{} is a port of {}; take it out first", nic.name, name));
    }
    // One that the kernel alone still has was released, and is on its way out.
    for (const LogicalAddress& logical : nic.families[0].addresses) {
        bool leased = is_seen(context.kernel, nic.index, logical.address, &AddressState::finite_lifetime);
        if (leased && !logical.no_failover) return managed_by_dhcp(nic, to_string(logical.address));
    }
    for (const DhcpClient& client : context.state.dhcp_clients) {
        bool here = client.key.logical.interface == nic.name && !client.inform && nic.group.empty();
        if (here) return managed_by_dhcp(nic, client.lease ? to_string(client.lease->address) : "no lease yet");
    }
    return success();
}

}  // namespace

CommandReply set_group(const SetGroup& command, CommandContext& context) {
    if (Group* renamed = find_group(context, command.interface)) return rename_group(*renamed, command.group, context);
    Interface* nic = find_nic(context, command.interface);
    if (!nic) return no_such_interface(command.interface);
    if (command.group.empty()) {  // in the anonymous one it stays: what was found about it is still true
        if (!nic->group.empty()) leave_group(*nic);
        return success();
    }
    Group* group = group_named(context, command.group);
    if (group && nic->group == group->interface) return success();
    if (!nic->families[0].plumbed && !nic->families[1].plumbed) return no_such_interface(command.interface);
    CommandReply vetted = vet(*nic, context);
    if (vetted.error == CommandError::none && group) vetted = vet_isolation(*nic, *group, context);
    if (vetted.error == CommandError::none && group) vetted = vet_namespace(*nic, *group, context);
    if (vetted.error != CommandError::none) return vetted;
    if (group && members_of(context.state, *group).size() >= kMostMembers) {
        return failure(CommandError::not_supported,
                       fmt::format("{}: group {} has {} interfaces already, more are not possible", nic->name,
                                   group->name, kMostMembers));
    }

    if (!nic->group.empty()) leave_group(*nic);
    if (!group) group = &make_implicit_group(context, command.group);
    for (std::size_t family = 0; family < kFamilies.size(); ++family) {
        if (nic->families[family].plumbed) imply(group->families[family]);
    }
    nic->group = group->interface;
    return success();
}

namespace {

CommandReply plumb(const Plumb& command, CommandContext& context) {
    if (command.number != 0) return plumb_logical(command, context);
    std::size_t family = index_of(command.family);
    auto plumb_now = [](auto& target) {
        if (target.plumbed && !target.implied) return failure(CommandError::already_exists, "Interface already exists");
        target.plumbed = true;
        target.implied = false;
        return success();
    };
    if (Group* group = find_group(context, command.interface)) return plumb_now(group->families[family]);
    Interface* nic = find_nic(context, command.interface);
    if (!nic) return no_such_interface(command.interface);
    nic->detached.reset();  // it is configured anew
    auto host = context.state.groups.find(nic->group);  // a family plumbed on a member joins by itself
    if (host != context.state.groups.end()) imply(host->second.families[family]);
    return plumb_now(nic->families[family]);
}

CommandReply unplumb(const Unplumb& command, CommandContext& context) {
    if (command.number != 0) return unplumb_logical(command, context);
    if (Group* group = find_group(context, command.interface)) return unplumb_group(*group, command.family, context);
    Interface* nic = find_nic(context, command.interface);
    if (!nic) return unplumb_missing(command, context);
    InterfaceFamily& family = nic->families[index_of(command.family)];
    if (!family.plumbed) return no_such_interface(command.interface);
    doom_all(context, nic->index, family.addresses);
    family = InterfaceFamily{};
    if (nic->families[0].plumbed || nic->families[1].plumbed) return success();
    leave_group(*nic);
    nic->wanted_mtu_bytes = 0;
    nic->wanted_mac.reset();
    context.orders.ops.push_back(SetLinkUp{nic->index, false});
    return success();
}

CommandReply set_standby(const SetStandby& command, CommandContext& context) {
    if (find_group(context, command.interface)) return failure(CommandError::invalid_argument, "Invalid argument");
    Interface* nic = find_nic(context, command.interface);
    if (!nic) return no_such_interface(command.interface);
    bool refused = !nic->standby && (nic->inactive || uses_route_source(context.state, *nic));
    if (command.standby && refused) {
        return failure(CommandError::invalid_argument, "Invalid argument");
    }
    nic->standby = command.standby;
    return success();
}

// ---- Offline --------------------------------------------------------------------------------------------------

CommandReply set_offline(const SetOffline& command, CommandContext& context) {
    Interface* nic = find_nic(context, command.interface);
    if (nic && nic->tracked) {  // nobody in the anonymous group can take over
        return failure(CommandError::minimum_redundancy, "no other functioning interfaces are in its IPMP group");
    }
    auto group = nic ? context.state.groups.find(nic->group) : context.state.groups.end();
    if (!nic || group == context.state.groups.end()) {
        return failure(CommandError::not_in_group, "not a physical interface or not in an IPMP group");
    }
    if (nic->offline) {
        return failure(CommandError::already_offline, fmt::format("interface {} is already offline", nic->name));
    }
    std::uint32_t others = 0;
    for (const Interface* member : members_of(context.state, group->second)) {
        bool counts = group->second.health == GroupHealth::failed ? !member->offline : usable(*member);
        if (member != nic && counts) ++others;
    }
    if (others < command.minimum_redundancy) {
        return failure(CommandError::minimum_redundancy, "no other functioning interfaces are in its IPMP group");
    }
    nic->offline = true;
    nic->inactive = false;
    return success();
}

CommandReply undo_offline(const UndoOffline& command, CommandContext& context) {
    Interface* nic = find_nic(context, command.interface);
    if (!nic || nic->group.empty()) {
        return failure(CommandError::not_in_group, "not a physical interface or not in an IPMP group");
    }
    if (!nic->offline) {
        return failure(CommandError::not_offline, fmt::format("interface {} is not offline", nic->name));
    }
    if (nic->hardware_duplicate || find_holder(members_of(context.state, context.state.groups.at(nic->group)), *nic)) {
        nic->hardware_duplicate = true;
        return failure(CommandError::duplicate_hardware_address, "interface has duplicate hardware address");
    }
    nic->offline = false;
    for (InterfaceFamily& family : nic->families) {  // all, even one an administrator had put down before
        for (LogicalAddress& logical : family.addresses) {
            if (logical.up || logical.address.is_zero()) continue;
            logical.up = true;
            if (migrates(logical)) logical.uniqueness = Uniqueness::tentative;
        }
    }
    return success();
}

CommandReply set_policy(const SetPolicy& command, CommandContext& context) {
    Group* group = find_group(context, command.interface);
    if (!group) return failure(CommandError::no_such_interface, "not an IPMP interface");
    group->policy = command.policy;
    return success();
}

// Back to a host without IPMP: what the kernel still has of it are strays to the planner.
CommandReply stop(const Stop& command, CommandContext& context) {
    if (!command.purge) return success();
    for (const auto& [name, group] : context.state.groups) give_back(group, context);
    for (auto& [name, nic] : context.state.interfaces) {
        if (!nic.group.empty()) leave_group(nic);
    }
    context.state.groups.clear();
    end_all_leases(context);
    return success();
}

CommandReply await_addresses(CommandContext& context) {
    for (const auto& [name, group] : context.state.groups) {
        for (const GroupFamily& family : group.families) {
            for (const LogicalAddress& logical : family.addresses) {
                bool is_asked_for = logical.up && logical.uniqueness == Uniqueness::tentative;
                if (is_asked_for) context.orders.awaited.insert(logical.address);
            }
        }
    }
    return success();
}

struct CarryOut {
    CommandContext& context;
    CommandReply operator()(const CreateIpmp& command) const { return create_ipmp(command, context); }
    CommandReply operator()(const Plumb& command) const { return plumb(command, context); }
    CommandReply operator()(const Unplumb& command) const { return unplumb(command, context); }
    CommandReply operator()(const SetGroup& command) const { return set_group(command, context); }
    CommandReply operator()(const SetAddress& command) const { return set_address(command, context); }
    CommandReply operator()(const SetNetmask& command) const { return set_netmask(command, context); }
    CommandReply operator()(const AddLogical& command) const { return add_logical(command, context); }
    CommandReply operator()(const RemoveLogical& command) const { return remove_logical(command, context); }
    CommandReply operator()(const SetFlags& command) const { return set_flags(command, context); }
    CommandReply operator()(const SetStandby& command) const { return set_standby(command, context); }
    CommandReply operator()(const SetOffline& command) const { return set_offline(command, context); }
    CommandReply operator()(const UndoOffline& command) const { return undo_offline(command, context); }
    CommandReply operator()(const SetPolicy& command) const { return set_policy(command, context); }
    CommandReply operator()(const SetRouter& command) const { return set_router(command, context); }
    CommandReply operator()(const SetIsolate& command) const { return set_isolate(command, context); }
    CommandReply operator()(const SetNamespace& command) const { return set_namespace(command, context); }
    CommandReply operator()(const ControlDhcp& command) const { return control_dhcp(command, context); }
    CommandReply operator()(const ReportDhcp& command) const { return report_dhcp(command, context); }
    CommandReply operator()(const Stop& command) const { return stop(command, context); }
    CommandReply operator()(const AwaitAddresses&) const { return await_addresses(context); }
    CommandReply operator()(const Detach& command) const { return detach(command, context); }
    CommandReply operator()(const UndoDetach& command) const { return undo_detach(command, context); }
    CommandReply operator()(const ExpectMember& command) const { return expect_member(command, context); }
    CommandReply operator()(const SetMtu& command) const { return set_mtu(command, context); }
    CommandReply operator()(const SetMetric& command) const { return set_metric(command, context); }
    CommandReply operator()(const SetEther& command) const { return set_ether(command, context); }
    CommandReply operator()(const SetArp& command) const { return set_arp(command, context); }
    CommandReply operator()(const SetFailed& command) const { return set_failed(command, context); }
    CommandReply operator()(const SetToken& command) const { return set_token(command, context); }
    CommandReply operator()(const SetRouteSource& command) const { return set_route_source(command, context); }
};

}  // namespace

CommandReply carry_out(const Command& command, CommandContext& context) {
    return std::visit(CarryOut{context}, command);
}

MacAddress link_mac(const std::string& host_id, const std::string& link_name) {
    std::uint64_t hash = fnv1a_64(host_id + "\n" + link_name);
    MacAddress mac;
    for (std::uint8_t& byte : mac.bytes) {
        byte = static_cast<std::uint8_t>(hash);
        hash >>= 8;
    }
    mac.bytes[0] = static_cast<std::uint8_t>((mac.bytes[0] & 0xfc) | 0x02);
    return mac;
}

}  // namespace ipmp
