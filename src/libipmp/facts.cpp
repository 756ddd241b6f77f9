#include "libipmp/facts.hpp"

#include <algorithm>
#include <array>

#include "model/dhcp.hpp"
#include "model/interface_flags.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

void add(Facts& facts, Fact fact) {
    std::string address = fact.address ? to_string(*fact.address) : "";
    facts.emplace(std::tuple(fact.object, fact.name, address), std::move(fact));
}

std::array<const std::optional<PlumbedFamily>*, 2> families_of(const PlumbedInterface& interface) {
    return {&interface.inet, &interface.inet6};
}

void add_interface(Facts& facts, const PlumbedInterface& interface) {
    Fact fact{.object = IPMP_OBJECT_INTERFACE, .name = interface.name, .index = interface.index};
    for (const auto* family : families_of(interface)) {
        if (!*family) continue;
        for (const LogicalStatus& logical : (*family)->logicals) {
            if (logical.number == 0) fact.flags |= logical.flags;
            if (!(logical.flags & flag::kUp) || logical.address.is_zero()) continue;
            add(facts, {.object = IPMP_OBJECT_ADDRESS,
                        .name = to_string(LogicalName{interface.name, logical.number}),
                        .flags = logical.flags,
                        .address = logical.address,
                        .prefix_length = logical.prefix_length,
                        .index = interface.index});
        }
    }
    add(facts, std::move(fact));
}

}  // namespace

bool is_underlying(const PlumbedInterface& interface) {
    if (interface.group_name.empty()) return false;
    for (const auto* family : families_of(interface)) {
        if (!*family) continue;
        for (const LogicalStatus& logical : (*family)->logicals) {
            if (logical.flags & flag::kIpmp) return false;
        }
    }
    return true;
}

Facts facts_of(const Status& status, int awareness) {
    Facts facts;
    for (const GroupStatus& group : status.groups) {
        const char* state = wire::kGroupHealthNames[static_cast<std::size_t>(group.state)];
        add(facts, {.object = IPMP_OBJECT_GROUP, .name = group.interface, .state = state});
    }
    bool all = awareness == RTAW_UNDER_IPMP;
    for (const InterfaceStatus& interface : status.interfaces) {
        if (!all) break;
        const char* state = wire::kInterfaceHealthNames[static_cast<std::size_t>(interface.state)];
        add(facts, {.object = IPMP_OBJECT_UNDERLYING,
                    .name = interface.name,
                    .state = state,
                    .group = interface.group,
                    .index = interface.index});
    }
    for (const PlumbedInterface& interface : status.plumbed) {
        if (all || !is_underlying(interface)) add_interface(facts, interface);
    }
    return facts;
}

std::vector<Difference> differences(const Facts& before, const Facts& after) {
    std::vector<Difference> result;
    for (auto old = before.rbegin(); old != before.rend(); ++old) {
        if (!after.contains(old->first)) result.push_back({IPMP_REMOVED, old->second});
    }
    for (const auto& [key, fact] : after) {
        auto old = before.find(key);
        if (old == before.end()) {
            result.push_back({IPMP_ADDED, fact});
        } else if (old->second != fact) {
            result.push_back({IPMP_CHANGED, fact});
        }
    }
    return result;
}

}  // namespace ipmp
