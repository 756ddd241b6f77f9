// The only reader of clocks. now() is CLOCK_MONOTONIC, which does not run while the host is suspended, so that a
// suspend looks like no time at all and nobody fails because of it.
#pragma once

#include "base/time.hpp"

namespace ipmp {

Instant now();

// What this thread has used of the processor: a cost, not a time.
Duration thread_cpu_time();

}  // namespace ipmp
