#include "shell/dataplane_reports.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>

namespace ipmp {

namespace {

constexpr __u32 kBatchEntries = 4096;

IpAddress to_address(__u32 family, const __u8 (&bytes)[16]) {
    IpAddress address{.family = family == 4 ? Family::ipv4 : Family::ipv6};
    std::copy_n(bytes, address.size_bytes(), address.bytes.begin());
    return address;
}

MacAddress to_mac(const __u8 (&bytes)[IPMP_MAC_BYTES]) {
    MacAddress mac;
    std::ranges::copy(bytes, mac.bytes.begin());
    return mac;
}

Event to_event(const ipmp_event& abi) {
    IpAddress address = to_address(abi.address.family, abi.address.bytes);
    InterfaceIndex link{abi.ifindex};
    if (abi.kind == IPMP_EVENT_ANSWER) return PeerAnswered{address, to_address(abi.address.family, abi.peer), link};
    return AddressClaimed{address, to_mac(abi.mac), link, abi.kind == IPMP_EVENT_PROBE};
}

int take_one(void* inbox, void* data, std::size_t size_bytes) {
    ipmp_event abi{};
    if (size_bytes < sizeof abi) return 0;
    std::memcpy(&abi, data, sizeof abi);
    static_cast<std::vector<Event>*>(inbox)->push_back(to_event(abi));
    return 0;
}

// Shows every entry of the map once, except for those that come or go meanwhile.
template <typename Visit>
Result<void> visit_peers(int fd, Visit visit) {
    std::vector<ipmp_peer_key> keys(kBatchEntries);
    std::vector<ipmp_peer> values(kBatchEntries);
    __u32 position = 0;
    for (void* from = nullptr;; from = &position) {
        __u32 count = kBatchEntries, next = 0;
        int outcome = bpf_map_lookup_batch(fd, from, &next, keys.data(), values.data(), &count, nullptr);
        if (outcome < 0 && outcome != -ENOENT) return system_error("read BPF map ipmp_peers", -outcome);
        for (__u32 i = 0; i < count; ++i) visit(keys[i], values[i]);
        if (outcome == -ENOENT) return {};
        position = next;
    }
}

}  // namespace

ipmp_address_key to_abi(const IpAddress& address) {
    ipmp_address_key abi{};
    abi.family = address.family == Family::ipv4 ? 4 : 6;
    std::ranges::copy(address.bytes, abi.bytes);
    return abi;
}

void EventReader::Free::operator()(ring_buffer* ring) const { ring_buffer__free(ring); }

Result<EventReader> EventReader::open(int ring_fd) {
    EventReader reader;
    reader.ring_.reset(ring_buffer__new(ring_fd, take_one, reader.inbox_.get(), nullptr));
    if (!reader.ring_) return system_error("open the ring buffer of BPF events");
    return reader;
}

int EventReader::fd() const { return ring_buffer__epoll_fd(ring_.get()); }

void EventReader::take(std::vector<Event>& events) {
    ring_buffer__consume(ring_.get());
    std::ranges::move(*inbox_, std::back_inserter(events));
    inbox_->clear();
}

Result<std::vector<PeersFound::Found>> read_peers(int peers_fd, const std::vector<IpAddress>& addresses, Instant now) {
    struct Seen {
        __u64 ns;
        Peer peer;
    };
    std::map<IpAddress, std::vector<Seen>> seen;
    for (const IpAddress& address : addresses) seen[address];
    auto oldest_ns = static_cast<__s64>((now - kPeerLifetime).time_since_epoch().count());
    auto visited = visit_peers(peers_fd, [&](const ipmp_peer_key& key, const ipmp_peer& peer) {
        auto found = seen.find(to_address(key.address.family, key.address.bytes));
        if (found == seen.end() || static_cast<__s64>(peer.seen_ns) < oldest_ns) return;
        found->second.push_back({peer.seen_ns, {to_address(key.address.family, key.peer), to_mac(peer.mac)}});
    });
    if (!visited) return visited.error();

    std::vector<PeersFound::Found> result;
    std::size_t share = std::min(kMaxPeersPerAddress, kMaxPeersFound / std::max<std::size_t>(seen.size(), 1));
    for (auto& [address, peers] : seen) {
        std::ranges::sort(peers, std::greater(), &Seen::ns);
        if (peers.size() > share) peers.erase(peers.begin() + static_cast<std::ptrdiff_t>(share), peers.end());
        for (const Seen& entry : peers) result.push_back({address, entry.peer});
    }
    return result;
}

}  // namespace ipmp
