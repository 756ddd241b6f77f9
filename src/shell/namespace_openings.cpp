#include "shell/namespace_openings.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>

namespace ipmp {

namespace {

Result<UniqueFd> open_socket(int domain, int type, int protocol, const char* what) {
    UniqueFd fd(::socket(domain, type | SOCK_CLOEXEC, protocol));
    if (!fd) return system_error(std::string("opening ") + what);
    return fd;
}

Result<UniqueFd> open_path(const char* path, int flags) {
    UniqueFd fd(::open(path, flags | O_CLOEXEC));
    if (!fd) return system_error(std::string("opening ") + path);
    return fd;
}

Result<UniqueFd> open_sysfs() {
    UniqueFd context(::fsopen("sysfs", FSOPEN_CLOEXEC));
    if (!context) return system_error("opening a sysfs");
    if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
        return system_error("creating a sysfs");
    UniqueFd root(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC));
    if (!root) return system_error("mounting a sysfs");
    return root;
}

}  // namespace

Result<UniqueFd> open_here(Opening what) {
    switch (what) {
        case Opening::rtnetlink: return open_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, "an rtnetlink socket");
        case Opening::frames: return open_socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0, "a packet socket");
        case Opening::echo_ipv4:
            return open_socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP, "a probe socket");
        case Opening::echo_ipv6:
            return open_socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMPV6, "a probe socket");
        case Opening::links: return open_socket(AF_UNIX, SOCK_DGRAM, 0, "a socket");
        case Opening::ipv6: return open_socket(AF_INET6, SOCK_DGRAM, 0, "an IPv6 socket");
        case Opening::settings_ipv4: return open_path("/proc/sys/net/ipv4", O_PATH | O_DIRECTORY);
        case Opening::settings_ipv6: return open_path("/proc/sys/net/ipv6", O_PATH | O_DIRECTORY);
        case Opening::memberships_ipv4: return open_path("/proc/thread-self/net/igmp", O_RDONLY);
        case Opening::memberships_ipv6: return open_path("/proc/thread-self/net/igmp6", O_RDONLY);
        case Opening::sysfs: return open_sysfs();
    }
    return Error{"no such thing is opened in a network namespace", EINVAL};
}

}  // namespace ipmp
