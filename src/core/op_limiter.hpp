// Bounded retries: an operation that fails, or that somebody keeps undoing, is repeated at once a few times,
// then after 1, 2, 4 … 60 seconds. Who has been quiet for a minute starts afresh (design D7).
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "model/kernel_op.hpp"

namespace ipmp {

class OpLimiter {
  public:
    // The operations of `wanted` that may be tried now; notes the attempt. The others wait until deadline().
    std::vector<KernelOp> admit(std::vector<KernelOp> wanted, Instant now) {
        std::erase_if(history_, [&](const auto& entry) { return now - entry.second.next > kForget; });
        deadline_.reset();
        newly_held_.clear();
        std::vector<KernelOp> admitted;
        for (KernelOp& op : wanted) {
            Attempts& attempts = history_[op];
            if (attempts.count > 0 && attempts.next > now) {
                if (!std::exchange(attempts.held, true)) newly_held_.push_back(op);
                deadline_ = std::min(deadline_.value_or(attempts.next), attempts.next);
                continue;
            }
            ++attempts.count;
            attempts.next = now + pause_after(attempts.count);
            admitted.push_back(std::move(op));
        }
        return admitted;
    }

    // Something else is wanted now: what was tried before says nothing.
    void forget() { history_.clear(); }

    // When the first of the operations held back by the last admit() may be tried again.
    std::optional<Instant> deadline() const { return deadline_; }

    // Those that the last admit() held back, and none before it since they were last forgotten.
    const std::vector<KernelOp>& newly_held() const { return newly_held_; }

  private:
    static constexpr int kAtOnce = 3;
    static constexpr Duration kForget = std::chrono::seconds(60);

    struct Attempts {
        int count = 0;
        Instant next;
        bool held = false;
    };

    static Duration pause_after(int attempts) {
        if (attempts < kAtOnce) return Duration::zero();
        Duration doubled = std::chrono::seconds(1LL << std::min(attempts - kAtOnce, 6));
        return std::min<Duration>(doubled, std::chrono::seconds(60));
    }

    std::map<KernelOp, Attempts> history_;
    std::optional<Instant> deadline_;
    std::vector<KernelOp> newly_held_;
};

}  // namespace ipmp
