/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)
 *
 * What the program in carrier.bpf.c and shell/carrier_trace share.
 */
#pragma once

#include <linux/types.h>

#define IPMP_TRACED_LINKS_MAX 4096

struct ipmp_traced_link {
    __u32 namespace_inode; /* of its network namespace */
    __u32 ifindex;
};

/* One record of the ring buffer. */
struct ipmp_loss {
    struct ipmp_traced_link link;
    __u64 at_ns; /* CLOCK_MONOTONIC */
};
