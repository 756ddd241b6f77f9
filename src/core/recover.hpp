// A daemon without a state file, on a host whose data path is up: takes over what the kernel shows instead of
// removing it. Our links give the groups, our filters the members. What the kernel has no place for is lost: group
// names, standby, offline, down addresses, test addresses' role, the NICs' own settings, bindings.
#pragma once

#include <string>
#include <vector>

#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

// Does nothing unless `state` is that of a daemon that never saw the kernel. Returns one line per group taken over.
// Members are recognised only where there is a single group: a filter does not name its own.
std::vector<std::string> recover(State& state, const KernelState& kernel);

}  // namespace ipmp
