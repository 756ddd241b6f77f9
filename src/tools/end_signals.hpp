// Tools that run without end: SIGINT, SIGTERM and SIGHUP become readable, and a reader that went away an error of
// write().
#pragma once

#include <sys/signalfd.h>

#include <csignal>

#include "base/unique_fd.hpp"

namespace ipmp {

// Readable once the tool is to end.
inline UniqueFd take_end_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&signals, number);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    return UniqueFd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace ipmp
