#include "sim/fake_peers.hpp"

#include <fmt/format.h>

#include "core/image.hpp"
#include "core/rebinds.hpp"

namespace ipmp::sim {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr int kPeersOfAKind = 2;
constexpr Duration kDumpDelay = milliseconds(50);
constexpr Duration kAskedUntil = milliseconds(2500);  // after the rebind

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
    std::set<Binding> bindings = bindings_of(image);
    auto binding = bindings.lower_bound({question.address, question.nic, ""});
    if (binding == bindings.end() || binding->address != question.address || binding->nic != question.nic) {
        broken.push_back("asked by a NIC that is not bound: " + text);
        return broken;
    }
    Exchange& exchange = exchanges_[{*binding, question.peer.address}];
    if (exchange.answered) broken.push_back("asked after the answer: " + text);
    if (++exchange.questions > Rebinds::kTimes) broken.push_back("asked without end: " + text);
    int kind = kind_of(question.peer);
    if (kind == kSilent || random_.chance(frame_lost) || random_.chance(frame_lost)) return broken;
    Duration delay = kind == kPrompt ? random_.up_to(microseconds(500)) : random_.up_to(milliseconds(100));
    deliver_(delay, PeerAnswered{question.address, question.peer.address, question.nic.index});
    return broken;
}

void FakePeers::answered(const PeerAnswered& event) {
    for (auto& [key, exchange] : exchanges_) {
        const auto& [binding, peer] = key;
        bool same = binding.address == event.address && binding.nic.index == event.link && peer == event.peer;
        exchange.answered |= same;
    }
}

// Nobody speaks for an address in question; once it is settled, peers are asked about it anew.
void FakePeers::follow(const State& state, const DataplaneImage& image) {
    if (exchanges_.empty()) return;
    DataplaneImage changed;
    std::set<Binding> bindings = bindings_of(announceable(state, image, changed));
    std::erase_if(exchanges_, [&](const auto& exchange) { return !bindings.contains(exchange.first.first); });
}

std::set<FakePeers::Binding> FakePeers::bindings_of(const DataplaneImage& image) {
    std::set<Binding> bindings;
    for (const auto& [name, group] : image) {
        for (const auto& [address, entry] : group.addresses) {
            if (entry.kind == AddressKind::data && entry.nic.index) bindings.insert({address, entry.nic, name});
        }
    }
    return bindings;
}

Violations FakePeers::unmet(const Status& status, Instant now) const {
    Violations missing;
    for (const AddressStatus& address : status.addresses) {
        if (!address.rebind || address.inbound.empty()) continue;
        const RebindStatus& last = *address.rebind;
        Instant at{milliseconds(last.at_ms)};
        if (now - at < kAskedUntil) continue;
        std::string text = to_string(address.address);
        bool ended = last.peers_asked == last.peers_moved + last.peers_silent;
        if (!ended) missing.push_back(text + ": peers are still asked");
        bool calm = calm_since_ && at > *calm_since_;
        if (calm && last.peers_silent > kPeersOfAKind) missing.push_back(text + ": a reachable peer was not reached");
    }
    return missing;
}

}  // namespace ipmp::sim
