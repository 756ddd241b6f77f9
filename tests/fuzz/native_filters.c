/* The programs as they are; only the helpers, which <bpf/bpf_helpers.h> has as variables that hold numbers, are ours.
 * What the kernel refuses is refused here: a read or write that does not lie within the frame. */
#include "bpf/ipmp.bpf.c"

#include <stdlib.h>
#include <string.h>

#include "native_filters.h"

static struct native_frame* the_frame;
static struct native_group* the_group;
static struct native_outcome outcome;
static struct __sk_buff context;
static __u64 the_time_ns;
static __u32 the_hash;
static __u64 counters[IPMP_COUNTER_COUNT];
static struct ipmp_pace the_pace; /* of every address: as if it had been claimed last by this frame's sender */
static struct ipmp_bucket buckets[IPMP_EVENT_KINDS];

static void* row_of(void* rows, size_t row_bytes, size_t count, const void* key) {
    __u32 row = *(const __u32*)key;
    return row < count ? (char*)rows + row * row_bytes : NULL;
}

static void* look_up(void* map, const void* key) {
    if (map == &ipmp_settings) return &the_group->settings;
    if (map == &ipmp_counters) return row_of(counters, sizeof counters[0], IPMP_COUNTER_COUNT, key);
    if (map == &ipmp_slots) return row_of(the_group->slots, 4, IPMP_FAMILIES * IPMP_SLOTS_PER_FAMILY, key);
    if (map == &ipmp_nics) return row_of(the_group->nics, sizeof(struct ipmp_nic), 4, key);
    if (map == &ipmp_buckets) return row_of(buckets, sizeof buckets[0], IPMP_EVENT_KINDS, key);
    if (map == &ipmp_paces) return &the_pace;
    if (map == &ipmp_peers) return NULL;
    if (map == &ipmp_addresses) {
        for (int i = 0; i < the_group->address_count; i++) {
            if (memcmp(&the_group->addresses[i].key, key, sizeof(struct ipmp_address_key)) == 0)
                return &the_group->addresses[i].address;
        }
        return NULL;
    }
    if (map != &ipmp_members) abort();
    for (int row = 1; row < 4; row++) {
        if (memcmp(the_group->nics[row].mac, key, IPMP_MAC_BYTES) == 0) return &the_group->nics[row].ifindex;
    }
    return NULL;
}

static long update(void* map, const void* key, const void* value, __u64 flags) {
    (void)flags;
    if (map != &ipmp_peers) return 0;
    outcome.peers++;
    memcpy(&outcome.peer_key, key, sizeof outcome.peer_key);
    memcpy(&outcome.peer, value, sizeof outcome.peer);
    return 0;
}

static int outside(__u32 offset, __u32 size) { return size > the_frame->length || offset > the_frame->length - size; }

static long load(const void* skb, __u32 offset, void* to, __u32 size) {
    (void)skb;
    if (outside(offset, size)) {
        memset(to, 0, size);
        return -1;
    }
    memcpy(to, the_frame->bytes + offset, size);
    return 0;
}

static long store(struct __sk_buff* skb, __u32 offset, const void* from, __u32 size, __u64 flags) {
    (void)skb, (void)flags;
    if (outside(offset, size)) return -1;
    memcpy(the_frame->bytes + offset, from, size);
    return 0;
}

static long pull(struct __sk_buff* skb, __u32 size) {
    if (size > the_frame->length) return -1;
    skb->data_end = skb->data + size;
    return 0;
}

static long redirect(__u32 ifindex, __u64 flags) {
    (void)flags;
    outcome.redirected_to = ifindex;
    return TC_ACT_REDIRECT;
}

static long clone(struct __sk_buff* skb, __u32 ifindex, __u64 flags) {
    (void)skb, (void)flags;
    outcome.copies++;
    outcome.copied_to = ifindex;
    return 0;
}

static __u64 now(void) { return the_time_ns; }
static __u32 flow_hash(struct __sk_buff* skb) { return skb ? the_hash : 0; }

static void* reserve(void* ring, __u64 size, __u64 flags) {
    (void)ring, (void)flags;
    return size == sizeof outcome.event ? &outcome.event : NULL;
}
static void submit(void* event, __u64 flags) {
    (void)event, (void)flags;
    outcome.events++;
}

static __u32 folded(__u32 sum) {
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}
static __u32 sum_of(const __be32* words, __u32 size) {
    __u32 sum = 0;
    for (const __u16* half = (const __u16*)words; size; size -= 2) sum += *half++;
    return folded(sum);
}
static __s64 difference(__be32* from, __u32 from_size, __be32* to, __u32 to_size, __u32 seed) {
    return folded(seed + sum_of(to, to_size) + (~sum_of(from, from_size) & 0xffff));
}
static long replace_checksum(struct __sk_buff* skb, __u32 offset, __u64 from, __u64 to, __u64 flags) {
    __u16 checksum;
    (void)from, (void)flags;
    if (load(skb, offset, &checksum, 2) < 0) return -1;
    checksum = (__u16)~folded((~checksum & 0xffff) + (__u32)to);
    return store(skb, offset, &checksum, 2, 0);
}

struct native_outcome native_run(int program, struct native_frame* frame, __u32 ifindex, __u32 hash, __u64 now_ns,
                                 struct native_group* group) {
    bpf_map_lookup_elem = look_up;
    bpf_map_update_elem = update;
    bpf_skb_load_bytes = load;
    bpf_skb_store_bytes = store;
    bpf_skb_pull_data = pull;
    bpf_redirect = redirect;
    bpf_clone_redirect = clone;
    bpf_ktime_get_ns = now;
    bpf_get_hash_recalc = flow_hash;
    bpf_ringbuf_reserve = reserve;
    bpf_ringbuf_submit = submit;
    bpf_csum_diff = difference;
    bpf_l4_csum_replace = replace_checksum;

    the_frame = frame;
    the_group = group;
    the_hash = hash;
    the_time_ns = now_ns;
    memset(&outcome, 0, sizeof outcome);
    memset(&context, 0, sizeof context);
    memset(&the_pace, 0, sizeof the_pace);
    memset(buckets, 0, sizeof buckets);
    context.ifindex = ifindex;
    context.len = frame->length;
    context.data = (__u32)(unsigned long)frame->bytes;
    context.data_end = context.data + frame->linear_bytes;
    outcome.verdict = program == NATIVE_STEER ? ipmp_steer(&context) : ipmp_spread(&context);
    return outcome;
}
