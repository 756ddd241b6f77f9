/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)
 *
 * What the steer program notes besides its verdict, from ARP and ND alone: strangers that use a data address or ask
 * whether they may (claims, probes), peers that answer a data address, and peers that ask for one. No verdict depends
 * on any of this, and all of it is bounded here, so that a flood ends in the kernel and not in the daemon.
 *
 * Functions are not static where the verifier is to go through them once: of a static one it looks at every call anew,
 * with whatever is known there (see docs/DATAPLANE.md).
 *
 * Callers have ruled out frames that state a member's MAC, and frames for other hosts (PACKET_OTHERHOST). What comes
 * from a member's MAC is ruled out here, where it is rare.
 */
#pragma once

#include "maps.h"
#include "parse.h"

enum { CLAIM_PAUSE_NS = IPMP_CLAIM_PAUSE_MS * 1000000, SECOND_NS = 1000000000 };

/* Who speaks. */
struct station {
    __u8 mac[IPMP_MAC_BYTES];
    __u16 known; /* 0: nobody has stated a MAC */
};

static __always_inline struct station station_of(const __u8* mac) {
    struct station station = {.known = 1};
    __builtin_memcpy(station.mac, mac, sizeof(station.mac));
    return station;
}

static __always_inline int is_data(const struct ipmp_address* address) {
    return address && address->kind == IPMP_ADDRESS_DATA;
}

static __always_inline int is_here(const struct __sk_buff* skb, __u32 row) {
    const struct ipmp_nic* nic = nic_at(row);
    return nic && nic->ifindex == skb->ifindex;
}

/* CPUs that begin a second together let a few more through; the bound is for the daemon's sake, not exact. */
static __always_inline int take(struct ipmp_bucket* bucket, __u64 now_ns, __u64 per_second) {
    if ((__s64)(now_ns - bucket->since_ns) >= SECOND_NS) {
        bucket->since_ns = now_ns;
        bucket->used = 0;
    }
    if (bucket->used >= per_second) return 0;
    __sync_fetch_and_add(&bucket->used, 1);
    return 1;
}

static __always_inline struct ipmp_pace* pace_of(const struct ipmp_address_key* address) {
    struct ipmp_address_key key = *address; /* Linux 6.1 takes no key from where a caller has it */
    struct ipmp_pace* pace = bpf_map_lookup_elem(&ipmp_paces, &key);
    if (pace) return pace;
    struct ipmp_pace unused = {};
    bpf_map_update_elem(&ipmp_paces, &key, &unused, BPF_NOEXIST);
    return bpf_map_lookup_elem(&ipmp_paces, &key);
}

/* `peer` and `mac` may be missing. */
static __always_inline void report(struct __sk_buff* skb, enum ipmp_event_kind kind, __u64 now_ns,
                                   const struct ipmp_address_key* address, const __u8* peer, const __u8* mac) {
    __u32 key = kind == IPMP_EVENT_ANSWER ? IPMP_EVENT_ANSWER : IPMP_EVENT_CLAIM;
    struct ipmp_bucket* bucket = bpf_map_lookup_elem(&ipmp_buckets, &key);
    if (!bucket) return;
    if (!take(bucket, now_ns, kind == IPMP_EVENT_ANSWER ? IPMP_ANSWERS_PER_SECOND : IPMP_CLAIMS_PER_SECOND))
        return count(IPMP_COUNT_events_limited);
    struct ipmp_event* event = bpf_ringbuf_reserve(&ipmp_events, sizeof(*event), 0);
    if (!event) return count(IPMP_COUNT_events_lost);
    __builtin_memset(event, 0, sizeof(*event));
    event->kind = kind;
    event->ifindex = skb->ifindex;
    event->address = *address;
    if (peer) __builtin_memcpy(event->peer, peer, sizeof(event->peer));
    if (mac) __builtin_memcpy(event->mac, mac, sizeof(event->mac));
    bpf_ringbuf_submit(event, 0);
}

/* A broadcast arrives at every member; the pause keeps all but the first copy quiet. */
__noinline int hear_claim(struct __sk_buff* skb, const struct ipmp_address_key* address, const struct station* station,
                          int probing) {
    if (!address || !station) return 0;
    __u8 source[IPMP_MAC_BYTES];
    if (bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_source), source, sizeof(source)) < 0) return 0;
    if (is_member_mac(source)) return 0;
    __u64 now_ns = bpf_ktime_get_ns();
    struct ipmp_pace* pace = pace_of(address);
    if (!pace || (__s64)(now_ns - pace->claimed_ns) < CLAIM_PAUSE_NS) return 0;
    pace->claimed_ns = now_ns;
    report(skb, probing ? IPMP_EVENT_PROBE : IPMP_EVENT_CLAIM, now_ns, address, NULL, station->mac);
    return 0;
}

