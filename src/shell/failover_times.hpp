// How long each stage of a failover takes, as histograms that are always on (GetCounters). A failover is a step after
// which some underlying interface carries traffic no more, whatever the reason.
//
//   noticing      at most this long the loss of link was there before it was seen: since the poll before
//   decision      from the event to the image the maps should hold
//   writing       the maps
//   announcement  from the event until the first announcements are out, and all else is on its way
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "shell/histogram_counters.hpp"

namespace ipmp {

class FailoverTimes {
  public:
    enum class Stage : std::uint8_t { noticing, decision, writing, announcement };
    static constexpr std::array<const char*, 4> kNames{"noticing", "decision", "writing", "announcement"};

    void add(Stage stage, Duration time) { histograms_[static_cast<std::size_t>(stage)].add(time); }

    // "failover.decision.us_le_100" and so on.
    void add_to(Counters& counters) const {
        for (std::size_t stage = 0; stage < histograms_.size(); ++stage) {
            ipmp::add_to(counters, std::string("failover.") + kNames[stage], histograms_[stage]);
        }
    }

  private:
    std::array<DurationHistogram, kNames.size()> histograms_{};
};

}  // namespace ipmp
