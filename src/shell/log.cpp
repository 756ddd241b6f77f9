#include "shell/log.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <memory>
#include <mutex>

#include "base/unique_fd.hpp"

namespace ipmp {

namespace {

constexpr std::size_t kLineBytesMax = 4096;  // of these a pipe or socket that is ready takes all, or a socket nothing
constexpr int kSendAttempts = 2;             // the second to a syslogd that was started anew

int priority_of(Severity severity) {
    switch (severity) {
        case Severity::error: return LOG_ERR;
        case Severity::info: return LOG_INFO;
        case Severity::debug: return LOG_DEBUG;
    }
    return LOG_ERR;
}

class Sink {
  public:
    virtual ~Sink() = default;
    virtual bool take(Severity severity, std::string_view text) = 0;  // false: lost
};

class StandardError : public Sink {
  public:
    bool take(Severity, std::string_view text) override {
        std::string line = "in.mpathd: ";
        line.append(text.substr(0, kLineBytesMax - line.size() - 1)).push_back('\n');
        // Not by O_NONBLOCK, which others who have the same descriptor would meet as well.
        pollfd wait{STDERR_FILENO, POLLOUT, 0};
        return ::poll(&wait, 1, 0) == 1 && (wait.revents & POLLOUT) != 0 &&
               ::write(STDERR_FILENO, line.data(), line.size()) >= 0;
    }
};

// As syslog(3), which waits for a syslogd that does not read.
class Syslog : public Sink {
  public:
    explicit Syslog(const std::string& path) {
        path.copy(address_.sun_path, sizeof address_.sun_path - 1);
        connect();
    }

    bool take(Severity severity, std::string_view text) override {
        std::string line = head(severity).append(text.substr(0, kLineBytesMax));
        for (int attempt = 0; attempt < kSendAttempts; ++attempt) {
            if (socket_ && ::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL) >= 0) return true;
            if (socket_ && (errno == EAGAIN || errno == ENOBUFS)) return false;
            connect();
        }
        return false;
    }

  private:
    void connect() {
        socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const auto* to = reinterpret_cast<const sockaddr*>(&address_);
        if (socket_ && ::connect(socket_.get(), to, sizeof address_) < 0) socket_.reset();
    }

    static std::string head(Severity severity) {
        std::array<char, 32> date{};
        time_t moment = ::time(nullptr);  // for people
        tm calendar{};
        ::localtime_r(&moment, &calendar);
        std::strftime(date.data(), date.size(), "%b %e %T", &calendar);
        return "<" + std::to_string(LOG_DAEMON | priority_of(severity)) + ">" + date.data() + " in.mpathd[" +
               std::to_string(::getpid()) + "]: ";
    }

    sockaddr_un address_{.sun_family = AF_UNIX, .sun_path = {}};
    UniqueFd socket_;
};

struct Output {
    std::mutex mutex;
    std::unique_ptr<Sink> sink = std::make_unique<StandardError>();
    std::uint64_t lost = 0;
};

Output& the_output() {
    static Output output;
    return output;
}

void use(std::unique_ptr<Sink> sink) {
    std::lock_guard guard(the_output().mutex);
    the_output().sink = std::move(sink);
}

}  // namespace

void log_to_stderr() { use(std::make_unique<StandardError>()); }

void log_to_syslog(const std::string& socket_path) { use(std::make_unique<Syslog>(socket_path)); }

void log_message(Severity severity, std::string_view text) {
    Output& output = the_output();
    std::lock_guard guard(output.mutex);
    if (output.lost > 0) {
        std::string lost = std::to_string(output.lost) + " messages were lost, as nobody took them";
        if (output.sink->take(Severity::error, lost)) output.lost = 0;
    }
    if (output.lost > 0 || !output.sink->take(severity, text)) ++output.lost;
}

}  // namespace ipmp
