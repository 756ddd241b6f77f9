#include "core/hardware_duplicates.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/predicates.hpp"
#include "core/roster.hpp"

namespace ipmp {

namespace {

void log_error(std::vector<Action>& log, std::string text) { log.push_back(Log{Severity::error, std::move(text)}); }

bool had_address(const std::map<std::string, Interface>& before, const Interface& member) {
    const Interface* former = same_interface(before, member);
    return former && former->index == member.index && former->group == member.group && former->mac == member.mac &&
           !former->offline;
}

}  // namespace

const Interface* find_holder(const std::vector<Interface*>& members, const Interface& member) {
    if (member.mac == MacAddress{}) return nullptr;  // none known
    for (const Interface* other : members) {
        bool online = other->index && !other->offline;
        if (other != &member && online && other->mac == member.mac) return other;
    }
    return nullptr;
}

void judge_hardware_addresses(State& state, const std::map<std::string, Interface>& before, std::vector<Action>& log) {
    MembersByGroup<Interface> all_members(state.interfaces);
    for (const auto& [name, group] : state.groups) {
        std::vector<Interface*> members = all_members.of(group);
        std::erase_if(members, [](const Interface* member) { return !member->index; });
        // Those in their right first: whom they meet loses.
        std::stable_partition(members.begin(), members.end(),
                              [&](const Interface* member) { return had_address(before, *member); });
        for (auto member = members.rbegin(); member != members.rend(); ++member) {
            if ((*member)->offline || !find_holder(members, **member)) continue;
            (*member)->offline = (*member)->hardware_duplicate = true;
            log_error(log, fmt::format("IP interface {} has a hardware address which is not unique in group {}; "
                                       "offlining", (*member)->name, group.name));
        }
        for (Interface* member : members) {
            if (!member->hardware_duplicate || find_holder(members, *member)) continue;
            member->offline = member->hardware_duplicate = false;
            log_error(log, fmt::format("IP interface {} now has a unique hardware address in group {}; onlining",
                                       member->name, group.name));
        }
    }
}

}  // namespace ipmp
