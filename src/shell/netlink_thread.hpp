// The thread that talks rtnetlink, so that the deciding thread never waits for RTNL (design D9).
//
// Purpose: carries out ApplyKernel batches in order, and keeps the engine's picture of the kernel fresh: every
// notification burst ends in a re-read, and a KernelObserved if anything differs from the last one.
//
// Objects: NetlinkViews of the host's network namespace, the members' and those of applications, made in the thread
// and never seen by another. Queues under one mutex lead in and out. The queue of events is bounded by
// the batches and searches submitted: an observation replaces a waiting one of the same generation.
//
// Order: after a batch comes its KernelApplied, then always a KernelObserved of its generation, before the
// next batch is begun. Between reads there is a pause of at least kReadPause and several times what the last
// read cost; the first hint after a pause is followed at once, and batches never wait for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/action.hpp"
#include "model/event.hpp"
#include "shell/filter_programs.hpp"
#include "shell/network_places.hpp"

namespace ipmp {

class NetlinkThread {
  public:
    static constexpr int kReceiveBufferBytes = 8 << 20;

    // The thread is the only one to make and drop the members' namespace and to open those of applications,
    // `named_places` at once. `programs` and `places` must outlive it. The first KernelObserved follows as an event.
    static Result<std::unique_ptr<NetlinkThread>> start(const FilterPrograms& programs, NetworkPlaces& places,
                                                        const NamedPlaces& named_places = {},
                                                        int receive_buffer_bytes = kReceiveBufferBytes);
    ~NetlinkThread();
    NetlinkThread(const NetlinkThread&) = delete;
    NetlinkThread& operator=(const NetlinkThread&) = delete;

    int event_fd() const { return events_ready_.get(); }  // readable while events wait
    std::vector<Event> take_events();
    // The links that the kernel has told of since this was asked last. What has become of them comes with an
    // observation, later by as long as reading takes on a large host; event_fd() is readable at once.
    std::vector<InterfaceIndex> take_hints();
    // Neither blocks on netlink.
    void submit(ApplyKernel batch);
    void submit(FindPeers search);  // its answer, a PeersFound if any are, does not wait for batches

    std::uint64_t overrun_count() const { return overruns_.load(); }  // times the kernel dropped notifications

  private:
    class Worker;
    NetlinkThread(UniqueFd events_ready, UniqueFd wake);

    void emit(Event event);
    void hint(const std::vector<InterfaceIndex>& links);
    bool has_batch();
    std::optional<ApplyKernel> next_batch();
    std::optional<FindPeers> next_search();

    UniqueFd events_ready_, wake_;  // eventfds
    std::atomic<bool> stopping_ = false;
    std::atomic<std::uint64_t> overruns_ = 0;
    std::mutex mutex_;  // guards the queues
    std::deque<ApplyKernel> batches_;
    std::deque<FindPeers> searches_;  // one for each IPMP interface at most
    std::vector<Event> events_;
    std::vector<InterfaceIndex> hinted_;
    std::thread thread_;
};

}  // namespace ipmp
