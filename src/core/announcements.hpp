// Who has been told what: the series of gratuitous ARP requests / unsolicited NAs after a (re)binding
// (R2.8, R2.9). The first at once, the rest by deadline; a new binding cancels the old series, so that an
// old MAC is never announced again; an address without a NIC is not announced at all.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
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

    // What a former daemon has announced already; nothing is said about it unless it changes.
    void assume_announced(const State& restored);

    // Compares the bindings of `image` with what was announced; only addresses that `kernel` holds on the
    // IPMP interface, and that nobody else may have, are announced. Appends what is due.
    void update(const State& state, const DataplaneImage& image, const KernelState& kernel, Instant now,
                std::vector<Action>& actions);

    std::optional<Instant> deadline() const;

  private:
    struct Series {
        Nic nic;
        int left = 0;
        Instant due;
    };
    using Key = std::pair<std::string, IpAddress>;  // IPMP interface, address
    std::map<Key, Series> series_;
};

}  // namespace ipmp
