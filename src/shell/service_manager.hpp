// What a service manager (systemd) is told: that we are ready, that we end, and again and again that the loop turns.
// It restarts a daemon that falls silent; the data path goes on meanwhile. Without one (no NOTIFY_SOCKET, no
// WATCHDOG_USEC) nothing is said. Used by the thread that decides only: that one must turn.
//
// Not by libsystemd: its sd_notify() waits for a manager that does not read, and so would every failover.
#pragma once

#include <optional>

#include "base/time.hpp"

namespace ipmp {

// `news` in the words of sd_notify(3): "READY=1". Never waits. Whether it was told, or nobody wants to know; else see
// errno.
bool tell_service_manager(const char* news);

class Watchdog {
  public:
    // Nobody waits for us.
    Watchdog() = default;
    // What the service manager asks of this very process.
    static Watchdog from_environment();

    // Says that the loop turns, if it is time to.
    void turned(Instant at);
    // When to do so next, at the latest; nothing if nobody waits.
    std::optional<Instant> due() const;

  private:
    Duration period_{};  // zero: nobody waits
    Instant last_;
    bool is_heard_ = true;  // else that has been logged
};

}  // namespace ipmp
