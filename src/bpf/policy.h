/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)
 *
 * The hashes behind the policies tuple and destination: deterministic, without a seed, so that the same packet takes
 * the same slot on every host and after every restart. The multipliers are bits of irrational numbers (golden ratio,
 * roots of 2 and 3), nothing up anybody's sleeve; tests/bpf measures that slots fill evenly.
 */
#pragma once

#include "parse.h"

enum { EXTENSION_HEADERS_MAX = 8 }; /* walked in one packet; behind more of them there are no ports to us */

/* Where the transport header is, if the frame has one. */
struct transport {
    __u32 offset;
    __u8 protocol;
    __u8 readable; /* 0: a fragment, or hidden */
};

static __always_inline __u64 mix(__u64 hash, __u64 word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
    return hash ^ hash >> 32;
}

static __always_inline __u32 finish(__u64 hash) {
    hash = (hash ^ hash >> 31) * 0x6a09e667f3bcc909ULL;
    hash = (hash ^ hash >> 29) * 0xbb67ae8584caa73bULL;
    return hash ^ hash >> 32;
}

static __always_inline __u64 mix_address(__u64 hash, const struct in6_addr* address) {
    hash = mix(hash, (__u64)address->s6_addr32[0] << 32 | address->s6_addr32[1]);
    return mix(hash, (__u64)address->s6_addr32[2] << 32 | address->s6_addr32[3]);
}

/* No fragment shows ports, not even the first, so that all of a datagram take one way. */
static __always_inline __u64 mix_transport(struct __sk_buff* skb, __u64 hash, const struct transport* transport) {
    __u32 ports = 0;
    switch (transport->readable ? transport->protocol : IPPROTO_RAW) {
        case IPPROTO_TCP:
        case IPPROTO_UDP:
        case IPPROTO_SCTP:
        case IPPROTO_DCCP:
        case IPPROTO_UDPLITE:
            if (bpf_skb_load_bytes(skb, transport->offset, &ports, sizeof(ports)) < 0) ports = 0;
    }
    return mix(hash, (__u64)transport->protocol << 32 | ports);
}

static __always_inline struct transport ipv4_transport(const struct iphdr* ip) {
    struct transport transport = {.offset = L3 + ip->ihl * 4, .protocol = ip->protocol};
    transport.readable = !(ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET));
    return transport;
}

static __always_inline struct transport ipv6_transport(struct __sk_buff* skb, __u8 next_header) {
    struct transport transport = {.offset = L4_IPV6, .protocol = next_header};
#pragma unroll /* Linux 6.1 takes no loop that is entered in the middle, which is what clang makes of this one */
    for (int i = 0; i <= EXTENSION_HEADERS_MAX; i++) {
        __u8 header[4]; /* next header, length; in a fragment header offset and flags at the end */
        switch (transport.protocol) {
            case IPPROTO_HOPOPTS:
            case IPPROTO_ROUTING:
            case IPPROTO_DSTOPTS:
            case IPPROTO_AH:
            case IPPROTO_FRAGMENT:
                break;
            default:
                transport.readable = 1;
                return transport;
        }
        if (i == EXTENSION_HEADERS_MAX) break;
        if (bpf_skb_load_bytes(skb, transport.offset, header, sizeof(header)) < 0) return transport;
        if (transport.protocol == IPPROTO_FRAGMENT) {
            transport.protocol = header[0]; /* the same in every fragment */
            if (header[2] | (header[3] & 0xf9)) return transport;
            transport.offset += 8;
        } else {
            transport.offset += transport.protocol == IPPROTO_AH ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
            transport.protocol = header[0];
        }
    }
    return transport;
}

static __always_inline __u32 ipv4_hash(struct __sk_buff* skb, const struct iphdr* ip, enum ipmp_policy policy) {
    if (policy == IPMP_POLICY_DESTINATION) return finish(mix(4, ip->daddr));
    struct transport transport = ipv4_transport(ip);
    return finish(mix_transport(skb, mix(4, (__u64)ip->saddr << 32 | ip->daddr), &transport));
}

static __always_inline __u32 ipv6_hash(struct __sk_buff* skb, const struct ipv6hdr* ip, enum ipmp_policy policy) {
    if (policy == IPMP_POLICY_DESTINATION) return finish(mix_address(6, &ip->daddr));
    __u64 hash = mix_address(mix_address(6, &ip->saddr), &ip->daddr);
    struct transport transport = ipv6_transport(skb, ip->nexthdr);
    return finish(mix_transport(skb, hash, &transport));
}
