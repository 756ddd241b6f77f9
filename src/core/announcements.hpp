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
    // holds on the IPMP interface are.
    void follow(const DataplaneImage& image, const KernelState& kernel, const AddressIndex& present, Instant now);

    // Appends what is due, no more than the pace allows.
    void send(std::uint32_t per_second, Instant now, std::vector<Action>& actions);

    std::optional<Instant> deadline() const;

  private:
    using Key = std::pair<std::string, IpAddress>;  // IPMP interface, address
    struct Due {
        bool repetition = false;
        Instant at;
        const Key* key = nullptr;  // one of told_
        bool operator<(const Due& other) const {
            return std::tie(repetition, at, *key) < std::tie(other.repetition, other.at, *other.key);
        }
    };
    using Queue = std::set<Due>;
    struct Told {
        Nic nic;
        Series series;
        bool resumed = false;  // told by a former daemon, and not repeated yet
        bool news = false;     // the first of the series is still to be sent
        std::optional<Queue::iterator> queued;
    };

    void begin(const Key& key, Told& told, const Series& series, bool news);
    void enqueue(const Key& key, Told& told);
    void dequeue(Told& told);

    std::map<Key, Told> told_;
    Queue queue_;  // the next frame of each series that is not over
    Instant paid_until_;   // the frames sent so far, at their pace, last until then
    std::optional<Instant> held_until_;  // frames are due, but the pace forbids them until then
};

}  // namespace ipmp
