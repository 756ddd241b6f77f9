// `ipmp import FILE|DIRECTORY...`: reads the files and prints what import.hpp makes of them.
#pragma once

#include <string>
#include <vector>

#include "tools/tool_run.hpp"

namespace ipmp {

// `words`: behind `import`. Exit codes: 0; 1, nothing can be made of it, one line says why; 2, wrong usage.
ToolRun run_import(const std::vector<std::string>& words);

}  // namespace ipmp
