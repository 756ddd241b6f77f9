#include "shell/netlink_socket.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cstring>

namespace ipmp {

namespace {

constexpr std::size_t kReceiveBytes = 1 << 16;  // the kernel fills at most half of it with one part of a dump

Error refusal(const Acknowledgement& acknowledgement) {
    Error error = system_error("kernel", acknowledgement.error_number);
    if (!acknowledgement.text.empty()) error.text += " (" + acknowledgement.text + ")";
    return error;
}

// The end of a dump may carry an error of its own.
int error_of_done(const nlmsghdr& done) {
    int status = 0;
    if (mnl_nlmsg_get_payload_len(&done) >= sizeof status)
        std::memcpy(&status, mnl_nlmsg_get_payload(&done), sizeof status);
    return status < 0 ? -status : 0;
}

std::optional<LinkState> read_one_link(NetlinkSocket& socket, NetlinkRequest request) {
    std::optional<LinkState> link;
    auto result = socket.read(std::move(request), [&](MessageBytes message) { link = decode_link(message); });
    return result ? link : std::nullopt;
}

}  // namespace

NetlinkSocket::NetlinkSocket(mnl_socket* socket) : socket_(socket), buffer_(kReceiveBytes) {}

Result<NetlinkSocket> NetlinkSocket::open(UniqueFd fd) {
    mnl_socket* raw = mnl_socket_fdopen(fd.get());
    if (!raw) return system_error("opening an rtnetlink socket");
    static_cast<void>(fd.release());
    NetlinkSocket socket(raw);
    if (mnl_socket_bind(raw, 0, MNL_SOCKET_AUTOPID) < 0) return system_error("binding an rtnetlink socket");
    int on = 1;
    for (int option : {NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK}) {
        if (mnl_socket_setsockopt(raw, option, &on, sizeof on) < 0)
            return system_error("setting up an rtnetlink socket");
    }
    return socket;
}

Result<void> NetlinkSocket::change(NetlinkRequest request) {
    return read(std::move(request), [](MessageBytes) {});
}

Result<void> NetlinkSocket::read(NetlinkRequest request, const Visit& visit) {
    reinterpret_cast<nlmsghdr*>(request.data())->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), request.data(), request.size()) < 0)
        return system_error("sending to rtnetlink");
    bool interrupted = false;
    while (true) {
        ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return system_error("receiving from rtnetlink");
        int left = static_cast<int>(size);
        for (auto* header = reinterpret_cast<const nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(header, left);
             header = mnl_nlmsg_next(header, &left)) {
            if (header->nlmsg_seq != sequence_) continue;  // left over from a request that failed half-way
            MessageBytes message(reinterpret_cast<const std::uint8_t*>(header), header->nlmsg_len);
            interrupted |= (header->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            if (header->nlmsg_type == NLMSG_DONE) {
                if (int error = error_of_done(*header)) return refusal({error, {}});
                if (interrupted) return system_error("dump interrupted by a change", EINTR);
                return {};
            }
            if (auto acknowledgement = decode_acknowledgement(message)) {
                if (acknowledgement->error_number != 0) return refusal(*acknowledgement);
                return {};
            }
            visit(message);
        }
    }
}

std::optional<LinkState> read_link(NetlinkSocket& socket, const std::string& name) {
    return read_one_link(socket, encode_get_link(name));
}

std::optional<LinkState> read_link(NetlinkSocket& socket, InterfaceIndex link) {
    return read_one_link(socket, encode_get_link(link));
}

}  // namespace ipmp
