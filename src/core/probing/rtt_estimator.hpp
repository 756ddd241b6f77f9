// Round-trip time of one target: smoothed mean and mean deviation (reference: in.mpathd §6.5), and what an
// answer may take at most, mean + 4 deviations. Integer nanoseconds; mean is kept times 8, deviation times 4.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>

#include "base/time.hpp"

namespace ipmp {

class RttEstimator {
  public:
    void add(Duration sample) {
        if (mean8_ < 0) {
            mean8_ = 8 * sample.count();
            deviation4_ = 2 * sample.count();
            return;
        }
        Duration::rep error = sample.count() - mean8_ / 8;
        mean8_ = std::max<Duration::rep>(0, mean8_ + error);
        deviation4_ += std::abs(error) - deviation4_ / 4;
    }

    std::optional<Duration> average() const { return known(Duration(mean8_ / 8)); }
    std::optional<Duration> deviation() const { return known(Duration(deviation4_ / 4)); }

    // In whole milliseconds; 0 as long as nothing is known, and on a fast link.
    std::chrono::milliseconds bound() const {
        if (mean8_ < 0) return {};
        return std::chrono::duration_cast<std::chrono::milliseconds>(Duration(mean8_ / 8 + deviation4_));
    }

  private:
    std::optional<Duration> known(Duration value) const {
        return mean8_ < 0 ? std::nullopt : std::optional(value);
    }

    Duration::rep mean8_ = -1;  // -1: no sample yet
    Duration::rep deviation4_ = 0;
};

}  // namespace ipmp
