#include "core/dhcp_leases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/dhcp.hpp"
#include "core/planner.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

constexpr std::uint32_t kLeasedRouteMetric = 1000;  // plus the index: yields to an administrator's, collides with none

// A test address that ends while nobody can renew it makes a NIC look repaired (R-DHC-3).
void tell_of_lease(const DhcpClient& client, const ReportDhcp& report, bool on_member, std::vector<Action>& log) {
    std::string address = fmt::format("{}/{}", to_string(client.lease->address), client.lease->prefix_length);
    std::string time = report.lease_s ? fmt::format("for {} s", *report.lease_s) : "without end";
    std::string name = to_string(client.key.logical);
    log.push_back(Log{Severity::info, fmt::format("{} has the DHCP lease of {} {}", name, address, time)});
    if (!on_member || !report.lease_s) return;
    log.push_back(Log{Severity::error,
                      fmt::format("the DHCP lease of test address {} of {} is for {} s only: an outage that only "
                                  "probes detect may outlast it, and {} would fall back to link-based failure "
                                  "detection; give test addresses leases without end",
                                  address, name, *report.lease_s, name)});
}

LogicalName logical_of(const DhcpClient& client, const DhcpPlace& place) {
    LogicalName name = client.key.logical;
    if (client.key.family == Family::ipv6) {
        name.number = client.lease ? client.lease->number : free_number(*place.addresses, 1);
    }
    return name;
}

// As an administrator would: the flags of a test address are there before the address is.
CommandReply set_up(const LogicalName& name, const ReportDhcp& report, const DhcpPlace& place, bool is_new,
                    CommandContext& context) {
    bool is_ipv6 = report.family == Family::ipv6;
    if (is_ipv6 && is_new) plumb_logical(Plumb{name.interface, report.family, name.number}, context);
    std::optional<std::uint8_t> prefix_length;
    if (report.prefix_length != 0) prefix_length = report.prefix_length;
    if (is_new && place.on_member()) set_flags({name, report.family, {}, true, {}}, context);
    CommandReply reply = set_address({name, *report.address, prefix_length, report.broadcast}, context);
    if (reply.error != CommandError::none && is_ipv6) {
        unplumb_logical(Unplumb{name.interface, report.family, name.number}, context);
    }
    if (reply.error != CommandError::none || !is_new) return reply;
    return set_flags({name, report.family, true, {}, {}}, context);
}

// The kernel's own idea of when the address ends goes along with the lease.
void prolong(const LogicalAddress& logical, const DhcpPlace& place, CommandContext& context) {
    auto seen = std::any_of(context.kernel.addresses.begin(), context.kernel.addresses.end(), [&](const auto& present) {
        return present.link == place.link && present.address == logical.address;
    });
    if (seen) context.orders.ops.push_back(address_op(context.state, place.link, logical, place.on_member()));
}

}  // namespace

std::optional<Instant> end_of_lease(const State& state, const IpAddress& address) {
    for (const DhcpClient& client : state.dhcp_clients) {
        if (client.lease && client.lease->address == address) return client.lease->expires;
    }
    return {};
}

std::set<RouteState> leased_routes(const State& state, const IpAddress& address, InterfaceIndex link) {
    std::set<RouteState> routes;
    for (const DhcpClient& client : state.dhcp_clients) {
        if (!client.lease || client.lease->address != address) continue;
        for (const DhcpRoute& route : client.lease->routes) {
            routes.insert({network_of(route.network, route.prefix_length), route.prefix_length, link, kMainTable,
                           route.gateway, kLeasedRouteMetric + link.value});
        }
    }
    return routes;
}

void add_leased_routes(const State& state, const KernelState& kernel, std::set<RouteState>& routes) {
    if (state.dhcp_clients.empty()) return;
    for (const AddressState& seen : kernel.addresses) routes.merge(leased_routes(state, seen.address, seen.link));
}

std::optional<DhcpPlace> find_dhcp_place(State& state, const DhcpKey& key) {
    auto group = state.groups.find(key.logical.interface);
    if (group != state.groups.end()) {
        GroupFamily& family = group->second.families[index_of(key.family)];
        if (!family.plumbed) return {};
        return DhcpPlace{&family.addresses, group->second.upper, nullptr};
    }
    auto nic = state.interfaces.find(key.logical.interface);
    if (nic == state.interfaces.end()) return {};
    InterfaceFamily& family = nic->second.families[index_of(key.family)];
    if (!family.plumbed) return {};
    return DhcpPlace{&family.addresses, nic->second.index, &nic->second};
}

const LogicalAddress* find_number(const std::vector<LogicalAddress>& addresses, std::uint32_t number) {
    auto found = std::find_if(addresses.begin(), addresses.end(),
                              [&](const LogicalAddress& logical) { return logical.number == number; });
    return found == addresses.end() ? nullptr : &*found;
}

