// Decisions and times in words, for `ipmp why`, `ipmp monitor` and `ipmp top`.
#pragma once

#include <cstdint>
#include <string>

#include "model/decision.hpp"

namespace ipmp {

// "850 ms", "12 s", "5 min", "3 h", "4 days".
std::string duration_text(std::uint64_t duration_ms);

// "the link of eth1 is down": why something was decided about `subject`, or about what depends on it.
std::string reason_text(const Decision& decision, const std::string& subject);

// "failed: the link of eth1 is down", "moved from eth1 to eth0: …".
std::string decision_text(const Decision& decision);

}  // namespace ipmp
