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
    {flag::kPrivate, "PRIVATE"},
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
    {flag::kClassOfService, "CoS"},
    {flag::kFixedMtu, "FIXEDMTU"},
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

// The interfaces that prefer an address of `name`.
std::vector<std::string> sourced_by(std::span<const PlumbedInterface> interfaces, Family which,
                                    const std::string& name) {
    std::vector<std::string> names;
    for (const PlumbedInterface& interface : interfaces) {
        const std::optional<PlumbedFamily>& family = family_of(interface, which);
        if (family && family->route_source == name) names.push_back(interface.name);
    }
    return names;
}

std::string block(const PlumbedInterface& interface, const PlumbedFamily& family, const LogicalStatus& logical,
                  std::span<const PlumbedInterface> all, bool with_ether) {
    bool zeroth = logical.number == 0;
    std::string name = zeroth ? interface.name : fmt::format("{}:{}", interface.name, logical.number);
    std::vector<std::string> sourced = sourced_by(all, logical.address.family, name);
    std::string metric = family.metric == 0 ? "" : fmt::format(" metric {}", family.metric);
    std::string text = fmt::format("{}: flags={}{} mtu {} index {}\n", name, flags_text(logical.flags), metric,
                                   family.mtu_bytes, interface.index);
    if (zeroth && !family.route_source.empty()) text += fmt::format("\tusesrc {}\n", family.route_source);
    if (!sourced.empty()) text += fmt::format("\tsrcof {}\n", fmt::join(sourced, " "));
    text += address_line(logical);
    if (zeroth && !interface.group_name.empty()) text += fmt::format("\tgroupname {}\n", interface.group_name);
    if (zeroth && with_ether && interface.mac) text += fmt::format("\tether {}\n", ether_text(*interface.mac));
    return text;
}

}  // namespace

bool is_chosen(const LogicalStatus& logical, const DisplayChoice& choice) {
    bool up = logical.flags & flag::kUp;
    if ((choice.only_up && !up) || (choice.only_down && up)) return false;
    if (choice.without_dhcp && (logical.flags & flag::kDhcp)) return false;
    return !choice.number || *choice.number == logical.number;
}

std::string flags_text(std::uint64_t flags) {
    std::vector<const char*> names;
    for (const NamedFlag& flag : kFlags) {
        if (flags & flag.bit) names.push_back(flag.name);
    }
    return fmt::format("{:x}<{}>", flags, fmt::join(names, ","));
}

std::string ether_text(const MacAddress& mac) { return fmt::format("{:x}", fmt::join(mac.bytes, ":")); }

std::string configinfo_text(const PlumbedInterface& interface, Family family, const LogicalStatus& logical) {
    const PlumbedFamily& plumbed = *family_of(interface, family);
    bool ipmp = logical.flags & flag::kIpmp, zeroth = logical.number == 0;
    std::string text = zeroth ? interface.name : fmt::format("{}:{}", interface.name, logical.number);
    text += fmt::format(" {} {}", family == Family::ipv4 ? "inet" : "inet6", ipmp && zeroth ? "ipmp" : "plumb");
    if (zeroth && (!ipmp || (logical.flags & flag::kFixedMtu))) text += fmt::format(" mtu {}", plumbed.mtu_bytes);
    if (zeroth) text += fmt::format(" index {}", interface.index);
    if (zeroth && plumbed.metric != 0) text += fmt::format(" metric {}", plumbed.metric);
    if (family == Family::ipv4 && !logical.address.is_zero()) {
        text += fmt::format(" set {} netmask 0x{:x}", to_string(logical.address), mask_of(logical.prefix_length));
        if (logical.broadcast) text += " broadcast " + to_string(*logical.broadcast);
    } else if (!logical.address.is_zero()) {
        text += fmt::format(" set {}/{}", to_string(logical.address), logical.prefix_length);
    }
    if (zeroth && !interface.group_name.empty()) {
        const char* quote = interface.group_name.find(' ') == std::string::npos ? "" : "'";
        text += fmt::format(" group {}{}{}", quote, interface.group_name, quote);
    }
    if (zeroth && !plumbed.route_source.empty()) text += " usesrc " + plumbed.route_source;
    bool test_address = logical.flags & flag::kNoFailover;
    if (test_address) text += " -failover";  // and so deprecated
    if ((logical.flags & flag::kDeprecated) && !test_address) text += " deprecated";
    if (logical.flags & flag::kPrivate) text += " private";
    if (zeroth && (logical.flags & flag::kRouter)) text += " router";
    if (zeroth && (logical.flags & flag::kStandby)) text += " standby";
    return text + ((logical.flags & flag::kUp) ? " up\n" : "\n");
}

std::string ifconfig_text(std::span<const PlumbedInterface> interfaces, const DisplayChoice& choice) {
    std::string text;
    for (Family family : choice.families) {
        for (const PlumbedInterface& interface : interfaces) {
            if (!choice.interface.empty() && interface.name != choice.interface) continue;
            const std::optional<PlumbedFamily>& plumbed = family_of(interface, family);
            if (!plumbed) continue;
            for (const LogicalStatus& logical : plumbed->logicals) {
                if (!is_chosen(logical, choice)) continue;
                text += block(interface, *plumbed, logical, interfaces, choice.with_ether);
            }
        }
    }
    return text;
}

}  // namespace ipmp
