// What must hold after every step of the engine, written down independently of how the engine gets there.
//
// check() looks at one state, check_transition() at one step, check_restart() at a daemon that went on where the
// last one stopped. All return the broken rules as text, empty if none. Used by the simulator, the exhaustive test
// and unit tests; pure, and cheap enough to run after each step.
#pragma once

#include <string>
#include <vector>

#include "model/action.hpp"
#include "model/config.hpp"
#include "model/dataplane_image.hpp"
#include "model/event.hpp"
#include "model/state.hpp"

namespace ipmp {

using Violations = std::vector<std::string>;

// `image` is what the engine says the maps should hold now.
Violations check(const State& state, const DataplaneImage& image, const Config& config);

struct Transition {
    const State& before;
    const State& after;
    const Event& event;
    const std::vector<Action>& actions;
    const Config& config;
};

Violations check_transition(const Transition& transition);

// The first step of a new daemon over a kernel that did not change while there was none.
Violations check_restart(const Transition& transition);

}  // namespace ipmp
