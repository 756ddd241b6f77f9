#include "shell/netlink_thread.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <future>
#include <optional>
#include <set>
#include <vector>

#include "shell/clock.hpp"
#include "shell/eventfd.hpp"
#include "shell/log.hpp"
#include "shell/netlink_neighbours.hpp"
#include "shell/netlink_views.hpp"

namespace ipmp {

namespace {

constexpr Duration kReadPause = std::chrono::milliseconds(5);
constexpr int kReadPauseFactor = 4;  // reading takes at most a fifth of one core, however busy the host
constexpr Duration kSettingsPeriod = std::chrono::seconds(1);  // most settings change without a notification
constexpr Duration kOverrunMessagePause = std::chrono::minutes(1);  // overruns come in crowds
constexpr Duration kRoutesPeriod = std::chrono::seconds(10);  // while somebody searches for whom to probe
constexpr int kSettingsCostShare = 300;  // looking at them takes at most 1/300 of a core, however many links there are

}  // namespace

// What the thread owns; lives on its stack.
class NetlinkThread::Worker {
  public:
    static Result<Worker> open(NetlinkThread& thread, const FilterPrograms& programs, NetworkPlaces& places,
                               const NamedPlaces& named_places, int receive_buffer_bytes);
    void run();

  private:
    Worker(NetlinkThread& thread, const FilterPrograms& programs, NetworkPlaces& places, int receive_buffer_bytes)
        : thread_(thread), views_(programs, places, receive_buffer_bytes) {}

    void wait();
    void take_hints();
    void note_overrun();
    void search(const FindPeers& wanted);
    void apply(const ApplyKernel& batch);
    void observe();
    void check_settings();
    std::optional<Instant> deadline() const;
    bool has_to_look() const { return views_.manages_any() || !named_places_.empty(); }

    NetlinkThread& thread_;
    NetlinkViews views_;

