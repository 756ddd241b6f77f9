// State -> Status: the one picture tools, logs and tests look at (R-STA-1). What only the kernel knows of (the
// loopback, tunnels, whether an address is a lease) comes from its last observation; targets, from core/probing.
#pragma once

#include <vector>

#include "core/address_index.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"
#include "model/status.hpp"

namespace ipmp {

Status snapshot_of(const State& state, const KernelState& kernel, const AddressIndex& seen);

// Its rows; `members` in natural name order.
GroupStatus group_status(const Group& group, const std::vector<const Interface*>& members);
InterfaceStatus interface_status(const Group& group, const Interface& member);

// The part ifconfig shows, in natural name order: IPMP interfaces, NICs that are plumbed, and links that cannot be
// in a group. Lower ends of IPMP interfaces are ours alone and not in it.
std::vector<PlumbedInterface> plumbed_interfaces(const State& state, const KernelState& kernel,
                                                 const AddressIndex& seen);

}  // namespace ipmp
