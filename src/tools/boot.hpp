// ipmp boot, attach and detach: carry out what boot_plan.hpp plans, through ifconfig, and what in.mpathd decides. Each
// returns an exit status and tells the rest itself.
#pragma once

#include <string>
#include <vector>

namespace ipmp {

int boot();
int attach(const std::vector<std::string>& nics);
int detach(const std::vector<std::string>& nics, bool force, bool dry_run);

}  // namespace ipmp
