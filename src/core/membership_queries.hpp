// When the host is asked to report its multicast memberships (R-SPR-3): as soon as a family of a group has another
// nominee, because switches know the memberships at the former one's port only, and would go on forwarding there
// until their next query, which may be minutes away. Twice, as reports may be lost.
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

class MembershipQueries {
  public:
    static constexpr int kQueries = 2;
    static constexpr Duration kInterval = std::chrono::milliseconds(1000);

    // The nominees of a former daemon: nothing is asked for them.
    void assume_asked(const State& restored);

    // Appends what is due, after `image` has been published; not before `kernel` shows the lower end up.
    void update(const DataplaneImage& image, const KernelState& kernel, Instant now, std::vector<Action>& actions);

    std::optional<Instant> deadline() const;

  private:
    struct Series {
        InterfaceIndex nominee;
        int left = 0;
        Instant due;
    };
    std::map<std::pair<std::string, Family>, Series> series_;  // by IPMP interface and family
};

}  // namespace ipmp
