// `ipmp why NAME`: what the daemon knows of the reasons (render/explanation).
#pragma once

#include <string>

namespace ipmp {

// The exit code.
int why(const std::string& name);

}  // namespace ipmp
