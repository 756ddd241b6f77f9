// Interfaces as ifconfig shows them: logical interfaces by number, with the flag words of the reference (R-CMD-1).
// FAILED, RUNNING, STANDBY, INACTIVE, OFFLINE and IPMP belong to the interface and show on all its logicals; UP and
// what says who owns an address belong to the logical.
#include <algorithm>

#include "base/natural_order.hpp"
#include "core/address_index.hpp"
#include "core/predicates.hpp"
#include "core/snapshot.hpp"
#include "model/interface_flags.hpp"

namespace ipmp {

namespace {

constexpr std::uint32_t kEmptyGroupMtu[] = {68, 1280};  // what the original shows without members
constexpr std::uint8_t kUpStubPrefixLength = 8;         // 0.0.0.0 is of class A
constexpr const char* kLoopbackName = "lo";             // what every network namespace calls it

std::uint64_t family_flags(Family family) {
    return family == Family::ipv4 ? flag::kIpv4 | flag::kBroadcast : flag::kIpv6;
}

// What the kernel tells of an address: who owns it, and whether somebody else has it.
std::uint64_t kernel_flags(const AddressState& seen) {
    std::uint64_t flags = seen.dad_failed ? flag::kDuplicate : 0;
    if (!seen.finite_lifetime) return flags;
    return flags | (seen.address.family == Family::ipv4 ? flag::kDhcp : flag::kAutoconfigured);
}

// `flags`: those of the interface; `may_be_up`: none of its addresses is UP otherwise.
PlumbedFamily plumbed_family(const std::vector<LogicalAddress>& addresses, Family family, std::uint64_t flags,
                             bool may_be_up, bool stub_up, const AddressIndex& seen, InterfaceIndex link) {
    PlumbedFamily plumbed;
    flags |= family_flags(family);
    if (addresses.empty() || addresses.front().number != 0) {
        LogicalStatus stub{.flags = flags | (stub_up ? flag::kUp : 0)};
        stub.address.family = family;
        stub.prefix_length = stub_up && family == Family::ipv4 ? kUpStubPrefixLength : 0;
        plumbed.logicals.push_back(stub);
    }
    for (const LogicalAddress& logical : addresses) {
        bool duplicate = logical.uniqueness == Uniqueness::duplicate;
        bool is_stub = logical.address.is_zero() && logical.number == 0;
        bool up = (logical.up && may_be_up && !duplicate) || (is_stub && stub_up);
        LogicalStatus status{.number = logical.number, .flags = flags, .address = logical.address};
        if (up) status.flags |= flag::kUp;
        if (logical.no_failover) status.flags |= flag::kNoFailover;
        if (logical.deprecated) status.flags |= flag::kDeprecated;
        if (logical.is_private) status.flags |= flag::kPrivate;
        if (duplicate) status.flags |= flag::kDuplicate;
        AddressIndex::Found found = seen.find(link, logical.address);
        if (!found.empty()) status.flags |= kernel_flags(*found.front());
        status.prefix_length = logical.prefix_length;
        if (logical.address.is_zero() && !up) status.prefix_length = 0;
        if (is_stub && up && family == Family::ipv4) status.prefix_length = kUpStubPrefixLength;
        status.broadcast = logical.broadcast;
        plumbed.logicals.push_back(status);
    }
    return plumbed;
}

std::uint64_t router_flag(const Group& group, Family family) {
    return group.forwards[index_of(family)] ? flag::kRouter : 0;
}

std::optional<PlumbedFamily>& slot_of(PlumbedInterface& plumbed, Family family) {
    return family == Family::ipv4 ? plumbed.inet : plumbed.inet6;
}

// Packets can be given priorities on the wire: 802.1p needs a VLAN tag.
bool has_classes(const LinkState& link) { return link.kind == "vlan"; }

PlumbedInterface plumbed_group(const State& state, const KernelState& kernel, const AddressIndex& seen,
                               const Group& group) {
    PlumbedInterface plumbed{.name = group.interface, .index = group.upper.value, .group_name = group.name};
    std::uint64_t flags = flag::kMulticast | flag::kIpmp;
    std::optional<std::uint32_t> mtu_bytes;
    bool any_active = false, all_classed = true;
    std::vector<const Interface*> members = members_of(state, group);
    for (const Interface* member : members) {
        auto link = kernel.links.find(member->index);
        all_classed = all_classed && link != kernel.links.end() && has_classes(link->second);
        if (member->index) mtu_bytes = std::min(mtu_bytes.value_or(member->mtu_bytes), member->mtu_bytes);
        any_active = any_active || active(*member);
    }
    if (any_active) flags |= flag::kRunning;
    if (all_classed && !members.empty()) flags |= flag::kClassOfService;
    if (group.wanted_mtu_bytes != 0) {
        flags |= flag::kFixedMtu;
        mtu_bytes = std::min(mtu_bytes.value_or(group.wanted_mtu_bytes), group.wanted_mtu_bytes);
    }
    if (group.health == GroupHealth::failed) flags |= flag::kFailed;
    for (Family which : kFamilies) {
        const GroupFamily& family = group.families[index_of(which)];
        if (!family.plumbed) continue;
        auto& slot = slot_of(plumbed, which);
        slot = plumbed_family(family.addresses, which, flags | router_flag(group, which), true, false, seen,
                              group.upper);
        slot->mtu_bytes = mtu_bytes.value_or(kEmptyGroupMtu[index_of(which)]);
        slot->metric = family.metric;
    }
    return plumbed;
}

std::uint64_t link_flags(const LinkState* link) {
    if (!link) return flag::kMulticast;
    return (link->multicast ? flag::kMulticast : 0) | (link->no_arp ? flag::kNoArp : 0) |
           (has_classes(*link) ? flag::kClassOfService : 0);
}

PlumbedInterface plumbed_nic(const State& state, const KernelState& kernel, const AddressIndex& seen,
                             const Interface& nic) {
    auto group = state.groups.find(nic.group);
    PlumbedInterface plumbed{.name = nic.name, .index = nic.index.value, .mac = nic.mac};
    if (group != state.groups.end()) plumbed.group_name = group->second.name;
    auto link = kernel.links.find(nic.index);
    std::uint64_t flags = link_flags(link == kernel.links.end() ? nullptr : &link->second);
    if (has_carrier(nic)) flags |= flag::kRunning;
    if (nic.wanted_mtu_bytes != 0) flags |= flag::kFixedMtu;
    if (nic.failed) flags |= flag::kFailed;
    if (nic.standby) flags |= flag::kStandby;
    if (nic.inactive) flags |= flag::kInactive;
    if (nic.offline) flags |= flag::kOffline;
    bool up = nic.admin_up && !nic.offline;
    for (Family which : kFamilies) {
        const InterfaceFamily& family = nic.families[index_of(which)];
        if (!family.plumbed) continue;
        auto& slot = slot_of(plumbed, which);
        std::uint64_t router = group == state.groups.end() ? 0 : router_flag(group->second, which);
        slot = plumbed_family(family.addresses, which, flags | router, up, up, seen, nic.index);
        slot->mtu_bytes = nic.mtu_bytes;
        slot->metric = family.metric;
        if (family.route_source) slot->route_source = to_string(*family.route_source);
    }
    return plumbed;
}

// A link that is none of ours: its addresses in the kernel's order.
PlumbedInterface plumbed_link(const AddressIndex& seen, const LinkState& link) {
    PlumbedInterface plumbed{.name = link.name, .index = link.index.value};
    std::uint64_t flags = link_flags(&link);
    if (link.carrier) flags |= flag::kRunning;
    if (link.name == kLoopbackName) flags |= flag::kLoopback | flag::kVirtual | flag::kMulticast;
    for (Family which : kFamilies) {
        std::vector<LogicalAddress> addresses;
        for (const AddressState* there : seen.on(link.index)) {
            if (there->address.family != which) continue;
            addresses.push_back({.number = static_cast<std::uint32_t>(addresses.size()),
                                 .address = there->address,
                                 .prefix_length = there->prefix_length,
                                 .broadcast = there->broadcast,
                                 .up = true});
        }
        if (addresses.empty()) continue;
        auto& slot = slot_of(plumbed, which);
        slot = plumbed_family(addresses, which, flags, link.admin_up, link.admin_up, seen, link.index);
        slot->mtu_bytes = link.mtu_bytes;
        for (LogicalStatus& logical : slot->logicals) logical.flags &= ~flag::kBroadcast;
    }
    return plumbed;
}

void flag_lease(const DhcpClient& client, std::vector<PlumbedInterface>& all) {
    for (PlumbedInterface& plumbed : all) {
        auto& family = slot_of(plumbed, client.key.family);
        if (!client.lease || plumbed.name != client.key.logical.interface || !family) continue;
        for (LogicalStatus& logical : family->logicals) {
            if (logical.number != client.lease->number) continue;
            logical.flags = (logical.flags & ~flag::kAutoconfigured) | flag::kDhcp;
        }
    }
}

}  // namespace

std::vector<PlumbedInterface> plumbed_interfaces(const State& state, const KernelState& kernel,
                                                 const AddressIndex& seen) {
    std::vector<PlumbedInterface> all;
    for (const auto& [name, group] : state.groups) all.push_back(plumbed_group(state, kernel, seen, group));
    for (const auto& [name, nic] : state.interfaces) {
        if (nic.index) all.push_back(plumbed_nic(state, kernel, seen, nic));
    }
    for (const auto& [index, link] : kernel.links) {
        if (!link.ethernet && index.place == Place::host) all.push_back(plumbed_link(seen, link));
    }
    for (const DhcpClient& client : state.dhcp_clients) flag_lease(client, all);
    std::erase_if(all, [](const PlumbedInterface& plumbed) { return !plumbed.inet && !plumbed.inet6; });
    std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return natural_less(a.name, b.name); });
    return all;
}

}  // namespace ipmp
