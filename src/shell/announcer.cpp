#include "shell/announcer.hpp"

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <fstream>
#include <iterator>
#include <string>

#include "wire/announcement.hpp"
#include "wire/memberships.hpp"

namespace ipmp {

Result<Announcer> Announcer::open() {
    UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return system_error("cannot open a packet socket for announcements");
    return Announcer(std::move(socket));
}

Result<void> Announcer::send(const Announce& announce) {
    auto sent = send(encode_announcement(announce.address, announce.nic.mac), announce.nic.index);
    return sent ? sent : sent.error().within("cannot announce " + to_string(announce.address));
}

Result<void> Announcer::send(const ProbeAddress& probe) {
    auto sent = send(encode_address_probe(probe.address, probe.nic.mac), probe.nic.index);
    return sent ? sent : sent.error().within("cannot ask who has " + to_string(probe.address));
}

Result<void> Announcer::send(const AskPeer& question) {
    auto frame = encode_peer_question(question.address, question.nic.mac, question.peer);
    auto sent = send(frame, question.nic.index);
    return sent ? sent : sent.error().within("cannot tell a peer about " + to_string(question.address));
}

Result<void> Announcer::send(const AskMemberships& question) {
    auto sent = send(encode_membership_query(question.family, question.source), question.lower);
    return sent ? sent : sent.error().within("cannot ask for multicast memberships");
}

Result<void> Announcer::send(const LeaveMemberships& leave) {
    const char* path = leave.family == Family::ipv4 ? "/proc/thread-self/net/igmp" : "/proc/thread-self/net/igmp6";
    std::ifstream file(path);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file) return Error{std::string("cannot read ") + path};
    IgmpVersion version = leave.family == Family::ipv4 ? igmp_version(text, leave.upper) : IgmpVersion::v3;
    for (const auto& frame : encode_leave_reports(leave, groups_to_leave(leave, text), version)) {
        auto sent = send(frame, leave.nic.index);
        if (!sent) return sent.error().within("cannot leave multicast groups at the former nominee");
    }
    return {};
}

Result<void> Announcer::send(const std::vector<std::uint8_t>& frame, InterfaceIndex link) {
    sockaddr_ll destination{};
    destination.sll_family = AF_PACKET;
    destination.sll_ifindex = static_cast<int>(link.value);
    ssize_t sent = ::sendto(socket_.get(), frame.data(), frame.size(), 0,
                            reinterpret_cast<const sockaddr*>(&destination), sizeof destination);
    if (sent < 0) return system_error("sending a frame");
    return {};
}

}  // namespace ipmp
