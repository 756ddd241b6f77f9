/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)
 *
 * Reading frames. header_at() is the one parse step of the common path: a pointer into the frame, or nothing if
 * the frame is too short. Everything rarer (ARP, ND, options behind a header of variable length) is copied to the
 * stack with bpf_skb_load_bytes(), so that no pointer outlives a helper that changes the frame.
 *
 * ND means neighbour and router discovery here: RS, RA, NS, NA. A redirect states a third party's MAC and is
 * ordinary traffic to us.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "ipmp_abi.h"

enum { FAMILY_IPV4 = 0, FAMILY_IPV6 = 1 }; /* family indices of the maps */

enum {
    L3 = sizeof(struct ethhdr),
    L4_IPV6 = L3 + sizeof(struct ipv6hdr), /* without extension headers */
    OPTIONS_MAX = 32,                      /* ND options looked at in one message */
};

enum nd_type { ND_NONE = 0, ND_RS = 133, ND_RA = 134, ND_NS = 135, ND_NA = 136 };
enum { MLD_QUERY = 130, IGMP_QUERY = 0x11 };
enum { DHCP_CLIENT_PORT = 68, DHCP6_CLIENT_PORT = 546 };

enum { IPV4_MORE_FRAGMENTS = 0x2000, IPV4_FRAGMENT_OFFSET = 0x1fff }; /* of iphdr.frag_off */

enum { ARP_HARDWARE_ETHERNET = 1, ARP_REQUEST = 1, ARP_REPLY = 2 }; /* <linux/if_arp.h> needs a C library */

struct arp_ipv4 {
    __be16 hardware_type;
    __be16 protocol_type;
    __u8 hardware_bytes;
    __u8 protocol_bytes;
    __be16 operation;
    __u8 sender_mac[6];
    __u8 sender_ip[4];
    __u8 target_mac[6];
    __u8 target_ip[4];
} __attribute__((packed));

struct nd_message {
    __u8 type;
    __u8 code;
    __be16 checksum;
    __u8 reserved[4];
    __u8 target[16]; /* NS and NA only */
};

enum { NA_SOLICITED = 0x40 }; /* in reserved[0] */

struct nd_option {
    __u8 type;
    __u8 length; /* in units of 8 bytes */
    __u8 mac[6];
};
enum { OPTION_SOURCE_MAC = 1, OPTION_TARGET_MAC = 2 };

static __always_inline void* header_at(struct __sk_buff* skb, __u32 offset, __u32 size_bytes) {
    char* data = (char*)(long)skb->data;    /* NOLINT(performance-no-int-to-ptr): the interface of such programs */
    char* end = (char*)(long)skb->data_end; /* NOLINT(performance-no-int-to-ptr): likewise */
    return data + offset + size_bytes > end ? NULL : data + offset;
}

/* Some drivers leave more than the Ethernet header in page fragments, where header_at() does not see it. */
static __always_inline void pull_headers(struct __sk_buff* skb) {
    __u32 linear = skb->data_end - skb->data;
    __u32 wanted = L4_IPV6 + 1;
    if (linear >= wanted || skb->len == linear) return;
    bpf_skb_pull_data(skb, skb->len < wanted ? skb->len : wanted);
}

static __always_inline int is_group_mac(const __u8* mac) { return mac[0] & 1; }

static __always_inline int same_mac(const __u8* left, const __u8* right) {
    __u8 difference = 0;
    for (int i = 0; i < IPMP_MAC_BYTES; i++) difference |= left[i] ^ right[i];
    return difference == 0;
}

static __always_inline struct ipmp_address_key ipv4_key(const void* address) {
    struct ipmp_address_key key = {.family = 4};
    __builtin_memcpy(key.bytes, address, 4);
    return key;
}

static __always_inline struct ipmp_address_key ipv6_key(const void* address) {
    struct ipmp_address_key key = {.family = 6};
    __builtin_memcpy(key.bytes, address, 16);
    return key;
}

static __always_inline int is_unspecified(const struct ipmp_address_key* key) {
    const __u32* words = (const __u32*)key->bytes;
    return !(words[0] | words[1] | words[2] | words[3]);
}

