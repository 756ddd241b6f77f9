// Natural name order: eth2 before eth10. Every list a person sees uses it (design: "Lists").
#pragma once

#include <string_view>

namespace ipmp {

// Strict weak order: runs of digits compare as numbers, everything else byte by byte.
bool natural_less(std::string_view left, std::string_view right);

struct NaturalLess {
    using is_transparent = void;
    bool operator()(std::string_view left, std::string_view right) const { return natural_less(left, right); }
};

}  // namespace ipmp
