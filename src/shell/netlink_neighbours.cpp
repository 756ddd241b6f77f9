#include "shell/netlink_neighbours.hpp"

#include <algorithm>

#include "shell/log.hpp"

namespace ipmp {

namespace {

bool can_have_talked(const IpAddress& neighbour, const IpAddress& address) {
    return neighbour.family == address.family && neighbour.is_link_local() == address.is_link_local();
}

}  // namespace

Result<std::vector<PeersFound::Found>> find_neighbours(NetlinkSocket& socket, const FindPeers& wanted) {
    std::vector<PeersFound::Found> found;
    for (Family family : kFamilies) {
        if (std::ranges::none_of(wanted.addresses, [&](const auto& address) { return address.family == family; }))
            continue;
        auto read = socket.read(encode_dump_neighbours(family, wanted.upper), [&](MessageBytes message) {
            auto neighbour = decode_neighbour(message);
            if (!neighbour || neighbour->link != wanted.upper) return;
            for (const IpAddress& address : wanted.addresses) {
                if (found.size() >= kMaxNeighboursFound) return;
                if (can_have_talked(neighbour->peer.address, address)) found.push_back({address, neighbour->peer});
            }
        });
        if (!read && read.error().error_number != EINTR) return read.error().within("reading neighbours");
    }
    if (found.size() >= kMaxNeighboursFound)
        log_info("more neighbours of " + wanted.ipmp_interface + " than can be asked, ignoring the rest");
    return found;
}

}  // namespace ipmp
