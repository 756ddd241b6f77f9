// How much of the processor something may take: a tenth of one, over any longer time, and a burst. Pure: told the time
// and what was spent, it says when to pause and for how long.
#pragma once

#include <algorithm>

#include "base/time.hpp"

namespace ipmp {

class CostLimit {
  public:
    static constexpr Duration kBurst = std::chrono::milliseconds(2);
    static constexpr int kShare = 10;

    void spend(Duration cost, Instant now) {
        credit_ = std::min(kBurst, credit_ + (now - updated_) / kShare) - cost;
        updated_ = now;
    }
    bool is_spent() const { return credit_ < Duration::zero(); }
    // Until half a burst may be spent again.
    Duration pause() const { return (kBurst / 2 - credit_) * kShare; }

  private:
    Duration credit_ = kBurst;
    Instant updated_{};
};

}  // namespace ipmp
