#include "core/applications.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/commands_internal.hpp"
#include "core/isolation.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

// The number of the namespace of that name: its present one, or a free one from now on; nothing if there is none.
std::optional<Place> place_named(State& state, const std::string& name) {
    auto known = state.named_places.find(name);
    if (known != state.named_places.end()) return known->second;
    for (auto number = static_cast<std::uint32_t>(Place::first_application); number < kMostPlaces; ++number) {
        Place place{number};
        bool taken = std::any_of(state.named_places.begin(), state.named_places.end(),
                                 [&](const auto& entry) { return entry.second == place; });
        if (!taken) return state.named_places[name] = place;
    }
    return {};
}

std::string name_of(const State& state, Place place) {
    for (const auto& [name, known] : state.named_places) {
        if (known == place) return name;
    }
    return "";
}

bool is_needed(const State& state, const KernelState& kernel, const std::string& name, Place place) {
    bool wanted = std::any_of(state.groups.begin(), state.groups.end(), [&](const auto& entry) {
        const Group& group = entry.second;
        return group.upper_namespace == name || (group.upper && group.upper.place == place);
    });
    return wanted || std::any_of(kernel.links.begin(), kernel.links.end(),
                                 [&](const auto& entry) { return entry.first.place == place; });
}

bool is_elsewhere(const LinkState& link, const Group& group) {
    return link.name == group.interface && link.index.place == Place::host && link.index != group.upper;
}

}  // namespace

Place upper_home(const State& state, const Group& group) {
    return group.upper_namespace.empty() ? Place::host : state.named_places.at(group.upper_namespace);
}

bool has_home(const State& state, const KernelState& kernel, const Group& group) {
    if (group.upper_namespace.empty()) return true;
    auto found = kernel.named_places.find(group.upper_namespace);
    return found != kernel.named_places.end() && found->second == upper_home(state, group);
}

void judge_uppers(State& state, const KernelState& kernel) {
    for (auto& [name, group] : state.groups) {
        bool can_go = group.upper && has_home(state, kernel, group);
        group.misplaced = can_go && group.upper.place != upper_home(state, group);
        if (!group.misplaced) continue;
        for (GroupFamily& family : group.families) keep_addresses(family.addresses, group.upper, kernel);
    }
    std::erase_if(state.named_places,
                  [&](const auto& entry) { return !is_needed(state, kernel, entry.first, entry.second); });
}

bool is_out_of_sight(const KernelState& kernel, const Group& group) {
    auto lower = kernel.links.find(group.lower);
    return !group.upper && lower != kernel.links.end() && lower->second.peer_elsewhere != 0 && !lower->second.peer;
}

bool is_guest(const LinkState& upper) { return upper.peer_elsewhere != 0 && !upper.peer; }

void assume_addresses(const State& state, KernelState& kernel) {
    for (const auto& [name, group] : state.groups) {
        if (!is_out_of_sight(kernel, group)) continue;
        for (const GroupFamily& family : group.families) {
            for (const LogicalAddress& logical : family.addresses) {
                if (!in_use(logical)) continue;
                kernel.addresses.push_back({.link = group.upper, .address = logical.address,
                                            .prefix_length = logical.prefix_length, .broadcast = logical.broadcast});
            }
        }
    }
}

void log_namespaces(const State& state, const KernelState& former, const KernelState& kernel, bool is_first,
                    std::vector<Action>& log) {
    for (const auto& [interface, group] : state.groups) {
        const std::string& name = group.upper_namespace;
        if (name.empty()) continue;
        bool was_there = former.named_places.contains(name), is_there = kernel.named_places.contains(name);
        if (!is_there && (was_there || is_first)) {
            log.push_back(Log{Severity::error, fmt::format("there is no network namespace {}: {} waits for one of that "
                                                           "name, or for `ipmp namespace {} -`",
                                                           name, interface, interface)});
        }
        if (is_there && !was_there && !is_first) {
            log.push_back(Log{Severity::info, fmt::format("{} goes to network namespace {}", interface, name)});
        }
    }
}

