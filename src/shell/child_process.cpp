#include "shell/child_process.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/check.hpp"
#include "shell/log.hpp"

namespace ipmp {

namespace {

constexpr int kMostReads = 16;  // of 4 KiB

// The end to read `text` from, and then its end.
Result<void> pipe_with(const std::string& text, UniqueFd& read_end) {
    IPMP_CHECK(text.size() <= ChildProcess::kMaxInputBytes);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("cannot create a pipe");
    read_end.reset(ends[0]);
    UniqueFd write_end(ends[1]);
    ssize_t written = ::write(write_end.get(), text.data(), text.size());
    if (written != static_cast<ssize_t>(text.size())) return system_error("cannot write to a pipe");
    return {};
}

}  // namespace

Result<ChildProcess> ChildProcess::start(ProgramHelper& helper, ProgramHelper::Program program,
                                         const std::vector<std::string>& words, Group group, int epoll,
                                         const std::string& input, int namespace_fd) {
    UniqueFd stdin_end;
    if (auto filled = pipe_with(input, stdin_end); !filled) return filled.error();
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("cannot create a pipe");
    ChildProcess child(epoll, UniqueFd(ends[0]));
    UniqueFd write_end(ends[1]);
    ::fcntl(child.output_.get(), F_SETFL, O_NONBLOCK);  // our end only
    auto started = helper.run(program, words, group, {stdin_end.get(), write_end.get(), namespace_fd});
    if (!started) return started.error();
    child.pid_ = *started;
    child.process_.reset(static_cast<int>(::syscall(SYS_pidfd_open, child.pid_, 0)));
    if (!child.process_) {
        Error error = system_error("cannot watch " + words.front());
        ::kill(child.pid_, SIGKILL);
        ::waitpid(child.pid_, nullptr, 0);
        return error;
    }
    child.watch(child.process_, words.front());
    child.watch(child.output_, words.front());
    return child;
}

void ChildProcess::watch(const UniqueFd& fd, const std::string& program) const {
    epoll_event interest{.events = EPOLLIN, .data = {.fd = fd.get()}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd.get(), &interest) == 0) return;
    log_error(system_error("cannot watch " + program).text + ", ignoring: its news may come late");
}

// By hand: closing is not enough while another child that is being started still holds the descriptors.
ChildProcess::~ChildProcess() {
    for (const UniqueFd* fd : {&process_, &output_}) {
        if (*fd) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd->get(), nullptr);
    }
}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
    std::swap(epoll_, other.epoll_);
    std::swap(pid_, other.pid_);
    std::swap(output_, other.output_);
    std::swap(process_, other.process_);
    return *this;
}

void ChildProcess::read_output(const std::function<void(std::string_view)>& take) {
    std::array<char, 4096> buffer{};
    for (int round = 0; round < kMostReads; ++round) {
        ssize_t count = ::read(output_.get(), buffer.data(), buffer.size());
        if (count < 0) return;  // nothing more for now
        if (count == 0) {       // which would be news for ever
            ::epoll_ctl(epoll_, EPOLL_CTL_DEL, output_.get(), nullptr);
            return;
        }
        take(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
    }
}

std::optional<int> ChildProcess::follow(const std::function<void(std::string_view)>& take) {
    read_output(take);
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == 0) return {};
    read_output(take);  // what it printed last
    return status;
}

bool ChildProcess::signal(int number) const {
    return ::syscall(SYS_pidfd_send_signal, process_.get(), number, nullptr, 0) == 0 || errno == ESRCH;
}

}  // namespace ipmp
