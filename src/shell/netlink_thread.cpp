#include "shell/netlink_thread.hpp"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <future>
#include <optional>
#include <set>

#include "shell/clock.hpp"
#include "shell/eventfd.hpp"
#include "shell/link_settings.hpp"
#include "shell/log.hpp"
#include "shell/netlink_apply.hpp"
#include "shell/netlink_monitor.hpp"
#include "shell/netlink_neighbours.hpp"
#include "shell/netlink_state.hpp"

namespace ipmp {

namespace {

constexpr Duration kReadPause = std::chrono::milliseconds(5);
constexpr int kReadPauseFactor = 4;  // reading takes at most a fifth of one core, however busy the host
constexpr Duration kSettingsPeriod = std::chrono::seconds(1);  // most settings change without a notification
constexpr int kSettingsCostShare = 300;  // looking at them takes at most 1/300 of a core, however many links there are

}  // namespace

// What the thread owns; lives on its stack.
class NetlinkThread::Worker {
  public:
    static Result<Worker> open(NetlinkThread& thread, const FilterPrograms& programs, int network_namespace_fd,
                               int receive_buffer_bytes);
    void run();

  private:
    Worker(NetlinkThread& thread, const FilterPrograms& programs, NetlinkMonitor monitor, NetlinkSocket socket)
        : thread_(thread), programs_(programs), monitor_(std::move(monitor)), socket_(std::move(socket)) {}

    void wait();
    void take_hints();
    void search(const FindPeers& wanted);
    void apply(const ApplyKernel& batch);
    void observe();
    void check_settings();
    void watch_routes();
    std::optional<Instant> deadline() const;

    NetlinkThread& thread_;
    const FilterPrograms& programs_;
    NetlinkMonitor monitor_;
    NetlinkSocket socket_;

    ManagedLinks managed_;
    KernelState known_;  // as emitted last
    RefusedRoutes refused_;
    std::uint64_t applied_generation_ = 0;
    bool stale_ = true;       // something changed since the last read began
    bool must_emit_ = true;   // an observation is owed, even if nothing changed
    bool every_link_ = true;  // look for filters everywhere
    Instant next_read_;       // not before
    Instant settings_due_;
};

Result<NetlinkThread::Worker> NetlinkThread::Worker::open(NetlinkThread& thread, const FilterPrograms& programs,
                                                          int network_namespace_fd, int receive_buffer_bytes) {
    if (network_namespace_fd >= 0 && ::setns(network_namespace_fd, CLONE_NEWNET) < 0)
        return system_error("entering the network namespace");
    // Subscribe first: what changes during the first read is then seen as a hint.
    auto monitor = NetlinkMonitor::open(receive_buffer_bytes);
    if (!monitor) return monitor.error();
    auto socket = NetlinkSocket::open();
    if (!socket) return socket.error();
    return Worker(thread, programs, *std::move(monitor), *std::move(socket));
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
    if (!managed_.empty()) return settings_due_;
    return {};
}

void NetlinkThread::Worker::wait() {
    std::array<pollfd, 2> descriptors{{{thread_.wake_.get(), POLLIN, 0}, {monitor_.fd(), POLLIN, 0}}};
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
    auto hints = monitor_.drain(known_, managed_);
    stale_ |= hints.changed;
    every_link_ |= hints.overrun;
    if (hints.overrun) ++thread_.overruns_;
}

void NetlinkThread::Worker::search(const FindPeers& wanted) {
    PeersFound answer{wanted.ipmp_interface, {}};
    auto found = find_neighbours(socket_, wanted);
    if (found)
        answer.found = *std::move(found);
    else
        log_error(found.error().text + ", ignoring: who asked is on record in the data path");
    thread_.emit(std::move(answer));
}

void NetlinkThread::Worker::apply(const ApplyKernel& batch) {
    managed_.clear();
    for (const auto& link : batch.managed) managed_[link.link] = link;
    watch_routes();
    KernelApplied applied{.generation = batch.generation};
    for (const auto& op : batch.ops) {
        auto result = apply_kernel_op(socket_, programs_, refused_, op);
        if (!result) applied.failures.push_back({op, result.error().error_number, result.error().text});
    }
    applied_generation_ = batch.generation;
    every_link_ |= batch.ops.empty();  // a request to re-read everything
    stale_ = must_emit_ = true;
    thread_.emit(std::move(applied));
}

void NetlinkThread::Worker::observe() {
    take_hints();  // those waiting now are older than the read that follows
    stale_ = false;
    Instant started = now();
    auto state =
        read_kernel_state(socket_, programs_, managed_, {.former = known_, .every_link = every_link_}, refused_);
    Instant ended = now();
    next_read_ = ended + std::max(kReadPause, kReadPauseFactor * (ended - started));
    if (!state) {
        stale_ = true;
        if (state.error().error_number != EINTR) log_error(state.error().within("trying again").text);
        return;
    }
    every_link_ = false;
    settings_due_ = ended + kSettingsPeriod;
    state->generation = applied_generation_;
    if (state->addresses != known_.addresses && !refused_.empty()) {
        refused_.clear();  // a gateway may be within reach now
        stale_ = true;
    }
    if (!must_emit_ && *state == known_) return;
    must_emit_ = false;
    known_ = *std::move(state);
    thread_.emit(KernelObserved{known_});
}

// From now on also other people's routes on members and IPMP interfaces are of interest.
void NetlinkThread::Worker::watch_routes() {
    RouteLinks links;
    for (const auto& [index, link] : known_.links) {
        if (is_member_link(link, managed_)) links.members.push_back(index);
        else if (can_have_targets(link, managed_)) links.uppers.push_back(index);
    }
    auto result = monitor_.watch_routes_of(links);
    if (!result) log_error(result.error().text);
}

void NetlinkThread::Worker::check_settings() {
    if (managed_.empty() || stale_ || now() < settings_due_) return;
    Duration before = thread_cpu_time();
    auto neighbours = read_neighbour_entries(socket_, known_.links, managed_);
    if (neighbours && *neighbours != known_.neighbours) stale_ = true;
    for (const auto& [index, managed] : managed_) {
        if (managed.tracked_only) continue;
        auto link = known_.links.find(index);
        if (link == known_.links.end()) continue;
        if (read_settings(managed.settings, link->second.name) != link->second.settings) stale_ = true;
        auto fresh = read_link(socket_, link->second.name);  // GSO limits are changed without a notification, too
        if (fresh && link_differs(*fresh, known_)) stale_ = true;
    }
    settings_due_ = now() + std::max(kSettingsPeriod, kSettingsCostShare * (thread_cpu_time() - before));
}

NetlinkThread::NetlinkThread(UniqueFd events_ready, UniqueFd wake)
    : events_ready_(std::move(events_ready)), wake_(std::move(wake)) {}

Result<std::unique_ptr<NetlinkThread>> NetlinkThread::start(const FilterPrograms& programs, int network_namespace_fd,
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
    self->thread_ = std::thread([&programs, network_namespace_fd, receive_buffer_bytes, thread = self.get(),
                                 opened = std::move(opened)]() mutable {
        ::pthread_setname_np(::pthread_self(), "netlink");
        auto worker = Worker::open(*thread, programs, network_namespace_fd, receive_buffer_bytes);
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
            *waiting = {search.ipmp_interface, search.upper, {both.begin(), both.end()}};
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

std::vector<Event> NetlinkThread::take_events() {
    std::lock_guard lock(mutex_);
    clear_eventfd(events_ready_.get());
    return std::exchange(events_, {});
}

}  // namespace ipmp
