// What ifconfig shows: the daemon's status, or without a daemon what the kernel tells (design §2), as text.
#pragma once

#include <string>

#include "base/result.hpp"
#include "render/ifconfig_text.hpp"

namespace ipmp {

// What IP uses, from the daemon or without one from the kernel.
Result<std::vector<PlumbedInterface>> plumbed_interfaces();

// The error is for stderr: the one interface asked for is not there, or the daemon does not answer.
Result<std::string> display(DisplayChoice choice);

}  // namespace ipmp
