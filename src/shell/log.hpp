// Where messages go: stderr in the foreground, syslog (facility daemon) else. Only the shell logs.
//
// Nobody who logs waits for it: a log that stands still, a full pipe or a syslogd that does not read, would hold up the
// deciding thread, and so a failover. What cannot be taken at once is lost; how much that was is said as soon as
// something can be.
#pragma once

#include <string>
#include <string_view>

#include "model/action.hpp"

namespace ipmp {

inline constexpr const char* kSyslogSocket = "/dev/log";

void log_to_stderr();
void log_to_syslog(const std::string& socket_path = kSyslogSocket);
void log_message(Severity severity, std::string_view text);
inline void log_error(std::string_view text) { log_message(Severity::error, text); }
inline void log_info(std::string_view text) { log_message(Severity::info, text); }

}  // namespace ipmp
