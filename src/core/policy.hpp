// Which functioning members of a group are used and which rest as INACTIVE (R-POL-1 to R-POL-3).
//
// Aim: as many active members as there are non-STANDBY ones (the capacity), and at least one.
//   FAILBACK=yes  A level: every functioning non-STANDBY member is active, standbys fill the gaps.
//   FAILBACK=no   A history: who is active stays so; who was repaired rests; somebody who rests is called
//                 only when an active member is lost, or when nobody else is active.
// INACTIVE is kept on functioning members only: a member that fails or goes offline loses it (10.6).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/scope.hpp"
#include "model/config.hpp"
#include "model/state.hpp"

namespace ipmp {

// A member before and after an event. `before` is null if it was not a member of this group then.
struct MemberChange {
    const Interface* before = nullptr;
    Interface* after = nullptr;
};

// Sets Interface::inactive of every `after`. `members` in natural name order; `active_lost` is the number
// of members that were active before and no longer are members now.
void choose_active(const std::vector<MemberChange>& members, std::size_t active_lost, bool failback);

// The same for the groups in `scope`; `before`: all interfaces before the event.
void choose_active(State& state, const std::map<std::string, Interface>& before, bool failback, const Scope& scope);

// Who of a group's `members` carries traffic of `family`, in their order: the active ones. With none of those, whoever
// has link and is not offline: an opinion never cuts the data path (R-DET-8), unless the configuration wants it to.
std::vector<InterfaceIndex> carriers(const std::vector<const Interface*>& members, Family family,
                                     const Config& config);

// How many members ought to be active if enough function: the non-STANDBY ones, in any state, at least one.
std::size_t capacity_of(const std::vector<MemberChange>& members);

}  // namespace ipmp
