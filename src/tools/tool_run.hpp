// What a command had to say, for those that are functions of the library: main() prints it, tests and boot look at it.
#pragma once

#include <string>

namespace ipmp {

struct ToolRun {
    int exit_code = 0;
    std::string out, err;  // what goes to stdout and stderr
};

// Prints it; the exit code. `tool`: for the complaint that this is not possible.
int print(const ToolRun& run, const char* tool);

}  // namespace ipmp
