// Whom a NIC probes: routers and hosts that routes name, hosts that others of its group know, neighbours that answer
// (R-DET-3; reference: in.mpathd §7).
#include <algorithm>

#include "core/predicates.hpp"
#include "core/probing/probing.hpp"
#include "core/roster.hpp"

namespace ipmp {

namespace {

// Under which name its neighbours are asked for.
const std::string& asked_as(const Interface& member) { return member.group.empty() ? member.name : member.group; }

const LogicalAddress* find_address(const Interface& member, const IpAddress& address) {
    for (const LogicalAddress& logical : member.families[index_of(address.family)].addresses) {
        if (logical.address == address) return &logical;
    }
    return nullptr;
}

bool wants_hosts(const ProbeInstance& instance) {
    return instance.running() && !instance.targets().routers() && instance.targets().active_count() < 2;
}

constexpr Duration kBetweenNeighbourQuestions = std::chrono::seconds(1);
constexpr std::size_t kNeighboursAsked = 8;  // at once, through each NIC

}  // namespace

bool is_near(const Interface& member, const ProbeInstance& instance, const IpAddress& target) {
    const IpAddress& source = instance.source().address;
    if (target.family != source.family || target == source || target.is_zero() || target.is_multicast()) return false;
    if (source.family == Family::ipv6) return target.is_link_local();
    const LogicalAddress* logical = find_address(member, source);
    return logical && network_of(target, logical->prefix_length) == network_of(source, logical->prefix_length);
}

// Gateways on the link of a test address, and hosts that a host route names (7.1).
void Probing::offer_routers(const State& state, const KernelState& kernel, const AddressIndex& own, Instant now) {
    std::multimap<InterfaceIndex, IpAddress> targets;
    for (const TargetRoute& route : kernel.target_routes) {
        if (!own.contains(route.target)) targets.emplace(route.link, route.target);
    }
    auto add_targets = [&](InterfaceIndex link, std::set<IpAddress>& routers) {
        auto [first, last] = targets.equal_range(link);
        for (auto target = first; target != last; ++target) routers.insert(target->second);
    };
    GroupMembers members(state.interfaces);
    for (const auto& [name, group] : state.groups) {
        std::set<IpAddress> routers;
        add_targets(group.upper, routers);
        for (const Interface* member : members.of(group)) add_targets(member->index, routers);
        bool keeps_former = group.health == GroupHealth::failed;
        for (const Interface* member : members.of(group)) offer_routers(*member, routers, keeps_former, now);
    }
    for (const auto& [name, interface] : state.interfaces) {
        if (!interface.tracked) continue;
        std::set<IpAddress> routers;
        add_targets(interface.index, routers);
        offer_routers(interface, routers, interface.failed, now);
    }
}

void Probing::offer_routers(const Interface& member, const std::set<IpAddress>& routers, bool keeps_former,
                            Instant now) {
    for (Family family : kFamilies) {
        ProbeInstance* instance = find(member.index, family);
        if (!instance) continue;
        std::set<IpAddress> offered;
        for (const IpAddress& router : routers) {
            if (is_near(member, *instance, router)) offered.insert(router);
        }
        for (const IpAddress& router : offered) instance->targets().add_router(router);
        if (!keeps_former) instance->targets().keep_routers(offered, now);
    }
}

// Who has no target yet takes the hosts that others of its group know (7.2).
void Probing::share_hosts(const State& state) {
    using Sharing = std::pair<const Interface*, ProbeInstance*>;
    std::map<std::pair<std::string_view, Family>, std::vector<Sharing>> by_group;
    for (auto& [key, instance] : instances_) {
        const Interface* member = member_of(state, key.first, instance);
        if (member && !member->group.empty()) by_group[{member->group, key.second}].emplace_back(member, &instance);
    }
    for (const auto& [group, sharing] : by_group) {
        for (const auto& [member, instance] : sharing) {
            if (!instance->targets().empty()) continue;
            for (const auto& [neighbour, other] : sharing) {
                if (other->targets().empty() || other->targets().routers()) continue;
                for (const Target& target : other->targets().all()) {
                    if (is_near(*member, *instance, target.address)) instance->targets().add_host(target.address);
                }
            }
        }
    }
}

void Probing::offer_host(const State& state, const AddressIndex& own, const Interface& finder, const IpAddress& host) {
    if (own.contains(host)) return;
    for (auto& [key, instance] : instances_) {
        const Interface* member = member_of(state, key.first, instance);
        bool shares = member && asked_as(*member) == asked_as(finder);
        if (shares && is_near(*member, instance, host)) instance.targets().add_host(host);
    }
}

// A neighbour need not answer pings. Each time some others are asked, so that everybody's turn comes.
void Probing::take(const State& state, const AddressIndex& present, const Config& config, const PeersFound& found,
                   Instant now, std::vector<Action>& actions) {
    if (found.found.empty()) return;
    std::size_t first = random_() % found.found.size();
    for (auto& [key, instance] : instances_) {
        const Interface* member = member_of(state, key.first, instance);
        if (!member || asked_as(*member) != found.ipmp_interface || !wants_hosts(instance)) continue;
        std::set<IpAddress> asked;
        for (std::size_t step = 0; step < found.found.size() && asked.size() < kNeighboursAsked; ++step) {
            const IpAddress& host = found.found[(first + step) % found.found.size()].peer.address;
            bool fits = is_near(*member, instance, host) && !present.contains(host) && !instance.targets().find(host);
            if (fits && asked.insert(host).second) instance.ask(host, context_for(*member, config, now, actions));
        }
    }
}

// Linux hosts do not answer a ping to everybody: the neighbours the group knows are asked one by one as well.
void Probing::find_neighbours(const State& state, Instant now, std::vector<Action>& actions) {
    std::map<std::string, FindPeers> questions;
    for (const auto& [key, instance] : instances_) {
        const Interface* member = wants_hosts(instance) ? member_of(state, key.first, instance) : nullptr;
        if (!member) continue;
        const std::string& name = asked_as(*member);
        auto asked = asked_neighbours_.find(name);
        if (asked != asked_neighbours_.end() && now - asked->second < kBetweenNeighbourQuestions) continue;
        InterfaceIndex upper = member->group.empty() ? member->index : state.groups.at(name).upper;
        auto question = questions.try_emplace(
            name, FindPeers{.ipmp_interface = name, .upper = upper, .seeks_targets = true});
        question.first->second.addresses.push_back(instance.source().address);
    }
    for (auto& [name, question] : questions) {
        asked_neighbours_[name] = now;
        if (question.upper) actions.push_back(std::move(question));
    }
}

}  // namespace ipmp
