// How large frames and sends may be on both ends of an IPMP interface: what every member of the group can take, active
// or not (R-GRP-9).
#pragma once

#include "model/kernel_op.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

std::uint32_t wanted_mtu(const std::vector<const Interface*>& members, const Group& group);

// Its link is left open.
SetLinkGso wanted_gso(const std::vector<const Interface*>& members, const KernelState& kernel);

}  // namespace ipmp
