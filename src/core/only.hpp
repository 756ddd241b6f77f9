// For tests: what a step asked for of one kind.
#pragma once

#include <vector>

#include "model/action.hpp"

namespace ipmp {

template <typename Kind>
std::vector<Kind> only(const std::vector<Action>& actions) {
    std::vector<Kind> made;
    for (const Action& action : actions) {
        if (auto* one = std::get_if<Kind>(&action)) made.push_back(*one);
    }
    return made;
}

}  // namespace ipmp
