#include "core/isolation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/applications.hpp"
#include "core/commands_internal.hpp"
#include "core/observe.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

constexpr std::size_t kMostNameBytes = 15;

bool is_ours(const LinkState& link) { return link.alias == kIpmpLinkAlias || link.alias == kLowerLinkAlias; }

const LinkState* find_named(const KernelState& kernel, const std::string& name, std::optional<Place> place) {
    for (const auto& [index, link] : kernel.links) {
        if (link.name == name && (!place || index.place == *place)) return &link;
    }
    return nullptr;
}

std::string free_name(const KernelState& kernel, const std::string& taken) {
    for (unsigned number = 1;; ++number) {
        std::string suffix = fmt::format("_{}", number);
        std::string name = taken.substr(0, kMostNameBytes - suffix.size()) + suffix;
        if (!find_named(kernel, name, {})) return name;
    }
}

bool any_works(const State& state, const Group& group, const Interface* but) {
    auto members = members_of(state, group);
    return std::any_of(members.begin(), members.end(), [&](const Interface* member) {
        return member != but && functioning(*member) && link_up(*member);
    });
}

CommandReply cannot_be_moved(const std::string& name) {
    return failure(CommandError::not_supported,
                   fmt::format("{}: interfaces of this kind cannot be moved to another network namespace", name));
}

bool is_immovable(const Interface& nic, const CommandContext& context) {
    auto link = context.kernel.links.find(nic.index);
    return link != context.kernel.links.end() && link->second.immovable;
}

}  // namespace

Place home_of(const State& state, const Interface& interface) {
    auto group = state.groups.find(interface.group);
    return group == state.groups.end() ? Place::host : place_of(group->second);
}

void keep_addresses(std::vector<LogicalAddress>& addresses, InterfaceIndex link, const KernelState& kernel) {
    for (LogicalAddress& logical : addresses) {
        bool plain_link_local = logical.address.is_link_local() && !logical.no_failover && !logical.deprecated;
        bool ends_by_itself = is_seen(kernel, link, logical.address, &AddressState::finite_lifetime);
        if (!plain_link_local && !ends_by_itself) logical.adopted = false;
    }
}

void judge_places(State& state, const KernelState& kernel) {
    for (auto& [name, interface] : state.interfaces) {
        interface.misplaced = interface.index && interface.index.place != home_of(state, interface);
        if (!interface.misplaced) continue;
        for (InterfaceFamily& family : interface.families) keep_addresses(family.addresses, interface.index, kernel);
    }
    judge_uppers(state, kernel);
}

void follow_moves(State& state, const KernelState& kernel) {
    for (auto& [name, interface] : state.interfaces) {
        if (!interface.index || kernel.links.contains(interface.index)) continue;
        for (const auto& [index, link] : kernel.links) {
            bool is_it = link.name == name && index.place != interface.index.place && link.ethernet && !is_ours(link);
            if (!is_it || find_interface(state, index)) continue;
            interface.index = index;
            interface.up_when_lost |= interface.admin_up;
            interface.carrier = interface.starting = interface.admin_up = false;
            interface.own_carrier = {.changes = link.carrier_changes};
            interface.parent = {};
            break;
        }
    }
}

bool isolates(const State& state, const KernelState& kernel) {
    auto is_isolated = [](const auto& entry) { return entry.second.isolate; };
    bool wanted = std::any_of(state.groups.begin(), state.groups.end(), is_isolated);
    return wanted || std::any_of(kernel.links.begin(), kernel.links.end(), [](const auto& entry) {
               return entry.first.place == Place::members && entry.second.ethernet && !entry.second.immovable;
           });
}

KernelOp plan_move(const KernelState& kernel, const LinkState& link, Place to) {
    bool taken = to == Place::host && find_named(kernel, link.name, Place::host);
    if (taken && !is_ours(link)) return RenameLink{link.index, free_name(kernel, link.name)};
    return MoveLink{link.index, to};
}

void log_taken_names(const State& state, const KernelState& former, const KernelState& kernel,
                     std::vector<Action>& log) {
    for (const auto& [index, link] : kernel.links) {
        auto before = former.links.find(index);
        bool is_news = before == former.links.end() || before->second.name != link.name;
        if (!is_news || !link.ethernet || is_ours(link) || !has_taken_name(state, kernel, link)) continue;
        log.push_back(Log{Severity::error, fmt::format("there are two interfaces {}, one of them isolated: ignoring "
                                                       "the newcomer until one of them is renamed",
                                                       link.name)});
    }
}

CommandReply vet_isolation(const Interface& nic, const Group& group, const CommandContext& context) {
    if (!group.isolate || nic.index.place == Place::members) return success();
    if (is_immovable(nic, context)) return cannot_be_moved(nic.name);
    bool is_in_use = link_up(nic) && std::any_of(nic.families.begin(), nic.families.end(), [](const auto& family) {
                         return std::any_of(family.addresses.begin(), family.addresses.end(), migrates);
                     });
    if (is_in_use && !any_works(context.state, group, &nic)) {
        return failure(CommandError::minimum_redundancy,
                       fmt::format("{}: is in use, group {} has no other working interface, and moving it to another "
                                   "network namespace interrupts it; let it join first, then `ipmp isolate {} on -f`",
                                   nic.name, group.name, group.interface));
    }
    return success();
}

CommandReply set_isolate(const SetIsolate& command, CommandContext& context) {
    Group* group = find_group(context, command.interface);
    if (!group) return failure(CommandError::no_such_interface, "not an IPMP interface");
    if (group->isolate == command.isolate) return success();
    for (const Interface* member : members_of(std::as_const(context.state), *group)) {
        if (command.isolate && is_immovable(*member, context)) return cannot_be_moved(member->name);
    }
    if (!command.force && any_works(context.state, *group, nullptr)) {
        return failure(CommandError::minimum_redundancy,
                       fmt::format("moving its interfaces to another network namespace interrupts group {}; `ipmp "
                                   "isolate {} {} -f` does it nevertheless",
                                   group->name, group->interface, command.isolate ? "on" : "off"));
    }
    group->isolate = command.isolate;
    return success();
}

void undo_refused_moves(State& state, const KernelApplied& event, std::vector<Action>& log) {
    for (const KernelApplied::Failure& failed : event.failures) {
        const auto* move = std::get_if<MoveLink>(&failed.op);
        if (!move || move->to != Place::members) continue;
        Interface* nic = find_interface(state, move->link);
        for (auto& [name, group] : state.groups) {
            bool concerned = group.isolate && (group.lower == move->link || (nic && nic->group == name));
            if (!concerned) continue;
            auto members = members_of(state, group);
            bool others_are_there = std::any_of(members.begin(), members.end(), [](const Interface* member) {
                return member->index && member->index.place == Place::members;
            });
            if (nic && others_are_there) {
                leave_group(*nic);
                log.push_back(Log{Severity::error, fmt::format("{} cannot follow group {} to its network namespace "
                                                               "and leaves it", nic->name, group.name)});
            } else {
                group.isolate = false;
                log.push_back(Log{Severity::error, fmt::format("group {} cannot be isolated", group.name)});
            }
        }
    }
}

}  // namespace ipmp
