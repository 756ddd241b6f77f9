// Carries out one administrative command on the State: checks first, then changes all of it or nothing.
// What the kernel has to do follows from the State (planner), except for one-time orders collected here.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/observe.hpp"
#include "model/action.hpp"
#include "model/command.hpp"
#include "model/kernel_op.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

// Of one group. The data path knows 255 pairs of NIC and MAC a group, and every member may get another MAC at once.
inline constexpr std::size_t kMostMembers = 127;

// Orders that are not a lasting wish: setting a NIC up must not fight an operator who sets it down later.
struct OneTimeOrders {
    std::vector<KernelOp> ops;
    std::set<DoomedAddress> doomed;  // addresses being removed, until the kernel shows them gone
    std::set<DoomedAddress> arriving;  // what the batch that is out adds: may be doomed before it is seen
    std::set<IpAddress> awaited;  // data addresses of this command: its answer waits until they are known to be ours
};

struct CommandContext {
    State& state;
    const KernelState& kernel;
    const std::string& host_id;
    OneTimeOrders& orders;
    Instant now;
    std::vector<Action>& log;
};

CommandReply carry_out(const Command& command, CommandContext& context);

// The MAC of a link of ours: locally administered, unicast, a hash of host and name, so that it is the same
// after re-creation (design D11).
MacAddress link_mac(const std::string& host_id, const std::string& link_name);

}  // namespace ipmp
