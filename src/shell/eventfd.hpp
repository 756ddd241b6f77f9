// Ringing and silencing an eventfd that tells a poll loop "look at your queue". Made with EFD_NONBLOCK.
#pragma once

#include <unistd.h>

#include <cstdint>

namespace ipmp {

inline void signal_eventfd(int fd) {
    std::uint64_t one = 1;
    // Fails only when the counter is full, and then the descriptor is readable anyway.
    static_cast<void>(!::write(fd, &one, sizeof one));
}

inline void clear_eventfd(int fd) {
    std::uint64_t count = 0;
    static_cast<void>(!::read(fd, &count, sizeof count));  // EAGAIN: nothing to clear
}

}  // namespace ipmp
