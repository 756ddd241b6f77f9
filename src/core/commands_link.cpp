// Commands on what belongs to an interface as a whole (R-CMD-5): MTU, metric, MAC address, ARP, the token of IPv6
// addresses, the source of its routes, and failure by decree.
#include <algorithm>

#include "core/commands_internal.hpp"
#include "core/link_limits.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

// RFC 791 and RFC 8200; below the latter Linux takes IPv6 off the link.
constexpr std::uint32_t kLeastMtu[] = {68, 1280};
constexpr std::uint32_t kMostMtu = 65535;

CommandReply invalid(const std::string& why) { return failure(CommandError::invalid_argument, why); }

template <typename Families>
bool mtu_suits(const Families& families, std::uint32_t mtu_bytes) {
    for (Family family : kFamilies) {
        if (families[index_of(family)].plumbed && mtu_bytes < kLeastMtu[index_of(family)]) return false;
    }
    return true;
}

}  // namespace

CommandReply set_mtu(const SetMtu& command, CommandContext& context) {
    std::size_t family = index_of(command.family);
    Group* group = find_group(context, command.interface);
    Interface* nic = group ? nullptr : find_nic(context, command.interface);
    bool plumbed = group ? group->families[family].plumbed : nic && nic->families[family].plumbed;
    if (!plumbed) return no_such_interface(command.interface);
    bool suits = group ? mtu_suits(group->families, command.mtu_bytes) : mtu_suits(nic->families, command.mtu_bytes);
    if (!suits || command.mtu_bytes > kMostMtu) {
        return invalid(fmt::format("an MTU is {} to {}", kLeastMtu[family], kMostMtu));
    }
    if (nic) {
        nic->wanted_mtu_bytes = command.mtu_bytes;
        return success();
    }
    Group free = *group;
    free.wanted_mtu_bytes = 0;
    auto members = members_of(std::as_const(context.state), free);
    std::uint32_t least = wanted_mtu(members, free);
    if (!members.empty() && command.mtu_bytes > least) {
        return invalid(fmt::format("{} is the least of the members' MTUs", least));
    }
    group->wanted_mtu_bytes = command.mtu_bytes;
    return success();
}

CommandReply set_metric(const SetMetric& command, CommandContext& context) {
    std::size_t family = index_of(command.family);
    if (Group* group = find_group(context, command.interface)) {
        if (!group->families[family].plumbed) return no_such_interface(command.interface);
        group->families[family].metric = command.metric;
        return success();
    }
    Interface* nic = find_nic(context, command.interface);
    if (!nic || !nic->families[family].plumbed) return no_such_interface(command.interface);
    nic->families[family].metric = command.metric;
    return success();
}

CommandReply set_ether(const SetEther& command, CommandContext& context) {
    if (find_group(context, command.interface)) {
        return failure(CommandError::not_supported, "an IPMP interface has no hardware address");
    }
    Interface* nic = find_nic(context, command.interface);
    if (!nic) return no_such_interface(command.interface);
    bool is_one_host = !(command.mac.bytes[0] & 1) && command.mac != MacAddress{};
    if (!is_one_host) return invalid(fmt::format("{} is no address of one host", to_string(command.mac)));
    nic->wanted_mac = command.mac;
    return success();
}

CommandReply set_arp(const SetArp& command, CommandContext& context) {
    Group* group = find_group(context, command.interface);
    if (group) return command.arp ? success() : invalid("IPMP needs ARP");
    Interface* nic = find_nic(context, command.interface);
    if (!nic) return no_such_interface(command.interface);
    if (!nic->group.empty() && !command.arp) return invalid("IPMP needs ARP");
    auto link = context.kernel.links.find(nic->index);
    bool is_so = link != context.kernel.links.end() && link->second.no_arp == !command.arp;
    if (!is_so) context.orders.ops.push_back(SetLinkArp{nic->index, command.arp});
    return success();
}

CommandReply set_failed(const SetFailed& command, CommandContext& context) {
    if (find_group(context, command.interface)) return success();  // follows from its members alone
    Interface* nic = find_nic(context, command.interface);
    if (!nic) return no_such_interface(command.interface);
    if (nic->group.empty()) return invalid("it is in no group");
    nic->declared_failed = command.failed;
    return success();
}

CommandReply set_token(const SetToken& command, CommandContext& context) {
    if (command.token.family != Family::ipv6) return invalid("a token is an IPv6 address");
    bool begins_with_zeros = std::all_of(command.token.bytes.begin(), command.token.bytes.begin() + 8,
                                         [](std::uint8_t byte) { return byte == 0; });
    if (!begins_with_zeros) return invalid("the first 64 bits of a token are 0");
    Group* group = find_group(context, command.interface);
    Interface* nic = group ? nullptr : find_nic(context, command.interface);
    std::size_t family = index_of(Family::ipv6);
    bool plumbed = group ? group->families[family].plumbed : nic && nic->families[family].plumbed;
    if (!plumbed) return no_such_interface(command.interface);
    context.orders.ops.push_back(SetIpv6Token{group ? group->upper : nic->index, command.token, true});
    return success();
}

CommandReply set_route_source(const SetRouteSource& command, CommandContext& context) {
    std::size_t family = index_of(command.family);
    if (find_group(context, command.interface)) return invalid("it is an IPMP interface");
    Interface* nic = find_nic(context, command.interface);
    if (!nic || !nic->families[family].plumbed) return no_such_interface(command.interface);
    if (!command.source) {
        bool had_one = nic->families[family].route_source.has_value();
        if (had_one) context.orders.ops.push_back(SetRouteSources{nic->index, command.family, {}});
        nic->families[family].route_source.reset();
        return success();
    }
    if (!nic->group.empty() || nic->standby) return invalid("it is in a group, or standby");
    const std::string& source = command.source->interface;
    Interface* source_nic = find_nic(context, source);
    bool serves_ipmp = source_nic && (!source_nic->group.empty() || source_nic->standby);
    if (source == command.interface || serves_ipmp || find_group(context, source)) {
        return invalid(source + " cannot be a source");
    }
    bool is_link = std::any_of(context.kernel.links.begin(), context.kernel.links.end(),
                               [&](const auto& entry) { return entry.second.name == source; });
    if (!is_link) return no_such_interface(source);
    nic->families[family].route_source = command.source;
    return success();
}

bool uses_route_source(const State& state, const Interface& nic) {
    for (const auto& [name, other] : state.interfaces) {
        for (const InterfaceFamily& family : other.families) {
            if (family.route_source && (&other == &nic || family.route_source->interface == nic.name)) return true;
        }
    }
    return false;
}

}  // namespace ipmp