    KernelState known_;  // as emitted last
    std::uint64_t applied_generation_ = 0;
    bool isolates_ = false;   // the members' namespace is wanted
    NamedPlaces named_places_;  // applications' namespaces that are wanted
    bool stale_ = true;       // something changed since the last read began
    bool must_emit_ = true;   // an observation is owed, even if nothing changed
    Instant next_read_;       // not before
    Instant settings_due_;
    Instant routes_due_;      // not before, for want of targets
    Instant next_overrun_message_;  // not before
};

Result<NetlinkThread::Worker> NetlinkThread::Worker::open(NetlinkThread& thread, const FilterPrograms& programs,
                                                          NetworkPlaces& places, const NamedPlaces& named_places,
                                                          int receive_buffer_bytes) {
    Worker worker(thread, programs, places, receive_buffer_bytes);
    if (auto opened = worker.views_.open(); !opened) return opened.error();
    worker.named_places_ = named_places;
    worker.views_.follow(named_places);
    return worker;
}

void NetlinkThread::Worker::run() {
    while (true) {
        clear_eventfd(thread_.wake_.get());  // before looking at what it announces
        if (thread_.stopping_) return;
        take_hints();
        while (auto wanted = thread_.next_search()) search(*wanted);  // peers wait for it
        if (!must_emit_) {
            if (auto batch = thread_.next_batch()) {
                apply(*batch);
                next_read_ = now();  // whoever waits for the result must not wait for the pause
            }
        }
        check_settings();
        if (stale_ && now() >= next_read_) observe();
        if (must_emit_ || !thread_.has_batch()) wait();
    }
}

std::optional<Instant> NetlinkThread::Worker::deadline() const {
    if (stale_) return next_read_;
    if (has_to_look()) return settings_due_;
    return {};
}

void NetlinkThread::Worker::wait() {
    std::vector<pollfd> descriptors{{thread_.wake_.get(), POLLIN, 0}};
    for (const auto& [place, view] : views_.all()) descriptors.push_back({view.fd(), POLLIN, 0});
    timespec timeout{};
    auto until = deadline();
    if (until) {
        auto left = std::max(Duration::zero(), *until - now());
        timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
        timeout.tv_nsec = (left % std::chrono::seconds(1)).count();
    }
    // Whatever happened, the loop looks at everything.
    static_cast<void>(::ppoll(descriptors.data(), descriptors.size(), until ? &timeout : nullptr, nullptr));
}

void NetlinkThread::Worker::take_hints() {
    for (auto& [place, view] : views_.all()) {
        auto hints = view.take_hints();
        stale_ |= hints.changed;
        if (hints.overrun) note_overrun();
        if (!hints.links.empty()) thread_.hint(hints.links);
    }
}

void NetlinkThread::Worker::note_overrun() {
    ++thread_.overruns_;
    if (now() < next_overrun_message_) return;
    next_overrun_message_ = now() + kOverrunMessagePause;
    log_info("the network changes faster than the kernel can tell us: reading all of it anew");
}

void NetlinkThread::Worker::search(const FindPeers& wanted) {
    PeersFound answer{wanted.ipmp_interface, {}};
    auto view = views_.all().find(wanted.upper.place);
    if (view == views_.all().end()) return;  // gone with its namespace
    auto found = find_neighbours(view->second.socket(), wanted);
    if (found)
        answer.found = *std::move(found);
    else
        log_error(found.error().text + ", ignoring: who asked is on record in the data path");
    if (!answer.found.empty()) thread_.emit(std::move(answer));
    // Who has no targets searches each second. A route to a network may name one since: the kernel tells us of those to
    // hosts and of the default alone.
    if (!wanted.seeks_targets || now() < routes_due_) return;
    routes_due_ = now() + kRoutesPeriod;
    stale_ = true;
}

void NetlinkThread::Worker::apply(const ApplyKernel& batch) {
    Result<void> members = batch.isolates ? views_.ensure_members() : Result<void>();
    if (!members) log_error(members.error().text);
    isolates_ = batch.isolates;
    named_places_ = batch.named_places;
    views_.follow(named_places_);
    KernelApplied applied{.generation = batch.generation};
    for (auto& [place, view] : views_.all()) view.manage(batch.managed);
    for (const auto& op : batch.ops) {
        auto result = views_.apply(op);
        if (!result) applied.failures.push_back({op, result.error().error_number, result.error().text});
    }
    if (!isolates_) views_.drop_members_if_empty();
    applied_generation_ = batch.generation;
    if (batch.ops.empty()) {  // a request to re-read everything
        for (auto& [place, view] : views_.all()) view.look_everywhere();
    }
    stale_ = must_emit_ = true;
    thread_.emit(std::move(applied));
}

void NetlinkThread::Worker::observe() {
    take_hints();  // those waiting now are older than the read that follows
    stale_ = false;
    Duration before = thread_cpu_time();
    auto state = views_.read();
    Instant ended = now();
    // By what reading cost, not how long it took: waiting for others to release RTNL is no reason to look less often.
    next_read_ = ended + std::max(kReadPause, kReadPauseFactor * (thread_cpu_time() - before));
    if (!state) {
        stale_ = true;
        if (state.error().error_number != EINTR) log_error(state.error().within("trying again").text);
        return;
    }
    settings_due_ = ended + kSettingsPeriod;
    state->generation = applied_generation_;
    for (const auto& [place, view] : views_.all()) stale_ |= view.must_read_again();
    if (!must_emit_ && *state == known_) return;
    must_emit_ = false;
    known_ = *std::move(state);
    thread_.emit(KernelObserved{known_});
}

void NetlinkThread::Worker::check_settings() {
    if (!has_to_look() || stale_ || now() < settings_due_) return;
    Duration before = thread_cpu_time();
    stale_ |= views_.follow(named_places_);
    for (auto& [place, view] : views_.all()) stale_ |= view.has_silent_change();
    settings_due_ = now() + std::max(kSettingsPeriod, kSettingsCostShare * (thread_cpu_time() - before));
    if (!isolates_) return;
    if (auto pinned = views_.ensure_members(); !pinned) log_error(pinned.error().text);
}

NetlinkThread::NetlinkThread(UniqueFd events_ready, UniqueFd wake)
    : events_ready_(std::move(events_ready)), wake_(std::move(wake)) {}

Result<std::unique_ptr<NetlinkThread>> NetlinkThread::start(const FilterPrograms& programs,
                                                            NetworkPlaces& places, const NamedPlaces& named_places,
                                                            int receive_buffer_bytes) {
    UniqueFd events_ready(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!events_ready || !wake) return system_error("making an eventfd");
    std::unique_ptr<NetlinkThread> self(new NetlinkThread(std::move(events_ready), std::move(wake)));

    std::promise<Result<void>> opened;
    auto outcome = opened.get_future();
    // The daemon's signals are for the deciding thread; a thread inherits the mask of its maker.
    sigset_t all, former;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &former);
    self->thread_ = std::thread([&programs, &places, &named_places, receive_buffer_bytes, thread = self.get(),
                                 opened = std::move(opened)]() mutable {
        ::pthread_setname_np(::pthread_self(), "netlink");
        auto worker = Worker::open(*thread, programs, places, named_places, receive_buffer_bytes);
        opened.set_value(worker ? Result<void>() : Result<void>(worker.error()));
        if (worker) worker->run();
    });
    ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
    if (auto result = outcome.get(); !result) return result.error().within("starting the netlink thread");
    return self;
}

