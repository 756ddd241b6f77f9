// The anonymous group: interfaces that are in no group but watched all the same, with
// TRACK_INTERFACES_ONLY_WITH_GROUPS=no (R-DET-12; reference: in.mpathd §14).
//
// Detection and nothing else: link and probes, the FAILED flag, messages. Its interfaces are on links of their own and
// cannot stand in for one another, so nobody is a witness for another, nothing moves, and they share no targets. What
// is done here ends at the State: no filter, no setting, no address of such an interface is touched.
//
// In it is every interface that IP uses: plumbed, with multicast, no port of a bridge, bond or team. One that was never
// up is not; one that an administrator takes down stays, as a member of any group does. Only an address with
// -failover is probed from, as everywhere.
#pragma once

#include "model/config.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"
#include "model/status.hpp"

namespace ipmp {

// Sets Interface::tracked, and forgets what was found out about those that are no longer.
void update_anonymous_group(State& state, const KernelState& kernel, const Config& config);

// Appends the group and its interfaces, in natural name order, to the picture.
void describe_anonymous_group(const State& state, Status& status);

}  // namespace ipmp
