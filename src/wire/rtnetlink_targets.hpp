// Whom routes lead to: candidates for targets of probes (R-DET-3). Pure: message in, addresses out.
#pragma once

#include <vector>

#include "wire/rtnetlink_decode.hpp"

namespace ipmp {

// The gateways of an RTM_NEWROUTE or RTM_DELROUTE, each with the link it is on; and the one host that a host route
// leads to. Nothing for what the kernel keeps for itself (the local table), and for anything else.
std::vector<TargetRoute> decode_target_routes(MessageBytes message);

}  // namespace ipmp
