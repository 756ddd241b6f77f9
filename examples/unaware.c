/* A program that knows nothing of IPMP: what it sees of this host's, by three ways of asking. */

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int by_nameindex(void) {
    struct if_nameindex *list = if_nameindex();
    if (!list) return -1;
    for (struct if_nameindex *each = list; each->if_name; ++each) printf("if_nameindex %s\n", each->if_name);
    if_freenameindex(list);
    return 0;
}

static int by_getifaddrs(void) {
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0) return -1;
    for (struct ifaddrs *each = list; each; each = each->ifa_next) printf("getifaddrs %s\n", each->ifa_name);
    freeifaddrs(list);
    return 0;
}

static int by_ioctl(void) {
    struct ifreq requests[64];
    struct ifconf configuration;
    configuration.ifc_len = sizeof requests;
    configuration.ifc_req = requests;
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
    if (descriptor < 0) return -1;
    int result = ioctl(descriptor, SIOCGIFCONF, &configuration);
    close(descriptor);
    if (result != 0) return -1;
    size_t count = (size_t)configuration.ifc_len / sizeof requests[0];
    for (size_t i = 0; i < count; ++i) printf("SIOCGIFCONF %s\n", requests[i].ifr_name);
    return 0;
}

int main(void) {
    if (by_nameindex() != 0 || by_getifaddrs() != 0 || by_ioctl() != 0) {
        perror("unaware");
        return 1;
    }
    return 0;
}
