#include "shell/daemonize.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "shell/service_manager.hpp"

namespace ipmp {

namespace {

// What the child writes to say "ready"; anything else is the reason of its failure.
constexpr char kReady = '\0';

[[noreturn]] void wait_for_child(int from_child) {
    char text[1024];
    std::size_t length = 0;
    for (;;) {
        ssize_t got = ::read(from_child, text + length, sizeof text - length);
        if (got <= 0) break;
        if (text[0] == kReady) ::_exit(0);
        length += static_cast<std::size_t>(got);
    }
    if (length == 0) std::fprintf(stderr, "in.mpathd: the daemon ended before it was ready\n");
    else std::fprintf(stderr, "in.mpathd: %.*s\n", static_cast<int>(length), text);
    ::_exit(1);
}

void detach_from_terminal() {
    ::setsid();
    ::umask(022);
    if (::chdir("/") < 0) std::perror("in.mpathd: cannot change to /, ignoring");
    int null = ::open("/dev/null", O_RDWR);
    for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, fd);
    if (null > STDERR_FILENO) ::close(null);
}

}  // namespace

Readiness Readiness::daemonize() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) {
        std::perror("in.mpathd: cannot create a pipe");
        std::exit(1);
    }
    pid_t child = ::fork();
    if (child < 0) {
        std::perror("in.mpathd: cannot fork");
        std::exit(1);
    }
    if (child > 0) {
        ::close(ends[1]);
        wait_for_child(ends[0]);
    }
    ::close(ends[0]);
    detach_from_terminal();
    Readiness readiness;
    readiness.to_parent_.reset(ends[1]);
    return readiness;
}

void Readiness::ready() {
    if (!tell_service_manager("READY=1")) std::perror("in.mpathd: cannot tell the service manager, ignoring");
    if (to_parent_ && ::write(to_parent_.get(), &kReady, 1) < 0) std::perror("in.mpathd: parent is gone, ignoring");
    to_parent_.reset();
}

void Readiness::failed(const std::string& why) {
    if (!to_parent_) {
        std::fprintf(stderr, "in.mpathd: %s\n", why.c_str());
    } else if (::write(to_parent_.get(), why.data(), why.size()) < 0) {
        std::perror("in.mpathd: parent is gone, ignoring");
    }
    to_parent_.reset();
}

}  // namespace ipmp
