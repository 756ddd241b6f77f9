#include "shell/helper_process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace ipmp {

namespace {

// Longer than what it does takes on a busy machine, shorter than the patience of a service manager (WatchdogSec=10s).
constexpr timeval kPatience{.tv_sec = 5, .tv_usec = 0};
constexpr int kOurSocket = 3;  // in the helper

static_assert(std::is_trivially_copyable_v<HelperRequest> && std::is_trivially_copyable_v<HelperAnswer>);

using ControlSpace = std::array<char, CMSG_SPACE(sizeof(int) * HelperProcess::kMostDescriptors)>;

template <typename Message>
bool send_message(int socket, const Message& message, std::span<const int> fds) {
    iovec data{const_cast<Message*>(&message), sizeof message};
    alignas(cmsghdr) ControlSpace space{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = space.data();
        header.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* control = CMSG_FIRSTHDR(&header);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(control), fds.data(), fds.size_bytes());
    }
    ssize_t sent;
    do sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == static_cast<ssize_t>(sizeof message);
}

template <typename Message>
std::optional<HelperProcess::Descriptors> receive_message(int socket, Message& message) {
    iovec data{&message, sizeof message};
    alignas(cmsghdr) ControlSpace space{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = space.data();
    header.msg_controllen = space.size();
    ssize_t size;
    do size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    HelperProcess::Descriptors fds;
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); size > 0 && control; control = CMSG_NXTHDR(&header, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
        std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
            fds.emplace_back(fd);
        }
    }
    if (size != static_cast<ssize_t>(sizeof message)) return {};
    return fds;
}

HelperAnswer answer_of(const Result<HelperProcess::Outcome>& outcome) {
    HelperAnswer answer;
    if (outcome) {
        answer.number = outcome->number;
        return answer;
    }
    answer.error_number = outcome.error().error_number != 0 ? outcome.error().error_number : EIO;
    const std::string& text = outcome.error().text;
    text.copy(answer.text.data(), answer.text.size() - 1);
    return answer;
}

// Nothing of the daemon's is kept but its standard streams. It may have ended before it could be watched.
void become_helper(const char* name, int socket, pid_t daemon) {
    ::prctl(PR_SET_NAME, name);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != daemon) ::_exit(0);
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    if (socket != kOurSocket && ::dup3(socket, kOurSocket, O_CLOEXEC) < 0) ::_exit(1);
    if (::close_range(kOurSocket + 1, ~0u, 0) != 0) ::_exit(1);
}

[[noreturn]] void serve_until_closed(const HelperProcess::Serve& serve) {
    HelperRequest request;
    while (auto descriptors = receive_message(kOurSocket, request)) {
        request.text_bytes = std::min<std::uint16_t>(request.text_bytes, HelperRequest::kTextBytes);
        auto outcome = serve(request, *descriptors);
        int fd = outcome ? outcome->fd.get() : -1;
        if (!send_message(kOurSocket, answer_of(outcome), std::span(&fd, fd < 0 ? 0u : 1u))) break;
    }
    ::_exit(0);
}

}  // namespace

Result<HelperProcess> HelperProcess::start(const char* name, const std::function<void()>& prepare,
                                           const Serve& serve) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return system_error("making a socket pair");
    UniqueFd ours(ends[0]), theirs(ends[1]);
    pid_t daemon = ::getpid(), child = ::fork();
    if (child < 0) return system_error("forking a helper");
    if (child == 0) {
        become_helper(name, theirs.release(), daemon);
        prepare();
        serve_until_closed(serve);
    }
    for (int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
        if (::setsockopt(ours.get(), SOL_SOCKET, option, &kPatience, sizeof kPatience) != 0)
            return system_error("setting up a helper's socket");
    }
    return HelperProcess(name, std::move(ours));
}

HelperProcess::HelperProcess(HelperProcess&& other) noexcept
    : name_(std::move(other.name_)), socket_(std::move(other.socket_)) {}

// An answer that came later would be taken for that to another question.
Error HelperProcess::give_up(const std::string& what) {
    socket_.reset();
    return Error{what + " " + name_ + ": it has ended or hangs; restart in.mpathd", EPIPE};
}

Result<HelperProcess::Outcome> HelperProcess::ask(const HelperRequest& request, std::initializer_list<int> fds) {
    IPMP_CHECK(fds.size() <= kMostDescriptors);
    std::lock_guard lock(mutex_);
    if (!socket_ || !send_message(socket_.get(), request, std::span(fds))) return give_up("cannot ask");
    HelperAnswer answer;
    auto received = receive_message(socket_.get(), answer);
    if (!received) return give_up("no answer from");
    answer.text.back() = '\0';
    if (answer.error_number != 0) return Error{answer.text.data(), answer.error_number};
    Outcome outcome{.number = answer.number, .fd = {}};
    if (!received->empty()) outcome.fd = std::move(received->front());
    return outcome;
}

}  // namespace ipmp
