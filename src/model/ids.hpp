// Strong types for numbers that must not be mixed up.
#pragma once

#include <compare>
#include <cstdint>

namespace ipmp {

// A kernel interface index; 0 means none.
struct InterfaceIndex {
    std::uint32_t value = 0;
    auto operator<=>(const InterfaceIndex&) const = default;
    explicit operator bool() const { return value != 0; }
};

}  // namespace ipmp
