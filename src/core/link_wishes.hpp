// What administrators want of a NIC beyond its addresses (R-CMD-5): MTU, MAC address, which source its routes prefer,
// and which of its addresses are to be avoided as sources.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "model/event.hpp"
#include "model/kernel_op.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

std::vector<KernelOp> plan_link_wishes(const State& state, const KernelState& kernel);

// What the routes of `nic` shall have as their preferred source, by family; nothing: none of our business.
std::optional<std::array<std::optional<IpAddress>, 2>> wanted_route_sources(const State& state,
                                                                            const KernelState& kernel,
                                                                            const Interface& nic);

// A wish that the kernel refuses ends there: the command that made it fails, and what was stays.
void forget_refused_wishes(State& state, const KernelApplied& event);

}  // namespace ipmp
