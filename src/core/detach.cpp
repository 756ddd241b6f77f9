#include "core/detach.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/commands_internal.hpp"
#include "core/expectations.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

bool plumbed(const Interface& nic) { return nic.families[0].plumbed || nic.families[1].plumbed; }

std::string join(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

// Addresses that go with the NIC; the kernel's own link-local ones are nobody's loss.
std::string addresses_of(const Interface& nic) {
    std::vector<std::string> all;
    for (const InterfaceFamily& family : nic.families) {
        for (const LogicalAddress& logical : family.addresses) {
            bool own = !logical.address.is_zero() && (logical.no_failover || !logical.address.is_link_local());
            if (own) all.push_back(to_string(logical.address));
        }
    }
    return join(all);
}

// Members that would go on without those that leave, as if_mpadm -d counts them.
std::vector<std::string> others_of(const State& state, const Group& group, const std::set<std::string>& leaving) {
    std::vector<std::string> others;
    for (const Interface* member : members_of(state, group)) {
        bool counts = group.health == GroupHealth::failed ? member->index && !member->offline : usable(*member);
        if (counts && !leaving.contains(member->name)) others.push_back(member->name);
    }
    return others;
}

CommandReply prohibited(CommandError error, const Interface& nic, const std::string& why) {
    return failure(error, fmt::format("Device consumers prohibit offline({}): {}; -f detaches it all the same",
                                      nic.name, why));
}

// Whether `nic` may go together with all of `leaving`; success tells in `detail` what becomes of it.
CommandReply judge(const Interface& nic, const std::set<std::string>& leaving, const Detach& command,
                   const State& state) {
    std::string text = fmt::format("{}: {}", nic.name, command.dry_run ? "would be detached" : "detached");
    std::string lost = addresses_of(nic);
    auto group = state.groups.find(nic.group);
    if (group == state.groups.end()) {
        if (!command.force) return prohibited(CommandError::in_use, nic, "not in an IPMP group");
        return success(text + (lost.empty() ? "" : ", together with " + lost));
    }
    std::vector<std::string> others = others_of(state, group->second, leaving);
    if (others.empty() && !nic.offline && !command.force) {
        return prohibited(CommandError::minimum_redundancy, nic,
                          "no other functioning interface is in group " + group->second.name);
    }
    text += " from group " + group->second.name;
    const char* how = others.size() == 1 ? " carries on" : " carry on";
    text += others.empty() ? ", which keeps its data addresses but has failed" : ", " + join(others) + how;
    return success(text + (lost.empty() ? "" : "; test addresses removed: " + lost));
}

void take_away(Interface& nic, CommandContext& context) {
    DetachRecord record{.families = nic.families,
                        .standby = nic.standby,
                        .wanted_mtu_bytes = nic.wanted_mtu_bytes,
                        .wanted_mac = nic.wanted_mac,
                        .admin_up = nic.admin_up};
    auto group = context.state.groups.find(nic.group);
    if (group != context.state.groups.end()) record.group = group->second.name;
    for (InterfaceFamily& family : record.families) {
        for (LogicalAddress& logical : family.addresses) {  // what its owner will not bring back is ours to bring back
            bool returns = logical.address.is_link_local() ||
                           is_seen(context.kernel, nic.index, logical.address, &AddressState::finite_lifetime);
            logical.adopted = logical.adopted && returns;
            logical.uniqueness = Uniqueness::settled;
        }
    }
    for (InterfaceFamily& family : nic.families) {
        doom_all(context, nic.index, family.addresses);
        family = InterfaceFamily{};
    }
    leave_group(nic);
    nic.standby = false;
    nic.wanted_mtu_bytes = 0;
    nic.wanted_mac.reset();
    nic.detached = std::move(record);
    context.orders.ops.push_back(SetLinkUp{nic.index, false});
}

bool used_elsewhere(const State& state, const Interface& self, const IpAddress& address) {
    for (const auto& [name, group] : state.groups) {
        if (hosts(group, address)) return true;
    }
    return std::any_of(state.interfaces.begin(), state.interfaces.end(), [&](const auto& entry) {
        return &entry.second != &self && contains(entry.second.families[index_of(address.family)].addresses, address);
    });
}

}  // namespace

