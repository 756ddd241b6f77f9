#include "tools/tool_run.hpp"

#include <cstdio>

namespace ipmp {

int print(const ToolRun& run, const char* tool) {
    bool written = std::fputs(run.out.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    std::fputs(run.err.c_str(), stderr);
    if (written) return run.exit_code;
    std::fprintf(stderr, "%s: cannot write to stdout\n", tool);
    return 1;
}

}  // namespace ipmp
