// `ipmp check`: whether NICs are fit for a group, or a group is as well as it seems, with advice.
#pragma once

#include <string>
#include <vector>

namespace ipmp {

// The exit code: 0 all is well, 1 something is not, 2 it could not be checked.
int check(const std::vector<std::string>& names, bool as_json);

}  // namespace ipmp
