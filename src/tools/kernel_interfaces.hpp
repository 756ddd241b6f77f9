// The interfaces of this network namespace as the kernel shows them, for the time without a daemon: nothing of it is
// marked IPMP, and logical interfaces are numbered in the order of their addresses.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "model/status.hpp"

namespace ipmp {

Result<std::vector<PlumbedInterface>> kernel_interfaces();

// The names of all Ethernet links, up or not, but those of IPMP's inner ends.
Result<std::vector<std::string>> ethernet_links();

}  // namespace ipmp
