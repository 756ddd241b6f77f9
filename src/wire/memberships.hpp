// Multicast groups: which ones a link has joined, as /proc/net/igmp and /proc/net/igmp6 tell (reading them takes no
// RTNL lock), and the report by which a NIC leaves groups in the host's name (RFC 3376 §4.2, RFC 3810 §5.2). Where the
// kernel heard an IGMP querier of version 2 it speaks that version for a while, and so do we: a switch that knows no
// other forgets a listener by Leave Group messages only (RFC 2236). Version 1 knows no leaving, and of MLD the kernel
// does not tell which version it speaks.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"
#include "model/action.hpp"

namespace ipmp {

// `text`: all of /proc/net/igmp or igmp6. Lines that cannot be read are passed over.
std::set<IpAddress> joined_groups(Family family, std::string_view text, InterfaceIndex link);

// Of the groups that `leave.upper` has joined those to leave at `leave.nic`: not what its own stack has joined for
// itself, nor what no switch forwards by listeners and nobody reports (224.0.0.0/24, ff02::1, scopes below link).
std::set<IpAddress> groups_to_leave(const LeaveMemberships& leave, std::string_view text);

enum class IgmpVersion : std::uint8_t { v1 = 1, v2, v3 };

// What the kernel speaks on `link`; `text`: all of /proc/net/igmp.
IgmpVersion igmp_version(std::string_view text, InterfaceIndex link);

// Whole Ethernet frames, as many as their MTU demands: CHANGE_TO_INCLUDE with no sources for each group. In IGMP
// version 2 one frame for each group; in version 1 none.
std::vector<std::vector<std::uint8_t>> encode_leave_reports(const LeaveMemberships& leave,
                                                            const std::set<IpAddress>& groups,
                                                            IgmpVersion version = IgmpVersion::v3);

}  // namespace ipmp
