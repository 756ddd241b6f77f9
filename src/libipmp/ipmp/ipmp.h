/*
 * libipmp: IP network multipathing for programs. libipmp(3) explains it.
 *
 * What there is: a snapshot of groups, underlying interfaces, data addresses and targets; lists of IP interfaces with
 * and without those that belong to a group; events; taking an underlying interface offline and back.
 *
 * Functions return IPMP_SUCCESS or one of the codes below, unless they say otherwise. Everything the library hands out
 * is read-only and stays valid until its own free function is called; NULL may be freed. A handle is for one thread at
 * a time. Later versions append members to the structures, so never copy one or compute its size.
 */
#ifndef IPMP_IPMP_H
#define IPMP_IPMP_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Flags of IP interfaces with the values they have in <net/if.h> of Solaris (IFF_UP and others up to IFF_MULTICAST are
 * in that of Linux; not all of those have the same value, so compare only with what is defined here, IFF_UP and
 * IFF_RUNNING).
 */
#define IFF_DHCPRUNNING UINT64_C(0x4000)        /* address from DHCP */
#define IFF_DEPRECATED UINT64_C(0x40000)        /* not to be chosen as a source */
#define IFF_ADDRCONF UINT64_C(0x80000)          /* address from router advertisements */
#define IFF_ROUTER UINT64_C(0x100000)           /* forwards packets of others */
#define IFF_IPV4 UINT64_C(0x1000000)
#define IFF_IPV6 UINT64_C(0x2000000)
#define IFF_NOFAILOVER UINT64_C(0x8000000)      /* test address: stays on its interface */
#define IFF_FAILED UINT64_C(0x10000000)         /* interface, or all interfaces of the group, failed */
#define IFF_STANDBY UINT64_C(0x20000000)        /* used only when another one is unusable */
#define IFF_INACTIVE UINT64_C(0x40000000)       /* works, but is not used at the moment */
#define IFF_OFFLINE UINT64_C(0x80000000)        /* taken offline by if_mpadm */
#define IFF_DUPLICATE UINT64_C(0x4000000000)    /* another host has the address */
#define IFF_IPMP UINT64_C(0x8000000000)         /* IPMP interface */

/* Whether lists include the underlying interfaces of groups. Zero: they do not. */
#define LIFC_UNDER_IPMP 0x10

/* What events are about: elsewhere values of the option RT_AWARE at level SOL_ROUTE, here of ipmp_watch(). */
#define SOL_ROUTE 0xfffe
#define RT_AWARE 0x1
#define RTAW_DEFAULT 0x0    /* IP interfaces, but none that belongs to a group: joining looks like its removal */
#define RTAW_UNDER_IPMP 0x1 /* all of them, and the states of underlying interfaces */

/* Results. */
enum {
    IPMP_SUCCESS = 0,
    IPMP_FAILURE = 1,     /* see errno */
    IPMP_EMINRED = 2,     /* minimum failover redundancy not met */
    IPMP_EFBDISABLED = 3, /* failback disabled */
    IPMP_EUNKADDR = 4,    /* unknown IPMP data address */
    IPMP_EINVAL = 5,      /* invalid argument */
    IPMP_ENOMEM = 6,      /* out of memory */
    IPMP_ENOMPATHD = 7,   /* cannot contact in.mpathd */
    IPMP_EUNKGROUP = 8,   /* unknown IPMP group */
    IPMP_EUNKIF = 9,      /* interface is not using IPMP */
    IPMP_EPROTO = 10,     /* unable to communicate with in.mpathd */
    IPMP_EHWADDRDUP = 11, /* interface has duplicate hardware address */
    IPMP_NERR
};

typedef struct ipmp_handle ipmp_handle_t;

typedef enum { IPMP_GROUP_OK, IPMP_GROUP_DEGRADED, IPMP_GROUP_FAILED } ipmp_group_state_t;
typedef enum { IPMP_IF_OK, IPMP_IF_FAILED, IPMP_IF_OFFLINE, IPMP_IF_UNKNOWN } ipmp_if_state_t;
typedef enum { IPMP_LINK_UP, IPMP_LINK_DOWN, IPMP_LINK_UNKNOWN } ipmp_link_state_t;
typedef enum { IPMP_PROBE_OK, IPMP_PROBE_FAILED, IPMP_PROBE_UNKNOWN, IPMP_PROBE_DISABLED } ipmp_probe_state_t;
typedef enum { IPMP_TARGETS_DISABLED, IPMP_TARGETS_ROUTES, IPMP_TARGETS_MULTICAST } ipmp_target_mode_t;

/* A group. Lists of names end with NULL. */
typedef struct ipmp_group {
    const char *interface; /* IPMP interface, "ipmp0"; "" of the anonymous group */
    const char *name;      /* of the group */
    ipmp_group_state_t state;
    uint32_t failure_detection_time_ms; /* 0: no interface of it is probed */
    const char *const *active;          /* underlying interfaces that carry traffic */
    const char *const *inactive;        /* that could */
    const char *const *unusable;        /* that cannot */
} ipmp_group_t;

/* An underlying interface. */
typedef struct ipmp_interface {
    const char *name;
    unsigned index;
    const char *group; /* IPMP interface; "" if it is in no group */
    bool active;
    bool standby;
    bool inactive;
    bool multicast4, broadcast4, multicast6; /* nominated for these of its group */
    bool down;                               /* no address of it is up */
    bool hardware_duplicate;                 /* offline as another member has its MAC */
    ipmp_link_state_t link;
    ipmp_probe_state_t probe;
    ipmp_if_state_t state;
} ipmp_interface_t;

