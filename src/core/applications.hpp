// IPMP interfaces in the network namespaces of applications (R-VIS-1): ipmp0 with its data addresses lives where the
// application does, known by the name that namespace has below /run/netns; underlying interfaces, the lower end and the
// daemon stay where they are.
//
// The interface moves when the namespace has been found: the kernel takes it down for that and forgets addresses and
// settings, which follow as any difference between wanted and seen does. Routes that other programs had made over it
// move as well (RestoreRoutes).
//
// A namespace belongs to others, and goes when they like, the interface and so the pair with it. Then the group waits:
// its interface is made anew in the next namespace of that name, and anywhere else only if an administrator says so,
// as nobody else may get the application's addresses. A namespace that merely lost its name may still be in use: as
// long as the lower end says that there is something at its other end, the data path is kept, and failovers go on.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/commands.hpp"
#include "model/action.hpp"
#include "model/event.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

// Where the IPMP interface of `group` belongs, whether that is there or not.
Place upper_home(const State& state, const Group& group);
// That is there.
bool has_home(const State& state, const KernelState& kernel, const Group& group);

// Notes which IPMP interfaces are where they do not belong, and forgets namespaces that no group has to do with any
// more. Addresses that are to stay become ours to make again.
void judge_uppers(State& state, const KernelState& kernel);

// The lower end is there and has an other end, but no namespace that we look into has that.
bool is_out_of_sight(const KernelState& kernel, const Group& group);

// An IPMP interface that a daemon in another namespace has put here: for programs here, but not for us.
bool is_guest(const LinkState& upper);

// Takes it that an interface out of sight has the addresses it should have, on a link without a number, as its group
// has: so whoever has to be told where they are is told. For a fresh observation, once it is filed.
void assume_addresses(const State& state, KernelState& kernel);

// Tells of namespaces that have gone, or come back.
void log_namespaces(const State& state, const KernelState& former, const KernelState& kernel, bool is_first,
                    std::vector<Action>& log);

// An application has what it likes on its interface, but not the daemon's time without limit: so many addresses of each
// family that it adds itself become data addresses.
inline constexpr std::ptrdiff_t kMostOfAnApplication = 256;
bool is_full(const Group& group, Family family);
// Tells when there are more.
void log_surplus(const State& state, const KernelState& former, const KernelState& kernel, std::vector<Action>& log);

// Why `nic` cannot join `group` now, as that would take its addresses to another namespace; or success.
CommandReply vet_namespace(const Interface& nic, const Group& group, const CommandContext& context);

// What could not be moved stays where it is, and a namespace that is not there is not waited for.
void undo_refused_namespaces(State& state, const KernelApplied& event, std::vector<Action>& log);

}  // namespace ipmp