bool is_full(const Group& group, Family family) {
    const auto& addresses = group.families[index_of(family)].addresses;
    auto is_foreign = [](const LogicalAddress& logical) { return logical.adopted; };
    return is_application(group.upper.place) &&
           std::count_if(addresses.begin(), addresses.end(), is_foreign) >= kMostOfAnApplication;
}

void log_surplus(const State& state, const KernelState& former, const KernelState& kernel, std::vector<Action>& log) {
    for (const auto& [interface, group] : state.groups) {
        if (!is_application(group.upper.place)) continue;  // nothing is too much; saves looking at thousands
        auto has_surplus = [&group = group](const KernelState& then) {
            return std::any_of(then.addresses.begin(), then.addresses.end(), [&](const AddressState& seen) {
                bool is_foreign = seen.link == group.upper && !hosts(group, seen.address);
                return is_foreign && is_full(group, seen.address.family);
            });
        };
        if (!has_surplus(kernel) || has_surplus(former)) continue;
        log.push_back(Log{Severity::error, fmt::format("ignoring addresses that were added to {} in network namespace "
                                                       "{}: there are too many",
                                                       interface, group.upper_namespace)});
    }
}

// Those that end by themselves stay on the NIC until they do.
CommandReply vet_namespace(const Interface& nic, const Group& group, const CommandContext& context) {
    if (group.upper_namespace.empty()) return success();
    for (const InterfaceFamily& family : nic.families) {
        for (const LogicalAddress& logical : family.addresses) {
            bool ends = is_seen(context.kernel, nic.index, logical.address, &AddressState::finite_lifetime);
            if (!migrates(logical) || ends) continue;
            return failure(CommandError::in_use,
                           fmt::format("{} has the address {}, which would leave this network namespace for that of "
                                       "group {}; take it off, or make it a test address, first",
                                       nic.name, to_string(logical.address), group.name));
        }
    }
    return success();
}

CommandReply set_namespace(const SetNamespace& command, CommandContext& context) {
    Group* group = find_group(context, command.interface);
    if (!group) return failure(CommandError::no_such_interface, "not an IPMP interface");
    const std::string& name = command.network_namespace;
    if (group->upper_namespace == name) return success();
    if (name.empty()) {
        const auto& links = context.kernel.links;
        bool taken = std::any_of(links.begin(), links.end(),
                                 [&](const auto& entry) { return is_elsewhere(entry.second, *group); });
        if (taken) return failure(CommandError::in_use, "another interface has that name here");
        group->upper_namespace.clear();
        return success();
    }
    auto place = place_named(context.state, name);
    if (!place) return failure(CommandError::not_supported, "too many network namespaces are in use");
    std::string former = std::exchange(group->upper_namespace, name);
    context.orders.ops.push_back(OpenNamespace{name, *place, group->interface, former});
    return success();
}

void undo_refused_namespaces(State& state, const KernelApplied& event, std::vector<Action>& log) {
    for (const KernelApplied::Failure& failed : event.failures) {
        for (auto& [interface, group] : state.groups) {
            const auto* open = std::get_if<OpenNamespace>(&failed.op);
            const auto* move = std::get_if<MoveLink>(&failed.op);
            std::string former;
            if (open && open->ipmp_interface == interface && open->name == group.upper_namespace) former = open->former;
            else if (move && move->link == group.upper) former = name_of(state, group.upper.place);
            else continue;
            if (!former.empty() && !place_named(state, former)) former.clear();
            group.upper_namespace = former;
            log.push_back(Log{Severity::error, fmt::format("{} stays in {}", interface,
                                                           former.empty() ? "this network namespace"
                                                                          : "network namespace " + former)});
        }
    }
}

}  // namespace ipmp