NetlinkThread::~NetlinkThread() {
    stopping_ = true;
    signal_eventfd(wake_.get());
    if (thread_.joinable()) thread_.join();
}

void NetlinkThread::submit(ApplyKernel batch) {
    {
        std::lock_guard lock(mutex_);
        batches_.push_back(std::move(batch));
    }
    signal_eventfd(wake_.get());
}

void NetlinkThread::submit(FindPeers search) {
    {
        std::lock_guard lock(mutex_);
        auto waiting = std::ranges::find_if(
            searches_, [&](const FindPeers& older) { return older.ipmp_interface == search.ipmp_interface; });
        if (waiting == searches_.end()) {
            searches_.push_back(std::move(search));
        } else {
            std::set<IpAddress> both(waiting->addresses.begin(), waiting->addresses.end());
            both.insert(search.addresses.begin(), search.addresses.end());
            waiting->addresses.assign(both.begin(), both.end());
            waiting->upper = search.upper;
            waiting->seeks_targets |= search.seeks_targets;
        }
    }
    signal_eventfd(wake_.get());
}

std::optional<FindPeers> NetlinkThread::next_search() {
    std::lock_guard lock(mutex_);
    if (searches_.empty()) return {};
    FindPeers search = std::move(searches_.front());
    searches_.pop_front();
    return search;
}

bool NetlinkThread::has_batch() {
    std::lock_guard lock(mutex_);
    return !batches_.empty();
}

std::optional<ApplyKernel> NetlinkThread::next_batch() {
    std::lock_guard lock(mutex_);
    if (batches_.empty()) return {};
    ApplyKernel batch = std::move(batches_.front());
    batches_.pop_front();
    return batch;
}

void NetlinkThread::emit(Event event) {
    std::lock_guard lock(mutex_);
    auto* newer = std::get_if<KernelObserved>(&event);
    auto* older = events_.empty() ? nullptr : std::get_if<KernelObserved>(&events_.back());
    if (newer && older && older->state.generation == newer->state.generation)
        *older = std::move(*newer);
    else
        events_.push_back(std::move(event));
    signal_eventfd(events_ready_.get());
}

void NetlinkThread::hint(const std::vector<InterfaceIndex>& links) {
    std::lock_guard lock(mutex_);
    hinted_.insert(hinted_.end(), links.begin(), links.end());
    signal_eventfd(events_ready_.get());
}

std::vector<InterfaceIndex> NetlinkThread::take_hints() {
    std::lock_guard lock(mutex_);
    return std::exchange(hinted_, {});
}

std::vector<Event> NetlinkThread::take_events() {
    std::lock_guard lock(mutex_);
    if (hinted_.empty()) clear_eventfd(events_ready_.get());
    return std::exchange(events_, {});
}

}  // namespace ipmp
