#include "shell/netlink_state.hpp"

#include <algorithm>
#include <set>

#include "wire/rtnetlink_targets.hpp"

namespace ipmp {

namespace {

Result<void> read_links(NetlinkSocket& socket, KernelState& state) {
    return socket.read(encode_dump_links(), [&](MessageBytes message) {
        if (auto link = decode_link(message)) state.links[link->index] = std::move(*link);
    });
}

// Where the kernel does not know a family, it answers for all the others instead.
Result<void> read_addresses(NetlinkSocket& socket, Family family, KernelState& state) {
    return socket.read(encode_dump_addresses(family), [&](MessageBytes message) {
        auto address = decode_address(message);
        if (address && address->address.family == family) state.addresses.push_back(*address);
    });
}

// Those of IPMP interfaces alone: others may have thousands, which are not ours to wait for.
Result<void> read_our_addresses(NetlinkSocket& socket, Family family, KernelState& state) {
    std::erase_if(state.links, [](const auto& entry) { return entry.second.alias != kIpmpLinkAlias; });
    for (const auto& [index, link] : state.links) {
        auto result = socket.read(encode_dump_addresses(family, index), [&, index = index](MessageBytes message) {
            auto address = decode_address(message);
            bool is_its = address && address->link == index && address->address.family == family;
            if (is_its) state.addresses.push_back(*address);
        });
        if (!result && result.error().error_number != ENODEV) return result;
    }
    return {};
}

Result<void> read_rules(NetlinkSocket& socket, Family family, KernelState& state) {
    auto result = socket.read(encode_dump_rules(family), [&](MessageBytes message) {
        auto rule = decode_rule(message);
        if (rule && rule->source.family == family) state.rules.push_back(*rule);
    });
    if (!result && (result.error().error_number == EAFNOSUPPORT || result.error().error_number == EOPNOTSUPP))
        return {};  // no rules of that family in this kernel
    return result;
}

Result<void> read_routes(NetlinkSocket& socket, Family family, KernelState& state) {
    return socket.read(encode_dump_routes(family), [&](MessageBytes message) {
        auto route = decode_route(message);
        if (route && route->network.family == family) state.routes.push_back(*route);
    });
}

// Gateways are few, however many routes lead to them.
constexpr std::size_t kMostTargets = 64;

// Of a member also how many routes have to be moved away: the same routes tell.
Result<void> read_routes_of(NetlinkSocket& socket, LinkState& link, bool is_member, const RefusedRoutes& refused,
                            std::vector<TargetRoute>& target_routes) {
    std::set<TargetRoute> targets;
    auto note_targets = [&](MessageBytes message) {
        if (targets.size() >= kMostTargets) return;
        for (const TargetRoute& target : decode_target_routes(message)) {
            if (target.link == link.index) targets.insert(target);
        }
    };
    if (is_member) {
        auto count = count_foreign_routes(socket, link.index, refused, note_targets);
        if (!count) return count.error();
        link.foreign_routes = *count;
    } else {
        for (Family family : kFamilies) {
            auto result = socket.read(encode_dump_routes(family, link.index), note_targets);
            if (!result && result.error().error_number != ENODEV) return result;
        }
    }
    target_routes.insert(target_routes.end(), targets.begin(), targets.end());
    return {};
}

// One of ours counts; where there are several, one that is of this daemon. The others are surplus.
Result<void> read_filter(NetlinkSocket& socket, const FilterPrograms& programs, LinkState& link) {
    std::vector<std::uint16_t> others;  // priorities of other people's filters
    bool egress = link.alias == kIpmpLinkAlias;
    auto result = socket.read(encode_dump_filters(link.index, egress), [&](MessageBytes message) {
        auto filter = decode_filter(message);
        if (!filter || filter->handle == 0) return;  // 0: the head of a list of filters
        if (!is_ipmp_filter(*filter)) {
            others.push_back(filter->priority);
            return;
        }
        link.filter_surplus = link.filter != Filter::none;
        auto owner = programs.owner_of(filter->program_id);
        if (link.filter != Filter::none && !owner) return;
        link.filter = owner ? owner->filter : Filter::outdated;
        link.filter_group = owner ? owner->ipmp_interface : std::string();
        link.filter_place = {filter->priority, filter->handle, egress};
    });
    if (egress) others.clear();  // what an administrator does to outbound traffic is to come before us
    std::erase_if(others, [&](std::uint16_t priority) { return priority >= link.filter_place.priority; });
    if (!others.empty()) link.filter_in_front = *std::min_element(others.begin(), others.end());
    // The link or its qdisc is gone: no filter.
    if (!result && (result.error().error_number == ENODEV || result.error().error_number == EINVAL)) return {};
    return result;
}

}  // namespace

bool can_have_filter(const LinkState& link, const ManagedLinks& managed, const FilterScope& scope) {
    if (scope.every_link && link.ethernet) return true;
    if (is_member_link(link, managed) || link.alias == kLowerLinkAlias || link.alias == kIpmpLinkAlias) return true;
    auto former = scope.former.links.find(link.index);
    return former != scope.former.links.end() && former->second.filter != Filter::none;
}

bool can_have_targets(const LinkState& link, const ManagedLinks& managed) {
    return managed.contains(link.index) || link.alias == kIpmpLinkAlias;
}

bool is_member_link(const LinkState& link, const ManagedLinks& managed) {
    auto found = managed.find(link.index);
    bool ours = link.alias == kLowerLinkAlias || link.alias == kIpmpLinkAlias;
    return found != managed.end() && !found->second.tracked_only && !ours;
}

Result<std::vector<NeighbourEntry>> read_neighbour_entries(NetlinkSocket& socket,
                                                           const std::map<InterfaceIndex, LinkState>& links,
                                                           const ManagedLinks& managed) {
    std::set<NeighbourEntry> entries;
    auto keep = [&](MessageBytes message) {
        if (auto entry = decode_neighbour_entry(message)) entries.insert(*entry);
    };
    for (Family family : kFamilies) {
        if (auto result = socket.read(encode_dump_proxies(family), keep); !result) return result.error();
        for (const auto& [index, link] : links) {
            if (!is_member_link(link, managed)) continue;
            if (auto result = socket.read(encode_dump_neighbours(family, index), keep); !result) return result.error();
        }
    }
    return std::vector<NeighbourEntry>(entries.begin(), entries.end());
}

Result<KernelState> read_kernel_state(NetlinkSocket& socket, const NamespaceFiles& files,
                                      const FilterPrograms& programs, const ManagedLinks& managed,
                                      const FilterScope& scope, const RefusedRoutes& refused) {
    KernelState state;
    if (auto result = read_links(socket, state); !result) return result.error().within("reading links");
    for (Family family : kFamilies) {
        auto addresses = scope.ours_only ? read_our_addresses(socket, family, state)
                                         : read_addresses(socket, family, state);
        if (!addresses) return addresses.error().within("reading addresses");
        auto rules = scope.ours_only ? Result<void>() : read_rules(socket, family, state);
        if (!rules) return rules.error().within("reading rules");
        if (auto result = read_routes(socket, family, state); !result) return result.error().within("reading routes");
    }
    // One order whatever the kernel's hash tables do; within a link the kernel's own, which has a meaning.
    std::stable_sort(state.addresses.begin(), state.addresses.end(),
                     [](const AddressState& left, const AddressState& right) { return left.link < right.link; });
    std::sort(state.rules.begin(), state.rules.end());
    std::sort(state.routes.begin(), state.routes.end());

    auto neighbours = read_neighbour_entries(socket, state.links, managed);
    if (!neighbours) return neighbours.error().within("reading neighbour entries");
    state.neighbours = *std::move(neighbours);
    for (auto& [index, link] : state.links) {
        if (can_have_filter(link, managed, scope)) {
            if (auto result = read_filter(socket, programs, link); !result)
                return result.error().within("reading filters");
        }
        if (auto found = managed.find(index); found != managed.end())
            link.settings = read_settings(files, found->second.settings, link.name);
        if (can_have_targets(link, managed)) {
            bool is_member = is_member_link(link, managed);
            if (auto result = read_routes_of(socket, link, is_member, refused, state.target_routes); !result)
                return result.error().within("reading routes of a link");
        }
    }
    std::sort(state.target_routes.begin(), state.target_routes.end());
    return state;
}

}  // namespace ipmp
