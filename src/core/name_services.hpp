// Name servers of DHCP leases, for the host's resolver (R-DHC-1). Those of the group's own lease and of a NIC outside
// groups count: a test address is for probes, and its server's word on names for nobody, as with its routes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/action.hpp"
#include "model/state.hpp"

namespace ipmp {

class NameServices {
  public:
    // What a former daemon has told: it is told again, or taken back.
    void resume(const State& restored);
    void update(const State& state, std::vector<Action>& actions);

  private:
    std::map<std::string, NameService> told_;  // by source; empty: something, by a former daemon
};

}  // namespace ipmp