CommandReply detach(const Detach& command, CommandContext& context) {
    std::set<std::string> leaving(command.interfaces.begin(), command.interfaces.end());
    std::vector<Interface*> nics;
    std::vector<std::string> lines, missing;
    for (const std::string& name : leaving) {
        if (find_group(context, name)) {
            return failure(CommandError::invalid_argument, fmt::format("{} is an IPMP interface, no NIC", name));
        }
        Interface* nic = find_nic(context, name);
        if (auto group = group_of_missing(name, context.state)) {
            const char* what = command.dry_run ? "would be forgotten" : "forgotten";
            lines.push_back(fmt::format("{}: is missing, {} as a member of group {}", name, what, *group));
            missing.push_back(name);
            continue;
        }
        bool in_use = nic && (plumbed(*nic) || !nic->group.empty());
        if (!in_use) {
            lines.push_back(name + ": not in use");
            continue;
        }
        CommandReply judged = judge(*nic, leaving, command, context.state);
        if (judged.error != CommandError::none) return judged;
        lines.push_back(judged.detail);
        nics.push_back(nic);
    }
    if (!command.dry_run) {
        for (Interface* nic : nics) take_away(*nic, context);
        for (const std::string& name : missing) forget_missing(name, context);
    }
    return success(fmt::format("{}", fmt::join(lines, "\n")));
}

CommandReply undo_detach(const UndoDetach& command, CommandContext& context) {
    Interface* nic = find_nic(context, command.interface);
    if (!nic) return failure(CommandError::no_such_interface, fmt::format("No such device({})", command.interface));
    bool configured_anew = plumbed(*nic) && nic->detached && nic->detached->done;
    if (!nic->detached || configured_anew) {
        return failure(CommandError::not_offline, fmt::format("Device not offlined({})", nic->name));
    }
    Interface former = *nic;
    DetachRecord record = *nic->detached;
    nic->detached.reset();
    nic->families = record.families;
    nic->standby = record.standby;
    nic->wanted_mtu_bytes = record.wanted_mtu_bytes;
    nic->wanted_mac = record.wanted_mac;
    for (InterfaceFamily& family : nic->families) {
        std::erase_if(family.addresses, [&](const LogicalAddress& logical) {
            return !logical.address.is_zero() && used_elsewhere(context.state, *nic, logical.address);
        });
    }
    if (!record.group.empty()) {
        CommandReply joined = set_group(SetGroup{nic->name, Family::ipv4, record.group}, context);
        if (joined.error != CommandError::none) {
            *nic = former;
            joined.text = fmt::format("Replumb failed({}): {}", former.name, joined.text);
            return joined;
        }
    }
    if (record.admin_up) context.orders.ops.push_back(SetLinkUp{nic->index, true});
    return success(nic->name + ": restored");
}

namespace {

// Its index may have changed instead, where it left a network namespace.
Interface* detaching_nic(const std::string& name, InterfaceIndex index, State& state) {
    Interface* by_index = find_interface(state, index);
    if (by_index && by_index->detached) return by_index;
    auto by_name = state.interfaces.find(name);
    return by_name == state.interfaces.end() ? nullptr : &by_name->second;
}

}  // namespace

void undo_failed_detach(const DetachingNics& nics, CommandContext& context) {
    for (const auto& [former_name, index] : nics) {
        const Interface* nic = detaching_nic(former_name, index, context.state);
        std::string name = nic ? nic->name : former_name;
        CommandReply undone = undo_detach(UndoDetach{name}, context);
        std::string text = undone.error == CommandError::none
                               ? name + ": its detachment failed, it has its configuration back"
                               : fmt::format("Undo offline failed({}): {}", name, undone.text);
        context.log.push_back(Log{Severity::error, std::move(text)});
    }
}

void undo_unfinished_detaches(CommandContext& context) {
    DetachingNics unfinished;
    for (const auto& [name, nic] : context.state.interfaces) {
        if (nic.index && nic.detached && !nic.detached->done) unfinished[name] = nic.index;
    }
    undo_failed_detach(unfinished, context);
}

void note_detached(const DetachingNics& nics, State& state) {
    for (const auto& [name, index] : nics) {
        Interface* nic = detaching_nic(name, index, state);
        if (nic && nic->detached) nic->detached->done = true;
    }
}

}  // namespace ipmp
