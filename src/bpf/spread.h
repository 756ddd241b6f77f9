/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)
 *
 * Outbound: runs on the ingress hook of the lower end, so it sees what the host sends on ipmp0. Chooses a NIC,
 * makes that NIC's MAC the source wherever a MAC is stated (Ethernet, ARP, ND options), and redirects the frame to
 * the NIC's transmit path. Nothing is ever handed to the lower end's own IP stack: a frame leaves or is dropped.
 *
 *   ARP, ND      the NIC its sender address is bound to, so that what is stated and where it comes from agree
 *   group frames the nominee of the family
 *   the rest     slots[flow hash]; array look-ups only
 */
#pragma once

#include <linux/pkt_cls.h>

#include "maps.h"
#include "parse.h"

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

static __always_inline int leave_by_hash(struct __sk_buff* skb, int family) {
    __u32 slot = family * IPMP_SLOTS_PER_FAMILY + bpf_get_hash_recalc(skb) % IPMP_SLOTS_PER_FAMILY;
    const __u32* row = bpf_map_lookup_elem(&ipmp_slots, &slot);
    return leave_by(skb, row ? nic_at(*row) : NULL);
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

static __always_inline int state_mac_in_options(struct __sk_buff* skb, __u32 offset, __u32 end,
                                                const struct ipmp_nic* nic) {
    for (int i = 0; i < OPTIONS_MAX; i++) {
        struct nd_option option;
        __u32 at = offset;
        int found = next_option(skb, &offset, end, &option);
        if (found <= 0) return found;
        if (states_mac(&option) && state_mac(skb, at, &option, nic)) return -1;
    }
    return offset == end ? 0 : -1;
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

static __always_inline int spread_ipv6(struct __sk_buff* skb, int group) {
    const struct ipv6hdr* ip = header_at(skb, L3, sizeof(*ip));
    enum nd_type type = ip ? nd_type_of(skb, ip) : ND_NONE;
    if (type != ND_NONE) return spread_nd(skb, type);
    return group ? leave_by_nominee(skb, FAMILY_IPV6) : leave_by_hash(skb, FAMILY_IPV6);
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
            return group ? leave_by_nominee(skb, FAMILY_IPV4) : leave_by_hash(skb, FAMILY_IPV4);
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
