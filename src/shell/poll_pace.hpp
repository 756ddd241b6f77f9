// How often to poll: every 3 ms, or as rarely as it takes to keep polling near ½ % of a core.
//
// What a poll costs is the least of the last few. Caches gone cold, an interrupt or a neighbour on the same processor
// make one poll in a while ten times dearer: if that counted, a disturbed machine would notice a lost carrier late,
// when it least can afford to.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/time.hpp"

namespace ipmp {

class PollPace {
  public:
    // `cost`: processor time of one poll.
    void add(Duration cost) { costs_[next_++ % costs_.size()] = cost; }

    // Until the next poll, from the start of the last: 3 ms to 1 s. The first few are not waited for longer than 3 ms.
    Duration period() const {
        return std::clamp(*std::ranges::min_element(costs_) * kShare, kShortest, kLongest);
    }

  private:
    static constexpr Duration kShortest = std::chrono::milliseconds(3);
    static constexpr Duration kLongest = std::chrono::seconds(1);
    static constexpr int kShare = 200;  // polling takes about 1/200 of a core

    std::array<Duration, 8> costs_{};
    std::size_t next_ = 0;
};

}  // namespace ipmp
