// How long each stage of a failover takes, as histograms that are always on (GetCounters). A failover is a step after
// which some underlying interface carries traffic no more, whatever the reason.
//
//   noticing      at most this long the loss of link was there before it was seen: since the poll before
//   decision      from the event to the image the maps should hold
//   writing       the maps
//   announcement  from the event until the first announcements are out, and all else is on its way
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "wire/control_codec.hpp"

namespace ipmp {

class FailoverTimes {
  public:
    enum class Stage : std::uint8_t { noticing, decision, writing, announcement };
    static constexpr std::array<const char*, 4> kNames{"noticing", "decision", "writing", "announcement"};
    static constexpr std::array<std::uint64_t, 11> kLimitsUs{50,    100,   200,   500,    1'000,  2'000,
                                                            5'000, 10'000, 20'000, 50'000, 100'000};

    void add(Stage stage, Duration time) {
        Histogram& histogram = histograms_[static_cast<std::size_t>(stage)];
        auto us = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
        ++histogram.count;
        histogram.sum_us += us;
        for (std::size_t i = 0; i < kLimitsUs.size(); ++i) histogram.at_most[i] += us <= kLimitsUs[i];
    }

    // "failover.decision.us_le_100" and so on, cumulative as Prometheus has them, ".us_sum" and ".count".
    void add_to(Counters& counters) const {
        for (std::size_t stage = 0; stage < histograms_.size(); ++stage) {
            const Histogram& histogram = histograms_[stage];
            std::string prefix = std::string("failover.") + kNames[stage];
            for (std::size_t i = 0; i < kLimitsUs.size(); ++i) {
                counters[prefix + ".us_le_" + std::to_string(kLimitsUs[i])] = histogram.at_most[i];
            }
            counters[prefix + ".us_sum"] = histogram.sum_us;
            counters[prefix + ".count"] = histogram.count;
        }
    }

  private:
    struct Histogram {
        std::array<std::uint64_t, kLimitsUs.size()> at_most{};
        std::uint64_t count = 0, sum_us = 0;
    };
    std::array<Histogram, kNames.size()> histograms_{};
};

}  // namespace ipmp
