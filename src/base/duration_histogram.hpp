// How often something took how long: a cumulative histogram of fixed size, as Prometheus has them. Its limits reach
// from what a failover's decision takes to the round trip of a probe over a very slow path.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace ipmp {

struct DurationHistogram {
    static constexpr std::array<std::uint64_t, 14> kLimitsUs{
        50, 100, 200, 500, 1'000, 2'000, 5'000, 10'000, 20'000, 50'000, 100'000, 200'000, 500'000, 1'000'000};

    std::array<std::uint64_t, kLimitsUs.size()> at_most{};  // of the limit with this index
    std::uint64_t count = 0, sum_us = 0;

    void add(Duration time) {
        auto us = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
        ++count;
        sum_us += us;
        for (std::size_t i = 0; i < kLimitsUs.size(); ++i) at_most[i] += us <= kLimitsUs[i];
    }

    bool operator==(const DurationHistogram&) const = default;
};

}  // namespace ipmp
