// Members of one group with the same hardware address (R-DET-10; reference: in.mpathd 13.1).
//
// Peers and switches could not tell them apart, so one of them stays in use and the others go offline, marked, until
// their address is unique. Who has had the address keeps it; among those who came to it together the first by natural
// name order. An interface that an administrator took offline is not in anybody's way.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/action.hpp"
#include "model/state.hpp"

namespace ipmp {

// Marks and unmarks members and says so. `before`: interfaces before this step.
void judge_hardware_addresses(State& state, const std::map<std::string, Interface>& before, std::vector<Action>& log);

// Who of its group's `members` is online with the same address as `member`, itself left out; null: it is unique.
const Interface* find_holder(const std::vector<Interface*>& members, const Interface& member);

}  // namespace ipmp