/* 0: an Ethernet/IPv4 ARP message is in `arp`. */
static __always_inline int load_arp(struct __sk_buff* skb, struct arp_ipv4* arp) {
    if (bpf_skb_load_bytes(skb, L3, arp, sizeof(*arp)) < 0) return -1;
    int right = arp->hardware_type == bpf_htons(ARP_HARDWARE_ETHERNET) && arp->protocol_type == bpf_htons(ETH_P_IP) &&
                arp->hardware_bytes == 6 && arp->protocol_bytes == 4;
    return right ? 0 : -1;
}

/* Which ND message the IPv6 frame is, by its type alone. */
static __always_inline enum nd_type nd_type_of(struct __sk_buff* skb, const struct ipv6hdr* ip) {
    if (ip->nexthdr != IPPROTO_ICMPV6) return ND_NONE;
    const __u8* type = header_at(skb, L4_IPV6, 1);
    return type && *type >= ND_RS && *type <= ND_NA ? *type : ND_NONE;
}

static __always_inline __u32 nd_options_offset(enum nd_type type) {
    return L4_IPV6 + (type == ND_RS ? 8 : type == ND_RA ? 16 : 24);
}

/* 0: the fixed part of the message is in `message`, and `end` is where its options end. */
static __always_inline int load_nd(struct __sk_buff* skb, enum nd_type type, struct nd_message* message, __u32* end) {
    const struct ipv6hdr* ip = header_at(skb, L3, sizeof(*ip));
    if (!ip) return -1;
    *end = L4_IPV6 + bpf_ntohs(ip->payload_len);
    if (*end < nd_options_offset(type)) return -1;
    __u32 size_bytes = type == ND_NS || type == ND_NA ? sizeof(*message) : 8;
    if (size_bytes == 8) return bpf_skb_load_bytes(skb, L4_IPV6, message, 8) < 0 ? -1 : 0;
    return bpf_skb_load_bytes(skb, L4_IPV6, message, sizeof(*message)) < 0 ? -1 : 0;
}

/* The ND options still to be looked at. */
struct options {
    __u32 offset, end;
};

enum option_step { OPTIONS_MALFORMED = -1, OPTIONS_END = 0, OPTIONS_GO_ON = 1 };

/* Steps over the next option. OPTIONS_GO_ON: it is in `option`. */
static __always_inline enum option_step next_option(struct __sk_buff* skb, struct options* rest,
                                                    struct nd_option* option) {
    if (rest->offset == rest->end) return OPTIONS_END;
    if (rest->offset + sizeof(*option) > rest->end) return OPTIONS_MALFORMED;
    if (bpf_skb_load_bytes(skb, rest->offset, option, sizeof(*option)) < 0 || option->length == 0)
        return OPTIONS_MALFORMED;
    rest->offset += option->length * 8;
    return OPTIONS_GO_ON;
}

static __always_inline int states_mac(const struct nd_option* option) {
    return option->length == 1 && (option->type == OPTION_SOURCE_MAC || option->type == OPTION_TARGET_MAC);
}

/* First fragments and whole packets only: later fragments have no transport header. */
static __always_inline int has_ipv4_transport(const struct iphdr* ip) {
    return !(ip->frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET));
}

static __always_inline int is_dhcp_at(struct __sk_buff* skb, __u32 transport, __u16 client_port) {
    struct udphdr udp;
    return bpf_skb_load_bytes(skb, transport, &udp, sizeof(udp)) == 0 && udp.dest == bpf_htons(client_port);
}

static __always_inline int is_type_at(struct __sk_buff* skb, __u32 transport, __u8 wanted) {
    __u8 type;
    return bpf_skb_load_bytes(skb, transport, &type, 1) == 0 && type == wanted;
}

/* MLD comes behind a hop-by-hop header with a router alert. */
static __always_inline int is_mld_query(struct __sk_buff* skb, __u8 next_header) {
    if (next_header == IPPROTO_ICMPV6) return is_type_at(skb, L4_IPV6, MLD_QUERY);
    __u8 hop_by_hop[2]; /* next header, length in units of 8 bytes not counting the first */
    if (next_header != IPPROTO_HOPOPTS || bpf_skb_load_bytes(skb, L4_IPV6, hop_by_hop, 2) < 0) return 0;
    return hop_by_hop[0] == IPPROTO_ICMPV6 && is_type_at(skb, L4_IPV6 + 8 + hop_by_hop[1] * 8, MLD_QUERY);
}
