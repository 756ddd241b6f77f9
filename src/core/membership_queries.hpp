// When the host's multicast memberships are reported anew, and left elsewhere (R-SPR-3, design D12). As soon as a
// family of a group has another nominee the host is asked for all of them, because switches know the memberships at
// the former one's port only, and would go on forwarding there until their next query, which may be minutes away.
// Once the answers have left by the new nominee, the former one leaves the groups, if it has link still: else a switch
// would go on sending it the streams too. All of it twice, as frames may be lost.
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

class MembershipQueries {
  public:
    static constexpr int kTimes = 2;
    static constexpr Duration kInterval = std::chrono::milliseconds(1000);
    static constexpr Duration kLeaveAfter = std::chrono::milliseconds(300);  // answers take a tenth of a second

    // The nominees of a former daemon: nothing is asked for them.
    void assume_asked(const State& restored);

    // Appends what is due, after `image` has been published; not before `kernel` shows the lower end up.
    void update(const State& state, const DataplaneImage& image, const KernelState& kernel, Instant now,
                std::vector<Action>& actions);

    std::optional<Instant> deadline() const;

  private:
    struct Nomination {
        InterfaceIndex nominee;
        Series questions;
        std::map<InterfaceIndex, Series> leaving;  // former nominees
    };

    static void renominate(Nomination& nomination, InterfaceIndex nominee, Instant now);
    static void leave(Nomination& nomination, const State& state, const GroupImage& group, const KernelState& kernel,
                      Family family, Instant now, std::vector<Action>& actions);

    std::map<std::pair<std::string, Family>, Nomination> nominations_;  // by IPMP interface and family
};

}  // namespace ipmp
