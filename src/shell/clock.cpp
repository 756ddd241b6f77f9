#include "shell/clock.hpp"

#include <ctime>

namespace ipmp {

namespace {

Duration read(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Instant now() { return Instant(read(CLOCK_MONOTONIC)); }

Duration thread_cpu_time() { return read(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace ipmp
