// Collects CheckFacts: from the kernel (rtnetlink, /proc), from the daemon if it runs, and by frames between the NICs.
// Isolated members are looked at inside their network namespace.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/paths.hpp"
#include "tools/check_facts.hpp"

namespace ipmp {

// `names`: NICs, or groups (by IPMP interface or name) for their members; empty: the members of all groups. `say`: what
// is being done, for who waits.
Result<CheckFacts> gather_check_facts(const Paths& paths, const std::vector<std::string>& names,
                                      const std::function<void(const std::string&)>& say);

}  // namespace ipmp
