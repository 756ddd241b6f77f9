#include "core/expectations.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "core/commands_internal.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

Interface* find_missing(const std::string& interface, State& state) {
    auto found = state.interfaces.find(interface);
    bool missing = found != state.interfaces.end() && !found->second.index && !found->second.group.empty();
    return missing ? &found->second : nullptr;
}

}  // namespace

CommandReply expect_member(const ExpectMember& command, CommandContext& context) {
    if (find_group(context, command.interface)) {
        return failure(CommandError::invalid_argument, command.interface + " is an IPMP interface, no NIC");
    }
    auto& groups = context.state.groups;
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& entry) { return entry.second.name == command.group; });
    if (group == groups.end()) {
        return failure(CommandError::no_such_interface, fmt::format("there is no group {}", command.group));
    }
    if (!command.inet && !command.inet6) {
        return failure(CommandError::invalid_argument, "it is to be plumbed for no family");
    }
    if (find_nic(context, command.interface)) return success();  // it has come meanwhile
    const Interface* missing = find_missing(command.interface, context.state);
    if (missing && !missing->expected) return success();  // it was there: what it had counts
    bool is_new = !missing || missing->group != group->first;
    if (is_new && members_of(context.state, group->second).size() >= kMostMembers) {
        return failure(CommandError::not_supported,
                       fmt::format("{}: group {} has {} interfaces already, more are not possible", command.interface,
                                   command.group, kMostMembers));
    }
    Interface nic{.name = command.interface, .group = group->first, .expected = true, .standby = command.standby};
    if (missing) nic.failed = missing->failed;
    nic.families[index_of(Family::ipv4)].plumbed = command.inet;
    nic.families[index_of(Family::ipv6)].plumbed = command.inet6;
    context.state.interfaces[command.interface] = std::move(nic);
    return success();
}

CommandReply unplumb_missing(const Unplumb& command, CommandContext& context) {
    Interface* nic = find_missing(command.interface, context.state);
    if (!nic || !nic->families[index_of(command.family)].plumbed) return no_such_interface(command.interface);
    nic->families[index_of(command.family)] = InterfaceFamily{};
    if (!nic->families[0].plumbed && !nic->families[1].plumbed) forget_missing(command.interface, context);
    return success();
}

std::optional<std::string> group_of_missing(const std::string& interface, const State& state) {
    auto found = state.interfaces.find(interface);
    if (found == state.interfaces.end() || found->second.index) return {};
    auto group = state.groups.find(found->second.group);
    if (group == state.groups.end()) return {};
    return group->second.name;
}

void forget_missing(const std::string& interface, CommandContext& context) {
    auto group = group_of_missing(interface, context.state);
    IPMP_CHECK(group);
    context.log.push_back(
        Log{Severity::info, fmt::format("{}, which is missing, has left group {}", interface, *group)});
    context.state.interfaces.erase(interface);
}

}  // namespace ipmp
