/*
 * A program that knows of IPMP: lists the IP interfaces, then shows what happens to them and to the groups.
 *
 *     aware [-u] [-e COUNT]
 *
 * -u: underlying interfaces as well. -e: ends after COUNT events; without it after the list.
 */

#include <arpa/inet.h>
#include <ipmp/ipmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int fail(const char *what, int result) {
    fprintf(stderr, "aware: %s: %s\n", what, ipmp_errmsg(result));
    return 1;
}

static const char *text_of(const struct sockaddr_storage *address, char *text, socklen_t bytes) {
    const void *bits = address->ss_family == AF_INET ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                                                     : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
    return inet_ntop(address->ss_family, bits, text, bytes);
}

static int list_interfaces(ipmp_handle_t *handle, unsigned flags) {
    struct if_nameindex *list;
    int result = ipmp_if_nameindex(handle, flags, &list);
    if (result != IPMP_SUCCESS) return fail("cannot list interfaces", result);
    for (struct if_nameindex *each = list; each->if_name; ++each) printf("interface %s\n", each->if_name);
    ipmp_if_freenameindex(list);
    return 0;
}

static void show(const ipmp_event_t *event) {
    static const char *const changes[] = {"added", "removed", "changed", "synchronized"};
    static const char *const objects[] = {"group", "underlying", "interface", "address"};
    char address[INET6_ADDRSTRLEN];
    printf("%s", changes[event->change]);
    if (event->change != IPMP_SYNCHRONIZED) printf(" %s %s", objects[event->object], event->name);
    if (event->state[0]) printf(" %s", event->state);
    if (event->group[0]) printf(" of %s", event->group);
    if (event->address.ss_family != AF_UNSPEC) {
        printf(" %s/%u", text_of(&event->address, address, sizeof address), event->prefix_length);
    }
    putchar('\n');
    fflush(stdout);
}

static int watch(ipmp_handle_t *handle, int awareness, long count) {
    int result = ipmp_watch(handle, awareness);
    while (result == IPMP_SUCCESS && count > 0) {
        ipmp_event_t *event;
        result = ipmp_next_event(handle, 1000, &event);
        if (result != IPMP_SUCCESS || !event) continue;
        show(event);
        ipmp_free_event(event);
        --count;
    }
    return result == IPMP_SUCCESS ? 0 : fail("cannot watch", result);
}

int main(int argc, char **argv) {
    unsigned flags = 0;
    long events = 0;
    for (int option; (option = getopt(argc, argv, "ue:")) != -1;) {
        if (option == 'u') flags = LIFC_UNDER_IPMP;
        if (option == 'e') events = strtol(optarg, NULL, 10);
        if (option == '?') return 1;
    }
    ipmp_handle_t *handle;
    int result = ipmp_open(&handle);
    if (result != IPMP_SUCCESS) return fail("cannot begin", result);
    int status = list_interfaces(handle, flags);
    if (status == 0 && events > 0) status = watch(handle, flags ? RTAW_UNDER_IPMP : RTAW_DEFAULT, events);
    ipmp_close(handle);
    return status;
}
