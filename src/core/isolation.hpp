// Isolated groups (R-VIS-1): their underlying interfaces and the lower end of the IPMP interface live in a network
// namespace of ours, the members', so that programs of the host see the IPMP interface and nothing below it.
//
// A NIC goes there once nothing of the host depends on it any more: its addresses and routes belong to the IPMP
// interface first, as with any join. It comes back when it leaves its group, or its group is isolated no longer. The
// kernel takes a link down to move it and forgets what was configured; all of that follows by itself, as what is wanted
// is compared with what is there (design D7). Data path, settings and filters concern only links that are where their
// group wants them; others are `misplaced` and count as having no link.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/commands.hpp"
#include "model/action.hpp"
#include "model/event.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

// Where the underlying interfaces and the lower end of `group` belong.
inline Place place_of(const Group& group) { return group.isolate ? Place::members : Place::host; }
// Where an interface belongs, in a group or not.
Place home_of(const State& state, const Interface& interface);

// The kernel forgets addresses of a link that moves. Those that no other program renews are ours from now on.
void keep_addresses(std::vector<LogicalAddress>& addresses, InterfaceIndex link, const KernelState& kernel);

// Notes which interfaces are where they do not belong, IPMP interfaces too. Addresses of theirs that are to stay become
// ours to make again.
void judge_places(State& state, const KernelState& kernel);

// An interface whose link has gone from one place and is in another: the same one, under another number.
void follow_moves(State& state, const KernelState& kernel);

// Whether the members' namespace is needed: there may be something in it.
bool isolates(const State& state, const KernelState& kernel);

// What it takes to bring `link` to `to`: the move, or first another name, if its own is taken in the host's namespace.
KernelOp plan_move(const KernelState& kernel, const LinkState& link, Place to);

// Tells of links that are new in `kernel` and have the name of an isolated interface, so that no command reaches them.
void log_taken_names(const State& state, const KernelState& former, const KernelState& kernel,
                     std::vector<Action>& log);

// Why `nic` cannot join `group` now, as that isolates its members; or success.
CommandReply vet_isolation(const Interface& nic, const Group& group, const CommandContext& context);

// The kernel would not move some links: a NIC that cannot follow the others leaves its group, and a group of which
// nothing could be moved is isolated no longer, so that both go on to work.
void undo_refused_moves(State& state, const KernelApplied& event, std::vector<Action>& log);

}  // namespace ipmp
