#include "shell/announcer.hpp"

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string>

#include "wire/announcement.hpp"
#include "wire/memberships.hpp"

namespace ipmp {

Result<Announcer> Announcer::open(const NetworkPlaces& places) {
    Announcer announcer(places);
    if (auto socket = announcer.socket_of(Place::host); !socket) return socket.error();
    return announcer;
}

Result<int> Announcer::socket_of(Place place) {
    auto found = sockets_.find(place);
    if (found != sockets_.end()) return found->second.get();
    auto opened = places_.open_in(place, Opening::frames);
    if (!opened) return opened.error().within("announcements");
    return (sockets_[place] = *std::move(opened)).get();
}

void Announcer::keep_to(const std::vector<InterfaceIndex>& links) {
    std::erase_if(sockets_, [&](const auto& entry) {
        return entry.first != Place::host &&
               std::ranges::none_of(links, [&](InterfaceIndex link) { return link.place == entry.first; });
    });
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

// What the kernel tells of all links of one network namespace. Nothing stays open: an application's namespace would not
// end.
Result<std::string> Announcer::read_memberships(Family family, Place place) const {
    auto file =
        places_.open_in(place, family == Family::ipv4 ? Opening::memberships_ipv4 : Opening::memberships_ipv6);
    if (!file) return file.error().within("cannot read multicast memberships");
    std::string text;
    std::array<char, 16384> part;
    ssize_t size;
    while ((size = ::read(file->get(), part.data(), part.size())) > 0)
        text.append(part.data(), static_cast<std::size_t>(size));
    if (size < 0) return system_error("cannot read multicast memberships");
    return text;
}

Result<void> Announcer::send(const LeaveMemberships& leave) {
    auto of_upper = read_memberships(leave.family, leave.upper.place);
    if (!of_upper) return of_upper.error();
    auto of_nic = read_memberships(leave.family, leave.nic.index.place);
    if (!of_nic) return of_nic.error();
    IgmpVersion version = leave.family == Family::ipv4 ? igmp_version(*of_upper, leave.upper) : IgmpVersion::v3;
    for (const auto& frame : encode_leave_reports(leave, groups_to_leave(leave, *of_upper, *of_nic), version)) {
        auto sent = send(frame, leave.nic.index);
        if (!sent) return sent.error().within("cannot leave multicast groups at the former nominee");
    }
    return {};
}

Result<void> Announcer::send(const std::vector<std::uint8_t>& frame, InterfaceIndex link) {
    auto socket = socket_of(link.place);
    if (!socket) return socket.error();
    sockaddr_ll destination{};
    destination.sll_family = AF_PACKET;
    destination.sll_ifindex = static_cast<int>(link.value);
    ssize_t sent = ::sendto(*socket, frame.data(), frame.size(), 0,
                            reinterpret_cast<const sockaddr*>(&destination), sizeof destination);
    if (sent < 0) return system_error("sending a frame");
    return {};
}

}  // namespace ipmp
