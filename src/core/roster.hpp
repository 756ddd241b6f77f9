// Who is a member of which group, and whose link has which index, without going through all interfaces for each
// question: there may be hundreds, in dozens of groups. Each is made for one pass over a State, in which no interface
// comes, goes, changes its group or its index; the answers are those of members_of and find_interface
// (core/predicates), which a single question asks.
#pragma once

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "base/natural_order.hpp"
#include "core/scope.hpp"
#include "model/state.hpp"

namespace ipmp {

template <typename Member>  // Interface or const Interface
class MembersByGroup {
  public:
    using Members = std::vector<Member*>;

    explicit MembersByGroup(auto& interfaces, const Scope& scope = Scope::everybody()) {
        for (auto& [name, interface] : interfaces) {
            if (scope.contains(interface.group)) by_group_[interface.group].push_back(&interface);
        }
        for (auto& [group, members] : by_group_) {
            std::sort(members.begin(), members.end(),
                      [](const Member* left, const Member* right) { return natural_less(left->name, right->name); });
        }
    }

    // In natural name order. Of a group in the scope.
    const Members& of(const Group& group) const {
        static const Members none;
        auto found = by_group_.find(group.interface);
        return found == by_group_.end() ? none : found->second;
    }

  private:
    std::map<std::string_view, Members> by_group_;
};

using GroupMembers = MembersByGroup<const Interface>;

template <typename Found>  // Interface or const Interface
class InterfacesByLink {
  public:
    explicit InterfacesByLink(auto& interfaces) {
        for (auto& [name, interface] : interfaces) {
            if (interface.index) by_link_.emplace_back(interface.index, &interface);
        }
        std::stable_sort(by_link_.begin(), by_link_.end(), less);
    }

    // Or null.
    Found* find(InterfaceIndex link) const {
        auto found = std::lower_bound(by_link_.begin(), by_link_.end(), Entry(link, nullptr), less);
        return found == by_link_.end() || found->first != link ? nullptr : found->second;
    }

  private:
    using Entry = std::pair<InterfaceIndex, Found*>;
    static bool less(const Entry& left, const Entry& right) { return left.first < right.first; }

    std::vector<Entry> by_link_;
};

}  // namespace ipmp
