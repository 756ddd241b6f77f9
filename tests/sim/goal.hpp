// Liveness: what the kernel must look like once nobody meddles any more, worked out from the engine's state alone
// and not by its planner.
#pragma once

#include "core/invariants.hpp"
#include "sim/world.hpp"

namespace ipmp::sim {

// What is still missing, empty if the goal is reached.
Violations unmet(const World& world, const FakeKernel& kernel);

}  // namespace ipmp::sim
