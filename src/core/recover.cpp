#include "core/recover.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/observe.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

void recover_groups(State& state, const KernelState& kernel) {
    for (const auto& [index, upper] : kernel.links) {
        auto lower = kernel.links.find(upper.peer);
        bool has_lower = lower != kernel.links.end() && lower->second.alias == kLowerLinkAlias;
        if (upper.alias != kIpmpLinkAlias || !has_lower) continue;
        Group& group = state.groups[upper.name];
        group.interface = group.name = upper.name;
        group.lower_name = lower->second.name;
        group.isolate = lower->first.place == Place::members;
        for (const auto& [name, place] : kernel.named_places) {
            if (place != index.place) continue;
            group.upper_namespace = name;
            state.named_places[name] = place;
        }
        group.mac = upper.mac;
        group.lower_mac = lower->second.mac;
    }
}

// A member's addresses with a rule and a table of ours are its test addresses; the table holds the prefix.
void recover_test_addresses(Interface& member, const KernelState& kernel) {
    std::uint32_t table = kTestTableBase + member.index.value;
    for (const RuleState& rule : kernel.rules) {
        if (rule.table != table || rule.place != member.index.place) continue;
        LogicalAddress test{.address = rule.source,
                            .prefix_length = bits_of(rule.source.family),
                            .up = true,
                            .no_failover = true,
                            .deprecated = true};
        for (const RouteState& route : kernel.routes) {
            bool is_its = route.table == table && route.link == member.index;
            bool fits = is_its && network_of(test.address, route.prefix_length) == route.network;
            if (fits) test.prefix_length = std::min(test.prefix_length, route.prefix_length);
        }
        test.broadcast = broadcast_of(test.address, test.prefix_length);
        // Who had the lease is forgotten: it is not to be made again when its time is over.
        test.adopted = test.scope_link = is_seen(kernel, member.index, test.address, &AddressState::finite_lifetime);
        InterfaceFamily& family = member.families[index_of(test.address.family)];
        test.number = family.addresses.empty() ? 0 : free_number(family.addresses, 1);
        family.plumbed = true;
        insert_logical(family.addresses, test);
    }
}

std::string recover_members(State& state, const KernelState& kernel, const Group& group) {
    std::string names;
    for (const auto& [index, link] : kernel.links) {
        if (link.filter == Filter::none || !link.alias.empty()) continue;
        if (link.filter_place.handle != filter_handle(group)) continue;
        Interface& member = state.interfaces[link.name];
        member.name = link.name;
        member.index = index;
        member.group = group.interface;
        recover_test_addresses(member, kernel);
        names += " " + link.name;
    }
    return names;
}

}  // namespace

std::vector<std::string> recover(State& state, const KernelState& kernel) {
    if (!state.groups.empty() || !state.interfaces.empty()) return {};
    recover_groups(state, kernel);
    std::vector<std::string> lines;
    for (auto& [name, group] : state.groups) {
        for (GroupFamily& family : group.families) family.plumbed = true;
        std::string members = recover_members(state, kernel, group);
        lines.push_back(fmt::format("no state was left: took over {} from the kernel, members:{}", name, members));
    }
    return lines;
}

}  // namespace ipmp
