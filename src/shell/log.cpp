#include "shell/log.hpp"

#include <syslog.h>

#include <atomic>
#include <cstdio>

namespace ipmp {

namespace {

std::atomic<bool> to_syslog{false};

int priority_of(Severity severity) {
    switch (severity) {
        case Severity::error: return LOG_ERR;
        case Severity::info: return LOG_INFO;
        case Severity::debug: return LOG_DEBUG;
    }
    return LOG_ERR;
}

}  // namespace

void log_to_stderr() { to_syslog = false; }

void log_to_syslog() {
    ::openlog("in.mpathd", LOG_PID | LOG_NDELAY, LOG_DAEMON);
    to_syslog = true;
}

void log_message(Severity severity, std::string_view text) {
    int length = static_cast<int>(text.size());
    if (to_syslog) {
        ::syslog(priority_of(severity), "%.*s", length, text.data());
    } else {
        std::fprintf(stderr, "in.mpathd: %.*s\n", length, text.data());
    }
}

}  // namespace ipmp
