// What the programs in the kernel tell the daemon (docs/DATAPLANE.md §6): events in a ring buffer, and the record of
// peers. Reading neither changes nor delays what the programs do. Used by Dataplane only, on the deciding thread.
#pragma once

#include <memory>
#include <vector>

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "bpf/ipmp_abi.h"
#include "model/event.hpp"

struct ring_buffer;

namespace ipmp {

ipmp_address_key to_abi(const IpAddress& address);

// The reading end of one ipmp_events.
class EventReader {
  public:
    // `ring_fd`: the map; stays its owner's.
    static Result<EventReader> open(int ring_fd);

    int fd() const;  // readable while events wait

    // Appends what waits. Never blocks; the programs bound how much there is.
    void take(std::vector<Event>& events);

  private:
    struct Free {
        void operator()(ring_buffer* ring) const;
    };
    EventReader() = default;

    std::unique_ptr<std::vector<Event>> inbox_ = std::make_unique<std::vector<Event>>();  // stays where it is
    std::unique_ptr<ring_buffer, Free> ring_;
};

// Who asked for one of `addresses` within the hour before `now`, the most recent kMaxPeersPerAddress of each, and fewer
// where many addresses would make more than kMaxPeersFound. Reads the whole map `peers_fd`, in batches.
inline constexpr std::size_t kMaxPeersPerAddress = 256;
inline constexpr std::size_t kMaxPeersFound = 1 << 16;
inline constexpr Duration kPeerLifetime = std::chrono::minutes(60);
Result<std::vector<PeersFound::Found>> read_peers(int peers_fd, const std::vector<IpAddress>& addresses, Instant now);

}  // namespace ipmp
