// The decision core: (state, now, event) -> (actions, next deadline). The file to read first.
//
// Purpose: everything IPMP decides is decided here and in the pure functions of this folder. No clock,
// socket, thread, log or random device is reachable from it; the daemon and the simulator run the same code.
//
// How a step works: step() files the event into the State (observe.*, commands.*), then recomputes what
// follows from it, always in the same order: who functions, who is active (policy.*), who carries which
// address and slot (placement.*), what the maps should hold (image.*), who else may have an address (duplicates.*), who
// must be told (announcements.*, rebinds.*, keep_alives.*, periodic_defence.*, membership_queries.*), what the kernel
// should hold (planner.*). Actions are differences to what was asked for before. After a lost link the first part is
// about its own groups alone (scope.hpp), and a Tick is due at once.
//
// step() is total: unknown interfaces, stale counters and repeated events are fine and change nothing.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "core/probing/probe_instance.hpp"
#include "model/action.hpp"
#include "model/config.hpp"
#include "model/event.hpp"
#include "model/state.hpp"
#include "model/status.hpp"

namespace ipmp {

class Engine {
  public:
    struct Outcome {
        std::vector<Action> actions;
        std::optional<Instant> deadline;  // send Tick then, unless another step came first and moved it
        bool decided = true;              // false: the state is as before; only probes came or went
        bool stop = false;                // Stop was obeyed: end once the actions, its reply among them, are done
        bool unfinished = false;          // announce() and conclude() are due
        bool lost = false;                // of decide(): a member that carried traffic does so no more
    };

    // `host_id`: makes MAC addresses of IPMP interfaces unique to the host (machine-id, say). `restored`: what a former
    // daemon left behind. `random`: nonces and jitter of probes; nobody on a link must be able to guess it. Without one
    // the sequence is fixed, for tests.
    Engine(const Config& config, std::string host_id, State restored = {}, RandomSource random = {});
    ~Engine();
    Engine(Engine&&) noexcept;
    Engine& operator=(Engine&&) noexcept;

    // `now` must never go backwards.
    Outcome step(Instant now, const Event& event);

    // A step in three parts, so that traffic moves before anything else is thought about: decide() ends with what the
    // maps should hold, announce() with what others must be told at once. If there is more to do than decide() did,
    // both of the others must follow, with the same event, before the next decide().
    Outcome decide(Instant now, const Event& event);
    std::vector<Action> announce();
    Outcome conclude(const Event& event);

    const State& state() const;  // to persist after a step
    Status status() const;       // to serve to tools
    std::map<std::string, ProbeStatistics> probe_statistics() const;  // by "NIC inet", "NIC inet6"
    // The image the maps should hold now: what all PublishImage so far come to.
    const DataplaneImage& image() const;
    // Nothing is outstanding between wanted and observed kernel state.
    bool converged() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipmp
