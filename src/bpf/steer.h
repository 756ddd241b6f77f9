/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)
 *
 * Inbound: runs on the ingress hook of every underlying interface, in whatever state. Two IP stacks share the NIC,
 * and every frame gets one owner: the NIC's own stack (pass), ipmp0 (up: to the transmit path of the lower end,
 * with ipmp0's MAC as the destination, so that ipmp0 counts and shows it), or nobody (drop).
 *
 * Passing is TC_ACT_UNSPEC: filters of other people behind ours on the same hook still see frames that are not
 * ours; TC_ACT_OK would end the hook for them.
 *
 * The letters are the rules of docs/DATAPLANE.md, first match wins:
 *   a  VLAN-tagged, not for this NIC's MAC, not IP or ARP, not readable       pass
 *   b  IGMP or MLD query, multicast                                          pass, and on the nominee a copy up
 *   c  ARP request, NS, multicast NA for an address of this NIC              pass; for another NIC's: drop
 *   d  DHCP to a client, broadcast or to an address not known yet            pass, and on the nominee a copy up
 *   e  sent by a member, or ARP or ND stating a member's MAC                 drop
 *   f  other broadcast and multicast                                         up on the nominee, else drop
 *   g  unicast to a data address                                             up, on any member
 *   h  the rest                                                              pass; up if the group forwards, unless
 *                                                                           it is for an address of this NIC
 * What ARP and ND tell besides is noted by events.h.
 */
#pragma once

#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include "events.h"
#include "maps.h"
#include "parse.h"

enum { PASS = TC_ACT_UNSPEC };

static __always_inline int pass_malformed(void) {
    count(IPMP_COUNT_in_malformed);
    return PASS;
}

static __always_inline int drop_inbound(enum ipmp_counter reason) {
    count(reason);
    return TC_ACT_SHOT;
}

static __always_inline int up(struct __sk_buff* skb, const struct ipmp_settings* settings) {
    struct ethhdr* ethernet = header_at(skb, 0, sizeof(*ethernet));
    if (!ethernet) return pass_malformed();
    if (!is_group_mac(ethernet->h_dest))
        __builtin_memcpy(ethernet->h_dest, settings->upper_mac, sizeof(settings->upper_mac));
    switch (settings->way_up) {
        case IPMP_UP_TO_PEER:
            return bpf_redirect_peer(settings->lower_ifindex, 0);
        case IPMP_UP_AT_ONCE:
            return bpf_redirect(settings->upper_ifindex, BPF_F_INGRESS);
        default:
            return bpf_redirect(settings->lower_ifindex, 0);
    }
}

/* (b), (d) */
static __always_inline int pass_and_copy_up(struct __sk_buff* skb, const struct ipmp_settings* settings, int family) {
    if (!is_here(skb, settings->nominee[family])) return PASS;
    __u8 destination[IPMP_MAC_BYTES];
    if (bpf_skb_load_bytes(skb, 0, destination, sizeof(destination)) < 0) return PASS;
    int unicast = !is_group_mac(destination);
    if (unicast) bpf_skb_store_bytes(skb, 0, settings->upper_mac, sizeof(settings->upper_mac), 0);
    count(bpf_clone_redirect(skb, settings->lower_ifindex, 0) == 0 ? IPMP_COUNT_in_copied : IPMP_COUNT_in_copy_failed);
    if (unicast) bpf_skb_store_bytes(skb, 0, destination, sizeof(destination), 0);
    return PASS;
}

/* (e), (f) */
static __always_inline int steer_group_frame(struct __sk_buff* skb, const struct ipmp_settings* settings, int family) {
    const struct ethhdr* ethernet = header_at(skb, 0, sizeof(*ethernet));
    if (!ethernet) return pass_malformed();
    if (is_member_mac(ethernet->h_source)) return drop_inbound(IPMP_COUNT_in_own_echo);
    return is_here(skb, settings->nominee[family]) ? up(skb, settings) : drop_inbound(IPMP_COUNT_in_not_nominee);
}

/* (g), (h); `dhcp`: see (d) */
static __always_inline int steer_unicast(struct __sk_buff* skb, const struct ipmp_settings* settings, int family,
                                         const struct ipmp_address* address, int dhcp) {
    if (address) {
        if (address->kind == IPMP_ADDRESS_DATA) return up(skb, settings);
        if (is_here(skb, address->nic)) return PASS;
    } else if (dhcp) {
        return pass_and_copy_up(skb, settings, family);
    }
    return settings->forwards & 1 << family ? up(skb, settings) : PASS;
}

/* (c): the verdict for a question about `target` if that is a NIC's own address, else 0. */
enum { NOT_OWN = 0 };
static __always_inline int steer_question(struct __sk_buff* skb, const struct ipmp_address* target) {
    if (!target || target->kind != IPMP_ADDRESS_OWN) return NOT_OWN;
    return is_here(skb, target->nic) ? PASS : drop_inbound(IPMP_COUNT_in_other_nic);
}

static __always_inline int steer_arp(struct __sk_buff* skb, const struct ipmp_settings* settings, int group) {
    struct arp_ipv4 arp;
    if (load_arp(skb, &arp)) return pass_malformed();
    struct ipmp_address_key key = ipv4_key(arp.target_ip);
    const struct ipmp_address* target = find_address(&key);
    int request = arp.operation == bpf_htons(ARP_REQUEST);
    int member = is_member_mac(arp.sender_mac);
    int peer = member ? 0 : hear_arp(skb, &arp, target);
    if (request) {
        int verdict = steer_question(skb, target);
        if (verdict != NOT_OWN) return verdict;
    }
    if (member) return drop_inbound(IPMP_COUNT_in_own_echo);
    int verdict = group ? steer_group_frame(skb, settings, FAMILY_IPV4) : is_data(target) ? up(skb, settings) : PASS;
    if (verdict == TC_ACT_REDIRECT && request && peer && is_data(target)) {
        struct ipmp_address_key sender = ipv4_key(arp.sender_ip);
        struct station station = station_of(arp.sender_mac);
        record_peer(&key, &sender, &station);
    }
    return verdict;
}

static __always_inline int steer_ipv4(struct __sk_buff* skb, const struct ipmp_settings* settings, int group) {
    const struct iphdr* ip = header_at(skb, L3, sizeof(*ip));
    if (!ip || ip->version != 4 || ip->ihl < 5) return pass_malformed();
    if (!group) {
        struct ipmp_address_key key = ipv4_key(&ip->daddr);
        const struct ipmp_address* address = find_address(&key);
        if (address) return steer_unicast(skb, settings, FAMILY_IPV4, address, 0);
    }
    int protocol = has_ipv4_transport(ip) ? ip->protocol : IPPROTO_RAW;
    __u32 transport = L3 + ip->ihl * 4;
    int dhcp = protocol == IPPROTO_UDP && is_dhcp_at(skb, transport, DHCP_CLIENT_PORT);
    if (!group) return steer_unicast(skb, settings, FAMILY_IPV4, NULL, dhcp);
    if (dhcp || (protocol == IPPROTO_IGMP && is_type_at(skb, transport, IGMP_QUERY)))
        return pass_and_copy_up(skb, settings, FAMILY_IPV4);
    return steer_group_frame(skb, settings, FAMILY_IPV4);
}

enum { OPTION_OF_MEMBER = 2 }; /* states a member's MAC; otherwise like enum option_step */

/* An advertisement states its target's MAC, all others their source's. */
__noinline int read_option(struct __sk_buff* skb, __u32 type, struct options* rest, struct station* stated) {
    if (!rest || !stated) return OPTIONS_MALFORMED;
    struct nd_option option;
    enum option_step step = next_option(skb, rest, &option);
    if (step != OPTIONS_GO_ON || !states_mac(&option)) return step;
    if (is_member_mac(option.mac)) return OPTION_OF_MEMBER;
    __u8 wanted = type == ND_NA ? OPTION_TARGET_MAC : OPTION_SOURCE_MAC;
    if (option.type == wanted && !stated->known) *stated = station_of(option.mac);
    return OPTIONS_GO_ON;
}

/* OPTIONS_END also where there are more of them than we look at. */
__noinline int read_options(struct __sk_buff* skb, __u32 type, __u32 end, struct station* stated) {
    if (!stated) return OPTIONS_MALFORMED;
    struct options rest = {.offset = nd_options_offset(type), .end = end};
    for (int i = 0; i < OPTIONS_MAX; i++) {
        int step = read_option(skb, type, &rest, stated);
        if (step != OPTIONS_GO_ON) return step;
    }
    return OPTIONS_END;
}

