/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)
 *
 * The layout of the data path's maps: the only definition of their keys and values, read by the BPF programs
 * (C) and by shell/dataplane (C++). Every IPMP group has its own instance of every map, so no key names a group.
 *
 * All numbers are in host byte order, all addresses in network byte order. What the daemon writes the programs only
 * read; what they write (from ipmp_peers on) it only reads. Specification: docs/DATAPLANE.md.
 */
#pragma once

#include <linux/types.h>

#ifdef __cplusplus
#include <cstddef>
#define IPMP_LAYOUT(condition) static_assert(condition, "layout shared with the kernel side")
#else
#include <stddef.h>
#define IPMP_LAYOUT(condition) _Static_assert(condition, "layout shared with the kernel side")
#endif

enum {
    IPMP_MAC_BYTES = 6,
    IPMP_FAMILIES = 2, /* index 0: IPv4 (and ARP), 1: IPv6 */
    IPMP_SLOTS_PER_FAMILY = 256,
    IPMP_MAX_ADDRESSES = 5120, /* 4,096 data addresses, and those of the NICs themselves */
    IPMP_NIC_ROWS = 256,
    IPMP_MAX_MEMBERS = IPMP_NIC_ROWS - 1,
};

/* ipmp_nics: __u32 row -> struct ipmp_nic. All other maps name a NIC by its row, so that interface index and MAC never
 * come from two NICs: a change of NIC is a change of one byte, as rows are below 256. Row 0: no NIC. A row is
 * never rewritten while it is referred to, and taken again only after all other free ones. */
struct ipmp_nic {
    __u32 ifindex;
    __u8 mac[IPMP_MAC_BYTES];
    __u16 pad;
};
IPMP_LAYOUT(sizeof(struct ipmp_nic) == 12);
IPMP_LAYOUT(offsetof(struct ipmp_nic, mac) == 4);

/* ipmp_slots: __u32 (family index * IPMP_SLOTS_PER_FAMILY + flow hash % IPMP_SLOTS_PER_FAMILY) -> __u32 row */

/* ipmp_addresses: struct ipmp_address_key -> struct ipmp_address */
struct ipmp_address_key {
    __u32 family;   /* 4 or 6 */
    __u8 bytes[16]; /* IPv4 uses the first four, the rest are 0 */
};
IPMP_LAYOUT(sizeof(struct ipmp_address_key) == 20);
IPMP_LAYOUT(offsetof(struct ipmp_address_key, bytes) == 4);

enum ipmp_address_kind {
    IPMP_ADDRESS_DATA = 0, /* `nic`: where inbound traffic is bound to; row 0 while no NIC is active */
    IPMP_ADDRESS_OWN = 1,  /* `nic`: the one underlying interface this address belongs to */
};

struct ipmp_address {
    __u32 nic; /* row */
    __u32 kind;
};
IPMP_LAYOUT(sizeof(struct ipmp_address) == 8);
IPMP_LAYOUT(offsetof(struct ipmp_address, kind) == 4);

/* ipmp_members: struct ipmp_mac_key -> __u32 interface index. All underlying interfaces, whatever their state. */
struct ipmp_mac_key {
    __u8 mac[IPMP_MAC_BYTES];
    __u16 pad;
};
IPMP_LAYOUT(sizeof(struct ipmp_mac_key) == 8);

/* How unicast IP chooses its NIC. */
enum ipmp_policy {
    IPMP_POLICY_FLOW = 0,        /* slot of the kernel's flow hash */
    IPMP_POLICY_TUPLE = 1,       /* slot of a hash of addresses, protocol and ports, always the same one */
    IPMP_POLICY_DESTINATION = 2, /* slot of a hash of the destination address */
    IPMP_POLICY_SOURCE = 3,      /* the NIC of the source address */
};

/* How a frame gets from an underlying interface to the IPMP interface. */
enum ipmp_way_up {
    IPMP_UP_BY_LOWER = 0, /* transmitted by the lower end: a queue more, and ipmp0 counts it */
    IPMP_UP_TO_PEER = 1,  /* straight to the other end of the pair, which is in another network namespace */
    IPMP_UP_AT_ONCE = 2,  /* received by ipmp0 itself, which does not count it */
};

/* ipmp_settings: __u32 0 -> struct ipmp_settings */
struct ipmp_settings {
    __u32 lower_ifindex;            /* lower end of the IPMP link, ipmpl0 */
    __u32 nominee[IPMP_FAMILIES];   /* row; carries broadcast and multicast */
    __u8 upper_mac[IPMP_MAC_BYTES]; /* ipmp0's; never seen on a wire */
    __u8 forwards;                  /* bit 1 << family index: the group routes packets of others */
    __u8 policy;                    /* enum ipmp_policy */
    __u32 way_up;                   /* enum ipmp_way_up */
    __u32 upper_ifindex;            /* ipmp0; of use where it is in the members' network namespace */
};
IPMP_LAYOUT(sizeof(struct ipmp_settings) == 28);
IPMP_LAYOUT(offsetof(struct ipmp_settings, nominee) == 4);
IPMP_LAYOUT(offsetof(struct ipmp_settings, upper_mac) == 12);
IPMP_LAYOUT(offsetof(struct ipmp_settings, forwards) == 18);
IPMP_LAYOUT(offsetof(struct ipmp_settings, policy) == 19);

