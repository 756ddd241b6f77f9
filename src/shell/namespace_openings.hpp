// What the daemon opens in a network namespace, and then uses from outside: each of these descriptors belongs to the
// namespace it was opened in, for good. So no thread of the daemon ever has to be inside another one, which would take
// CAP_SYS_ADMIN; who opens them there is the namespace helper (shell/namespace_helper).
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace ipmp {

enum class Opening : std::uint8_t {
    rtnetlink,         // a socket
    frames,            // a packet socket that receives nothing and never waits
    echo_ipv4,         // raw ICMP sockets that never wait
    echo_ipv6,
    links,             // a socket for ioctls on links
    ipv6,              // and one for those on IPv6
    settings_ipv4,     // directories below /proc/sys/net. Not that one itself: its entries are those of who looks
    settings_ipv6,
    memberships_ipv4,  // files of /proc/net, to be read from their beginning
    memberships_ipv6,
    sysfs,             // the root of one without a mount point; needs CAP_SYS_ADMIN
};
inline constexpr int kOpenings = static_cast<int>(Opening::sysfs) + 1;

// In the network namespace that the calling thread is in.
Result<UniqueFd> open_here(Opening what);

}  // namespace ipmp
