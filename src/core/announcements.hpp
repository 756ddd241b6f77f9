// Who has been told what: the series of gratuitous ARP requests / unsolicited NAs after a (re)binding
// (R2.8, R2.9). The first at once, the rest by deadline; a new binding cancels the old series, so that an
// old MAC is never announced again; an address without a NIC is not announced at all. How far a series was is not
// stored: a daemon that was killed in the middle of one, or before its first frame, is made up for by one repetition.
//
// Switches learn by these frames, and a group may have thousands of addresses: all series together keep to a pace
// after a first burst, and news goes before repetitions.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "core/address_index.hpp"
#include "core/scope.hpp"
#include "core/series.hpp"
#include "model/action.hpp"
#include "model/dataplane_image.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

class Announcements {
  public:
    Announcements() = default;
    Announcements(const Announcements&) = delete;  // members point to each other
    Announcements& operator=(const Announcements&) = delete;

    static constexpr int kRepeats4 = 5;
    static constexpr int kRepeats6 = 3;
    static constexpr Duration kInterval = std::chrono::milliseconds(2000);
    static constexpr int kBurst = 64;  // frames that may go out at once; what is due besides follows at the pace
    static constexpr Duration kTurn = std::chrono::milliseconds(5);  // the pace is kept in portions of this time

    // What a former daemon has announced, perhaps not to the end: it is repeated once, after an interval.
    void resume(const State& restored);

    // Compares the bindings of `image`, an announceable() one, with what was announced; only addresses that `kernel`
    // holds on the IPMP interface are. Of the groups in `scope` alone.
    void follow(const DataplaneImage& image, const KernelState& kernel, const AddressIndex& present,
                const Scope& scope, Instant now);

    // Appends what is due, no more than the pace allows.
    void send(std::uint32_t per_second, Instant now, std::vector<Action>& actions);

    std::optional<Instant> deadline() const;

  private:
    struct Told;
    using ToldOfGroup = std::map<IpAddress, Told>;
    struct Due {
        Instant at;
        const std::string* group = nullptr;                 // as in told_, ...
        std::pair<const IpAddress, Told>* entry = nullptr;  // ... which has this
        bool operator<(const Due& other) const {
            return std::tie(at, *group, entry->first) < std::tie(other.at, *other.group, other.entry->first);
        }
    };
    using Queue = std::set<Due>;  // the next frame of each series that is not over
    struct Told {
        Nic nic;
        Series series;
        bool resumed = false;  // told by a former daemon, and not repeated yet
        bool news = false;     // the first of the series is still to be sent
        std::optional<Queue::iterator> queued;
    };

    void begin(const Due& due, const Series& series, bool news);
    void enqueue(Due due);
    void dequeue(Told& told);
    std::optional<Due> next_due() const;
    Queue& queue_of(const Told& told) { return told.news ? news_ : repetitions_; }

    std::map<std::string, ToldOfGroup> told_;  // by IPMP interface
    Queue news_, repetitions_;
    Instant paid_until_;   // the frames sent so far, at their pace, last until then
    std::optional<Instant> held_until_;  // frames are due, but the pace forbids them until then
};

}  // namespace ipmp
