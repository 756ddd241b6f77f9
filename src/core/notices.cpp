#include "core/notices.hpp"

#include <fmt/format.h>

#include "core/predicates.hpp"

namespace ipmp {

void log_membership(const std::map<std::string, Interface>& before, const State& state, std::vector<Action>& log) {
    for (const auto& [name, interface] : state.interfaces) {
        const Interface* former = same_interface(before, interface);
        bool was_expected = former && former->expected;
        if (interface.expected) {
            if (was_expected || interface.group.empty()) continue;  // or expected and given up in one step
            const std::string& group_name = state.groups.at(interface.group).name;
            log.push_back(Log{Severity::error, fmt::format("{} is missing and counts as failed in group {}", name,
                                                           group_name)});
            continue;
        }
        std::string left = former && !was_expected ? former->group : "";
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

void log_filters_in_front(const KernelState& known, const KernelState& seen, std::vector<Action>& log) {
    for (const auto& [index, link] : seen.links) {
        auto former = known.links.find(index);
        std::uint16_t before = former == known.links.end() ? 0 : former->second.filter_in_front;
        if (link.filter_in_front == 0 || link.filter_in_front == before) continue;
        log.push_back(Log{Severity::error, fmt::format("a filter of another program, priority {}, comes before ours on "
                                                       "{} and may keep frames from its group",
                                                       link.filter_in_front, link.name)});
    }
}

}  // namespace ipmp
