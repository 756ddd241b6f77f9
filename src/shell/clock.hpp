// The only reader of a clock: CLOCK_MONOTONIC, which does not run while the host is suspended, so that a
// suspend looks like no time at all and nobody fails because of it.
#pragma once

#include "base/time.hpp"

namespace ipmp {

Instant now();

}  // namespace ipmp
