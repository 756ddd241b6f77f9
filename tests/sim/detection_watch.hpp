// Compares what the engine concludes from probes with what is true of the network (docs/DETECTION.md).
//
//   - no failure without cause: something was wrong with this very path, or with a target, not long before. So nobody
//     fails with the group while targets answer it;
//   - a path that goes silent behind a link that is up is found within the failure detection time, unless routes to
//     targets go meanwhile: who has nobody to ask begins anew, even if they are back before that time is over;
//   - no repair before ten answers, and twice the failure detection time after the first of them.
// The world tells it what happens; it never looks into core/probing.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/invariants.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"
#include "model/status.hpp"
#include "sim/network.hpp"

namespace ipmp::sim {

class DetectionWatch {
  public:
    void watch(const std::vector<ProbeSource>& sources, Instant now);
    void answered(const ProbeAnswered& answer, Instant now);  // one that counts
    void no_way_out(InterfaceIndex nic, Instant now);
    void network_changed(const Network& network, Instant now);
    void targets_seen(const std::vector<TargetRoute>& routes);  // by the daemon
    void forgive_all(Instant now);  // the daemon was stopped or reconfigured, or targets change: nothing is owed
    void forget_all(Instant now);   // the daemon is another one

    // After each step that decided something.
    Violations stepped(const State& before, const State& after, const Config& config, Instant now);
    // What is overdue; `status` is asked for only if something is.
    Violations overdue(const State& state, const Config& config, const std::function<Status()>& status, Instant now);
    int verdicts_in_time() const { return in_time_; }

  private:
    struct Nic {
        std::map<IpAddress, std::optional<Instant>> sources;  // newest answer of each
        std::optional<Instant> silent_since;                  // and unfound
        Duration longest{};                                   // detection time in force since then
        bool was_silent = false;
        std::optional<Instant> run_began;  // answers since the last reason to doubt
        int run_length = 0;
        Instant doubted;  // when anything was last wrong with the path
    };

    void check_member(const Interface& former, const Interface& member, const Config& config, Instant now,
                      Violations& found);

    std::map<InterfaceIndex, Nic> nics_;
    std::vector<TargetRoute> routes_;  // as the daemon saw them last
    Instant targets_doubted_;
    bool targets_fine_ = true;
    std::map<InterfaceIndex, bool> path_fine_;
    int in_time_ = 0;
};

}  // namespace ipmp::sim