DhcpClient* find_dhcp_client(State& state, const DhcpKey& key) {
    auto found = std::find_if(state.dhcp_clients.begin(), state.dhcp_clients.end(),
                              [&](const DhcpClient& client) { return client.key == key; });
    return found == state.dhcp_clients.end() ? nullptr : &*found;
}

CommandReply take_lease(DhcpClient& client, const ReportDhcp& report, CommandContext& context) {
    if (client.lease && client.lease->address != *report.address) {
        end_lease_saying(client, "is replaced by another one", context);
    }
    auto place = find_dhcp_place(context.state, client.key);
    if (!place || !place->link) return no_such_interface(client.key.logical.interface);
    bool is_new = !client.lease;
    LogicalName name = logical_of(client, *place);
    const LogicalAddress* present = find_number(*place->addresses, name.number);
    bool as_before = !is_new && present &&
                     (report.prefix_length == 0 || present->prefix_length == report.prefix_length) &&
                     (!report.broadcast || present->broadcast == report.broadcast);
    const std::optional<LogicalAddress> former = present ? std::optional(*present) : std::nullopt;
    if (!as_before) {
        CommandReply reply = set_up(name, report, *place, is_new, context);
        if (reply.error != CommandError::none) return reply;
    }
    const LogicalAddress& logical = *find_number(*place->addresses, name.number);
    client.lease = DhcpLease{.address = logical.address,
                             .prefix_length = logical.prefix_length,
                             .broadcast = logical.broadcast,
                             .number = name.number,
                             .began = context.now};
    // Only the zeroth logical interface brings routes, and none of a member does.
    if (name.number == 0 && !place->on_member()) client.lease->routes = report.routes;
    client.lease->names = report.names;
    auto after = [&](std::uint32_t seconds) { return context.now + std::chrono::seconds(seconds); };
    if (report.renewal_s) client.lease->renews = after(*report.renewal_s);
    if (report.lease_s) client.lease->expires = after(*report.lease_s);
    if (former && is_as_configured(*former, logical)) prolong(logical, *place, context);
    if (is_new) tell_of_lease(client, report, place->on_member(), context.log);
    return success();
}

void end_lease(DhcpClient& client, CommandContext& context) {
    auto place = find_dhcp_place(context.state, client.key);
    std::optional<DhcpLease> lease = std::exchange(client.lease, {});
    if (!place || !lease) return;
    for (LogicalAddress& logical : *place->addresses) {
        if (logical.number != lease->number || logical.address != lease->address) continue;
        doom(context, place->link, logical.address);
        IpAddress zero;
        zero.family = client.key.family;
        logical = LogicalAddress{.number = logical.number, .address = zero};
    }
    bool made_for_it = client.key.family == Family::ipv6 || lease->number == 0;
    if (!made_for_it) return;
    std::erase_if(*place->addresses, [&](const LogicalAddress& logical) {
        return logical.number == lease->number && logical.address.is_zero();
    });
}

void end_lease_saying(DhcpClient& client, const std::string& why, CommandContext& context) {
    if (!client.lease) return;
    auto place = find_dhcp_place(context.state, client.key);
    bool was_test_address = place && place->on_member();
    context.log.push_back(
        Log{Severity::error, fmt::format("the DHCP lease of {} of {} {}{}", to_string(client.lease->address),
                                         to_string(client.key.logical), why,
                                         was_test_address ? ": back to link-based failure detection" : "")});
    end_lease(client, context);
}

bool is_left_over(const LogicalAddress& logical, const DhcpPlace& place, const KernelState& kernel) {
    bool ends_by_itself = is_seen(kernel, place.link, logical.address, &AddressState::finite_lifetime);
    return logical.adopted && logical.address.family == Family::ipv4 && ends_by_itself;
}

bool is_untouched(const DhcpClient& client, const DhcpPlace& place, const KernelState& kernel) {
    std::uint32_t number = client.lease ? client.lease->number : client.key.logical.number;
    const LogicalAddress* logical = find_number(*place.addresses, number);
    if (client.lease) {
        if (!logical || logical->address != client.lease->address) return false;
        bool as_leased = logical->prefix_length == client.lease->prefix_length &&
                         logical->broadcast == client.lease->broadcast;
        bool is_test_address = logical->no_failover && logical->deprecated;
        return as_leased && (!place.on_member() || is_test_address);
    }
    if (client.key.family == Family::ipv6) return true;
    bool has_address = logical && !logical->address.is_zero();
    if (client.inform) return has_address;
    if (has_address) return is_left_over(*logical, place, kernel);
    return logical || number == 0;
}

}  // namespace ipmp
