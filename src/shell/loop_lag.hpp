// How late the loop deals with deadlines: a late daemon is a late failover, and probes it did not send say nothing.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.hpp"
#include "wire/control_codec.hpp"

namespace ipmp {

class LoopLag {
  public:
    void add(Duration lag) {
        most_ = std::max(most_, lag);
        over_1ms_ += lag > std::chrono::milliseconds(1);
        over_10ms_ += lag > std::chrono::milliseconds(10);
        over_100ms_ += lag > std::chrono::milliseconds(100);
    }

    void add_to(Counters& counters) const {
        counters["loop.lag_maximum_us"] =
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(most_).count());
        counters["loop.lag_over_1ms"] = over_1ms_;
        counters["loop.lag_over_10ms"] = over_10ms_;
        counters["loop.lag_over_100ms"] = over_100ms_;
    }

  private:
    Duration most_{};
    std::uint64_t over_1ms_ = 0, over_10ms_ = 0, over_100ms_ = 0;
};

}  // namespace ipmp