/* A data address. */
typedef struct ipmp_address {
    struct sockaddr_storage address;
    bool up;
    const char *group;           /* IPMP interface that hosts it */
    const char *inbound;         /* underlying interface it is bound to, or "" */
    const char *const *outbound; /* underlying interfaces that carry what is sent */
} ipmp_address_t;

/* Whom an underlying interface probes in one family. */
typedef struct ipmp_target {
    const char *interface;
    ipmp_target_mode_t mode;
    const struct sockaddr_storage *test_address; /* NULL: none */
    size_t target_count;
    const struct sockaddr_storage *targets; /* in the order in which they will be probed */
} ipmp_target_t;

/* Everything, consistent in itself. */
typedef struct ipmp_snapshot {
    size_t group_count;
    const ipmp_group_t *const *groups;
    size_t interface_count;
    const ipmp_interface_t *const *interfaces;
    size_t address_count;
    const ipmp_address_t *const *addresses;
    size_t target_count;
    const ipmp_target_t *const *targets;
} ipmp_snapshot_t;

/* A logical interface: one address of an IP interface. */
typedef struct ipmp_lif {
    const char *name;      /* "ipmp0:1" */
    const char *interface; /* "ipmp0" */
    unsigned index;        /* of the interface */
    uint64_t flags;        /* IFF_... */
    struct sockaddr_storage address;
    uint8_t prefix_length;
} ipmp_lif_t;

typedef struct ipmp_lifs {
    size_t count;
    const ipmp_lif_t *const *lifs;
} ipmp_lifs_t;

typedef enum {
    IPMP_ADDED,
    IPMP_REMOVED,
    IPMP_CHANGED,
    IPMP_SYNCHRONIZED /* all that was there already has been told; nothing else in the event counts */
} ipmp_change_t;

typedef enum {
    IPMP_OBJECT_GROUP,      /* `name` is the IPMP interface */
    IPMP_OBJECT_UNDERLYING, /* an underlying interface; with RTAW_UNDER_IPMP alone */
    IPMP_OBJECT_INTERFACE,  /* an IP interface; `flags` are those of its zeroth logical interface */
    IPMP_OBJECT_ADDRESS     /* an UP address of the logical interface `name` */
} ipmp_object_t;

typedef struct ipmp_event {
    ipmp_change_t change;
    ipmp_object_t object;
    const char *name;
    const char *state; /* of a group or underlying interface: "ok", "degraded", "failed", "offline", "unknown"; or "" */
    const char *group; /* IPMP interface that an underlying interface belongs to; else "" */
    uint64_t flags;    /* IFF_..., of an interface or address */
    struct sockaddr_storage address; /* of an address; else its family is AF_UNSPEC */
    uint8_t prefix_length;
} ipmp_event_t;

/* Cannot fail for want of a daemon: each call finds it, and finds it again after a restart. */
int ipmp_open(ipmp_handle_t **handle);
void ipmp_close(ipmp_handle_t *handle);

/* Text for a result, without the name of what failed. Never NULL. */
const char *ipmp_errmsg(int result);

/* IPMP_SUCCESS if in.mpathd answers. */
int ipmp_ping_daemon(ipmp_handle_t *handle);

int ipmp_get_snapshot(ipmp_handle_t *handle, ipmp_snapshot_t **snapshot);
void ipmp_free_snapshot(ipmp_snapshot_t *snapshot);

/*
 * IP interfaces and their number, as if_nameindex(3) lists them; `flags`: 0 or LIFC_UNDER_IPMP. The list ends with
 * index 0 and name NULL. Without a daemon the kernel's own list is taken.
 */
int ipmp_if_nameindex(ipmp_handle_t *handle, unsigned flags, struct if_nameindex **list);
void ipmp_if_freenameindex(struct if_nameindex *list);

/* Logical interfaces of AF_INET, AF_INET6 or AF_UNSPEC (both), and their number. */
int ipmp_lif_list(ipmp_handle_t *handle, int family, unsigned flags, ipmp_lifs_t **lifs);
void ipmp_free_lif_list(ipmp_lifs_t *lifs);
int ipmp_lif_count(ipmp_handle_t *handle, int family, unsigned flags, size_t *count);

/*
 * Asks for events; `awareness` is one of RTAW_.... First comes an IPMP_ADDED for all there is, then IPMP_SYNCHRONIZED.
 * After IPMP_ENOMPATHD from ipmp_next_event() the daemon has ended: call ipmp_watch() again once it is back, and only
 * what changed meanwhile is told before the next IPMP_SYNCHRONIZED.
 */
int ipmp_watch(ipmp_handle_t *handle, int awareness);
/* Readable when ipmp_next_event() may have something new; call that until it gives none. -1: not watching. */
int ipmp_watch_fd(const ipmp_handle_t *handle);
/* The next event, to be freed; *event is NULL if none comes within timeout_ms (0: do not wait). */
int ipmp_next_event(ipmp_handle_t *handle, int timeout_ms, ipmp_event_t **event);
void ipmp_free_event(ipmp_event_t *event);

/*
 * What if_mpadm -d and -r do. At least `minimum_redundancy` other interfaces of the group must be usable. Need the
 * rights of user root or group ipmp: IPMP_FAILURE with errno EPERM without.
 */
int ipmp_offline(ipmp_handle_t *handle, const char *interface, unsigned minimum_redundancy);
int ipmp_undo_offline(ipmp_handle_t *handle, const char *interface);

/*
 * Why a daemon that is killed now would have forgotten the change that this handle made last, though it is in effect,
 * as on a full disk; "" if it is saved, or failed. Valid until the next change. Never NULL.
 */
const char *ipmp_unsaved(const ipmp_handle_t *handle);

#ifdef __cplusplus
}
#endif

#endif
