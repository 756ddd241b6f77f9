#include "shell/service_manager.hpp"

#include <systemd/sd-daemon.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "shell/log.hpp"

namespace ipmp {

bool tell_service_manager(const char* news) {
    int result = ::sd_notify(0, news);
    if (result >= 0) return true;
    log_info(system_error(std::string("cannot tell the service manager ") + news, -result).text + ", ignoring");
    return false;
}

Watchdog Watchdog::from_environment() {
    std::uint64_t limit_us = 0;
    Watchdog watchdog;
    // A third: one message may come late and still be in time.
    if (::sd_watchdog_enabled(0, &limit_us) > 0) {
        watchdog.period_ = std::chrono::duration_cast<Duration>(std::chrono::microseconds(limit_us)) / 3;
    }
    return watchdog;
}

void Watchdog::turned(Instant at) {
    if (period_ == Duration::zero() || at < last_ + period_) return;
    last_ = at;
    if (is_heard_) is_heard_ = tell_service_manager("WATCHDOG=1");
    else is_heard_ = ::sd_notify(0, "WATCHDOG=1") > 0;
}

std::optional<Instant> Watchdog::due() const {
    if (period_ == Duration::zero()) return {};
    return last_ + period_;
}

}  // namespace ipmp
