// Events and actions as one line for people, for --verbose histories.
#pragma once

#include <string>

#include "model/action.hpp"
#include "model/event.hpp"

namespace ipmp::sim {

std::string describe_command(const Command& command);
std::string describe_event(const Event& event);
std::string describe_action(const Action& action);

}  // namespace ipmp::sim
