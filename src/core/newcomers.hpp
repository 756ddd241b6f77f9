// NICs that appear while we run, or get another name then: somebody may have written down how to configure them
// (R-DYN-3). Those that were there before are the business of `ipmp boot`, and those that have come back to their group
// need nothing (R-DYN-6).
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/action.hpp"
#include "model/state.hpp"

namespace ipmp {

class Newcomers {
  public:
    // What a former daemon knew. If there was none, all that is seen first was there before.
    void resume(const State& restored);
    // To be called after an observation has been filed.
    void update(const State& state, std::vector<Action>& actions);

  private:
    bool knows(const Interface& nic) const;

    std::set<std::pair<InterfaceIndex, std::string>> known_;
    bool first_ = true;
};

}  // namespace ipmp
