#include "core/news.hpp"

#include <fmt/format.h>

namespace ipmp {

const Interface* same_interface(const std::map<std::string, Interface>& before, const Interface& interface) {
    for (const auto& [name, former] : before) {
        if (interface.index && former.index == interface.index) return &former;
    }
    auto found = before.find(interface.name);
    return found == before.end() ? nullptr : &found->second;
}

void log_membership(const State& state, const std::map<std::string, Interface>& before, std::vector<Action>& log) {
    for (const auto& [name, interface] : state.interfaces) {
        const Interface* former = same_interface(before, interface);
        std::string left = former ? former->group : "";
        if (left == interface.group) continue;
        if (!left.empty()) {
            auto group = state.groups.find(left);  // gone if it was unplumbed in the same step
            const std::string& group_name = group == state.groups.end() ? left : group->second.name;
            log.push_back(Log{Severity::info, fmt::format("{} has left group {}", name, group_name)});
        }
        if (!interface.group.empty()) {
            const Group& group = state.groups.at(interface.group);
            log.push_back(Log{Severity::info, fmt::format("{} has joined group {}", name, group.name)});
        }
    }
}

void log_filters_in_front(const KernelState& former, const KernelState& seen, std::vector<Action>& log) {
    for (const auto& [index, link] : seen.links) {
        auto known = former.links.find(index);
        std::uint16_t before = known == former.links.end() ? 0 : known->second.filter_in_front;
        if (link.filter_in_front == 0 || link.filter_in_front == before) continue;
        log.push_back(Log{Severity::error, fmt::format("a filter of another program, priority {}, comes before ours on "
                                                       "{} and may keep frames from its group",
                                                       link.filter_in_front, link.name)});
    }
}

}  // namespace ipmp