/* ipmp_peers: struct ipmp_peer_key -> struct ipmp_peer. Who asked for a data address, and so knows its MAC. */
struct ipmp_peer_key {
    struct ipmp_address_key address; /* ours; gives the family of both */
    __u8 peer[16];
};
IPMP_LAYOUT(sizeof(struct ipmp_peer_key) == 36);
IPMP_LAYOUT(offsetof(struct ipmp_peer_key, peer) == 20);

struct ipmp_peer {
    __u64 seen_ns; /* CLOCK_MONOTONIC; of the last question */
    __u8 mac[IPMP_MAC_BYTES];
    __u16 pad;
};
IPMP_LAYOUT(sizeof(struct ipmp_peer) == 16);
IPMP_LAYOUT(offsetof(struct ipmp_peer, mac) == 8);

/* ipmp_events: ring buffer of struct ipmp_event */
enum ipmp_event_kind {
    IPMP_EVENT_CLAIM = 0,  /* the station `mac` uses `address` */
    IPMP_EVENT_PROBE = 1,  /* the station `mac` asks whether it may use `address` */
    IPMP_EVENT_ANSWER = 2, /* `peer` answered `address` */
    IPMP_EVENT_KINDS
};

struct ipmp_event {
    __u32 kind;
    __u32 ifindex; /* of the NIC it arrived at */
    struct ipmp_address_key address;
    __u8 peer[16];
    __u8 mac[IPMP_MAC_BYTES];
    __u16 pad;
};
IPMP_LAYOUT(sizeof(struct ipmp_event) == 52);
IPMP_LAYOUT(offsetof(struct ipmp_event, address) == 8);
IPMP_LAYOUT(offsetof(struct ipmp_event, peer) == 28);
IPMP_LAYOUT(offsetof(struct ipmp_event, mac) == 44);

/* What keeps a flood of frames from becoming a flood of events or peers; the programs' own. */
enum {
    IPMP_EVENT_BYTES = 1 << 16,     /* of the ring buffer: about a thousand events */
    IPMP_MAX_PEERS = 1 << 13,       /* of all data addresses; the least recently seen one makes room */
    IPMP_CLAIM_PAUSE_MS = 100,      /* between two claims and probes of one address */
    IPMP_CLAIMS_PER_SECOND = 256,   /* claims and probes of all addresses, on all CPUs */
    IPMP_ANSWERS_PER_SECOND = 1024, /* on all CPUs */
    IPMP_NEW_PEERS_PER_SECOND = 64, /* of one address: new ones, or with another MAC than before */
};

/* ipmp_paces: struct ipmp_address_key -> struct ipmp_pace; ipmp_buckets: __u32 event kind -> struct ipmp_bucket */
struct ipmp_bucket {
    __u64 since_ns; /* begin of the second that `used` counts in */
    __u64 used;
};
IPMP_LAYOUT(sizeof(struct ipmp_bucket) == 16);

struct ipmp_pace {
    __u64 claimed_ns; /* last event of kind claim or probe */
    struct ipmp_bucket peers;
};
IPMP_LAYOUT(sizeof(struct ipmp_pace) == 24);

/* ipmp_counters: __u32 reason -> __u64 packets, per CPU. Only what is not the common path is counted.
 * X(reason, what happened to the frame) */
#define IPMP_COUNTERS(X)                                                                       \
    X(out_no_active, "outbound, dropped: no NIC is active for the family")                     \
    X(out_unbound, "outbound ARP or ND, dropped: its address is bound to no NIC")              \
    X(out_malformed, "outbound ARP or ND, dropped: not readable")                              \
    X(out_tagged, "outbound, dropped: VLAN-tagged")                                            \
    X(out_unknown_sender, "outbound ARP or ND of an unknown address, sent by the nominee")     \
    X(out_other_protocol, "outbound, neither IP nor ARP, sent by the IPv4 nominee")            \
    X(in_own_echo, "inbound, dropped: the group sent it itself")                               \
    X(in_not_nominee, "inbound broadcast or multicast, dropped: the nominee has it")           \
    X(in_other_nic, "inbound ARP or ND, dropped: asks for an address of another NIC")          \
    X(in_malformed, "inbound IP, ARP or ND, passed to the NIC's own stack: not readable")      \
    X(in_copied, "inbound IGMP or MLD query or DHCP, passed and copied to the IPMP interface") \
    X(in_copy_failed, "inbound IGMP or MLD query or DHCP, passed: copying it failed")          \
    X(events_limited, "not reported: more claims or answers a second than allowed")            \
    X(events_lost, "not reported: the daemon does not read")                                   \
    X(peers_limited, "peer not recorded: more new ones a second than allowed")

enum ipmp_counter {
#define IPMP_COUNTER_ENUM(reason, text) IPMP_COUNT_##reason,
    IPMP_COUNTERS(IPMP_COUNTER_ENUM)
#undef IPMP_COUNTER_ENUM
        IPMP_COUNTER_COUNT
};
