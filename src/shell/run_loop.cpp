#include "shell/run_loop.hpp"

#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>

#include "shell/clock.hpp"
#include "shell/log.hpp"
#include "shell/probe_counters.hpp"
#include "wire/config_decode.hpp"

namespace ipmp {

namespace {

// Decisions come in crowds, and the state of a large host takes as long to save as several of them: the next lost link
// must not wait for that.
constexpr Duration kSaveDelay = std::chrono::milliseconds(20);
constexpr Duration kSaveAgainAfter = std::chrono::milliseconds(500);  // a disk stays full for longer than a turn

}  // namespace

sigset_t block_signals() {
    sigset_t mask;
    sigemptyset(&mask);
    for (int signal : {SIGHUP, SIGUSR1, SIGTERM, SIGINT, SIGQUIT}) sigaddset(&mask, signal);
    ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
    return mask;
}

void RunLoop::run(const std::function<void()>& ready) {
    bool told_ready = false;
    while (!stopping_) {
        std::vector<Event> events = wait();
        bool decided = false;
        for (const Event& event : events) {
            Engine::Outcome outcome = step(event);
            deadline_ = outcome.deadline;
            stopping_ = stopping_ || outcome.stop;
            decided = decided || outcome.decided;
            if (!told_ready && std::holds_alternative<KernelObserved>(event)) {
                told_ready = true;
                ready();
            }
        }
        parts_.executor.retry(now());
        Instant at = now();
        if (decided && !save_due_) save_due_ = at + kSaveDelay;
        if (save_due_ && (*save_due_ <= at || parts_.executor.has_replies())) save(at);
        parts_.executor.send_replies(unsaved_);
        if (parts_.control.wants_status(decided)) parts_.control.tell(status());
        watchdog_.turned(now());
    }
    if (save_due_) save(now());
    static_cast<void>(tell_service_manager("STOPPING=1"));  // it will notice by itself
}

Engine::Outcome RunLoop::step(const Event& event) {
    using Stage = FailoverTimes::Stage;
    Instant begin = now();
    Engine::Outcome outcome = parts_.engine.decide(begin, event);
    Instant decided = now();
    parts_.executor.execute(outcome.actions, begin);  // the maps change before the rest is thought about
    if (!outcome.unfinished) return outcome;
    Instant written = now();
    parts_.executor.execute(parts_.engine.announce(), begin);
    Instant announced = now();
    Engine::Outcome rest = parts_.engine.conclude(event);
    parts_.executor.execute(rest.actions, begin);
    if (outcome.lost) {
        if (std::holds_alternative<CarriersChanged>(event)) failover_times_.add(Stage::noticing, carrier_poll_gap_);
        failover_times_.add(Stage::decision, decided - begin);
        failover_times_.add(Stage::writing, written - decided);
        failover_times_.add(Stage::announcement, announced - begin);
    }
    return rest;
}

std::vector<Event> RunLoop::wait() {
    wait_for_input();
    std::vector<Event> events;
    auto append = [&](auto&& more) { std::move(more.begin(), more.end(), std::back_inserter(events)); };
    Instant at = now();
    append(poll_carriers(at));
    append(parts_.netlink.take_events());
    append(parts_.dataplane.take_events());
    append(parts_.probes.take_answers());
    append(parts_.dhcp_clients.take_events());
    take_commands(events);
    parts_.attacher.progress();
    parts_.name_services.progress();
    take_signals(events);
    if (deadline_ && *deadline_ <= at) {
        lag_.add(at - *deadline_);
        deadline_.reset();
        events.emplace_back(Tick{});
    }
    return events;
}

// With hundreds of NICs polls of all are rare, and the netlink thread reads for long before it can say what has
// changed: where the kernel names a link at once, it is looked at at once.
std::vector<Event> RunLoop::poll_carriers(Instant at) {
    auto told = parts_.carrier_watch.told();
    std::vector<InterfaceIndex> named = parts_.netlink.take_hints();
    Instant since = told ? told->since : last_carrier_poll_;
    if (told) named.insert(named.end(), told->links.begin(), told->links.end());
    bool is_due = at >= next_carrier_poll();
    if (is_due) last_carrier_poll_ = at;
    auto events = is_due ? parts_.carrier_watch.poll() : parts_.carrier_watch.poll(named);
    carrier_poll_gap_ = now() - since;
    return events;
}

void RunLoop::wait_for_input() {
    Duration duration = time_to_wait(now());
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
    timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (duration - seconds).count()};
    epoll_event ready[8];
    ::epoll_pwait2(epoll_.get(), ready, std::size(ready), &timeout, nullptr);
    // Which descriptor was ready does not matter: every source is asked, none of them blocks.
}

