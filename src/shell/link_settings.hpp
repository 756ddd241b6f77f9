// Kernel settings of links, below /proc/sys/net of the calling thread's network namespace (design D11).
// Names are those of model Settings: a path with `*` for the link's name, "ipv4/neigh/*/retrans_time_ms". Among them
// is one flag of links, which is read here and written by rtnetlink.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/kernel_state.hpp"

namespace ipmp {

// The link's present name, found without RTNL. ENODEV: no such link.
Result<std::string> name_of_link(InterfaceIndex link);

// The file of a setting. Refuses what could lead elsewhere: "..", empty parts, links named like a directory
// of the kernel's own.
Result<std::string> setting_path(const std::string& setting, const std::string& link_name);

// Those of `names` that exist.
Settings read_settings(const std::vector<std::string>& names, const std::string& link_name);

// ENODEV: no such link.
Result<void> write_setting(InterfaceIndex link, const std::string& setting, const std::string& value);

}  // namespace ipmp
