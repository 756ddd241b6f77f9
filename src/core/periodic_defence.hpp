// Every data address is announced again now and then, so that peers and switches which missed an announcement, or heard
// a stranger's, are right again in the end (R2.10).
//
// At most 100 announcements an hour leave a NIC: every 300 s it sends a batch of at most 8, those that waited longest.
// The batches of different NICs come at different times.
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
#include "model/state.hpp"

namespace ipmp {

class PeriodicDefence {
  public:
    static constexpr Duration kInterval = std::chrono::seconds(300);
    static constexpr std::size_t kBatch = 8;                     // 96 an hour
    static constexpr Duration kCalm = std::chrono::seconds(60);  // who just got addresses has announced them

    // Appends what is due of the addresses bound in `image`, an announceable() one.
    void update(const DataplaneImage& image, Instant now, std::vector<Action>& actions);

    std::optional<Instant> deadline() const;

  private:
    using Key = std::pair<std::string, IpAddress>;  // IPMP interface, address
    std::map<Nic, Instant> batches_;                // when the next one of each NIC is due
    std::map<Key, Instant> announced_;              // here, last
};

}  // namespace ipmp
