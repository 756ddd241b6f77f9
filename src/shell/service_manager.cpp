#include "shell/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "shell/log.hpp"

namespace ipmp {

namespace {

std::optional<std::uint64_t> number_in(const char* variable) {
    const char* text = std::getenv(variable);
    std::uint64_t number = 0;
    if (!text || std::from_chars(text, text + std::strlen(text), number).ec != std::errc()) return {};
    return number;
}

}  // namespace

bool tell_service_manager(const char* news) {
    const char* variable = std::getenv("NOTIFY_SOCKET");
    if (!variable) return true;
    std::string_view name = variable;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (name.empty() || name.size() >= sizeof address.sun_path) {
        errno = EINVAL;
        return false;
    }
    std::copy(name.begin(), name.end(), address.sun_path);
    if (name[0] == '@') address.sun_path[0] = '\0';  // a name that is no file's
    UniqueFd connection(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    return connection && ::sendto(connection.get(), news, std::strlen(news), MSG_NOSIGNAL, to, length) >= 0;
}

Watchdog Watchdog::from_environment() {
    Watchdog watchdog;
    auto limit_us = number_in("WATCHDOG_USEC");
    auto whose = number_in("WATCHDOG_PID");
    bool is_ours = !whose || *whose == static_cast<std::uint64_t>(::getpid());
    // A third: one message may be lost or late and the next is still in time.
    if (limit_us && is_ours) watchdog.period_ = std::chrono::microseconds(*limit_us) / 3;
    return watchdog;
}

void Watchdog::turned(Instant at) {
    if (period_ == Duration::zero() || at < last_ + period_) return;
    last_ = at;
    bool heard = tell_service_manager("WATCHDOG=1");
    if (!heard && is_heard_) log_info(system_error("cannot tell the service manager of it").text + ", ignoring");
    is_heard_ = heard;
}

std::optional<Instant> Watchdog::due() const {
    if (period_ == Duration::zero()) return {};
    return last_ + period_;
}

}  // namespace ipmp
