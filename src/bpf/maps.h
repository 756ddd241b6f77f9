/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)
 *
 * The maps of one group and the few ways the programs use them.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "ipmp_abi.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, IPMP_FAMILIES* IPMP_SLOTS_PER_FAMILY);
    __type(key, __u32);
    __type(value, __u32);
} ipmp_slots SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, IPMP_NIC_ROWS);
    __type(key, __u32);
    __type(value, struct ipmp_nic);
} ipmp_nics SEC(".maps");

/* Hash maps are preallocated: an update on the failover path must not fail for want of memory. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, IPMP_MAX_ADDRESSES);
    __type(key, struct ipmp_address_key);
    __type(value, struct ipmp_address);
} ipmp_addresses SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, IPMP_MAX_MEMBERS);
    __type(key, struct ipmp_mac_key);
    __type(value, __u32);
} ipmp_members SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct ipmp_settings);
} ipmp_settings SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, IPMP_COUNTER_COUNT);
    __type(key, __u32);
    __type(value, __u64);
} ipmp_counters SEC(".maps");

/* Written by the programs only. All of a fixed size from the start: a flood cannot use more memory. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, IPMP_EVENT_BYTES);
} ipmp_events SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, IPMP_MAX_PEERS);
    __type(key, struct ipmp_peer_key);
    __type(value, struct ipmp_peer);
} ipmp_peers SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, IPMP_MAX_ADDRESSES);
    __type(key, struct ipmp_address_key);
    __type(value, struct ipmp_pace);
} ipmp_paces SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, IPMP_EVENT_KINDS);
    __type(key, __u32);
    __type(value, struct ipmp_bucket);
} ipmp_buckets SEC(".maps");

static __always_inline void count(enum ipmp_counter reason) {
    __u32 key = reason;
    __u64* packets = bpf_map_lookup_elem(&ipmp_counters, &key);
    if (packets) ++*packets;
}

static __always_inline const struct ipmp_settings* settings_of_group(void) {
    __u32 key = 0;
    return bpf_map_lookup_elem(&ipmp_settings, &key);
}

/* Nothing for row 0. */
static __always_inline const struct ipmp_nic* nic_at(__u32 row) {
    return row ? bpf_map_lookup_elem(&ipmp_nics, &row) : NULL;
}

static __always_inline const struct ipmp_address* find_address(const struct ipmp_address_key* key) {
    return bpf_map_lookup_elem(&ipmp_addresses, key);
}

static __always_inline int is_member_mac(const __u8* mac) {
    struct ipmp_mac_key key = {};
    __builtin_memcpy(key.mac, mac, sizeof(key.mac));
    return bpf_map_lookup_elem(&ipmp_members, &key) != NULL;
}
