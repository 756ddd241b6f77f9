// A group forwards packets for others, or does not, as a whole (R-GRP-10): what the kernel's `forwarding` setting of
// the IPMP interface says, by family, holds for the data path and for every member.
//
// The kernel is asked, not told: `sysctl net.ipv4.ip_forward=1` is enough, and `ifconfig ... router` is one write to
// that setting. Only on an IPMP interface that was made anew we put back what the former one had.
#pragma once

#include <array>

#include "core/commands.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

// [index_of(family)]
inline constexpr std::array kForwardingSettings{"ipv4/conf/*/forwarding", "ipv6/conf/*/forwarding"};

// Takes over what the kernel shows on the IPMP interfaces.
void file_forwarding(State& state, const KernelState& kernel);

// For the IPMP interface and its members; nothing as long as it is not known.
Settings wanted_forwarding(const Group& group);

// Who listened to router advertisements goes on listening when it forwards: Linux does that for `accept_ra` 2 only.
// `saved`: settings of the NIC the group has its `wanted` from.
void listen_as_router(Settings& wanted, const Settings& saved);

CommandReply set_router(const SetRouter& command, CommandContext& context);

}  // namespace ipmp
