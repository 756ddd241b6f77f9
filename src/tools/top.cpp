#include "tools/top.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <optional>

#include "tools/end_signals.hpp"
#include "tools/status_events.hpp"
#include "tools/status_follower.hpp"
#include "tools/terminal.hpp"
#include "tools/traffic.hpp"

namespace ipmp {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFrame{1000}, kSoonest{100};

std::string time_of_day() {
    std::time_t now = std::time(nullptr);
    tm parts{};
    localtime_r(&now, &parts);
    char text[16];
    std::strftime(text, sizeof text, "%H:%M:%S", &parts);
    return text;
}

// Everything there is to show, kept up to date.
class TopFeed {
  public:
    explicit TopFeed(Paths paths) : paths_(paths), follower_(std::move(paths)) {}

    // Takes what the daemon has to tell; true: something is to be shown.
    bool take() {
        bool changed = take_status();
        return take_probes() || changed;
    }

    void tick() {
        model_.time = time_of_day();
        model_.connected = follower_.connected();
        auto at = Clock::now();
        bool isolated = std::any_of(model_.status.groups.begin(), model_.status.groups.end(),
                                    [](const GroupStatus& group) { return group.isolate; });
        TrafficCounts counts = read_traffic(paths_, isolated);
        if (counted_at_) note_rates(model_, counts_, counts, at - *counted_at_);
        counts_ = std::move(counts);
        counted_at_ = at;
    }

    const TopModel& model() const { return model_; }
    const StatusFollower& follower() const { return follower_; }
    int probes_descriptor() const { return probes_ ? probes_->descriptor() : -1; }

  private:
    bool take_status() {
        bool changed = false;
        while (true) {
            auto happened = follower_.take();
            if (happened == StatusFollower::Happened::nothing) return changed;
            changed = true;
            if (happened == StatusFollower::Happened::connected) watch_probes();
            if (happened == StatusFollower::Happened::lost) {
                model_.note_event(time_of_day() + " in.mpathd went away");
                return changed;
            }
            if (known_) {
                for (const StatusEvent& event : events_between(model_.status, follower_.status())) {
                    model_.note_event(time_of_day() + " " + short_event_text(event));
                }
            }
            known_ = true;
            model_.status = follower_.status();
        }
    }

    void watch_probes() {
        probes_.reset();
        auto client = DaemonClient::connect(paths_);
        if (!client || !client->watch_probes()) return;
        probes_.emplace(std::move(*client));
    }

    bool take_probes() {
        bool changed = false;
        while (probes_) {
            auto news = probes_->next_probe_news(std::chrono::milliseconds(0));
            if (!news) {
                model_.probes_refused = news.error().error_number == EPERM;
                probes_.reset();
                return true;
            }
            if (!*news) return changed;
            const ProbeReport& report = (*news)->probe;
            model_.note_probe(report.interface, report.answered ? report.round_trip_time : std::nullopt);
            changed = true;
        }
        return changed;
    }

    Paths paths_;
    StatusFollower follower_;
    std::optional<DaemonClient> probes_;
    TopModel model_;
    bool known_ = false;
    TrafficCounts counts_;
    std::optional<Clock::time_point> counted_at_;
};

enum class Wake : std::uint8_t { time, news, end };

// True: `q`, or there is no terminal any more.
bool wants_end(const pollfd& keys) {
    if (!keys.revents) return false;
    char key = 0;
    return read(keys.fd, &key, 1) <= 0 || key == 'q' || key == 'Q';
}

Wake wait(const TopFeed& feed, int signals, int keys, std::chrono::milliseconds patience) {
    pollfd fds[4] = {{signals, POLLIN, 0},
                     {keys, POLLIN, 0},
                     {feed.follower().descriptor(), POLLIN, 0},
                     {feed.probes_descriptor(), POLLIN, 0}};
    poll(fds, 4, static_cast<int>(std::max<std::chrono::milliseconds::rep>(0, patience.count())));
    if (fds[0].revents || wants_end(fds[1])) return Wake::end;
    return fds[2].revents || fds[3].revents ? Wake::news : Wake::time;
}

std::chrono::milliseconds until(Clock::time_point at) {
    return std::chrono::ceil<std::chrono::milliseconds>(at - Clock::now());
}

std::vector<StyledLine> lines_of(const TopFeed& feed) {
    auto [width, height] = screen_size();
    return top_lines(feed.model(), width, height);
}

// A signal ends it without a picture.
int show_once(TopFeed& feed, int signals) {
    feed.tick();
    auto end = Clock::now() + kFrame;
    while (Clock::now() < end) {
        feed.take();
        if (wait(feed, signals, -1, until(end)) == Wake::end) return 1;
    }
    if (!feed.follower().known()) {
        std::fprintf(stderr, "ipmp: cannot contact in.mpathd -- is IPMP in use?\n");
        return 1;
    }
    feed.tick();
    bool colours = isatty(STDOUT_FILENO);
    for (const StyledLine& line : lines_of(feed)) {
        std::puts((colours ? coloured_text(line) : plain_text(line)).c_str());
    }
    return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace

int top(bool once) {
    UniqueFd signals = take_end_signals();
    TopFeed feed(Paths::from_environment());
    if (once) return show_once(feed, signals.get());
    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
        std::fprintf(stderr, "ipmp: top needs a terminal; without one there is `ipmp top --once`\n");
        return 1;
    }
    FullScreen screen;
    auto next_tick = Clock::now(), soonest = next_tick;
    bool changed = true;
    while (true) {
        changed = feed.take() || changed;
        if (Clock::now() >= next_tick) {
            feed.tick();
            next_tick = Clock::now() + kFrame;
            changed = true;
        }
        if (changed && Clock::now() >= soonest) {
            if (!screen.paint(lines_of(feed))) return 0;
            soonest = Clock::now() + kSoonest;
            changed = false;
        }
        if (wait(feed, signals.get(), STDIN_FILENO, until(changed ? soonest : next_tick)) == Wake::end) return 0;
    }
}

}  // namespace ipmp