Duration RunLoop::time_to_wait(Instant at) const {
    Instant until = next_carrier_poll();
    if (deadline_) until = std::min(until, *deadline_);
    if (save_due_) until = std::min(until, *save_due_);
    if (auto retry = parts_.executor.retry_at()) until = std::min(until, *retry);
    if (auto due = watchdog_.due()) until = std::min(until, *due);
    return std::max(until - at, Duration::zero());
}

// Asked anew each time: the period changes with the links that are watched.
Instant RunLoop::next_carrier_poll() const { return last_carrier_poll_ + parts_.carrier_watch.period(); }

void RunLoop::take_commands(std::vector<Event>& events) {
    ControlServer::Answers answers{[this] { return status(); }, [this] { return counters(); }};
    for (CommandReceived& command : parts_.control.dispatch(answers)) events.emplace_back(std::move(command));
}

// Who is told of something relies on it, as one who is answered does.
Status RunLoop::status() {
    if (save_due_) save(now());
    return parts_.engine.status();
}

Counters RunLoop::counters() const {
    Counters counters;
    for (const auto& [ipmp_interface, group] : parts_.engine.state().groups) {
        for (const auto& [reason, packets] : parts_.dataplane.counters(ipmp_interface)) {
            counters[ipmp_interface + "." + reason] = packets;
        }
    }
    add_to(counters, parts_.engine.probe_statistics());
    lag_.add_to(counters);
    failover_times_.add_to(counters);
    return counters;
}

// At the level of errors, so that they are seen: an administrator asked.
void RunLoop::log_statistics() const {
    for (const std::string& line : describe(parts_.engine.probe_statistics())) log_error(line);
}

void RunLoop::take_signals(std::vector<Event>& events) {
    signalfd_siginfo signal{};
    while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
        switch (signal.ssi_signo) {
            case SIGHUP: events.emplace_back(ConfigChanged{load_config(paths_)}); break;
            case SIGUSR1: log_statistics(); break;
            case SIGTERM:
            case SIGINT:
            case SIGQUIT: stopping_ = true; break;
            default: break;
        }
    }
}

void RunLoop::save(Instant at) {
    Result<void> saved = parts_.store.save(parts_.engine.state());
    if (!saved && unsaved_.empty()) log_error(saved.error().text + "; the last good one stays, will retry");
    if (saved && !unsaved_.empty()) log_info("the state file can be written again");
    save_due_.reset();
    unsaved_ = saved ? "" : saved.error().text;
    if (!saved) save_due_ = at + kSaveAgainAfter;
}

Result<RunLoop> RunLoop::create(const Parts& parts, const Paths& paths) {
    RunLoop loop(parts, paths);
    loop.epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!loop.epoll_) return system_error("cannot create an epoll descriptor");

    sigset_t mask = block_signals();
    loop.signals_.reset(::signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!loop.signals_) return system_error("cannot create a signal descriptor");

    for (int fd : {loop.signals_.get(), parts.netlink.event_fd(), parts.dataplane.event_fd(),
                   parts.control.event_fd(), parts.probes.event_fd(), parts.attacher.event_fd(),
                   parts.dhcp_clients.event_fd(), parts.name_services.event_fd(), parts.carrier_watch.event_fd()}) {
        if (fd < 0) continue;
        epoll_event interest{.events = EPOLLIN, .data = {.fd = fd}};
        if (::epoll_ctl(loop.epoll_.get(), EPOLL_CTL_ADD, fd, &interest) < 0) {
            return system_error("cannot watch a descriptor");
        }
    }
    return loop;
}

Config load_config(const Paths& paths) {
    constexpr std::size_t kMaxBytes = 1 << 20;  // whatever the name may point to
    errno = 0;
    std::ifstream file(paths.default_file());
    std::string text;
    char buffer[4096];
    while (file && text.size() < kMaxBytes) {
        file.read(buffer, sizeof buffer);
        text.append(buffer, static_cast<std::size_t>(file.gcount()));
    }
    bool is_missing = !file.is_open() && errno == ENOENT;  // and that is fine
    if (!is_missing && (!file.is_open() || file.bad())) {
        log_error(system_error("cannot read " + paths.default_file()).text + ", assuming defaults");
    }
    DecodedConfig decoded = decode_config(text);
    for (const std::string& message : decoded.messages) log_error(message);
    return decoded.config;
}

}  // namespace ipmp
