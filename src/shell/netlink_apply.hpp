// One KernelOp -> the kernel. Idempotent: "already so" is success, whoever did it.
#pragma once

#include "base/result.hpp"
#include "model/kernel_op.hpp"
#include "shell/filter_programs.hpp"
#include "shell/link_settings.hpp"
#include "shell/netlink_routes.hpp"
#include "shell/netlink_socket.hpp"

namespace ipmp {

// The second namespace that an operation concerns: where a link moves to, or where a lower end is made.
struct OtherNamespace {
    int fd = -1;
    NetlinkSocket* socket = nullptr;
    const NamespaceFiles* files = nullptr;
};

Result<void> apply_kernel_op(NetlinkSocket& socket, const NamespaceFiles& files, const FilterPrograms& programs,
                             RefusedRoutes& refused, const KernelOp& op, const OtherNamespace& other = {});

}  // namespace ipmp
