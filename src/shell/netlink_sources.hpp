// The preferred source of the routes over a NIC (`ifconfig NIC usesrc`): how many of them have another one, and the
// change. What is rewritten how is in wire/rtnetlink_routes.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "base/result.hpp"
#include "model/kernel_op.hpp"
#include "shell/netlink_socket.hpp"

namespace ipmp {

using RouteSources = std::map<InterfaceIndex, std::array<std::optional<IpAddress>, 2>>;  // wanted, by link and family

// Fills LinkState::other_sources.
Result<void> count_other_sources(NetlinkSocket& socket, const RouteSources& sources, KernelState& state);

Result<void> set_route_sources(NetlinkSocket& socket, const SetRouteSources& op);

}  // namespace ipmp
