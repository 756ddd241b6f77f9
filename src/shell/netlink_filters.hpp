// Our program on a hook of a link: putting it there, replacing it in place, taking it off.
// Everybody else's filters and the qdisc itself are left alone.
#pragma once

#include "base/result.hpp"
#include "model/kernel_op.hpp"
#include "shell/filter_programs.hpp"
#include "shell/netlink_socket.hpp"

namespace ipmp {

Result<void> attach_filter(NetlinkSocket& socket, const FilterPrograms& programs, const AttachFilter& op);
Result<void> detach_filter(NetlinkSocket& socket, const DetachFilter& op);

}  // namespace ipmp
