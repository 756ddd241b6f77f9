#include "core/link_limits.hpp"

#include <algorithm>

namespace ipmp {

namespace {

constexpr std::uint32_t kEmptyGroupMtu = 1500;  // design §3: Linux drops IPv6 below 1280
// What Linux gives an ordinary link. More (BIG TCP) would be for the operator to ask for.
constexpr std::uint32_t kGsoBytesMax = 65536, kGsoSegmentsMax = 65535;

}  // namespace

std::uint32_t wanted_mtu(const std::vector<const Interface*>& members, const Group& group) {
    std::uint32_t mtu_bytes = 0;
    for (const Interface* member : members) {
        if (!member->index) continue;
        mtu_bytes = mtu_bytes == 0 ? member->mtu_bytes : std::min(mtu_bytes, member->mtu_bytes);
    }
    if (mtu_bytes == 0) mtu_bytes = std::max(kEmptyGroupMtu, group.wanted_mtu_bytes);
    return group.wanted_mtu_bytes == 0 ? mtu_bytes : std::min(mtu_bytes, group.wanted_mtu_bytes);
}

SetLinkGso wanted_gso(const std::vector<const Interface*>& members, const KernelState& kernel) {
    SetLinkGso wanted{{}, kGsoBytesMax, kGsoSegmentsMax};
    for (const Interface* member : members) {
        auto link = kernel.links.find(member->index);
        if (link == kernel.links.end() || link->second.gso_bytes == 0) continue;  // does not say
        wanted.gso_bytes = std::min(wanted.gso_bytes, link->second.gso_bytes);
        wanted.gso_segments = std::min(wanted.gso_segments, link->second.gso_segments);
    }
    return wanted;
}

}  // namespace ipmp
