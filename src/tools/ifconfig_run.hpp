// The whole of `ifconfig ARGUMENTS` as one function, so that boot and tests run lines without a process for each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/daemon.hpp"
#include "tools/tool_run.hpp"

namespace ipmp {

// When addresses that are set up may be used: before it returns, or some time after, for who sets up many and has no
// eyes for warnings.
enum class Addresses : std::uint8_t { awaited, unawaited };

// `words`: without the program's name. Words of DHCP write to stdout themselves, as they may take long.
// `daemon`: whom words that configure are told to; null: in.mpathd is looked for, and started, when it is needed.
ToolRun run_ifconfig(std::vector<std::string> words, Addresses addresses = Addresses::awaited,
                     Daemon* daemon = nullptr);

}  // namespace ipmp
