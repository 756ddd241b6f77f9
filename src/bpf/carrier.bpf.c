/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)
 *
 * Tells in.mpathd at the moment when a link it watches loses its carrier (docs/adr/0009). The kernel's own message of
 * an ordinary NIC may be a second late; this runs within the call by which its driver says so. Only a hint: what has
 * become of the link, the daemon reads from its counters (shell/carrier_watch), as it does now and then without one.
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#include "carrier_abi.h"

/* As much as is needed of the kernel's types; where their members are is found when the program is loaded. */
#define IPMP_RELOCATED __attribute__((preserve_access_index))
struct ns_common {
    unsigned int inum;
} IPMP_RELOCATED;
struct net {
    struct ns_common ns;
} IPMP_RELOCATED;
typedef struct {
    struct net* net;
} IPMP_RELOCATED possible_net_t;
struct net_device {
    int ifindex;
    possible_net_t nd_net;
} IPMP_RELOCATED;

/* Links whose losses matter; the daemon keeps it. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, IPMP_TRACED_LINKS_MAX);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct ipmp_traced_link);
    __type(value, __u8);
} ipmp_traced SEC(".maps");

/* Which link lost its carrier, and when: struct ipmp_loss. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} ipmp_losses SEC(".maps");

/* On the way out, so that the counters have moved. A tracing program gets its function's arguments as numbers. */
SEC("fexit/netif_carrier_off")
int ipmp_carrier_off(__u64* arguments) {
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the interface of such programs */
    const struct net_device* device = (const struct net_device*)arguments[0];
    struct ipmp_loss loss = {
        .link = {.namespace_inode = device->nd_net.net->ns.inum, .ifindex = (__u32)device->ifindex},
    };
    if (!bpf_map_lookup_elem(&ipmp_traced, &loss.link)) return 0;
    loss.at_ns = bpf_ktime_get_ns();
    bpf_ringbuf_output(&ipmp_losses, &loss, sizeof loss, 0);
    return 0;
}

char LICENSE[] SEC("license") = "GPL"; /* the kernel knows no name for our dual licence */
