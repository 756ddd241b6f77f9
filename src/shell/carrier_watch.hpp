// Watches the carrier of the underlying interfaces without ever waiting for RTNL (design D9).
//
// Purpose: netlink tells of a lost carrier up to a second late on an ordinary NIC. Here a file of a sysfs of our
// own (detached: no mount point; one for each network namespace) stays open per link, survives renames, and is read
// every few milliseconds, and at once when the kernel tells of a loss (carrier_trace.hpp).
// Runs in the deciding thread; its events go to the engine like any other.
//
// How carrier follows from the counters: carrier_up_count and carrier_down_count alternate strictly, so their
// difference says it, once it is known what it is *with* carrier: 0 for a link registered with carrier, as veth,
// tap and macvlan are (then it is 0 or -1); 1 for one whose driver cleared carrier before registering it (then it
// is 1 or 0). A difference of -1 or 1 settles that for good; so does a change of it by one. Only a whole flap
// between two reads leaves it open, and only then the file `carrier` is read, once, which may wait for RTNL.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "base/unique_fd.hpp"
#include "model/event.hpp"
#include "shell/carrier_trace.hpp"
#include "shell/network_places.hpp"
#include "shell/poll_pace.hpp"

namespace ipmp {

class CarrierWatch {
  public:
    // `places` must outlive it. Needs CAP_SYS_ADMIN at this moment; without it link states are asked for one by one
    // instead, which does wait for RTNL (see warning()).
    static Result<CarrierWatch> open(const NetworkPlaces& places);
    CarrierWatch(CarrierWatch&&) noexcept;
    CarrierWatch& operator=(CarrierWatch&&) noexcept;
    ~CarrierWatch();

    // From now on it is told of losses besides. `trace` must outlive it.
    void use(CarrierTrace& trace) { trace_ = &trace; }
    // Readable when told() has something to say; -1: never.
    int event_fd() const { return trace_ ? trace_->event_fd() : -1; }
    // Who must be polled without waiting, and since when that has been known.
    std::optional<TracedLosses> told() { return trace_ ? trace_->take() : std::nullopt; }

    // Replaces the set. Links that were watched before go on as they were.
    void watch(const std::vector<InterfaceIndex>& links);

    // One CarriersChanged of all links whose counters moved since the last poll, the newest state only; the first poll
    // also tells where each new link stands, as it may have moved since netlink told of it. LinkVanished once for
    // each that is gone.
    std::vector<Event> poll();
    // The same of those among `links` that are watched: with hundreds, a look at all takes as long as what follows.
    std::vector<Event> poll(const std::vector<InterfaceIndex>& links);

    // How long to wait before the next poll: as PollPace says, 10 ms at least while losses are told of, or very long if
    // there is nothing to watch.
    Duration period() const;

    // What the administrator should know about the way carrier is watched; empty if all is well.
    std::string warning() const;

  private:
    class Link;
    class Source;
    class SysfsLink;
    class SysfsSource;
    class EthtoolLink;
    class EthtoolSource;
    enum class State { present, vanishing, vanished };  // vanishing: not reported yet
    struct Watched {
        std::unique_ptr<Link> link;  // null: gone, or cannot be watched
        State state = State::present;
    };

    explicit CarrierWatch(const NetworkPlaces& places);
    struct Seen;
    static void look(InterfaceIndex index, Watched& watched, Seen& seen);
    Result<Source*> source_of(Place place);
    void trace(const std::vector<InterfaceIndex>& links);

    const NetworkPlaces* places_;
    std::map<Place, std::unique_ptr<Source>> sources_;  // the host's always
    std::map<InterfaceIndex, Watched> links_;
    PollPace pace_;
    CarrierTrace* trace_ = nullptr;
};

}  // namespace ipmp
