#include "tools/netlink_client.hpp"

#include <linux/netlink.h>

#include <array>
#include <cerrno>

namespace ipmp {

namespace {

int show(const nlmsghdr* message, void* visit) {
    auto& take = *static_cast<const NetlinkClient::Visit*>(visit);
    take({reinterpret_cast<const std::uint8_t*>(message), message->nlmsg_len});
    return MNL_CB_OK;
}

}  // namespace

Result<NetlinkClient> NetlinkClient::open() {
    NetlinkClient client(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
    if (!client.socket_ || mnl_socket_bind(client.socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
        return system_error("cannot create sockets");
    }
    return client;
}

Result<void> NetlinkClient::read(NetlinkRequest request, const Visit& visit) {
    reinterpret_cast<nlmsghdr*>(request.data())->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), request.data(), request.size()) < 0) return system_error("rtnetlink");
    alignas(nlmsghdr) std::array<char, 1 << 16> buffer;
    int state = MNL_CB_OK;
    while (state > MNL_CB_STOP) {
        ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return system_error("rtnetlink");
        state = mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), sequence_,
                           mnl_socket_get_portid(socket_.get()), show, const_cast<Visit*>(&visit));
    }
    if (state < 0) return system_error("rtnetlink");
    return {};
}

}  // namespace ipmp
