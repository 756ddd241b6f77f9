/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)
 *
 * Outbound: runs on the ingress hook of the lower end, so it sees what the host sends on ipmp0. Chooses a NIC,
 * makes that NIC's MAC the source wherever a MAC is stated (Ethernet, ARP, ND options), and redirects the frame to
 * the NIC's transmit path. Nothing is ever handed to the lower end's own IP stack: a frame leaves or is dropped.
 *
 *   ARP, ND      the NIC its sender address is bound to, so that what is stated and where it comes from agree
 *   group frames the nominee of the family
 *   the rest     by the group's policy; as a rule slots[flow hash], which is array look-ups only
 */
#pragma once

#include <linux/pkt_cls.h>

#include "maps.h"
#include "parse.h"
#include "policy.h"

static __always_inline int drop(enum ipmp_counter reason) {
    count(reason);
    return TC_ACT_SHOT;
}

static __always_inline int leave_by(struct __sk_buff* skb, const struct ipmp_nic* nic) {
    if (!nic) return drop(IPMP_COUNT_out_no_active);
    struct ethhdr* ethernet = header_at(skb, 0, sizeof(*ethernet));
    if (!ethernet) return drop(IPMP_COUNT_out_malformed);
    __builtin_memcpy(ethernet->h_source, nic->mac, sizeof(nic->mac));
    return bpf_redirect(nic->ifindex, 0);
}

static __always_inline int leave_by_nominee(struct __sk_buff* skb, int family) {
    const struct ipmp_settings* settings = settings_of_group();
    return leave_by(skb, settings ? nic_at(settings->nominee[family]) : NULL);
}

static __always_inline int leave_by_slot(struct __sk_buff* skb, int family, __u32 hash) {
    __u32 slot = family * IPMP_SLOTS_PER_FAMILY + hash % IPMP_SLOTS_PER_FAMILY;
    const __u32* row = bpf_map_lookup_elem(&ipmp_slots, &slot);
    return leave_by(skb, row ? nic_at(*row) : NULL);
}

/* An address without a NIC does not hold a packet back that another NIC can carry. */
static __always_inline int leave_by_source(struct __sk_buff* skb, int family, const struct ipmp_address_key* source) {
    const struct ipmp_address* address = find_address(source);
    const struct ipmp_nic* nic = address ? nic_at(address->nic) : NULL;
    return nic ? leave_by(skb, nic) : leave_by_slot(skb, family, bpf_get_hash_recalc(skb));
}

/* Apart from the common path, so that this one stays short. A header that is not readable leaves by the flow hash. */
static __noinline int leave_by_other_policy(struct __sk_buff* skb, int family, enum ipmp_policy policy) {
    if (family == FAMILY_IPV4) {
        const struct iphdr* ip = header_at(skb, L3, sizeof(*ip));
        if (!ip) return leave_by_slot(skb, FAMILY_IPV4, bpf_get_hash_recalc(skb));
        struct ipmp_address_key source = ipv4_key(&ip->saddr);
        if (policy == IPMP_POLICY_SOURCE) return leave_by_source(skb, FAMILY_IPV4, &source);
        return leave_by_slot(skb, FAMILY_IPV4, ipv4_hash(skb, ip, policy));
    }
    const struct ipv6hdr* ip = header_at(skb, L3, sizeof(*ip));
    if (!ip) return leave_by_slot(skb, FAMILY_IPV6, bpf_get_hash_recalc(skb));
    struct ipmp_address_key source = ipv6_key(&ip->saddr);
    if (policy == IPMP_POLICY_SOURCE) return leave_by_source(skb, FAMILY_IPV6, &source);
    return leave_by_slot(skb, FAMILY_IPV6, ipv6_hash(skb, ip, policy));
}

static __always_inline int leave_by_policy(struct __sk_buff* skb, int family) {
    const struct ipmp_settings* settings = settings_of_group();
    if (settings && settings->policy != IPMP_POLICY_FLOW) return leave_by_other_policy(skb, family, settings->policy);
    return leave_by_slot(skb, family, bpf_get_hash_recalc(skb));
}

/* A veth pair clears the priority that Linux has derived from the type of service. The queueing disciplines of the NIC
 * are to see it: the same table, two bits wide (4 bits an entry). */
static __always_inline void restore_priority(struct __sk_buff* skb, __u8 type_of_service) {
    if (type_of_service) skb->priority = 0x4620 >> (type_of_service >> 3 & 3) * 4 & 0xf;
}

/* The NIC that speaks for `sender`: the bound one, its own one, or the nominee for addresses we do not know.
 * Nothing: the frame is to be dropped; that is counted. */
static __always_inline const struct ipmp_nic* nic_of_sender(const struct ipmp_address_key* sender, int family,
                                                            const struct ipmp_settings* settings) {
    const struct ipmp_address* address = find_address(sender);
    const struct ipmp_nic* nic = nic_at(address ? address->nic : settings->nominee[family]);
    if (!nic)
        count(address ? IPMP_COUNT_out_unbound : IPMP_COUNT_out_no_active);
    else if (!address && !is_unspecified(sender))
        count(IPMP_COUNT_out_unknown_sender);
    return nic;
}

