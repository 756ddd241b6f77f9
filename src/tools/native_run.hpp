// The whole of `ipmp group ...`, `member`, `address`, `offline`, `online` and `adm` as one function, fit for scripts
// that are repeated: exit code 0 says that it is so now, whether or not something had to be done; 1 that it was refused
// or failed, with one line on stderr and what had been begun with that interface taken back; 2 that the words are
// wrong.
#pragma once

#include <string>
#include <vector>

#include "tools/daemon.hpp"
#include "tools/tool_run.hpp"

namespace ipmp {

// `words`: without the program's name. `daemon`: whom they are for; null: in.mpathd is looked for and, for what changes
// something, started.
ToolRun run_native(const std::vector<std::string>& words, Daemon* daemon = nullptr);

}  // namespace ipmp
