// The loop: take inputs, decide, carry out, save, wait. The only caller of Engine::step.
//
// Inputs in order of urgency: carrier counters (read every few milliseconds, no RTNL lock on the way), events of
// the netlink thread and of the data path, commands, signals, the engine's own deadline. One thread decides; it never
// waits for anything but this loop's epoll.
#pragma once

#include <csignal>
#include <functional>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "core/engine.hpp"
#include "model/event.hpp"
#include "model/paths.hpp"
#include "shell/executor.hpp"
#include "shell/failover_times.hpp"
#include "shell/loop_lag.hpp"
#include "shell/service_manager.hpp"
#include "shell/state_store.hpp"

namespace ipmp {

class RunLoop {
  public:
    struct Parts {
        Engine& engine;
        Executor& executor;
        StateStore& store;
        NetlinkThread& netlink;
        CarrierWatch& carrier_watch;
        ControlServer& control;
        Dataplane& dataplane;
        ProbeSockets& probes;
        Attacher& attacher;
        DhcpClients& dhcp_clients;
        NameServiceTable& name_services;
    };

    static Result<RunLoop> create(const Parts& parts, const Paths& paths);

    // Until SIGTERM, SIGINT, SIGQUIT or the command Stop. Calls `ready` once, when the kernel has been seen and clients
    // are served.
    void run(const std::function<void()>& ready);

  private:
    RunLoop(const Parts& parts, const Paths& paths) : parts_(parts), paths_(paths) {}

    std::vector<Event> wait();
    Engine::Outcome step(const Event& event);
    std::vector<Event> poll_carriers(Instant at);
    void wait_for_input();
    void take_signals(std::vector<Event>& events);
    void take_commands(std::vector<Event>& events);
    Status status();
    Counters counters() const;
    void log_statistics() const;
    void save(Instant now);
    Duration time_to_wait(Instant now) const;
    Instant next_carrier_poll() const;

    Parts parts_;
    Paths paths_;
    UniqueFd epoll_;
    UniqueFd signals_;
    std::optional<Instant> deadline_;   // of the engine
    Instant last_carrier_poll_;
    Duration carrier_poll_gap_{};  // a loss seen last may have been there so long
    LoopLag lag_;
    FailoverTimes failover_times_;
    Watchdog watchdog_ = Watchdog::from_environment();
    std::optional<Instant> save_due_;  // of what was decided since, or for another attempt
    std::string unsaved_;              // why the last one failed
    bool stopping_ = false;
};

// The signals the loop takes, blocked for this thread and those it starts from now on. Call before any thread exists.
sigset_t block_signals();

// The configuration file as it is now; complains in the log.
Config load_config(const Paths& paths);

}  // namespace ipmp
