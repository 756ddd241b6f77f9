// The whole of `arp ARGUMENTS` as one function (R-CMD-3). Addresses of this host are the daemon's and cannot be
// changed; other entries are the kernel's and belong to the IPMP interface, never to one below it.
#pragma once

#include <string>
#include <vector>

#include "tools/tool_run.hpp"

namespace ipmp {

ToolRun run_arp(const std::vector<std::string>& words);

}  // namespace ipmp
