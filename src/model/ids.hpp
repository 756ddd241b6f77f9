// Strong types for numbers that must not be mixed up.
#pragma once

#include <compare>
#include <cstdint>

namespace ipmp {

// Which network namespace something is in: the daemon's own, or ours for isolated groups' members (R-VIS-1).
enum class Place : std::uint32_t { host, members };

// A kernel interface index; 0 means none. Each namespace has its own numbers, so the place belongs to it.
struct InterfaceIndex {
    std::uint32_t value = 0;
    Place place = Place::host;
    auto operator<=>(const InterfaceIndex&) const = default;
    explicit operator bool() const { return value != 0; }
};

}  // namespace ipmp
