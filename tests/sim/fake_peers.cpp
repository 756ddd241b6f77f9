#include "sim/fake_peers.hpp"

#include <fmt/format.h>

#include "core/rebinds.hpp"

namespace ipmp::sim {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr int kPeersOfAKind = 2;
constexpr Duration kDumpDelay = milliseconds(50);

}  // namespace

Peer FakePeers::peer_of(Family family, int kind, int number) {
    auto host = static_cast<std::uint8_t>(0x80 + kind * kPeersOfAKind + number);
    Peer peer{{.family = family}, {{0x02, 0xee, 0, 0, static_cast<std::uint8_t>(kind), host}}};
    if (family == Family::ipv4)
        peer.address.bytes = {192, 0, 2, host};
    else
        peer.address.bytes = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host};
    return peer;
}

// The data path's records at once, the neighbour table later; both know most peers, and some that were never there.
Violations FakePeers::search(const FindPeers& search) {
    Violations broken;
    if (search.addresses.empty()) broken.push_back(search.ipmp_interface + ": peers of no address are searched");
    for (Duration delay : {Duration(microseconds(10)), random_.up_to(kDumpDelay)}) {
        PeersFound event{search.ipmp_interface, {}};
        for (const IpAddress& address : search.addresses) {
            for (int kind = 0; kind < kKinds; ++kind) {
                for (int number = 0; number < kPeersOfAKind; ++number) {
                    if (random_.chance(0.8)) event.found.push_back({address, peer_of(address.family, kind, number)});
                }
            }
        }
        deliver_(delay, std::move(event));
    }
    return broken;
}

Violations FakePeers::question(const AskPeer& question, const DataplaneImage& image, double frame_lost) {
    Violations broken;
    std::string text = fmt::format("{} about {}", to_string(question.peer.address), to_string(question.address));
    bool bound = false;
    for (const auto& [name, group] : image) {
        auto entry = group.addresses.find(question.address);
        bound |= entry != group.addresses.end() && entry->second.kind == AddressKind::data &&
                 entry->second.nic == question.nic;
    }
    if (!bound) broken.push_back("asked by a NIC that is not bound: " + text);
    Exchange& exchange = exchanges_[{question.address, question.peer.address}];
    if (exchange.answered) broken.push_back("asked after the answer: " + text);
    if (++exchange.questions > Rebinds::kTimes) broken.push_back("asked without end: " + text);
    int kind = kind_of(question.peer);
    if (kind == kSilent || random_.chance(frame_lost) || random_.chance(frame_lost)) return broken;
    Duration delay = kind == kPrompt ? random_.up_to(microseconds(500)) : random_.up_to(milliseconds(100));
    deliver_(delay, PeerAnswered{question.address, question.peer.address, question.nic.index});
    return broken;
}

void FakePeers::answered(const PeerAnswered& event, const DataplaneImage& image) {
    for (const auto& [name, group] : image) {
        auto entry = group.addresses.find(event.address);
        if (entry == group.addresses.end() || entry->second.nic.index != event.link) continue;
        auto exchange = exchanges_.find({event.address, event.peer});
        if (exchange != exchanges_.end()) exchange->second.answered = true;
    }
}

void FakePeers::follow(const DataplaneImage& image) {
    std::map<IpAddress, Nic> now;
    for (const auto& [name, group] : image) {
        for (const auto& [address, entry] : group.addresses) {
            if (entry.kind == AddressKind::data) now[address] = entry.nic;
        }
    }
    std::erase_if(exchanges_, [&](const auto& exchange) {
        auto before = bound_.find(exchange.first.first);
        auto after = now.find(exchange.first.first);
        bool same = before != bound_.end() && after != now.end() && before->second == after->second;
        return !same;
    });
    bound_ = std::move(now);
}

Violations FakePeers::unmet(const Status& status) const {
    Violations missing;
    for (const AddressStatus& address : status.addresses) {
        if (!address.rebind || address.inbound.empty()) continue;
        const RebindStatus& last = *address.rebind;
        std::string text = to_string(address.address);
        if (last.peers_asked != last.peers_moved + last.peers_silent) missing.push_back(text + ": peers are still asked");
        bool calm = calm_since_ && Instant(milliseconds(last.at_ms)) > *calm_since_;
        if (calm && last.peers_silent > kPeersOfAKind) missing.push_back(text + ": a reachable peer was not reached");
    }
    return missing;
}

}  // namespace ipmp::sim
