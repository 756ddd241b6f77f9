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
    if (auto files = announcer.files_of(Place::host); !files) return files.error();
    return announcer;
}

Result<const Announcer::Files*> Announcer::files_of(Place place) {
    auto found = files_.find(place);
    if (found != files_.end()) return &found->second;
    auto frames = places_.open_in(place, Opening::frames);
    if (!frames) return frames.error().within("announcements");
    Files files{.frames = *std::move(frames)};
    if (auto ipv4 = places_.open_in(place, Opening::memberships_ipv4)) files.memberships_ipv4 = *std::move(ipv4);
    if (auto ipv6 = places_.open_in(place, Opening::memberships_ipv6)) files.memberships_ipv6 = *std::move(ipv6);
    return &(files_[place] = std::move(files));
}

void Announcer::keep_to(const std::vector<InterfaceIndex>& links) {
    std::erase_if(files_, [&](const auto& entry) {
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

// What the kernel tells of all links of one network namespace.
Result<std::string> Announcer::read_memberships(Family family, Place place) {
    auto files = files_of(place);
    if (!files) return files.error();
    const UniqueFd& file = family == Family::ipv4 ? (*files)->memberships_ipv4 : (*files)->memberships_ipv6;
    if (!file) return Error{"cannot read /proc/net/igmp or igmp6"};
    std::string text;
    std::array<char, 16384> part;
    ssize_t size;
    while ((size = ::pread(file.get(), part.data(), part.size(), static_cast<off_t>(text.size()))) > 0)
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
    auto files = files_of(link.place);
    if (!files) return files.error();
    sockaddr_ll destination{};
    destination.sll_family = AF_PACKET;
    destination.sll_ifindex = static_cast<int>(link.value);
    ssize_t sent = ::sendto((*files)->frames.get(), frame.data(), frame.size(), 0,
                            reinterpret_cast<const sockaddr*>(&destination), sizeof destination);
    if (sent < 0) return system_error("sending a frame");
    return {};
}

}  // namespace ipmp
