#include "core/probing/probing.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/hygiene.hpp"
#include "core/predicates.hpp"
#include "core/roster.hpp"
#include "core/series.hpp"

namespace ipmp {

namespace {

// What a NIC may be probed from (6.1): UP, NOFAILOVER, in the kernel and nobody else's there (R-DET-11), and for IPv6
// link-local (R-ADR-4).
bool can_probe_from(const State& state, const Interface& member, const LogicalAddress& logical,
                    const AddressIndex& present) {
    if (!logical.up || !logical.no_failover || logical.address.is_zero()) return false;
    if (logical.address.family == Family::ipv6 && !logical.address.is_link_local()) return false;
    bool usable = false;
    for (const AddressState* seen : present.holders_of(logical.address)) {
        if (seen->link != member.index && spoils(state, member, *seen)) return false;
        usable |= seen->link == member.index && !seen->tentative && !seen->dad_failed;
    }
    return usable;
}

constexpr Duration kNoticedDelay = std::chrono::milliseconds(1);  // less is nobody's fault,
constexpr int kNoticedShare = 64;                                  // nor is so small a part of an interval

}  // namespace

ProbeInstance* Probing::find(InterfaceIndex link, Family family) {
    auto found = instances_.find({link, family});
    return found == instances_.end() ? nullptr : &found->second;
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

void Probing::update(State& state, const KernelState& kernel, const AddressIndex& present, const Config& config,
                     bool fresh, Instant now, std::vector<Action>& actions) {
    if (refresh(state, present, config, now, actions) || fresh) {
        offer_routers(state, kernel, present, now);
        share_hosts(state);
    }
    judge(state, config, now);
    for (auto& [name, member] : state.interfaces) {
        member.probe = health_of(member);
        member.probe_answered |= is_answered(member);
    }
}

void Probing::stop_without_link(const State& state) {
    for (const auto& [name, member] : state.interfaces) {
        if (link_up(member)) continue;
        for (Family family : kFamilies) {
            if (ProbeInstance* instance = find(member.index, family)) instance->stop();
        }
    }
}

std::vector<std::reference_wrapper<const ProbeInstance>> Probing::instances_of(const Interface& member) const {
    std::vector<std::reference_wrapper<const ProbeInstance>> instances;
    for (Family family : kFamilies) {
        auto found = instances_.find({member.index, family});
        if (found != instances_.end()) instances.push_back(found->second);
    }
    return instances;
}

bool Probing::is_answered(const Interface& member) const {
    return std::ranges::any_of(instances_of(member), &ProbeInstance::heard);
}

ProbeHealth Probing::health_of(const Interface& member) const {
    auto instances = instances_of(member);
    if (instances.empty()) return ProbeHealth::disabled;
    if (member.probe_failed) return ProbeHealth::failed;
    bool capable = std::ranges::any_of(instances, &ProbeInstance::capable);
    return capable ? ProbeHealth::ok : ProbeHealth::unknown;
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
        if (!watched(member)) return false;
        if (member.probe != health_of(member)) return true;  // its first target was found, say
        if (!member.probe_answered && is_answered(member)) return true;
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
        if (watched(member) && (member.probe_failed || member.kept)) judged_.push_back(name);
    }
    schedule_.clear();
    for (const auto& [key, instance] : instances_) {
        if (instance.due()) schedule_.emplace(*instance.due(), key);
    }
    plan(state);
}

// A detection time that had to grow is kept; the administrator's word ends it.
void Probing::refresh_timing(const State& state, const Config& config) {
    std::set<std::string> groups{""}, probed;  // the anonymous one always exists
    for (const auto& [name, group] : state.groups) groups.insert(name);
    for (const auto& [name, member] : state.interfaces) {
        if (!instances_of(member).empty()) probed.insert(member.group);
    }
    std::erase_if(timing_, [&](const auto& entry) { return !groups.contains(entry.first); });
    bool reconfigured = std::exchange(configured_, config.failure_detection_time) != config.failure_detection_time;
    for (const std::string& name : groups) {
        auto [timing, is_new] = timing_.try_emplace(name);
        bool begins = is_new || reconfigured || !probed.contains(name);
        if (begins) timing->second = {config.failure_detection_time, user_interval(config)};
    }
}

bool Probing::refresh(State& state, const AddressIndex& present, const Config& config, Instant now,
                      std::vector<Action>& actions) {
    refresh_timing(state, config);
    std::erase_if(asked_neighbours_, [&](const auto& entry) {
        auto alone = state.interfaces.find(entry.first);
        bool tracked = alone != state.interfaces.end() && alone->second.tracked;
        return !tracked && !state.groups.contains(entry.first);
    });
    InterfacesByLink<const Interface> interfaces(state.interfaces);
    std::erase_if(next_id_, [&](const auto& entry) { return !interfaces.find(entry.first); });
    bool changed = false;
    std::set<Key> wanted;
    for (const auto& [name, member] : state.interfaces) {
        bool probed = watched(member) && member.index && !member.offline;
        if (probed) changed |= refresh_member(state, member, present, config, wanted, now, actions);
    }
    std::erase_if(instances_, [&](const auto& entry) { return !wanted.contains(entry.first); });
    WatchProbes watch;
    for (const auto& [key, instance] : instances_) watch.sources.push_back(instance.source());
    if (watch == watched_) return changed;
    watched_ = watch;
    actions.push_back(std::move(watch));
    return changed;
}

bool Probing::refresh_member(const State& state, const Interface& member, const AddressIndex& present,
                             const Config& config, std::set<Key>& wanted, Instant now, std::vector<Action>& actions) {
    bool changed = false;
    for (Family family : kFamilies) {
        const LogicalAddress* chosen = nullptr;
        ProbeInstance* instance = find(member.index, family);
        if (instance && instance->group() != member.group) {  // what it knows is about another link
            instances_.erase({member.index, family});
            instance = nullptr;
        }
        for (const LogicalAddress& logical : member.families[index_of(family)].addresses) {
            if (!can_probe_from(state, member, logical, present)) continue;
            bool kept = instance && instance->source().address == logical.address;
            if (!chosen || kept) chosen = &logical;
        }
        if (!chosen) continue;
        ProbeSource source{member.index, chosen->address};
        wanted.insert({member.index, family});
        if (!instance) {
            auto made = instances_.try_emplace({member.index, family}, member.name, member.group, source, now,
                                               member.probe_answered);
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
Duration Probing::lost_time(const Config& config, Instant now) const {
    if (!due_) return {};
    Duration lost = now - *due_;
    return lost >= std::max(kNoticedDelay, Duration(user_interval(config)) / kNoticedShare) ? lost : Duration::zero();
}

void Probing::forget_lost_time(const Config& config, Instant now) {
    Duration lost = lost_time(config, now);
    if (lost == Duration::zero()) return;
    for (auto& [key, instance] : instances_) instance.extend_deadlines(lost);
}

void Probing::take(const State& state, const AddressIndex& present, const Config& config, const ProbeAnswered& answer,
                   Instant now, std::vector<Action>& actions) {
    ProbeInstance* instance = find(answer.source.link, answer.source.address.family);
    const Interface* member = instance ? member_of(state, answer.source.link, *instance) : nullptr;
    if (!member || instance->source() != answer.source || !link_up(*member)) return;
    auto group = state.groups.find(member->group);
    bool group_failed = group != state.groups.end() && group->second.health == GroupHealth::failed;
    touched_ = {member->name};
    auto taken = instance->take(answer, !member->failed && !group_failed, context_for(*member, config, now, actions));
    if (taken.discovered) offer_host(state, present, *member, *taken.discovered);
    if (taken.measured) scale(state, config, *member, *instance, taken, now, actions);
    if (member->probe_failed) plan(state);  // its repair may be due now; else nothing is due earlier than before
}

// The verdict on a NIC is left to its other family, if that has sent anything.
void Probing::take(const State& state, const ProbeNotSent& unsent, std::vector<Action>& actions) {
    Family family = unsent.source.address.family;
    ProbeInstance* instance = find(unsent.source.link, family);
    const Interface* member = instance ? member_of(state, unsent.source.link, *instance) : nullptr;
    if (!member || instance->source() != unsent.source || !instance->take_back(unsent.nonce)) return;
    touched_ = {member->name};
    if (!full_.insert(family).second) return;
    std::string setting = fmt::format("net.{}.neigh.default.gc_thresh3", family == Family::ipv4 ? "ipv4" : "ipv6");
    actions.push_back(Log{Severity::error,
                          fmt::format("The kernel has no room for neighbours of {} and others: probes that it does not "
                                      "send say nothing, failures may be missed; raise {}",
                                      member->name, setting)});
}

void Probing::plan(const State& state) {
    due_.reset();
    if (!schedule_.empty()) due_ = schedule_.begin()->first;
    for (const std::string& name : judged_) {
        const Interface& member = state.interfaces.at(name);
        if (!member.probe_failed) continue;
        for (const ProbeInstance& instance : instances_of(member)) {
            auto since = instance.answers_since();
            if (since) note_earlier(due_, *since + 2 * Duration(timing_.at(member.group).detection_time));
        }
    }
}

void Probing::describe(const State& state, Status& status) const {
    for (GroupStatus& group : status.groups) {
        auto detection_time = this->detection_time(state, group.interface);
        if (detection_time) group.failure_detection_time_ms = static_cast<std::uint32_t>(detection_time->count());
    }
    for (const InterfaceStatus& member : status.interfaces) {
        auto rows = targets_of(state.interfaces.at(member.name));
        std::move(rows.begin(), rows.end(), std::back_inserter(status.targets));
    }
}

std::optional<std::chrono::milliseconds> Probing::detection_time(const State& state, const std::string& group) const {
    for (const auto& [name, member] : state.interfaces) {
        bool probed = member.group == group && !instances_of(member).empty();
        if (probed) return timing_.at(group).detection_time;
    }
    return {};
}

std::vector<TargetStatus> Probing::targets_of(const Interface& member) const {
    std::vector<TargetStatus> rows;
    for (const ProbeInstance& instance : instances_of(member)) {
        rows.push_back({.interface = member.name,
                        .mode = instance.targets().routers() ? TargetMode::routes : TargetMode::multicast,
                        .test_address = instance.source().address,
                        .targets = instance.targets().firing_order()});
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
