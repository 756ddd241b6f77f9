// Other people's routes and nexthop objects that name a member: how many there are, and their move to the IPMP
// interface. What is rewritten how is in wire/rtnetlink_routes; this is the order of requests, and what to do when
// the kernel says no.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/result.hpp"
#include "model/kernel_op.hpp"
#include "shell/netlink_socket.hpp"

namespace ipmp {

// Routes that the kernel refused to move, by link and text: said once, left alone from then on.
using RefusedRoutes = std::set<std::pair<InterfaceIndex, std::string>>;

// Routes of `link` still to be moved. `each_route` sees all that name it: for one dump the kernel goes through every
// route of the host. EINTR: a change came in between.
Result<std::uint32_t> count_foreign_routes(NetlinkSocket& socket, InterfaceIndex link, const RefusedRoutes& refused,
                                           const NetlinkSocket::Visit& each_route);

// Fails only where the routes cannot be read. Each route moved or refused is logged.
// `ipv6`: a socket for ioctls in the same namespace; -1 where there is no IPv6.
Result<void> move_routes(NetlinkSocket& socket, int ipv6, const MoveRoutes& op, RefusedRoutes& refused);

}  // namespace ipmp
