// State -> Status: the one picture tools, logs and tests look at (R-STA-1).
#pragma once

#include "model/state.hpp"
#include "model/status.hpp"

namespace ipmp {

Status snapshot_of(const State& state);

}  // namespace ipmp
