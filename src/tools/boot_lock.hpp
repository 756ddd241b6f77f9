// What the commands that work on boot files share: only one of them runs at a time on a host, as a NIC may appear while
// others are being configured, and all look for links that in.mpathd does not show.
#pragma once

#include <set>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/paths.hpp"

namespace ipmp {

// Until it is destroyed, nobody else boots, attaches, detaches or saves. The daemon has made its directory by then.
Result<UniqueFd> lock_boot(const Paths& paths);

std::set<std::string> kernel_link_names();

}  // namespace ipmp
