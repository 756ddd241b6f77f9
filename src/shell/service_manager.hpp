// What a service manager (systemd) is told: that we are ready, that we end, and again and again that the loop turns. It
// restarts a daemon that falls silent; the data path goes on meanwhile. Without one (no NOTIFY_SOCKET, no WATCHDOG_USEC)
// nothing is said. Used by the thread that decides only: that one must turn.
#pragma once

#include <optional>

#include "base/time.hpp"

namespace ipmp {

// `news` as sd_notify(3) has them: "READY=1". Logs what cannot be told; whether it could.
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
