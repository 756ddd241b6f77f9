// A daemon without a state file, on a host whose data path is up: takes over what the kernel shows instead of
// removing it. Our links give the groups, the handles of our filters
// whose member each NIC is. What the kernel has no place for is lost: group
// names, standby, offline, down addresses, test addresses' role, the NICs' own settings, bindings.
#pragma once

#include <string>
#include <vector>

#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

// Does nothing unless `state` is that of a daemon that never saw the kernel. Returns one line per group taken over.
std::vector<std::string> recover(State& state, const KernelState& kernel);

}  // namespace ipmp
