#include "tools/monitor.hpp"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "tools/end_signals.hpp"
#include "tools/status_events.hpp"
#include "tools/status_follower.hpp"

namespace ipmp {

namespace {

constexpr int kBetweenTries_ms = 200;  // nobody tells when a daemon appears

using Happened = StatusFollower::Happened;

std::string time_text(bool as_json) {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    tm parts{};
    as_json ? gmtime_r(&time.tv_sec, &parts) : localtime_r(&time.tv_sec, &parts);
    char text[64];
    std::strftime(text, sizeof text, as_json ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &parts);
    char milliseconds[8];
    std::snprintf(milliseconds, sizeof milliseconds, ".%03ld", time.tv_nsec / 1000000);
    return text + std::string(milliseconds) + (as_json ? "Z" : "");
}

// False: nobody reads it.
bool tell_event(const StatusEvent& event, bool as_json) {
    if (!as_json) {
        std::printf("%s %s\n", time_text(as_json).c_str(), event_text(event).c_str());
        return std::fflush(stdout) == 0;
    }
    nlohmann::json json = event_to_json(event);
    json["time"] = time_text(as_json);
    std::puts(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return std::fflush(stdout) == 0;
}

StatusEvent connection_event(const char* from, const char* to, const std::string& text) {
    return {"daemon", "in.mpathd", "", StatusChange::changed, {{"connection", from, to}}, "", text};
}

// False: nobody reads it.
bool print_news(const StatusFollower& follower, Happened happened, std::optional<Status>& told, bool as_json) {
    if (happened == Happened::nothing) return true;
    if (happened == Happened::connected && !tell_event(connection_event("none", "up", ""), as_json)) return false;
    if (happened == Happened::lost) {
        return tell_event(connection_event("up", "none", follower.problem().text + "; waiting for it"), as_json);
    }
    // What is there at first is no news; what changed while the daemon was away is.
    if (told) {
        for (const StatusEvent& event : events_between(*told, follower.status())) {
            if (!tell_event(event, as_json)) return false;
        }
    }
    told = follower.status();
    return true;
}

}  // namespace

int monitor(bool as_json) {
    UniqueFd signals = take_end_signals();
    StatusFollower follower(Paths::from_environment());
    std::optional<Status> told;
    bool waiting_told = false;
    while (true) {
        Happened happened = follower.take();
        if (!print_news(follower, happened, told, as_json)) return 0;
        if (!follower.connected() && !std::exchange(waiting_told, true) && happened != Happened::lost) {
            StatusEvent lost = connection_event("", "none", follower.problem().text + "; waiting for it");
            if (!tell_event(lost, as_json)) return 0;
        }
        if (happened != Happened::nothing) continue;
        pollfd wait[3] = {{signals.get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}, {follower.descriptor(), POLLIN, 0}};
        poll(wait, 3, follower.connected() ? -1 : kBetweenTries_ms);
        if (wait[0].revents || (wait[1].revents & (POLLERR | POLLHUP | POLLNVAL))) return 0;
    }
}

}  // namespace ipmp
