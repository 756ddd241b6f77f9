/* The programs of src/bpf compiled for this machine, with helpers of the kernel that are ours: for fuzz_frames. */
#pragma once

#include <linux/bpf.h>

#include "bpf/ipmp_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A frame of which `linear_bytes` lie where programs read without a helper. Below 4 GB, as a __sk_buff has it. */
struct native_frame {
    __u8* bytes;
    __u32 length, linear_bytes;
};

enum { NATIVE_STEER, NATIVE_SPREAD };

/* What a program has done to the frame. */
struct native_outcome {
    int verdict;
    __u32 redirected_to; /* interface; 0: no redirect */
    __u32 copied_to;     /* likewise, of the copy */
    int copies, events, peers;
    struct ipmp_event event;        /* the last */
    struct ipmp_peer_key peer_key;  /* the last recorded */
    struct ipmp_peer peer;
};

/* The group's maps as the daemon writes them; programs only read these. */
struct native_group {
    struct ipmp_settings settings;
    struct ipmp_nic nics[4];
    __u32 slots[IPMP_FAMILIES * IPMP_SLOTS_PER_FAMILY];
    struct {
        struct ipmp_address_key key;
        struct ipmp_address address;
    } addresses[8];
    int address_count;
};

struct native_outcome native_run(int program, struct native_frame* frame, __u32 ifindex, __u32 flow_hash, __u64 now_ns,
                                 struct native_group* group);

#ifdef __cplusplus
}
#endif
