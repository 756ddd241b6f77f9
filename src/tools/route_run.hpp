// The whole of `route ARGUMENTS` as one function (R-CMD-4). Routes are the kernel's; those that would lead over an
// underlying interface lead over its IPMP interface.
#pragma once

#include <string>
#include <vector>

#include "tools/tool_run.hpp"

namespace ipmp {

// How a line ends that the kernel refused.
std::string route_ending(int error_number);

ToolRun run_route(const std::vector<std::string>& words);

}  // namespace ipmp
