#include "tools/kernel_interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <memory>

#include "base/natural_order.hpp"
#include "base/unique_fd.hpp"
#include "model/interface_flags.hpp"

namespace ipmp {

namespace {

constexpr const char* kInnerEndPrefix = "ipmpl";
constexpr std::uint8_t kUpStubPrefixLength = 8;  // 0.0.0.0 is of class A

struct Link {
    PlumbedInterface plumbed;
    unsigned flags = 0;
};
using Links = std::map<std::string, Link, NaturalLess>;

IpAddress address_of(const sockaddr* address) {
    IpAddress result;
    if (address->sa_family == AF_INET6) {
        result.family = Family::ipv6;
        std::memcpy(result.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, 16);
    } else {
        std::memcpy(result.bytes.data(), &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, 4);
    }
    return result;
}

std::uint8_t length_of(const sockaddr* netmask) {
    int length = 0;
    if (netmask) {
        for (std::uint8_t byte : address_of(netmask).bytes) length += std::popcount(byte);
    }
    return static_cast<std::uint8_t>(length);
}

// Solaris's word for the kernel's flags; UP comes with the address.
std::uint64_t flags_of(unsigned kernel_flags, Family family) {
    constexpr std::pair<unsigned, std::uint64_t> kSame[] = {
        {IFF_LOOPBACK, flag::kLoopback | flag::kVirtual | flag::kMulticast},
        {IFF_POINTOPOINT, flag::kPointToPoint},
        {IFF_RUNNING, flag::kRunning},
        {IFF_NOARP, flag::kNoArp},
        {IFF_PROMISC, flag::kPromiscuous},
        {IFF_ALLMULTI, flag::kAllMulticast},
        {IFF_MULTICAST, flag::kMulticast},
    };
    std::uint64_t flags = family == Family::ipv4 ? flag::kIpv4 : flag::kIpv6;
    if (family == Family::ipv4 && (kernel_flags & IFF_BROADCAST)) flags |= flag::kBroadcast;
    for (const auto& [theirs, ours] : kSame) {
        if (kernel_flags & theirs) flags |= ours;
    }
    return flags;
}

std::uint32_t mtu_of(int socket_fd, const std::string& name) {
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    if (ioctl(socket_fd, SIOCGIFMTU, &request) != 0) return 0;  // it has just gone
    return static_cast<std::uint32_t>(request.ifr_mtu);
}

// Packet entries come first and name every link.
void add_link(Links& links, const ifaddrs& entry) {
    Link& link = links[entry.ifa_name];
    const auto& address = *reinterpret_cast<const sockaddr_ll*>(entry.ifa_addr);
    link.plumbed.name = entry.ifa_name;
    link.plumbed.index = static_cast<std::uint32_t>(address.sll_ifindex);
    link.flags = entry.ifa_flags;
    if (address.sll_hatype != ARPHRD_ETHER) return;
    std::copy_n(address.sll_addr, 6, link.plumbed.mac.emplace().bytes.begin());
    if (link.flags & IFF_UP) link.plumbed.inet.emplace();  // plumbed, with or without an address
}

void add_address(Links& links, const ifaddrs& entry) {
    std::string name = entry.ifa_name;  // of IPv4 addresses it may be a label: eth0:1
    auto found = links.find(name.substr(0, name.find(':')));
    if (found == links.end()) return;  // it came after the list of links was made
    Link& link = found->second;
    IpAddress address = address_of(entry.ifa_addr);
    auto& family = address.family == Family::ipv4 ? link.plumbed.inet : link.plumbed.inet6;
    if (!family) family.emplace();
    LogicalStatus logical{.number = static_cast<std::uint32_t>(family->logicals.size()), .address = address};
    logical.prefix_length = length_of(entry.ifa_netmask);
    logical.flags = flags_of(link.flags, address.family) | ((link.flags & IFF_UP) ? flag::kUp : 0);
    bool may_have_broadcast = address.family == Family::ipv4 && (link.flags & IFF_BROADCAST) && entry.ifa_broadaddr;
    if (may_have_broadcast) logical.broadcast = address_of(entry.ifa_broadaddr);
    if (logical.broadcast == address) logical.broadcast.reset();  // how the C library says: none
    family->logicals.push_back(logical);
}

LogicalStatus stub(const Link& link, Family family) {
    LogicalStatus stub{.flags = flags_of(link.flags, family) | flag::kUp};
    stub.address.family = family;
    stub.prefix_length = family == Family::ipv4 ? kUpStubPrefixLength : 0;
    return stub;
}

}  // namespace

Result<std::vector<PlumbedInterface>> kernel_interfaces() {
    UniqueFd any_socket(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!any_socket) return system_error("cannot create sockets");
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) return system_error("cannot list interfaces");
    std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(first, freeifaddrs);
    Links links;
    for (const ifaddrs* entry = first; entry; entry = entry->ifa_next) {
        if (!entry->ifa_addr) continue;
        if (entry->ifa_addr->sa_family == AF_PACKET) add_link(links, *entry);
        if (entry->ifa_addr->sa_family == AF_INET || entry->ifa_addr->sa_family == AF_INET6) add_address(links, *entry);
    }
    std::vector<PlumbedInterface> interfaces;
    for (auto& [name, link] : links) {
        for (Family family : kFamilies) {
            auto& plumbed = family == Family::ipv4 ? link.plumbed.inet : link.plumbed.inet6;
            if (!plumbed) continue;
            plumbed->mtu_bytes = mtu_of(any_socket.get(), name);
            if (plumbed->logicals.empty()) plumbed->logicals.push_back(stub(link, family));
        }
        if (link.plumbed.inet || link.plumbed.inet6) interfaces.push_back(std::move(link.plumbed));
    }
    return interfaces;
}

Result<std::vector<std::string>> ethernet_links() {
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) return system_error("cannot list interfaces");
    std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(first, freeifaddrs);
    std::vector<std::string> names;
    for (const ifaddrs* entry = first; entry; entry = entry->ifa_next) {
        if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_PACKET) continue;
        std::string name = entry->ifa_name;
        bool ethernet = reinterpret_cast<const sockaddr_ll*>(entry->ifa_addr)->sll_hatype == ARPHRD_ETHER;
        if (ethernet && !name.starts_with(kInnerEndPrefix)) names.push_back(name);
    }
    std::sort(names.begin(), names.end(), NaturalLess());
    return names;
}

}  // namespace ipmp
