// Where messages go: stderr in the foreground, syslog (facility daemon) else. Only the shell logs.
#pragma once

#include <string_view>

#include "model/action.hpp"

namespace ipmp {

void log_to_stderr();
void log_to_syslog();
void log_message(Severity severity, std::string_view text);
inline void log_error(std::string_view text) { log_message(Severity::error, text); }
inline void log_info(std::string_view text) { log_message(Severity::info, text); }

}  // namespace ipmp
