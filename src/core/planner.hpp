// Wanted minus observed kernel state -> operations, in an order that never leaves a gap (design D7, D13):
// links first, then settings, filters, carrier, addresses onto the IPMP interface, routes, addresses off the NIC.
#pragma once

#include <array>
#include <set>
#include <vector>

#include "core/address_index.hpp"
#include "core/observe.hpp"
#include "model/action.hpp"
#include "model/kernel_op.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

// The difference as it stands. Empty: the kernel is as wanted. Pure; asking twice gives the same answer.
std::vector<KernelOp> plan(const State& state, const KernelState& kernel, const AddressIndex& addresses,
                           const Config& config);

// What puts an address in use onto `link` as it is to be there: a test address in its own way, a lease with its end.
AddAddress address_op(const State& state, InterfaceIndex link, const LogicalAddress& logical, bool on_member);

// Links that the plan needs to see more of.
std::vector<ManagedLink> managed_links(const State& state, const KernelState& kernel);

// The settings we want on an IPMP interface, the other end of its pair, and a member (design D11).
Settings upper_end_settings();
Settings lower_end_settings();
Settings member_settings(const Config& config);
// The group listens to router advertisements as its members did, by these.
inline constexpr std::array kAdvertisementSettings{"ipv6/conf/*/accept_ra", "ipv6/conf/*/autoconf"};

}  // namespace ipmp
