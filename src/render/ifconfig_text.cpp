#include "render/ifconfig_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "model/interface_flags.hpp"

namespace ipmp {

namespace {

struct NamedFlag {
    std::uint64_t bit;
    const char* name;
};

// In the order in which they are printed.
constexpr NamedFlag kFlags[] = {
    {flag::kUp, "UP"},
    {flag::kBroadcast, "BROADCAST"},
    {flag::kLoopback, "LOOPBACK"},
    {flag::kPointToPoint, "POINTOPOINT"},
    {flag::kRunning, "RUNNING"},
    {flag::kNoArp, "NOARP"},
    {flag::kPromiscuous, "PROMISC"},
    {flag::kAllMulticast, "ALLMULTI"},
    {flag::kMulticast, "MULTICAST"},
    {flag::kDhcp, "DHCP"},
    {flag::kDeprecated, "DEPRECATED"},
    {flag::kAutoconfigured, "ADDRCONF"},
    {flag::kRouter, "ROUTER"},
    {flag::kIpv4, "IPv4"},
    {flag::kIpv6, "IPv6"},
    {flag::kNoFailover, "NOFAILOVER"},
    {flag::kFailed, "FAILED"},
    {flag::kStandby, "STANDBY"},
    {flag::kInactive, "INACTIVE"},
    {flag::kOffline, "OFFLINE"},
    {flag::kVirtual, "VIRTUAL"},
    {flag::kDuplicate, "DUPLICATE"},
    {flag::kIpmp, "IPMP"},
};

std::uint32_t mask_of(std::uint8_t prefix_length) {
    return prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix_length);
}

std::string address_line(const LogicalStatus& logical) {
    std::string address = to_string(logical.address);
    if (logical.address.family == Family::ipv6) return fmt::format("\tinet6 {}/{} \n", address, logical.prefix_length);
    std::string broadcast = logical.broadcast ? "broadcast " + to_string(*logical.broadcast) : "";
    return fmt::format("\tinet {} netmask {:x} {}\n", address, mask_of(logical.prefix_length), broadcast);
}

std::string block(const PlumbedInterface& interface, std::uint32_t mtu_bytes, const LogicalStatus& logical,
                  bool with_ether) {
    bool zeroth = logical.number == 0;
    std::string name = zeroth ? interface.name : fmt::format("{}:{}", interface.name, logical.number);
    std::string text = fmt::format("{}: flags={} mtu {} index {}\n", name, flags_text(logical.flags), mtu_bytes,
                                   interface.index);
    text += address_line(logical);
    if (zeroth && !interface.group_name.empty()) text += fmt::format("\tgroupname {}\n", interface.group_name);
    if (zeroth && with_ether && interface.mac) text += fmt::format("\tether {}\n", ether_text(*interface.mac));
    return text;
}

bool chosen(const LogicalStatus& logical, const DisplayChoice& choice) {
    bool up = logical.flags & flag::kUp;
    if ((choice.only_up && !up) || (choice.only_down && up)) return false;
    if (choice.without_dhcp && (logical.flags & flag::kDhcp)) return false;
    return !choice.number || *choice.number == logical.number;
}

}  // namespace

std::string flags_text(std::uint64_t flags) {
    std::vector<const char*> names;
    for (const NamedFlag& flag : kFlags) {
        if (flags & flag.bit) names.push_back(flag.name);
    }
    return fmt::format("{:x}<{}>", flags, fmt::join(names, ","));
}

std::string ether_text(const MacAddress& mac) { return fmt::format("{:x}", fmt::join(mac.bytes, ":")); }

std::string ifconfig_text(std::span<const PlumbedInterface> interfaces, const DisplayChoice& choice) {
    std::string text;
    for (Family family : choice.families) {
        for (const PlumbedInterface& interface : interfaces) {
            if (!choice.interface.empty() && interface.name != choice.interface) continue;
            const std::optional<PlumbedFamily>& plumbed = family_of(interface, family);
            if (!plumbed) continue;
            for (const LogicalStatus& logical : plumbed->logicals) {
                if (chosen(logical, choice)) text += block(interface, plumbed->mtu_bytes, logical, choice.with_ether);
            }
        }
    }
    return text;
}

}  // namespace ipmp
