// The simulator's dice: one seed, one history, the same on every machine (the standard's distributions are not).
#pragma once

#include <cstdint>
#include <random>

#include "base/time.hpp"

namespace ipmp::sim {

class Random {
  public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : engine_() % bound; }
    bool chance(double probability) { return static_cast<double>(below(1u << 24)) < probability * (1u << 24); }
    Duration up_to(Duration longest) {
        return Duration(static_cast<Duration::rep>(below(static_cast<std::uint64_t>(longest.count()) + 1)));
    }
    template <typename Container>
    const auto& pick(const Container& container) {
        return container[below(container.size())];
    }

  private:
    std::mt19937_64 engine_;
};

}  // namespace ipmp::sim