static __always_inline int steer_ipv6_by_destination(struct __sk_buff* skb, const struct ipmp_settings* settings,
                                                     int group) {
    const struct ipv6hdr* ip = header_at(skb, L3, sizeof(*ip));
    if (!ip) return pass_malformed();
    __u8 next_header = ip->nexthdr;
    if (!group) {
        struct ipmp_address_key key = ipv6_key(&ip->daddr);
        const struct ipmp_address* address = find_address(&key);
        if (address) return steer_unicast(skb, settings, FAMILY_IPV6, address, 0);
    }
    int dhcp = next_header == IPPROTO_UDP && is_dhcp_at(skb, L4_IPV6, DHCP6_CLIENT_PORT);
    if (!group) return steer_unicast(skb, settings, FAMILY_IPV6, NULL, dhcp);
    if (dhcp || is_mld_query(skb, next_header)) return pass_and_copy_up(skb, settings, FAMILY_IPV6);
    return steer_group_frame(skb, settings, FAMILY_IPV6);
}

/* For the verifier alone, which would go through this anew for all that an ND message can have been. */
__noinline int steer_rest_of_nd(struct __sk_buff* skb, const struct ipmp_settings* settings, int group) {
    return settings ? steer_ipv6_by_destination(skb, settings, group) : PASS;
}

/* (c) and (e) for ND; what they leave is steered like other IPv6 traffic. */
static __noinline int steer_nd(struct __sk_buff* skb, const struct ipmp_settings* settings, enum nd_type type,
                               int group) {
    struct nd_message message = {};
    __u32 end;
    if (load_nd(skb, type, &message, &end)) return pass_malformed();
    struct ipmp_address_key key = ipv6_key(message.target);
    const struct ipmp_address* target = type == ND_NS || type == ND_NA ? find_address(&key) : NULL;
    struct station stated = {};
    int options = read_options(skb, type, end, &stated);
    int peer = options != OPTIONS_END ? 0 : hear_nd(skb, &message, target, &stated);
    int question = type == ND_NS ? steer_question(skb, target) : NOT_OWN;
    if (question != NOT_OWN) return question;
    if (options == OPTIONS_MALFORMED) return pass_malformed();
    if (options == OPTION_OF_MEMBER) return drop_inbound(IPMP_COUNT_in_own_echo);
    /* Somebody else claims the address: the NIC's own duplicate address detection has to hear it. */
    question = type == ND_NA && group ? steer_question(skb, target) : NOT_OWN;
    if (question != NOT_OWN) return question;

    int verdict = steer_rest_of_nd(skb, settings, group);
    if (verdict == TC_ACT_REDIRECT && type == ND_NS && peer && is_data(target)) {
        struct ipv6hdr ip;
        struct ethhdr ethernet;
        if (bpf_skb_load_bytes(skb, L3, &ip, sizeof(ip)) < 0) return verdict;
        if (bpf_skb_load_bytes(skb, 0, &ethernet, sizeof(ethernet)) < 0) return verdict;
        struct ipmp_address_key sender = ipv6_key(&ip.saddr);
        if (!stated.known) stated = station_of(ethernet.h_source);
        if (!is_member_mac(stated.mac)) record_peer(&key, &sender, &stated);
    }
    return verdict;
}

static __always_inline int steer_ipv6(struct __sk_buff* skb, const struct ipmp_settings* settings, int group) {
    const struct ipv6hdr* ip = header_at(skb, L3, sizeof(*ip));
    if (!ip || ip->version != 6) return pass_malformed();
    enum nd_type type = nd_type_of(skb, ip);
    if (type != ND_NONE) return steer_nd(skb, settings, type, group);
    return steer_ipv6_by_destination(skb, settings, group);
}

SEC("tc")
int ipmp_steer(struct __sk_buff* skb) {
    /* The tag is off the frame already: its EtherType is that of the inside. A frame for another MAC is here by
     * promiscuous mode or flooding; the NIC it is meant for gets it as well. */
    if (skb->vlan_present || skb->pkt_type == PACKET_OTHERHOST) return PASS;
    pull_headers(skb);
    const struct ethhdr* ethernet = header_at(skb, 0, sizeof(*ethernet));
    const struct ipmp_settings* settings = settings_of_group();
    if (!ethernet || !settings) return PASS;
    int group = is_group_mac(ethernet->h_dest);

    switch (ethernet->h_proto) {
        case bpf_htons(ETH_P_IP):
            return steer_ipv4(skb, settings, group);
        case bpf_htons(ETH_P_IPV6):
            return steer_ipv6(skb, settings, group);
        case bpf_htons(ETH_P_ARP):
            return steer_arp(skb, settings, group);
        default:
            return PASS;
    }
}
