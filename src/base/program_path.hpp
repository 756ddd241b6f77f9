// Where the running program is: what belongs together is installed together, and runs from a build tree too.
#pragma once

#include <string>

namespace ipmp {

// "/" if the kernel does not tell.
std::string program_path();

// `relative` to the directory of the running program.
std::string beside_program(const std::string& relative);

}  // namespace ipmp
