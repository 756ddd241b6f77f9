#include "shell/attacher.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "shell/log.hpp"

extern char** environ;

namespace ipmp {

namespace {

constexpr const char* kInstalledProgram = "/usr/sbin/ipmp";
constexpr std::size_t kMaxTextBytes = 1 << 16;

// A child has the signals that a program expects to have, and a pipe for what it prints.
struct SpawnSettings {
    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};

    explicit SpawnSettings(int output) {
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
        posix_spawnattr_init(&attributes);
        sigset_t none, usual;
        sigemptyset(&none);
        sigemptyset(&usual);
        sigaddset(&usual, SIGPIPE);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &usual);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
};

}  // namespace

Result<Attacher> Attacher::create(Paths paths, std::string program) {
    Attacher attacher(std::move(paths), std::move(program));
    attacher.epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!attacher.epoll_) return system_error("cannot create an epoll descriptor");
    return attacher;
}

std::string Attacher::installed_program() {
    std::array<char, 4096> buffer{};
    ssize_t length = ::readlink("/proc/self/exe", buffer.data(), buffer.size() - 1);
    std::string self(buffer.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    std::string beside = self.substr(0, self.rfind('/') + 1) + "ipmp";
    return ::access(beside.c_str(), X_OK) == 0 ? beside : kInstalledProgram;
}

void Attacher::attach(const std::string& nic) {
    bool has_file = false;
    for (const std::string& path : paths_.boot_files(nic)) has_file = has_file || ::access(path.c_str(), F_OK) == 0;
    bool waits = std::find(waiting_.begin(), waiting_.end(), nic) != waiting_.end();
    if (!has_file || waits) return;
    if (waiting_.size() == kMaxWaiting) {
        log_error("too many new interfaces at once: " + nic + " needs `ipmp attach " + nic + "`");
        return;
    }
    waiting_.push_back(nic);
    if (child_ == 0) start_next();
}

void Attacher::start_next() {
    while (child_ == 0 && !waiting_.empty()) {
        name_ = waiting_.front();
        waiting_.pop_front();
        Result<void> started = start(name_);
        if (!started) log_error(started.error().text + "; " + name_ + " needs `ipmp attach " + name_ + "`");
    }
}

Result<void> Attacher::start(const std::string& nic) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return system_error("cannot create a pipe");
    UniqueFd output(ends[0]), inside(ends[1]);
    ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
    SpawnSettings settings(inside.get());
    std::string words[] = {"ipmp", "attach", nic};
    char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
    pid_t child = 0;
    int failure = posix_spawn(&child, program_.c_str(), &settings.files, &settings.attributes, arguments, environ);
    if (failure != 0) return system_error("cannot start " + program_, failure);
    log_info(nic + " has appeared: configuring it from its files");
    child_ = child;
    output_ = std::move(output);
    ended_.reset(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    for (int fd : {output_.get(), ended_.get()}) {
        epoll_event interest{.events = EPOLLIN, .data = {.fd = fd}};
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &interest);
    }
    return {};
}

void Attacher::log_text(bool succeeded) {
    while (!text_.empty()) {
        std::size_t end = std::min(text_.find('\n'), text_.size());
        if (succeeded) log_info(text_.substr(0, end));
        else log_error(text_.substr(0, end));
        text_.erase(0, end + 1);
    }
}

void Attacher::read_output() {
    std::array<char, 4096> buffer{};
    for (ssize_t count; (count = ::read(output_.get(), buffer.data(), buffer.size())) != 0;) {
        if (count < 0) return;  // nothing more for now
        std::size_t room = kMaxTextBytes - text_.size();
        text_.append(buffer.data(), std::min(static_cast<std::size_t>(count), room));
    }
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, output_.get(), nullptr);  // its end would be news for ever
}

void Attacher::progress() {
    if (child_ == 0) return;
    read_output();
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) == 0) return;
    read_output();
    log_text(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (WIFSIGNALED(status)) log_error(name_ + ": its configuration was ended by a signal");
    // By hand: closing is not enough while another child that is being started still holds it.
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, ended_.get(), nullptr);
    child_ = 0;
    ended_.reset();
    output_.reset();
    start_next();
}

}  // namespace ipmp
