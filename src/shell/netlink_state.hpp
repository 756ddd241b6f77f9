// Reads the whole KernelState by dumps (design D7): the truth that messages only hint at.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/action.hpp"
#include "model/kernel_state.hpp"
#include "shell/filter_programs.hpp"
#include "shell/link_settings.hpp"
#include "shell/netlink_routes.hpp"
#include "shell/netlink_socket.hpp"

namespace ipmp {

using ManagedLinks = std::map<InterfaceIndex, ManagedLink>;

// Filters are asked for link by link, so only where one can be expected: on managed links, on IPMP links and
// where `former` had one. `every_link` asks all Ethernet links, to find what an earlier daemon left behind.
struct FilterScope {
    const KernelState& former;
    bool every_link = false;
    bool ours_only = false;  // all of read_kernel_state: in namespaces where we have IPMP interfaces and nothing else
};
bool can_have_filter(const LinkState& link, const ManagedLinks& managed, const FilterScope& scope);

// Whether routes of `link` are to be looked through for targets of probes: IPMP interfaces and managed links.
bool can_have_targets(const LinkState& link, const ManagedLinks& managed);

// Whether `link` is in a group, so that its routes have to move away: managed links but our own.
bool is_member_link(const LinkState& link, const ManagedLinks& managed);

// The proxy entries of all links, and of members the neighbour entries made to stay. The kernel sends no message when
// one comes or goes.
Result<std::vector<NeighbourEntry>> read_neighbour_entries(NetlinkSocket& socket,
                                                           const std::map<InterfaceIndex, LinkState>& links,
                                                           const ManagedLinks& managed);

// EINTR: a change came in between; try again. `generation` of the result is 0.
Result<KernelState> read_kernel_state(NetlinkSocket& socket, const NamespaceFiles& files,
                                      const FilterPrograms& programs, const ManagedLinks& managed,
                                      const FilterScope& scope, const RefusedRoutes& refused = {});

}  // namespace ipmp
