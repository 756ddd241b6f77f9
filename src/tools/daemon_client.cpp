#include "tools/daemon_client.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "base/program_path.hpp"

extern char** environ;

namespace ipmp {

namespace {

constexpr const char* kInstalledDaemon = "/usr/lib/inet/in.mpathd";
constexpr const char* kSystemctl = "/bin/systemctl";
constexpr const char* kUnitFile = "/lib/systemd/system/in.mpathd.service";

// in.mpathd beside this program, in ../lib/inet from it, or where packages put it.
Result<std::string> find_daemon() {
    for (const std::string& candidate :
         {beside_program("in.mpathd"), beside_program("../lib/inet/in.mpathd"), std::string(kInstalledDaemon)}) {
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return Error{"cannot find in.mpathd beside " + program_path() + " nor in /usr/lib/inet"};
}

// Waits for the end of `child`; its wait status.
Result<int> wait_for(pid_t child) {
    UniqueFd ended(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    if (!ended) return system_error("cannot wait for in.mpathd");
    pollfd wait{ended.get(), POLLIN, 0};
    auto patience_ms = std::chrono::duration_cast<std::chrono::milliseconds>(DaemonClient::kPatience);
    int happened = poll(&wait, 1, static_cast<int>(patience_ms.count()));
    if (happened < 0) return system_error("cannot wait for in.mpathd");
    if (happened == 0) return Error{"in.mpathd was started but does not become ready"};
    int status = 0;
    if (waitpid(child, &status, 0) < 0) return system_error("cannot wait for in.mpathd");
    return status;
}

// The host's daemon is systemd's to start, where packages installed it: that watches it, and no logout ends it. Another
// network namespace than the host's has a daemon of its own.
bool is_systemds(const Paths& paths) {
    std::error_code error;
    auto network_of = [&](const char* process) {
        return std::filesystem::read_symlink(std::string("/proc/") + process + "/ns/net", error);
    };
    return paths.root.empty() && access("/run/systemd/system", F_OK) == 0 && access(kUnitFile, F_OK) == 0 &&
           access(kSystemctl, X_OK) == 0 && network_of("self") == network_of("1") && !error;
}

// in.mpathd goes into the background by itself; its first process ends with 0 once clients can connect, and so does
// systemctl.
Result<void> start_daemon(const Paths& paths) {
    std::vector<std::string> words{kSystemctl, "start", "in.mpathd.service"};
    if (!is_systemds(paths)) {
        auto program = find_daemon();
        if (!program) return program.error();
        words = {*program};
    }
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t child = 0;
    int failure = posix_spawn(&child, words[0].c_str(), nullptr, nullptr, arguments.data(), environ);
    if (failure != 0) return system_error("cannot start " + words[0], failure);
    auto status = wait_for(child);
    if (!status) return status.error();
    if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
        return Error{"cannot start in.mpathd: its messages are above or in the system log"};
    }
    return {};
}

// Of blocking calls; zero: without end.
void set_patience(int connection, int option, std::chrono::seconds patience) {
    timeval value{.tv_sec = patience.count(), .tv_usec = 0};
    setsockopt(connection, SOL_SOCKET, option, &value, sizeof value);
}

}  // namespace

Result<DaemonClient> DaemonClient::connect(const Paths& paths, std::chrono::seconds patience) {
    UniqueFd directory(open(paths.run().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return system_error("cannot contact in.mpathd: " + paths.run());
    UniqueFd connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!connection) return system_error("cannot create sockets");
    for (int option : {SO_RCVTIMEO, SO_SNDTIMEO}) set_patience(connection.get(), option, patience);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string path = "/proc/self/fd/" + std::to_string(directory.get()) + "/" + Paths::socket_name;
    IPMP_CHECK(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return system_error("cannot contact in.mpathd");
    }
    return DaemonClient(std::move(connection));
}

Result<DaemonClient> DaemonClient::connect_or_start(const Paths& paths) {
    auto running = connect(paths);
    if (running) return running;
    bool not_running = running.error().error_number == ENOENT || running.error().error_number == ECONNREFUSED;
    if (!not_running) return running;
    auto started = start_daemon(paths);
    auto client = connect(paths);  // also after a failure: somebody else may have been quicker
    if (!client && !started) return started.error();
    return client;
}

// Sends `request` and waits for the answer, which is returned without its NUL.
Result<std::string> DaemonClient::exchange(const std::string& request) {
    if (auto sent = send_all(request); !sent) return sent.error();
    return receive();
}

Result<void> DaemonClient::send_all(const std::string& request) {
    for (std::size_t sent = 0; sent < request.size();) {
        ssize_t count = send(connection_.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return system_error("lost the connection to in.mpathd");
        sent += static_cast<std::size_t>(count);
    }
    return {};
}

// The next message, without its NUL.
Result<std::string> DaemonClient::receive() {
    std::size_t searched = 0;
    std::array<char, 65536> buffer{};
    while (true) {
        std::size_t end = input_.find('\0', searched);
        if (end != std::string::npos) {
            std::string message = input_.substr(0, end);
            input_.erase(0, end + 1);
            return message;
        }
        searched = input_.size();
        if (input_.size() > kMaxReplyBytes) return Error{"the answer of in.mpathd is too long"};
        ssize_t count = recv(connection_.get(), buffer.data(), buffer.size(), 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return Error{"in.mpathd does not answer", ETIMEDOUT};
        if (count < 0) return system_error("lost the connection to in.mpathd");
        if (count == 0) return Error{"lost the connection to in.mpathd: it hung up", ECONNRESET};
        input_.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

Result<void> DaemonClient::ping() {
    auto answer = exchange(encode_request(Query{Ping{}}));
    if (!answer) return answer.error();
    return decode_ping_reply(*answer);
}

Result<Status> DaemonClient::status_of(const std::optional<std::vector<StatusList>>& only) {
    auto answer = exchange(encode_request(Query{GetStatus{only}}));
    if (!answer) return answer.error();
    return decode_status_reply(*answer);
}

Result<Counters> DaemonClient::counters() {
    auto answer = exchange(encode_request(Query{GetCounters{}}));
    if (!answer) return answer.error();
    return decode_counters_reply(*answer);
}

Result<CommandReply> DaemonClient::call(const Command& command, std::optional<std::chrono::seconds> patience) {
    set_patience(connection_.get(), SO_RCVTIMEO, patience.value_or(std::chrono::seconds(0)));
    auto answer = exchange(encode_request(command));
    if (!answer) return answer.error();
    auto reply = decode_reply(*answer);
    if (reply && !reply->unsaved.empty() && std::exchange(tells_unsaved_, false)) {
        std::fprintf(stderr, "%s: warning: done, but in.mpathd %s; should it end before it can, this is forgotten\n",
                     program_invocation_short_name, reply->unsaved.c_str());
    }
    return reply;
}

Error DaemonClient::watch_probes(const std::function<void(const ProbeNews&)>& take) {
    set_patience(connection_.get(), SO_RCVTIMEO, std::chrono::seconds(0));
    if (auto sent = watch_probes(); !sent) return sent.error();
    while (true) {
        auto message = receive();
        if (!message) return message.error();
        auto news = decode_probe_reply(*message);
        if (!news) return news.error();
        take(*news);
    }
}

Result<void> DaemonClient::watch_probes() { return send_all(encode_request(Query{SubscribeToProbes{}})); }

bool DaemonClient::has_news(std::chrono::milliseconds patience) const {
    pollfd wait{connection_.get(), POLLIN, 0};
    bool waits_already = input_.find('\0') != std::string::npos;
    return waits_already || poll(&wait, 1, static_cast<int>(patience.count())) > 0;
}

Result<std::optional<ProbeNews>> DaemonClient::next_probe_news(std::chrono::milliseconds patience) {
    if (!has_news(patience)) return std::optional<ProbeNews>();
    auto message = receive();
    if (!message) return message.error();
    auto news = decode_probe_reply(*message);
    if (!news) return news.error();
    return std::optional(std::move(*news));
}

Result<void> DaemonClient::watch_status() { return send_all(encode_request(Query{SubscribeToStatus{}})); }

Result<std::optional<StatusNews>> DaemonClient::next_status_news(std::chrono::milliseconds patience) {
    if (!has_news(patience)) return std::optional<StatusNews>();
    auto message = receive();
    if (!message) return message.error();
    auto news = decode_status_news_reply(*message);
    if (!news) return news.error();
    return std::optional(std::move(*news));
}

Result<void> DaemonClient::wait_for_end() {
    while (true) {
        char byte = 0;
        ssize_t count = recv(connection_.get(), &byte, sizeof byte, 0);
        if (count == 0 || (count < 0 && errno == ECONNRESET)) return {};
        if (count < 0 && errno != EINTR) return Error{"in.mpathd does not end", ETIMEDOUT};
    }
}

}  // namespace ipmp
