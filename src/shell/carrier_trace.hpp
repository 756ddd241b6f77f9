// The kernel's word, at the moment when it happens, that a watched link has lost its carrier: by a program in the
// kernel at the end of netif_carrier_off() (src/bpf/carrier.bpf.c, ADR 9).
//
// A hint, and no more: CarrierWatch polls when it comes, and now and then without. A kernel that lets nobody trace it
// is found out and all stays as it was. Loading takes tens of milliseconds, most of them reading the kernel's types, so
// a thread of its own does it once, and the deciding thread, whose everything else is, takes what came of it. Detaching
// takes as long, at the end of the process: to be destroyed after all that a successor waits for.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "base/result.hpp"
#include "base/time.hpp"
#include "base/unique_fd.hpp"
#include "model/ids.hpp"

struct carrier_bpf;
struct ring_buffer;

namespace ipmp {

struct TracedLink {
    std::uint32_t namespace_inode = 0;  // of its network namespace
    std::uint32_t index = 0;
    auto operator<=>(const TracedLink&) const = default;
};

using TracedLinks = std::map<TracedLink, InterfaceIndex>;  // what the kernel calls them, and we

struct TracedLosses {
    Instant since;  // of the first
    std::set<InterfaceIndex> links;
};

class CarrierTrace {
  public:
    CarrierTrace() = default;
    ~CarrierTrace();
    CarrierTrace(CarrierTrace&&) = delete;  // the thread knows where it is

    // Begins to load. Needs CAP_BPF and CAP_PERFMON. Once at most.
    Result<void> start();
    // Readable when take() has something to do; -1 before start().
    int event_fd() const { return epoll_.get(); }

    // Replaces the links that are told of.
    void watch(TracedLinks links);

    // The losses since the last call, if any. Once it is loaded, all links that are watched: who knows what happened
    // before.
    std::optional<TracedLosses> take();

    // It tells of losses.
    bool active() const { return static_cast<bool>(ring_); }

  private:
    struct Free {
        void operator()(carrier_bpf* program) const;
        void operator()(ring_buffer* ring) const;
    };
    using Program = std::unique_ptr<carrier_bpf, Free>;

    static Result<Program> load();
    static int take_loss(void* self, void* data, std::size_t size);
    Result<void> adopt();
    void fill();
    TracedLosses everything() const;

    UniqueFd epoll_, loaded_;
    std::optional<Result<Program>> outcome_;  // the thread's, until it has ended
    std::thread loader_;
    Program program_;
    std::unique_ptr<ring_buffer, Free> ring_;
    TracedLinks links_, told_of_;  // wanted; in the map
    std::optional<TracedLosses> losses_;
};

}  // namespace ipmp
