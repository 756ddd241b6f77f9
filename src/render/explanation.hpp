// Status -> a few lines that say why a NIC, a data address or a group is as it is (`ipmp why`): what it is, since when
// and why, what happened before, and what would change it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/status.hpp"

namespace ipmp {

// `name`: an underlying interface, a data address, an IPMP interface or the name of a group; `now_ms`: of
// CLOCK_MONOTONIC, as in the status. Empty: the status knows nothing of that name.
std::vector<std::string> explain(const Status& status, const std::string& name, std::uint64_t now_ms);

}  // namespace ipmp
