// What stops working silently when a NIC joins a group: traffic passes the IPMP interface from then on, so packet
// filter rules and sockets that name the NIC no longer match it (design D13). A joining administrator is told.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ipmp {

// The lines of `text` in which `link` stands as a word of its own: "eth0" in `iifname "eth0"` and in `0.0.0.0%eth0:68`,
// but not in `eth01`, `eth0.5` or `veth0`.
std::vector<std::string> lines_naming(std::string_view text, std::string_view link);

// One line per packet filter rule (nft, iptables, ip6tables, where installed) and socket (ss) that names `link`, ready
// to be shown; at most kMostLines of them.
inline constexpr std::size_t kMostLines = 20;
std::vector<std::string> stranded_by_join(const std::string& link);

}  // namespace ipmp
