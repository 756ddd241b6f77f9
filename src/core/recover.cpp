#include "core/recover.hpp"

#include <fmt/format.h>

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
        group.mac = upper.mac;
        group.lower_mac = lower->second.mac;
    }
}

std::string recover_members(State& state, const KernelState& kernel, const std::string& ipmp_interface) {
    std::string names;
    for (const auto& [index, link] : kernel.links) {
        if (link.filter != Filter::outdated || !link.alias.empty()) continue;
        Interface& member = state.interfaces[link.name];
        member.name = link.name;
        member.index = index;
        member.group = ipmp_interface;
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
        bool single = state.groups.size() == 1;
        std::string members = single ? recover_members(state, kernel, name) : " unknown, join them again";
        lines.push_back(fmt::format("no state was left: took over {} from the kernel, members:{}", name, members));
    }
    return lines;
}

}  // namespace ipmp
