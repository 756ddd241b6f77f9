// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)
// What a real cable does to a frame and a veth does not: forget everything but its bytes. Without this the flow
// hash of the sender's socket arrives at the next host with the packet, and forwarded traffic seems to know about
// retransmissions. Attached to the ingress of every port of the laboratory's switches (section "forget"); section
// "drop" makes a port deaf or dumb while its carrier stays.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

SEC("forget")
int forget_metadata(struct __sk_buff *skb)
{
    bpf_set_hash_invalid(skb);
    skb->mark = 0;
    skb->priority = 0;
    return TC_ACT_OK;
}

SEC("drop")
int drop_frame(struct __sk_buff *skb)
{
    (void)skb;
    return TC_ACT_SHOT;
}

// Broadcasts and multicasts are lost, as in a storm or behind a switch that limits them.
SEC("drop_group")
int drop_group_frame(struct __sk_buff *skb)
{
    unsigned char first = 0;
    if (bpf_skb_load_bytes(skb, 0, &first, 1) < 0)
        return TC_ACT_OK;
    return first & 1 ? TC_ACT_SHOT : TC_ACT_OK;
}

// What some other program may have on a NIC: decides about long frames and lets all others go on.
SEC("drop_long")
int drop_long_frame(struct __sk_buff *skb)
{
    return skb->len > 500 ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

// For the laboratory's own test: lets through only what has no flow hash.
SEC("drop_hashed")
int drop_hashed_frame(struct __sk_buff *skb)
{
    return skb->hash ? TC_ACT_SHOT : TC_ACT_OK;
}

char license_text[] SEC("license") = "GPL";
