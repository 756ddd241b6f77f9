#include "core/probing/probing.hpp"

#include <algorithm>

#include "core/predicates.hpp"
#include "core/series.hpp"

namespace ipmp {

namespace {

// What a NIC may be probed from (6.1): UP, NOFAILOVER, in the kernel, and for IPv6 link-local (R-ADR-4).
bool can_probe_from(const Interface& member, const LogicalAddress& logical, const KernelState& kernel) {
    if (!logical.up || !logical.no_failover || logical.address.is_zero()) return false;
    if (logical.address.family == Family::ipv6 && !logical.address.is_link_local()) return false;
    return std::any_of(kernel.addresses.begin(), kernel.addresses.end(), [&](const AddressState& seen) {
        return seen.link == member.index && seen.address == logical.address && !seen.tentative && !seen.dad_failed;
    });
}

bool is_own(const KernelState& kernel, const IpAddress& address) {
    return std::any_of(kernel.addresses.begin(), kernel.addresses.end(),
                       [&](const AddressState& seen) { return seen.address == address; });
}

const LogicalAddress* find_address(const Interface& member, const IpAddress& address) {
    for (const LogicalAddress& logical : member.families[index_of(address.family)].addresses) {
        if (logical.address == address) return &logical;
    }
    return nullptr;
}

// `target` is on the link of the test address.
bool is_near(const Interface& member, const ProbeInstance& instance, const IpAddress& target) {
    const IpAddress& source = instance.source().address;
    if (target.family != source.family || target == source || target.is_zero() || target.is_multicast()) return false;
    if (source.family == Family::ipv6) return target.is_link_local();
    const LogicalAddress* logical = find_address(member, source);
    return logical && network_of(target, logical->prefix_length) == network_of(source, logical->prefix_length);
}

bool wants_hosts(const ProbeInstance& instance) {
    return instance.running() && !instance.targets().routers() && instance.targets().active_count() < 2;
}

constexpr Duration kBetweenNeighbourQuestions = std::chrono::seconds(1);
constexpr Duration kNoticedDelay = std::chrono::milliseconds(1);  // less is nobody's fault,
constexpr int kNoticedShare = 64;                                  // nor is so small a part of an interval
constexpr std::size_t kNeighboursAsked = 8;  // at once, through each NIC

}  // namespace

ProbeInstance* Probing::find(InterfaceIndex link, Family family) {
    auto found = instances_.find({link, family});
    return found == instances_.end() ? nullptr : &found->second;
}

std::vector<const ProbeInstance*> Probing::instances_of(const Interface& member) const {
    std::vector<const ProbeInstance*> instances;
    for (Family family : kFamilies) {
        auto found = instances_.find({member.index, family});
        if (found != instances_.end()) instances.push_back(&found->second);
    }
    return instances;
}

// By the name, which is as of the last step: hundreds are looked for a thousand times a second.
const Interface* Probing::member_of(const State& state, InterfaceIndex link, const ProbeInstance& instance) const {
    auto found = state.interfaces.find(instance.interface());
    return found == state.interfaces.end() || found->second.index != link ? nullptr : &found->second;
}

ProbeContext Probing::context_for(const Interface& member, const Config& config, Instant now,
                                  std::vector<Action>& actions) {
    return {.config = config,
            .timing = timing_[member.group],
            .random = random_,
            .next_id = next_id_[member.index],
            .may_suspect = !member.failed && !member.probe_failed,
            .now = now,
            .actions = actions};
}

void Probing::update(State& state, const KernelState& kernel, const Config& config, bool fresh, Instant now,
                     std::vector<Action>& actions) {
    if (refresh(state, kernel, config, now, actions) || fresh) {
        offer_routers(state, kernel, now);
        share_hosts(state);
    }
    judge(state, config, now);
    for (auto& [name, member] : state.interfaces) {
        auto instances = instances_of(member);
        bool capable = std::any_of(instances.begin(), instances.end(), [](auto* one) { return one->capable(); });
        if (instances.empty()) member.probe = ProbeHealth::disabled;
        else if (member.probe_failed) member.probe = ProbeHealth::failed;
        else member.probe = capable ? ProbeHealth::ok : ProbeHealth::unknown;
    }
}

void Probing::tick(const State& state, const Config& config, Instant now, std::vector<Action>& actions) {
    forget_lost_time(config, now);
    touched_.clear();
    while (!schedule_.empty() && schedule_.begin()->first <= now) {
        auto entry = schedule_.extract(schedule_.begin());
        auto& [key, instance] = *instances_.find(entry.value().second);
        const Interface* member = member_of(state, key.first, instance);
        if (!member || !instance.due()) continue;
        if (*instance.due() <= now) {
            touched_.insert(member->name);
            instance.run(context_for(*member, config, now, actions));
        }
        entry.value().first = *instance.due();
        schedule_.insert(std::move(entry));
    }
    find_neighbours(state, now, actions);
    plan(state);
}

bool Probing::verdict_due(const State& state, const Config& config, Instant now) const {
    bool entered = std::any_of(state.groups.begin(), state.groups.end(), [&](const auto& entry) {
        return entry.second.health == GroupHealth::failed && !failed_groups_.contains(entry.first);
    });
    if (entered) return true;
    auto may_change = [&](const std::string& name) {
        const Interface& member = state.interfaces.at(name);
        if (member.group.empty()) return false;
        if (member.kept && !may_keep(state, member)) return true;
        if (!member.probe_failed) return silent_since(member, config, now).has_value();
        return repaired(member, timing_.at(member.group), now);
    };
    return std::any_of(touched_.begin(), touched_.end(), may_change) ||
           std::any_of(judged_.begin(), judged_.end(), may_change);
}

void Probing::follow(const State& state) {
    touched_.clear();
    judged_.clear();
    for (const auto& [name, member] : state.interfaces) {
        if (!member.group.empty() && (member.probe_failed || member.kept)) judged_.push_back(name);
    }
    schedule_.clear();
    for (const auto& [key, instance] : instances_) {
        if (instance.due()) schedule_.emplace(*instance.due(), key);
    }
    plan(state);
}

// A detection time that had to grow is kept; the administrator's word ends it.
void Probing::refresh_timing(const State& state, const Config& config) {
    std::erase_if(timing_, [&](const auto& entry) { return !state.groups.contains(entry.first); });
    bool reconfigured = std::exchange(configured_, config.failure_detection_time) != config.failure_detection_time;
    for (const auto& [name, group] : state.groups) {
        auto [timing, is_new] = timing_.try_emplace(name);
        bool begins = is_new || reconfigured || !detection_time(state, group);
        if (begins) timing->second = {config.failure_detection_time, user_interval(config)};
    }
}

bool Probing::refresh(State& state, const KernelState& kernel, const Config& config, Instant now,
                      std::vector<Action>& actions) {
    refresh_timing(state, config);
    std::erase_if(asked_neighbours_, [&](const auto& entry) { return !state.groups.contains(entry.first); });
    std::erase_if(next_id_, [&](const auto& entry) { return !find_interface(state, entry.first); });
    bool changed = false;
    std::set<Key> wanted;
    for (const auto& [name, member] : state.interfaces) {
        bool probed = !member.group.empty() && member.index && !member.offline;
        if (probed) changed |= refresh_member(member, kernel, config, wanted, now, actions);
    }
    std::erase_if(instances_, [&](const auto& entry) { return !wanted.contains(entry.first); });
    WatchProbes watch;
    for (const auto& [key, instance] : instances_) watch.sources.push_back(instance.source());
    if (watch == watched_) return changed;
    watched_ = watch;
    actions.push_back(std::move(watch));
    return changed;
}

bool Probing::refresh_member(const Interface& member, const KernelState& kernel, const Config& config,
                             std::set<Key>& wanted, Instant now, std::vector<Action>& actions) {
    bool changed = false;
    for (Family family : kFamilies) {
        const LogicalAddress* chosen = nullptr;
        ProbeInstance* instance = find(member.index, family);
        if (instance && instance->group() != member.group) {  // what it knows is about another link
            instances_.erase({member.index, family});
            instance = nullptr;
        }
        for (const LogicalAddress& logical : member.families[index_of(family)].addresses) {
            if (!can_probe_from(member, logical, kernel)) continue;
            bool kept = instance && instance->source().address == logical.address;
            if (!chosen || kept) chosen = &logical;
        }
        if (!chosen) continue;
        ProbeSource source{member.index, chosen->address};
        wanted.insert({member.index, family});
        if (!instance) {
            auto made = instances_.try_emplace({member.index, family}, member.name, member.group, source, now);
            instance = &made.first->second;
            instance->set_carrier_changes(member.carrier_changes);
            changed = true;
        }
        instance->rename(member.name);
        if (instance->source() != source) {
            changed = true;
            instance->move_to(source);
            for (const Target& target : std::vector(instance->targets().all())) {
                if (!is_near(member, *instance, target.address)) instance->targets().remove(target.address, now);
            }
        }
        // What was answered before a link was lost does not count for its repair, however short that was.
        if (!link_up(member) || instance->carrier_changes() != member.carrier_changes) instance->stop();
        instance->set_carrier_changes(member.carrier_changes);
        if (link_up(member)) instance->start(context_for(member, config, now, actions));
    }
    return changed;
}

// A daemon that was kept from running has not seen what came in meanwhile, and did not send either.
void Probing::forget_lost_time(const Config& config, Instant now) {
    if (!due_ || now <= *due_) return;
    Duration lost = now - *due_;
    if (lost < std::max(kNoticedDelay, Duration(user_interval(config)) / kNoticedShare)) return;
    for (auto& [key, instance] : instances_) instance.extend_deadlines(lost);
}

// Gateways on the link of a test address, and hosts that a host route names (7.1).
void Probing::offer_routers(const State& state, const KernelState& kernel, Instant now) {
    for (const auto& [name, group] : state.groups) {
        std::set<InterfaceIndex> links{group.upper};
        for (const Interface* member : members_of(state, group)) links.insert(member->index);
        for (const Interface* member : members_of(state, group)) {
            for (Family family : kFamilies) {
                ProbeInstance* instance = find(member->index, family);
                if (!instance) continue;
                std::set<IpAddress> offered;
                for (const TargetRoute& route : kernel.target_routes) {
                    bool fits = links.contains(route.link) && is_near(*member, *instance, route.target);
                    if (fits && !is_own(kernel, route.target)) offered.insert(route.target);
                }
                for (const IpAddress& router : offered) instance->targets().add_router(router);
                if (group.health != GroupHealth::failed) instance->targets().keep_routers(offered, now);
            }
        }
    }
}

// Who has no target yet takes the hosts that others of its group know (7.2).
void Probing::share_hosts(const State& state) {
    for (auto& [key, instance] : instances_) {
        const Interface* member = member_of(state, key.first, instance);
        if (!member || !instance.targets().empty()) continue;
        for (const auto& [other_key, other] : instances_) {
            if (other_key.second != key.second || other.targets().empty() || other.targets().routers()) continue;
            const Interface* neighbour = member_of(state, other_key.first, other);
            if (!neighbour || neighbour->group != member->group) continue;
            for (const Target& target : other.targets().all()) {
                if (is_near(*member, instance, target.address)) instance.targets().add_host(target.address);
            }
        }
    }
}

void Probing::offer_host(const State& state, const KernelState& kernel, const std::string& group,
                         const IpAddress& host) {
    if (is_own(kernel, host)) return;
    for (auto& [key, instance] : instances_) {
        const Interface* member = member_of(state, key.first, instance);
        if (member && member->group == group && is_near(*member, instance, host)) instance.targets().add_host(host);
    }
}

void Probing::take(const State& state, const KernelState& kernel, const Config& config, const ProbeAnswered& answer,
                   Instant now, std::vector<Action>& actions) {
    ProbeInstance* instance = find(answer.source.link, answer.source.address.family);
    const Interface* member = instance ? member_of(state, answer.source.link, *instance) : nullptr;
    if (!member || instance->source() != answer.source || !link_up(*member)) return;
    auto group = state.groups.find(member->group);
    if (group == state.groups.end()) return;
    touched_ = {member->name};
    bool may_measure = !member->failed && group->second.health != GroupHealth::failed;
    auto taken = instance->take(answer, may_measure, context_for(*member, config, now, actions));
    if (taken.discovered) offer_host(state, kernel, member->group, *taken.discovered);
    if (taken.measured) scale(state, config, *member, *instance, taken, now, actions);
    if (member->probe_failed) plan(state);  // its repair may be due now; else nothing is due earlier than before
}

// A neighbour need not answer pings. Each time some others are asked, so that everybody's turn comes.
void Probing::take(const State& state, const KernelState& kernel, const Config& config, const PeersFound& found,
                   Instant now, std::vector<Action>& actions) {
    if (found.found.empty()) return;
    std::size_t first = random_() % found.found.size();
    for (auto& [key, instance] : instances_) {
        const Interface* member = member_of(state, key.first, instance);
        if (!member || member->group != found.ipmp_interface || !wants_hosts(instance)) continue;
        std::set<IpAddress> asked;
        for (std::size_t step = 0; step < found.found.size() && asked.size() < kNeighboursAsked; ++step) {
            const IpAddress& host = found.found[(first + step) % found.found.size()].peer.address;
            bool fits = is_near(*member, instance, host) && !is_own(kernel, host) && !instance.targets().find(host);
            if (fits && asked.insert(host).second) instance.ask(host, context_for(*member, config, now, actions));
        }
    }
}

// Linux hosts do not answer a ping to everybody: the neighbours the group knows are asked one by one as well.
void Probing::find_neighbours(const State& state, Instant now, std::vector<Action>& actions) {
    for (const auto& [name, group] : state.groups) {
        auto asked = asked_neighbours_.find(name);
        if (asked != asked_neighbours_.end() && now - asked->second < kBetweenNeighbourQuestions) continue;
        asked_neighbours_[name] = now;
        FindPeers question{.ipmp_interface = name, .upper = group.upper};
        for (const Interface* member : members_of(state, group)) {
            for (const ProbeInstance* instance : instances_of(*member)) {
                if (wants_hosts(*instance)) question.addresses.push_back(instance->source().address);
            }
        }
        if (question.addresses.empty() || !group.upper) continue;
        actions.push_back(std::move(question));
    }
}

void Probing::plan(const State& state) {
    due_.reset();
    if (!schedule_.empty()) due_ = schedule_.begin()->first;
    for (const std::string& name : judged_) {
        const Interface& member = state.interfaces.at(name);
        if (!member.probe_failed) continue;
        for (const ProbeInstance* instance : instances_of(member)) {
            auto since = instance->answers_since();
            if (since) note_earlier(due_, *since + 2 * Duration(timing_.at(member.group).detection_time));
        }
    }
}

void Probing::describe(const State& state, Status& status) const {
    for (GroupStatus& group : status.groups) {
        auto detection_time = this->detection_time(state, state.groups.at(group.interface));
        if (detection_time) group.failure_detection_time_ms = static_cast<std::uint32_t>(detection_time->count());
    }
    for (const InterfaceStatus& member : status.interfaces) {
        auto rows = targets_of(state.interfaces.at(member.name));
        std::move(rows.begin(), rows.end(), std::back_inserter(status.targets));
    }
}

std::optional<std::chrono::milliseconds> Probing::detection_time(const State& state, const Group& group) const {
    for (const Interface* member : members_of(state, group)) {
        if (!instances_of(*member).empty()) return timing_.at(group.interface).detection_time;
    }
    return {};
}

std::vector<TargetStatus> Probing::targets_of(const Interface& member) const {
    std::vector<TargetStatus> rows;
    for (const ProbeInstance* instance : instances_of(member)) {
        rows.push_back({.interface = member.name,
                        .mode = instance->targets().routers() ? TargetMode::routes : TargetMode::multicast,
                        .test_address = instance->source().address,
                        .targets = instance->targets().firing_order()});
    }
    if (rows.empty()) rows.push_back({.interface = member.name});
    return rows;
}

std::map<std::string, ProbeStatistics> Probing::statistics(const State& state) const {
    std::map<std::string, ProbeStatistics> statistics;
    for (const auto& [key, instance] : instances_) {
        const Interface* member = member_of(state, key.first, instance);
        if (!member) continue;
        statistics[member->name + (key.second == Family::ipv4 ? " inet" : " inet6")] = instance.statistics();
    }
    return statistics;
}

}  // namespace ipmp