static __always_inline int spread_arp(struct __sk_buff* skb) {
    struct arp_ipv4 arp;
    const struct ipmp_settings* settings = settings_of_group();
    if (!settings || load_arp(skb, &arp)) return drop(IPMP_COUNT_out_malformed);

    /* A probe has no sender yet; it speaks for the address it asks about. */
    struct ipmp_address_key sender = ipv4_key(arp.sender_ip);
    if (is_unspecified(&sender)) sender = ipv4_key(arp.target_ip);
    const struct ipmp_nic* nic = nic_of_sender(&sender, FAMILY_IPV4, settings);
    if (!nic) return TC_ACT_SHOT;

    __builtin_memcpy(arp.sender_mac, nic->mac, sizeof(nic->mac));
    /* Gratuitous replies repeat the sender as the target. */
    if (same_mac(arp.target_mac, settings->upper_mac)) __builtin_memcpy(arp.target_mac, nic->mac, sizeof(nic->mac));
    if (bpf_skb_store_bytes(skb, L3, &arp, sizeof(arp), 0) < 0) return drop(IPMP_COUNT_out_malformed);
    return leave_by(skb, nic);
}

static __always_inline int state_mac(struct __sk_buff* skb, __u32 offset, const struct nd_option* old,
                                     const struct ipmp_nic* nic) {
    struct nd_option new = *old;
    __builtin_memcpy(new.mac, nic->mac, sizeof(new.mac));
    __s64 difference = bpf_csum_diff((__be32*)old, sizeof(*old), (__be32*)&new, sizeof(new), 0);
    if (difference < 0) return -1;
    __u32 checksum = L4_IPV6 + offsetof(struct nd_message, checksum);
    if (bpf_l4_csum_replace(skb, checksum, 0, difference, 0) < 0) return -1;
    return bpf_skb_store_bytes(skb, offset, &new, sizeof(new), 0) < 0 ? -1 : 0;
}

__noinline int state_mac_in_option(struct __sk_buff* skb, struct options* rest, const struct ipmp_nic* nic) {
    if (!rest || !nic) return OPTIONS_MALFORMED;
    struct nd_option option;
    __u32 at = rest->offset;
    enum option_step step = next_option(skb, rest, &option);
    if (step != OPTIONS_GO_ON || !states_mac(&option)) return step;
    return state_mac(skb, at, &option, nic) ? OPTIONS_MALFORMED : OPTIONS_GO_ON;
}

static __always_inline int state_mac_in_options(struct __sk_buff* skb, __u32 offset, __u32 end,
                                                const struct ipmp_nic* nic) {
    struct options rest = {.offset = offset, .end = end};
    for (int i = 0; i < OPTIONS_MAX; i++) {
        int step = state_mac_in_option(skb, &rest, nic);
        if (step != OPTIONS_GO_ON) return step;
    }
    return rest.offset == end ? OPTIONS_END : OPTIONS_MALFORMED;
}

static __always_inline int spread_nd(struct __sk_buff* skb, enum nd_type type) {
    struct nd_message message = {};
    __u32 end;
    const struct ipmp_settings* settings = settings_of_group();
    if (!settings || load_nd(skb, type, &message, &end)) return drop(IPMP_COUNT_out_malformed);
    const struct ipv6hdr* ip = header_at(skb, L3, sizeof(*ip));
    if (!ip) return drop(IPMP_COUNT_out_malformed);

    /* An advertisement speaks for its target, and so does a duplicate address probe. */
    struct ipmp_address_key sender = ipv6_key(&ip->saddr);
    if (type == ND_NA || (type == ND_NS && is_unspecified(&sender))) sender = ipv6_key(message.target);
    const struct ipmp_nic* nic = nic_of_sender(&sender, FAMILY_IPV6, settings);
    if (!nic) return TC_ACT_SHOT;

    if (state_mac_in_options(skb, nd_options_offset(type), end, nic)) return drop(IPMP_COUNT_out_malformed);
    return leave_by(skb, nic);
}

static __always_inline int spread_ipv4(struct __sk_buff* skb, int group) {
    const struct iphdr* ip = header_at(skb, L3, sizeof(*ip));
    if (ip) restore_priority(skb, ip->tos);
    return group ? leave_by_nominee(skb, FAMILY_IPV4) : leave_by_policy(skb, FAMILY_IPV4);
}

static __always_inline int spread_ipv6(struct __sk_buff* skb, int group) {
    const struct ipv6hdr* ip = header_at(skb, L3, sizeof(*ip));
    if (ip) {
        restore_priority(skb, ip->priority << 4 | ip->flow_lbl[0] >> 4);
        enum nd_type type = nd_type_of(skb, ip);
        if (type != ND_NONE) return spread_nd(skb, type);
    }
    return group ? leave_by_nominee(skb, FAMILY_IPV6) : leave_by_policy(skb, FAMILY_IPV6);
}

SEC("tc")
int ipmp_spread(struct __sk_buff* skb) {
    if (skb->vlan_present) return drop(IPMP_COUNT_out_tagged);
    pull_headers(skb);
    const struct ethhdr* ethernet = header_at(skb, 0, sizeof(*ethernet));
    if (!ethernet) return drop(IPMP_COUNT_out_malformed);
    int group = is_group_mac(ethernet->h_dest);

    switch (ethernet->h_proto) {
        case bpf_htons(ETH_P_IP):
            return spread_ipv4(skb, group);
        case bpf_htons(ETH_P_IPV6):
            return spread_ipv6(skb, group);
        case bpf_htons(ETH_P_ARP):
            return spread_arp(skb);
        case bpf_htons(ETH_P_8021Q):
        case bpf_htons(ETH_P_8021AD):
            return drop(IPMP_COUNT_out_tagged);
        default:
            count(IPMP_COUNT_out_other_protocol);
            return leave_by_nominee(skb, FAMILY_IPV4);
    }
}
