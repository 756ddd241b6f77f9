// Who is in the kernel's neighbour table of a link: hosts that we talked to, and that so may know one of our addresses.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "model/action.hpp"
#include "model/event.hpp"
#include "shell/netlink_socket.hpp"

namespace ipmp {

// Every neighbour of `wanted.upper` with each of the addresses it can have talked to: of its family, link-local with
// link-local. At most kMaxNeighboursFound pairs. A change meanwhile is no error: it shows in the next search.
inline constexpr std::size_t kMaxNeighboursFound = 1 << 16;
Result<std::vector<PeersFound::Found>> find_neighbours(NetlinkSocket& socket, const FindPeers& wanted);

}  // namespace ipmp
