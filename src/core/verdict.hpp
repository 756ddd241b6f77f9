// Failure and repair of a member: by its link (R-DET-1), with the flapping rule (R-DET-7), and by what probes say of it
// (core/probing; failed if either says so, repaired only if both agree, R-DET-6). And the group's health.
//
//   member:   works --link down--> failed --link up, not flapping--> works
//                                    ^------- link up, flapping ------+  (waits until repair_due)
//
// A newcomer that has carrier already, but whose queues the kernel has not opened yet, is neither: it is waited for a
// little, unused and without a word.
//
// A failed member with nobody left to vouch for the link is a failure of the group: no line for the
// interface, one for the group (reference: verdicts).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "core/scope.hpp"
#include "model/action.hpp"
#include "model/config.hpp"
#include "model/state.hpp"

namespace ipmp {

// What one member looked like before the event, for edge detection.
struct LinkBefore {
    bool was_member = false;
    bool up = false;
    std::uint32_t carrier_changes = 0;
};

// Judges one member's link. Appends the documented messages to `actions`.
void judge_link(State& state, Interface& member, const LinkBefore& before, const Config& config, Instant now,
                std::vector<Action>& actions);

// The same for all who are watched in the groups in `scope`; `before`: all interfaces before the event.
void judge_links(State& state, const std::map<std::string, Interface>& before, const Scope& scope, const Config& config,
                 Instant now, std::vector<Action>& actions);

// The groups of those whose carrier is another than `before`: whose traffic has to move, if any has.
Scope with_other_carriers(const State& state, const std::map<std::string, Interface>& before);

// What was found out about an interface that is watched no longer, or elsewhere, means nothing.
void forget_findings(Interface& interface);

// Recomputes the health of a group with these members and reports entering and leaving `failed`.
void judge_group(const std::vector<const Interface*>& members, Group& group, std::vector<Action>& actions);

}  // namespace ipmp
