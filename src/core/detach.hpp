// Taking NICs out of use so that they can be unplugged, and giving them back what they had (R-DYN-4, R-DYN-5).
//
// Detach decides for all NICs of a request at once: those of one card go together or stay together. What each was
// configured with is kept as its DetachRecord until it is unplugged (its Interface goes then) or configured anew.
// The record is done when the kernel has let go; until then a refusal of the kernel, or the end of the daemon, makes it
// the way back.
#pragma once

#include <map>
#include <string>

#include "core/commands.hpp"
#include "model/action.hpp"

namespace ipmp {

CommandReply detach(const Detach& command, CommandContext& context);
CommandReply undo_detach(const UndoDetach& command, CommandContext& context);

// NICs as they were called when they were to be detached. What counts is the index: somebody may rename them meanwhile.
using DetachingNics = std::map<std::string, InterfaceIndex>;

// The kernel refused a step: what was begun is undone for all of them.
void undo_failed_detach(const DetachingNics& nics, CommandContext& context);
// The same for what a former daemon did not finish. To be called with its state and the first observation.
void undo_unfinished_detaches(CommandContext& context);

// The kernel has carried it out.
void note_detached(const DetachingNics& nics, State& state);

}  // namespace ipmp
