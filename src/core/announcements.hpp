// Who has been told what: the series of gratuitous ARP requests / unsolicited NAs after a (re)binding
// (R2.8, R2.9). The first at once, the rest by deadline; a new binding cancels the old series, so that an
// old MAC is never announced again; an address without a NIC is not announced at all. How far a series was is not
// stored: a daemon that was killed in the middle of one, or before its first frame, is made up for by one repetition.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "core/series.hpp"
#include "model/action.hpp"
#include "model/dataplane_image.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

class Announcements {
  public:
    static constexpr int kRepeats4 = 5;
    static constexpr int kRepeats6 = 3;
    static constexpr Duration kInterval = std::chrono::milliseconds(2000);

    // What a former daemon has announced, perhaps not to the end: it is repeated once, after an interval.
    void resume(const State& restored);

    // Compares the bindings of `image`, an announceable() one, with what was announced; only addresses that `kernel`
    // holds on the IPMP interface are. Appends what is due.
    void update(const DataplaneImage& image, const KernelState& kernel, Instant now, std::vector<Action>& actions);

    std::optional<Instant> deadline() const;

  private:
    struct Told {
        Nic nic;
        Series series;
        bool resumed = false;  // told by a former daemon, and not repeated yet
    };
    using Key = std::pair<std::string, IpAddress>;  // IPMP interface, address
    std::map<Key, Told> told_;
};

}  // namespace ipmp
