// `ifconfig X dhcp ...` and `auto-dhcp`: what follows these words on a line is not for ifconfig itself (R-DHC-1).
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/command.hpp"
#include "tools/daemon.hpp"

namespace ipmp {

// `words`: all that stand behind `dhcp` or `auto-dhcp`. The exit code of ifconfig: 0 ok,
// 2 failure, 3 bad arguments, 4 timeout, 6 system; what went wrong has been said on stderr then.
Result<int> run_dhcp_words(const LogicalName& name, Family family, const std::vector<std::string>& words,
                           const DaemonSource& find_daemon);

}  // namespace ipmp
