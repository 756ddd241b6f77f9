// What the rules of duplicate detection promise, checked from outside (R-ADR-6): no address is taken down for fewer
// claims than the rules allow, none waits for ever to be used. And how often the data path tells of claims at all.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "core/invariants.hpp"

namespace ipmp::sim {

class ClaimWatch {
  public:
    static constexpr Duration kPause = std::chrono::milliseconds(100);

    // Whether a claim heard now becomes an event.
    bool is_passed_on(const IpAddress& address, Instant now);

    void forgive_waiting() { waiting_.clear(); }  // a new daemon, or one that was stopped: series take longer

    // To be called after each step.
    Violations inspect(const Transition& step, const DataplaneImage& image, Instant now, Duration tick_delay);

  private:
    struct Waiting {
        Nic nic;  // bound to
        Instant since;
    };
    void check_taken_down(const Group& group, const LogicalAddress& former, Instant now, Violations& broken) const;
    void check_waiting(const Group& group, const LogicalAddress& logical, const Nic& nic, Instant now,
                       Duration tick_delay, Violations& broken);

    std::map<IpAddress, Instant> passed_on_;
    std::map<IpAddress, std::vector<Instant>> claims_;  // the engine was told, in the last 30 s, without mere probes
    std::map<IpAddress, Instant> heard_;                // the newest of any kind
    std::map<IpAddress, Waiting> waiting_;              // addresses in question that are bound
};

}  // namespace ipmp::sim
