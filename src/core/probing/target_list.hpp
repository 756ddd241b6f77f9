// Whom one NIC probes in one family (reference: in.mpathd §7). Either routers, out of the routing table, or hosts
// that answered a discovery; never both. Newest first; probed in turn, wrapping around.
//
//   router:  active --too slow--> slow --60 s--> unused --place free--> active
//            active --dead--> dead --its turn--> slow
//   host:    active, and deleted when slow or dead: another one will be found
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "core/probing/rtt_estimator.hpp"

namespace ipmp {

struct Target {
    enum class Status : std::uint8_t { active, unused, slow, dead };
    IpAddress address;
    Status status = Status::active;
    std::optional<Instant> last_active;  // when it was set aside as slow, or came back from dead
    RttEstimator round_trip;
    std::optional<Duration> held_back;  // one outlier, not believed yet
    bool answered = false;              // at least once
};

class TargetList {
  public:
    static constexpr std::size_t kFewest = 3, kMost = 5;  // active ones
    static constexpr Duration kRecovery = std::chrono::seconds(60);

    bool routers() const { return routers_; }
    bool empty() const { return targets_.empty(); }
    std::size_t active_count() const;
    const std::vector<Target>& all() const { return targets_; }
    Target* find(const IpAddress& address);

    // A router takes the place of all hosts. False: known already.
    bool add_router(const IpAddress& address);
    // False: not wanted, as there are routers or enough hosts.
    bool add_host(const IpAddress& address);
    // Forgets routers that are not among `offered`; the addresses forgotten.
    std::vector<IpAddress> keep_routers(const std::set<IpAddress>& offered, Instant now);
    void remove(const IpAddress& address, Instant now);
    void clear();

    // Does not answer, or answers too slowly. True: it was a host and has been deleted.
    bool set_dead(const IpAddress& address, Instant now);
    bool set_slow(const IpAddress& address, Instant now);

    // The one to probe now, and steps on; reactivates on its way whoever has recovered.
    std::optional<IpAddress> next(Instant now);
    // Active ones in the order in which they will be probed.
    std::vector<IpAddress> firing_order() const;

    void forget_round_trips();

  private:
    void promote(Instant now);
    bool set_aside(const IpAddress& address, Target::Status status, Instant now);
    void insert(const IpAddress& address, Target::Status status);

    bool routers_ = false;
    std::vector<Target> targets_;
    std::size_t next_ = 0;  // index of the target that next() looks at first
};

}  // namespace ipmp
