// ipmp save: writes what save_plan.hpp plans. The files it replaces or removes stay below etc/ipmp/former, complete
// before the first is touched; each new one is written elsewhere and renamed, and if one cannot be, those before it are
// put back. Returns an exit status and tells the rest itself, in words or as JSON (docs/JSON.md).
#pragma once

#include <string>
#include <vector>

namespace ipmp {

// `named`: interfaces outside any group that are to be saved as well.
int save(const std::vector<std::string>& named, bool as_json);

}  // namespace ipmp
