#include "shell/state_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <csignal>
#include <filesystem>
#include <string_view>

namespace ipmp {

namespace {

constexpr const char* kFile = "state.json";
constexpr const char* kNewFile = "state.json.new";

Result<void> write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return system_error("cannot write the state file");
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

// A daemon that is ending, or was killed, may hold the lock a moment longer than its socket. The timer goes on until it
// is set back, so that it cannot expire for good before the wait has begun.
bool lock_in_time(int fd) {
    struct sigaction interrupt {}, former {};
    interrupt.sa_handler = [](int) {};  // without SA_RESTART
    ::sigaction(SIGALRM, &interrupt, &former);
    itimerval patience{.it_interval = {.tv_sec = 0, .tv_usec = 100000}, .it_value = {.tv_sec = 2, .tv_usec = 0}};
    ::setitimer(ITIMER_REAL, &patience, nullptr);
    int locked = ::flock(fd, LOCK_EX);
    int error = errno;
    patience = {};
    ::setitimer(ITIMER_REAL, &patience, nullptr);
    ::sigaction(SIGALRM, &former, nullptr);
    errno = error;
    return locked == 0;
}

}  // namespace

Result<StateStore> StateStore::open(const Paths& paths) {
    std::error_code error;
    std::filesystem::create_directories(paths.run(), error);
    if (error) return Error{"cannot create " + paths.run() + ": " + error.message(), error.value()};

    StateStore store;
    store.directory_.reset(::open(paths.run().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!store.directory_) return system_error("cannot open " + paths.run());
    // For reading: held for writing it would keep the file system from being remounted read-only.
    store.lock_.reset(::openat(store.directory_.get(), Paths::lock_name, O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!store.lock_) return system_error("cannot open " + paths.run() + "/" + Paths::lock_name);
    if (!lock_in_time(store.lock_.get())) {
        if (errno == EINTR) return Error{"another in.mpathd is already running for " + paths.run(), EWOULDBLOCK};
        return system_error("cannot lock " + paths.run() + "/" + Paths::lock_name);
    }
    return store;
}

Result<State> StateStore::load() const {
    UniqueFd file(::openat(directory_.get(), kFile, O_RDONLY | O_CLOEXEC));
    if (!file) {
        if (errno == ENOENT) return State{};
        return system_error("cannot open the state file");
    }
    std::string text;
    char buffer[16384];
    for (;;) {
        ssize_t length = ::read(file.get(), buffer, sizeof buffer);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0) return system_error("cannot read the state file");
        if (length == 0) break;
        text.append(buffer, static_cast<std::size_t>(length));
    }
    return decode_state(text);
}

void StateStore::set_aside() const { ::renameat(directory_.get(), kFile, directory_.get(), "state.json.bad"); }

Result<void> StateStore::save(const State& state) {
    std::string text = encoder_.encode(state);
    if (text == written_) return {};
    UniqueFd file(::openat(directory_.get(), kNewFile, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return system_error("cannot create the state file");
    Result<void> written = write_all(file.get(), text);
    if (!written) {  // the part that was would only fill the disk further
        ::unlinkat(directory_.get(), kNewFile, 0);
        return written;
    }
    if (::renameat(directory_.get(), kNewFile, directory_.get(), kFile) < 0) {
        return system_error("cannot replace the state file");
    }
    written_ = std::move(text);
    return {};
}

}  // namespace ipmp
