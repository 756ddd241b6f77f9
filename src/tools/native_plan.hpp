// From how things are and how they are to be, to the commands that lead there: what the native verbs of `ipmp` send to
// in.mpathd, which are those of ifconfig and if_mpadm. Pure. Of what is so already nothing is planned.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/command.hpp"
#include "model/status.hpp"
#include "tools/native_requests.hpp"

namespace ipmp {

struct NativeStep {
    std::string about;  // the interface that a refusal is about
    Command command;
    std::optional<Command> undo;  // takes it back if a later step is refused
    bool makes_logical = false;   // its reply names the logical interface that the SetFlags behind it are for
    bool joins = false;           // a NIC joined its group
};

// Nothing to do: no steps. An error: it is refused, one line says why. Not for Show.
Result<std::vector<NativeStep>> plan_native(const Status& status, const NativeRequest& request);

}  // namespace ipmp
