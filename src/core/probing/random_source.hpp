// Where probing takes its chance from: nonces, and jitter of moments.
#pragma once

#include <cstdint>
#include <functional>

namespace ipmp {

using RandomSource = std::function<std::uint64_t()>;

// For who gives none: numbers that are spread, but the same each time (splitmix64).
inline RandomSource spread_numbers(std::uint64_t seed) {
    return [state = seed]() mutable {
        std::uint64_t value = state += 0x9e3779b97f4a7c15;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    };
}

}  // namespace ipmp
