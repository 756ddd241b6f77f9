// Sockets in network namespaces, for programs that hold both ends of a flow (meter.cpp, tests/bench/load.cpp).
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <cstring>
#include <string>

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace ipmp::lab {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

inline SocketAddress socket_address(const IpAddress& address, in_port_t port) {
    SocketAddress result;
    if (address.family == Family::ipv4) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = port;
        std::memcpy(&in.sin_addr, address.bytes.data(), 4);
        std::memcpy(&result.storage, &in, result.size = sizeof in);
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = port;
        std::memcpy(&in.sin6_addr, address.bytes.data(), 16);
        std::memcpy(&result.storage, &in, result.size = sizeof in);
    }
    return result;
}

struct BoundSocket {
    UniqueFd fd;
    in_port_t port = 0;  // network order
};

// A socket at `address` in the namespace at `netns_path`; the calling thread stays there.
inline Result<BoundSocket> open_socket(const std::string& netns_path, const IpAddress& address, bool tcp) {
    UniqueFd netns(::open(netns_path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!netns) return system_error(netns_path);
    if (::setns(netns.get(), CLONE_NEWNET) < 0) return system_error("setns " + netns_path);
    int domain = address.family == Family::ipv4 ? AF_INET : AF_INET6;
    BoundSocket result{UniqueFd(::socket(domain, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0))};
    if (!result.fd) return system_error("socket");
    auto wanted = socket_address(address, 0);
    if (::bind(result.fd.get(), wanted.get(), wanted.size) < 0) return system_error("bind " + to_string(address));
    SocketAddress bound;
    bound.size = sizeof bound.storage;
    ::getsockname(result.fd.get(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.size);
    result.port = domain == AF_INET ? reinterpret_cast<sockaddr_in&>(bound.storage).sin_port
                                    : reinterpret_cast<sockaddr_in6&>(bound.storage).sin6_port;
    return result;
}

}  // namespace ipmp::lab
