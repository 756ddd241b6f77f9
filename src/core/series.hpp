// A frame that is sent several times, because any of them may be lost: how often still, and when next. The first is
// due at once; the pauses between them are all the same, or double from one to the next up to a limit.
#pragma once

#include <algorithm>
#include <optional>

#include "base/time.hpp"

namespace ipmp {

class Series {
  public:
    Series() = default;  // nothing to send
    Series(int times, Instant first, Duration pause, Duration longest_pause)
        : left_(times), due_(first), pause_(pause), longest_pause_(longest_pause) {}
    Series(int times, Instant first, Duration pause) : Series(times, first, pause, pause) {}

    // One is due: true, and it counts as sent.
    bool take(Instant now) {
        if (left_ == 0 || due_ > now) return false;
        --left_;
        due_ = now + pause_;
        pause_ = std::min(2 * pause_, longest_pause_);
        return true;
    }

    int left() const { return left_; }
    // Of the next one. After the last, the end of the pause for an answer to it.
    Instant due() const { return due_; }
    std::optional<Instant> deadline() const { return left_ > 0 ? std::optional(due_) : std::nullopt; }

  private:
    int left_ = 0;
    Instant due_;
    Duration pause_{}, longest_pause_{};
};

// `earliest` becomes the earlier of both.
inline void note_earlier(std::optional<Instant>& earliest, const std::optional<Instant>& candidate) {
    if (candidate && (!earliest || *candidate < *earliest)) earliest = candidate;
}

}  // namespace ipmp
