// The real engine in a fake world: virtual time, a fake kernel, a netlink thread and a carrier poller that are as
// slow, forgetful and disorderly as `Faults` says, and a daemon that can be killed at any point.
//
// The world plays the daemon: it files events into Engine::step, checks core/invariants after each one, stores the
// state through wire/state_codec as the daemon would, and carries the actions out. Time jumps from event to event.
// Without faults it is the clockwork under the named stories of scenarios_test.cpp.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "core/engine.hpp"
#include "core/invariants.hpp"
#include "sim/attendants.hpp"
#include "sim/claim_watch.hpp"
#include "sim/detection_watch.hpp"
#include "sim/fake_kernel.hpp"
#include "sim/fake_maps.hpp"
#include "sim/fake_peers.hpp"
#include "sim/network.hpp"
#include "sim/random.hpp"

namespace ipmp::sim {

struct Faults {
    double operation_fails = 0;   // a kernel operation returns an error and does nothing
    double observation_lost = 0;  // a change is not noticed before the next resync
    double carrier_lost = 0;      // the fast path misses a change
    double carrier_repeated = 0;  // the fast path tells it twice
    double frame_lost = 0;        // a question to a peer, or its answer
    double crash_after_step = 0;  // the daemon dies between storing the state and carrying out the actions
    bool torn_dumps = false;      // links and addresses of one dump are of different moments
    Duration kernel_delay{std::chrono::microseconds(100)};    // longest per operation and dump
    Duration delivery_delay{std::chrono::microseconds(100)};  // longest from dump to engine
    Duration carrier_delay{std::chrono::microseconds(100)};   // longest of the fast path
    Duration tick_delay{};                                    // longest lateness of a Tick
};

class World {
  public:
    World(std::uint64_t seed, const Config& config, const Faults& faults);

    FakeKernel& kernel() { return kernel_; }
    const Engine& engine() const { return *engine_; }
    const Config& config() const { return config_; }
    Instant now() const { return now_; }
    Network& network() { return network_; }
    const Network& network() const { return network_; }
    const DetectionWatch& detection() const { return detection_; }
    Random& random() { return random_; }
    Faults& faults() { return faults_; }
    FakePeers& peers() { return peers_; }
    const FakePeers& peers() const { return peers_; }
    Attendants& attendants() { return attendants_; }

    // To be called after each change of kernel(): those who watch it learn of it in their own time.
    void kernel_changed();
    void network_changed();  // the same after each change of network()
    void routes_changed();   // and of the kernel's routers
    void forge(const ProbeAnswered& answer) { arrive(answer); }
    std::optional<SendProbe> newest_probe() const { return newest_probe_; }
    void at(Instant when, std::function<void()> act);  // `when` in the past means now
    void run_until(Instant end);

    std::uint64_t command(const Command& command);
    const CommandReply* reply(std::uint64_t request) const;  // null: not answered
    bool all_answered() const { return asked_.empty(); }
    void set_config(const Config& config);
    // A stranger uses `address`, or asks whether it may (`probing`). The data path passes that on while it knows the
    // address, at most once in kClaimPause.
    void claim(const IpAddress& address, bool probing);
    void resync();  // read everything again, as the daemon does every few seconds
    void restart(Duration downtime);
    void stall(Duration time);  // the daemon does not run; what comes in waits

    struct Logged {
        Instant at;
        std::string text;
    };
    const std::vector<Logged>& logged() const { return logged_; }
    std::size_t announced() const { return announced_; }
    const Violations& violations() const { return violations_; }
    Instant last_change() const { return last_change_; }  // last action that changed something
    void trace_to(std::function<void(const std::string&)> trace) { trace_ = std::move(trace); }

  private:
    struct Entry {
        Instant at;
        std::uint64_t order;
        std::function<void()> act;
        bool operator<(const Entry& other) const {  // priority_queue has the largest on top
            return std::tie(other.at, other.order) < std::tie(at, order);
        }
    };

    // The daemon's side.
    void start();
    bool knows_all(Duration downtime) const;
    void deliver(const Event& event);
    void inspect(const State& before, const Event& event, const std::vector<Action>& actions);
    void watch_carrier_beliefs(const Event& event);
    void watch_slots();
    void watch_migration();
    void violated(const Violations& texts);
    void watch_detection(const Event& event, const std::vector<Action>& actions, bool decided);
    void send(const SendProbe& probe);
    void arrive(const ProbeAnswered& answer);
    void find_peers(const FindPeers& question);
    void carry_out(const Action& action);
    void expire_later(const KernelOp& op);
    void schedule_tick(std::optional<Instant> deadline);
    void for_this_daemon(Duration delay, std::function<void()> act);
    void violated(const std::string& text);
    void trace(const std::string& text);

    // The netlink thread: one batch or one dump at a time, results in order.
    void wake_netlink();
    void netlink_work();
    void finish_batch();
    void take_dump();
    void deliver_in_order(const Event& event, std::uint64_t version);  // of the kernel it shows; 0: it shows none

    Config config_;
    Faults faults_;
    Random random_;
    FakeKernel kernel_;
    FakePeers peers_;
    Attendants attendants_;
    Network network_;
    DetectionWatch detection_;
    std::set<ProbeSource> probe_sources_;     // there are sockets for these
    std::optional<SendProbe> newest_probe_;
    Instant stalled_until_;
    std::optional<Engine> engine_;
    FakeMaps maps_;  // of this engine
    State known_;  // the engine's, as inspected last
    Instant now_{std::chrono::hours(1)};
    std::uint64_t next_order_ = 0;
    std::priority_queue<Entry> queue_;
    std::uint64_t daemon_ = 0;  // which one is running; events for former ones are void
    bool running_ = false;
    bool awaited_first_ = true;  // this daemon has not observed the kernel yet
    std::string stored_;         // state.json as the last daemon left it
    std::uint64_t tick_token_ = 0;
    int steps_now_ = 0;                           // steps since time last moved
    std::optional<std::uint64_t> quiet_version_;  // kernel version at a quiet death, to check the restart by

    std::deque<ApplyKernel> batches_;
    std::size_t next_op_ = 0;
    std::vector<KernelApplied::Failure> failures_;
    std::uint64_t generation_ = 0;
    std::vector<ManagedLink> managed_;
    bool netlink_busy_ = false, dump_wanted_ = false;
    Instant last_delivery_;
    std::uint64_t observed_version_ = 0;  // of the kernel, as the engine knows it
    std::set<InterfaceIndex> watched_;
    KernelState observed_;                           // as delivered last
    std::map<InterfaceIndex, CarrierChange> told_;   // the newest about each carrier, by its count

    std::uint64_t next_request_ = 1;
    std::set<std::uint64_t> asked_;
    std::map<std::uint64_t, CommandReply> replies_;
    std::vector<Logged> logged_;
    std::size_t announced_ = 0;
    Violations violations_;
    Instant last_change_;
    std::map<std::pair<std::string, Family>, std::pair<std::vector<InterfaceIndex>, Instant>> activations_;
    ClaimWatch claims_;
    std::function<void(const std::string&)> trace_;
};

}  // namespace ipmp::sim
