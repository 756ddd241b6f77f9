// What is told of a step by comparing before and after: the engine's own news, that no module has decided.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/action.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

// What `interface` was in `before`, under whatever name it had; null: it was not there.
const Interface* same_interface(const std::map<std::string, Interface>& before, const Interface& interface);

// R-GRP-16: joining and leaving is logged with interface and group.
void log_membership(const State& state, const std::map<std::string, Interface>& before, std::vector<Action>& log);

// Where another program's filter runs first, ours sees only what that one lets go on: nothing we could mend.
void log_filters_in_front(const KernelState& former, const KernelState& seen, std::vector<Action>& log);

}  // namespace ipmp
