#include "shell/announcer.hpp"

#include <linux/if_packet.h>
#include <sys/socket.h>

#include "wire/announcement.hpp"

namespace ipmp {

Result<Announcer> Announcer::open() {
    UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return system_error("cannot open a packet socket for announcements");
    return Announcer(std::move(socket));
}

Result<void> Announcer::send(const Announce& announce) {
    std::vector<std::uint8_t> frame = encode_announcement(announce.address, announce.nic.mac);
    sockaddr_ll destination{};
    destination.sll_family = AF_PACKET;
    destination.sll_ifindex = static_cast<int>(announce.nic.index.value);
    ssize_t sent = ::sendto(socket_.get(), frame.data(), frame.size(), 0,
                            reinterpret_cast<const sockaddr*>(&destination), sizeof destination);
    if (sent < 0) return system_error("cannot announce " + to_string(announce.address));
    return {};
}

}  // namespace ipmp
