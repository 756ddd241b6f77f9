// Neighbour entries that other programs make for a group (R-CMD-3; reference: data path R5.5 to R5.8).
//
// Proxy entries of an IPMP interface are addresses that this host answers for: each is bound to an active NIC, so that
// the answer states that NIC's MAC, and moves and is announced as data addresses are. Entries on a member, proxy or
// static, belong to the group: they move to its IPMP interface, since whatever the group sends looks there.
#pragma once

#include <vector>

#include "model/action.hpp"
#include "model/kernel_op.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

// Addresses of others that `group` answers for.
std::vector<IpAddress> proxied_by(const Group& group, const KernelState& kernel, Family family);

// Moves entries of members to their groups.
std::vector<KernelOp> plan_neighbours(const State& state, const KernelState& kernel);

// Says which entries of members, not in `former`, are going to move.
void log_new_entries(const State& state, const KernelState& former, const KernelState& kernel,
                     std::vector<Action>& log);

}  // namespace ipmp
