// What an administrator should know of a step, and nobody has to act on.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/action.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

// Who joined and left, with interface and group (R-GRP-16).
void log_membership(const std::map<std::string, Interface>& before, const State& state, std::vector<Action>& log);

// Where another program's filter runs first, ours sees only what that one lets go on: nothing we could mend.
void log_filters_in_front(const KernelState& known, const KernelState& seen, std::vector<Action>& log);

}  // namespace ipmp
