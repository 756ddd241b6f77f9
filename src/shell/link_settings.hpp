// Kernel settings of links, below /proc/sys/net of one network namespace (design D11), and what else is not asked for
// by rtnetlink there.
// Names are those of model Settings: a path with `*` for the link's name, "ipv4/neigh/*/retrans_time_ms". Among them
// is one flag of links, which is read here and written by rtnetlink.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/kernel_state.hpp"
#include "shell/network_places.hpp"

namespace ipmp {

// Opened in the namespace, used from wherever one is.
struct NamespaceFiles {
    UniqueFd links;                         // for ioctls
    UniqueFd settings_ipv4, settings_ipv6;  // below /proc/sys/net; none without that family
    UniqueFd ipv6;                          // for ioctls on IPv6; the same

    static Result<NamespaceFiles> open(const NetworkPlaces& places, Place place);
};

// The link's present name, found without RTNL. ENODEV: no such link. `links`: Opening::links.
Result<std::string> name_of_link(const UniqueFd& links, InterfaceIndex link);

// The file of a setting, below /proc/sys/net. Refuses what could lead elsewhere: "..", empty parts, links named like a
// directory of the kernel's own.
Result<std::string> setting_path(const std::string& setting, const std::string& link_name);

// Those of `names` that exist.
Settings read_settings(const NamespaceFiles& files, const std::vector<std::string>& names,
                       const std::string& link_name);

// ENODEV: no such link.
Result<void> write_setting(const NamespaceFiles& files, InterfaceIndex link, const std::string& setting,
                           const std::string& value);

}  // namespace ipmp
