// NICs that are missing (R-DET-14): members that vanished, and those that were never there. Of the latter `ipmp boot`
// tells, as they are in its files only.
//
// An expected member is an Interface of its group without an index, as a vanished one is, so all that judges groups
// counts it as failed without knowing more. But it keeps a place, no configuration: the NIC that appears under its name
// is a newcomer (core/newcomers.hpp), vetted and configured from its files like any other.
#pragma once

#include <optional>
#include <string>

#include "core/commands.hpp"

namespace ipmp {

CommandReply expect_member(const ExpectMember& command, CommandContext& context);
// The last family of one that is missing ends its membership.
CommandReply unplumb_missing(const Unplumb& command, CommandContext& context);

// The name of the group in which `interface` is missing.
std::optional<std::string> group_of_missing(const std::string& interface, const State& state);
void forget_missing(const std::string& interface, CommandContext& context);

}  // namespace ipmp
