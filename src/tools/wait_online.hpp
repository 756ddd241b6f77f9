// ipmp wait-online: ends when groups are of use to others, for units and scripts that need the network.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/status.hpp"

namespace ipmp {

// What is still missing, in words that name the group; empty: nothing is. A group is usable when an interface of it
// works and a data address of it is bound. `group`: an IPMP interface or the name of a group; empty: all there are.
std::vector<std::string> not_usable(const Status& status, const std::string& group);

// Until nothing is missing, or `timeout_s` is over (0: without end); the exit code. A daemon that is not there, or goes
// away meanwhile, is waited for as well.
int wait_online(const std::string& group, unsigned timeout_s);

}  // namespace ipmp