/* Only at the NIC of the address: from there the question went out. */
__noinline int hear_answer(struct __sk_buff* skb, const struct ipmp_address_key* address,
                           const struct ipmp_address* entry, const struct ipmp_address_key* peer) {
    if (!address || !entry || !peer) return 0;
    if (is_here(skb, entry->nic)) report(skb, IPMP_EVENT_ANSWER, bpf_ktime_get_ns(), address, peer->bytes, NULL);
    return 0;
}

/* A known peer costs one look-up and no allowance; its questions keep it among the recently seen. */
__noinline int record_peer(const struct ipmp_address_key* address, const struct ipmp_address_key* peer,
                           const struct station* station) {
    if (!address || !peer || !station || is_group_mac(station->mac)) return 0;
    struct ipmp_peer_key key = {.address = *address};
    __builtin_memcpy(key.peer, peer->bytes, sizeof(key.peer));
    __u64 now_ns = bpf_ktime_get_ns();
    struct ipmp_peer* known = bpf_map_lookup_elem(&ipmp_peers, &key);
    if (known && same_mac(known->mac, station->mac)) {
        known->seen_ns = now_ns;
        return 0;
    }
    struct ipmp_pace* pace = pace_of(address);
    if (!pace) return 0;
    if (!take(&pace->peers, now_ns, IPMP_NEW_PEERS_PER_SECOND)) {
        count(IPMP_COUNT_peers_limited);
        return 0;
    }
    struct ipmp_peer fresh = {.seen_ns = now_ns};
    __builtin_memcpy(fresh.mac, station->mac, sizeof(fresh.mac));
    bpf_map_update_elem(&ipmp_peers, &key, &fresh, BPF_ANY);
    return 0;
}

/* Tells what an ARP message of a stranger means for a data address. 1: the sender is a peer, none of our addresses. */
__noinline int hear_arp(struct __sk_buff* skb, const struct arp_ipv4* arp, const struct ipmp_address* target) {
    if (!arp) return 0;
    int request = arp->operation == bpf_htons(ARP_REQUEST);
    if (!request && arp->operation != bpf_htons(ARP_REPLY)) return 0;
    struct ipmp_address_key sender = ipv4_key(arp->sender_ip), target_key = ipv4_key(arp->target_ip);
    struct station station = station_of(arp->sender_mac);
    if (is_unspecified(&sender)) {
        if (request && is_data(target)) hear_claim(skb, &target_key, &station, 1);
        return 0;
    }
    const struct ipmp_address* known = find_address(&sender);
    if (is_data(known)) return hear_claim(skb, &sender, &station, 0);
    if (!request && is_data(target)) hear_answer(skb, &target_key, target, &sender);
    return !known;
}

/* The same for ND; `stated`: the MAC in its option, where it has one. Hop limit 255 shows that it is from this link. */
__noinline int hear_nd(struct __sk_buff* skb, const struct nd_message* message, const struct ipmp_address* target,
                       const struct station* stated) {
    if (!message || !stated) return 0;
    const struct ipv6hdr* ip = header_at(skb, L3, sizeof(*ip));
    const struct ethhdr* ethernet = header_at(skb, 0, sizeof(*ethernet));
    if (!ip || !ethernet || ip->hop_limit != 255 || message->code) return 0;
    struct ipmp_address_key sender = ipv6_key(&ip->saddr);
    struct ipmp_address_key receiver = ipv6_key(&ip->daddr);
    struct ipmp_address_key target_key = ipv6_key(message->target);
    struct station source = station_of(ethernet->h_source);

    if (message->type == ND_NA) {
        if (is_data(target)) return hear_claim(skb, &target_key, stated->known ? stated : &source, 0);
        if (!(message->reserved[0] & NA_SOLICITED)) return 0;
        const struct ipmp_address* entry = find_address(&receiver);
        return is_data(entry) ? hear_answer(skb, &receiver, entry, &target_key) : 0;
    }
    if (is_unspecified(&sender)) {
        if (message->type == ND_NS && is_data(target)) hear_claim(skb, &target_key, &source, 1);
        return 0;
    }
    const struct ipmp_address* known = find_address(&sender);
    if (is_data(known)) return stated->known ? hear_claim(skb, &sender, stated, 0) : 0;
    return !known;
}
