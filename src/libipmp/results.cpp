#include "libipmp/results.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

#include "model/dhcp.hpp"

namespace ipmp {

namespace {

// The enumerations of ipmp.h have the values of those in model/status.hpp.
static_assert(static_cast<int>(GroupHealth::failed) == IPMP_GROUP_FAILED);
static_assert(static_cast<int>(InterfaceHealth::unknown) == IPMP_IF_UNKNOWN);
static_assert(static_cast<int>(LinkHealth::unknown) == IPMP_LINK_UNKNOWN);
static_assert(static_cast<int>(ProbeHealth::disabled) == IPMP_PROBE_DISABLED);
static_assert(static_cast<int>(TargetMode::multicast) == IPMP_TARGETS_MULTICAST);

bool is_wanted(int family, Family present) {
    return family == AF_UNSPEC || (family == AF_INET) == (present == Family::ipv4);
}

}  // namespace

sockaddr_storage to_sockaddr(const IpAddress& address) {
    sockaddr_storage storage{};
    if (address.family == Family::ipv4) {
        sockaddr_in inet{};
        inet.sin_family = AF_INET;
        std::memcpy(&inet.sin_addr, address.bytes.data(), sizeof inet.sin_addr);
        std::memcpy(&storage, &inet, sizeof inet);
    } else {
        sockaddr_in6 inet6{};
        inet6.sin6_family = AF_INET6;
        std::memcpy(&inet6.sin6_addr, address.bytes.data(), sizeof inet6.sin6_addr);
        std::memcpy(&storage, &inet6, sizeof inet6);
    }
    return storage;
}

const char* const* Texts::keep(const std::vector<std::string>& names) {
    std::vector<const char*>& list = lists_.emplace_back();
    for (const std::string& name : names) list.push_back(keep(name));
    list.push_back(nullptr);
    return list.data();
}

SnapshotResult::SnapshotResult(const Status& status) : ipmp_snapshot_t{} {
    for (const GroupStatus& group : status.groups) add(group);
    for (const InterfaceStatus& interface : status.interfaces) add(interface);
    for (const AddressStatus& address : status.addresses) add(address);
    for (const TargetStatus& row : status.targets) add(row);
    group_count = groups_.count();
    groups = groups_.pointers();
    interface_count = interfaces_.count();
    interfaces = interfaces_.pointers();
    address_count = addresses_.count();
    addresses = addresses_.pointers();
    target_count = targets_.count();
    targets = targets_.pointers();
}

void SnapshotResult::add(const GroupStatus& group) {
    groups_.add() = {.interface = texts_.keep(group.interface),
                     .name = texts_.keep(group.name),
                     .state = static_cast<ipmp_group_state_t>(group.state),
                     .failure_detection_time_ms = group.failure_detection_time_ms.value_or(0),
                     .active = texts_.keep(group.active),
                     .inactive = texts_.keep(group.inactive),
                     .unusable = texts_.keep(group.unusable)};
}

void SnapshotResult::add(const InterfaceStatus& interface) {
    interfaces_.add() = {.name = texts_.keep(interface.name),
                         .index = interface.index,
                         .group = texts_.keep(interface.group),
                         .active = interface.active,
                         .standby = interface.standby,
                         .inactive = interface.inactive,
                         .multicast4 = interface.multicast4,
                         .broadcast4 = interface.broadcast4,
                         .multicast6 = interface.multicast6,
                         .down = interface.down,
                         .hardware_duplicate = interface.hardware_duplicate,
                         .link = static_cast<ipmp_link_state_t>(interface.link),
                         .probe = static_cast<ipmp_probe_state_t>(interface.probe),
                         .state = static_cast<ipmp_if_state_t>(interface.state)};
}

void SnapshotResult::add(const AddressStatus& address) {
    addresses_.add() = {.address = to_sockaddr(address.address),
                        .up = address.up,
                        .group = texts_.keep(address.group),
                        .inbound = texts_.keep(address.inbound),
                        .outbound = texts_.keep(address.outbound)};
}

// The test address lies behind the targets, so that the row has one list to keep.
void SnapshotResult::add(const TargetStatus& row) {
    std::vector<sockaddr_storage>& list = lists_.emplace_back();
    for (const IpAddress& target : row.targets) list.push_back(to_sockaddr(target));
    if (row.test_address) list.push_back(to_sockaddr(*row.test_address));
    targets_.add() = {.interface = texts_.keep(row.interface),
                      .mode = static_cast<ipmp_target_mode_t>(row.mode),
                      .test_address = row.test_address ? &list.back() : nullptr,
                      .target_count = row.targets.size(),
                      .targets = list.data()};
}

LifsResult::LifsResult(const std::vector<PlumbedInterface>& interfaces, int family) : ipmp_lifs_t{} {
    for (const PlumbedInterface& interface : interfaces) {
        for (Family each : {Family::ipv4, Family::ipv6}) {
            if (!is_wanted(family, each) || !family_of(interface, each)) continue;
            for (const LogicalStatus& logical : family_of(interface, each)->logicals) add(interface, logical);
        }
    }
    count = lifs_.count();
    lifs = lifs_.pointers();
}

void LifsResult::add(const PlumbedInterface& interface, const LogicalStatus& logical) {
    lifs_.add() = {.name = texts_.keep(to_string(LogicalName{interface.name, logical.number})),
                   .interface = texts_.keep(interface.name),
                   .index = interface.index,
                   .flags = logical.flags,
                   .address = to_sockaddr(logical.address),
                   .prefix_length = logical.prefix_length};
}

EventResult::EventResult(const Difference& difference) : ipmp_event_t{} {
    const Fact& fact = difference.fact;
    change = difference.change;
    object = fact.object;
    name = texts_.keep(fact.name);
    state = texts_.keep(fact.state);
    group = texts_.keep(fact.group);
    flags = fact.flags;
    if (fact.address) address = to_sockaddr(*fact.address);
    prefix_length = fact.prefix_length;
}

}  // namespace ipmp
