// The whole of `ifconfig ARGUMENTS` as one function, so that boot and tests run lines without a process for each.
#pragma once

#include <string>
#include <vector>

#include "tools/tool_run.hpp"

namespace ipmp {

// `words`: without the program's name. Words of DHCP write to stdout themselves, as they may take long.
ToolRun run_ifconfig(std::vector<std::string> words);

}  // namespace ipmp
