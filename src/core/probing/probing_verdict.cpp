// The part of Probing that judges: detection times, failures, witnesses, repairs (reference: in.mpathd §6.6-6.9, §8).
#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "core/predicates.hpp"
#include "core/probing/probing.hpp"

namespace ipmp {

namespace {

constexpr Duration kSettling = std::chrono::seconds(60);

// "(inet6 eth0)", as the documented messages have it.
std::string place_of(const Interface& member, Family family) {
    return fmt::format("({} {})", family == Family::ipv4 ? "inet" : "inet6", member.name);
}

}  // namespace

// 6.6: answers that take longer than the interval stretch it; short ones let it shrink again, step by step.
void Probing::scale(const State& state, const Config& config, const Interface& member, ProbeInstance& instance,
                    const ProbeInstance::Taken& taken, Instant now, std::vector<Action>& actions) {
    DetectionTiming& timing = timing_[member.group];
    auto group = state.groups.find(member.group);  // the anonymous one says nothing
    Target* target = instance.targets().find(*taken.measured);
    IPMP_CHECK(target);
    auto bound = target->round_trip.bound();
    if (taken.detection && bound > timing.interval) {
        const auto& all = instance.targets().all();
        bool exceptional =
            instance.targets().active_count() >= 4 && std::all_of(all.begin(), all.end(), [&](auto& other) {
                return other.address == target->address || other.status != Target::Status::active ||
                       other.round_trip.bound() <= timing.interval / 2;
            });
        if (exceptional) {
            if (instance.targets().set_slow(target->address, now))
                instance.discover(context_for(member, config, now, actions));
            return;
        }
        timing.interval = 2 * bound;
        timing.detection_time = 7 * timing.interval;
        raised_ = now;
        if (group == state.groups.end()) return;
        actions.push_back(Log{Severity::info,
                              fmt::format("Cannot meet requested failure detection time of {} ms on {} new failure "
                                          "detection time for group {} is {} ms",
                                          config.failure_detection_time.count(), place_of(member, instance.family()),
                                          group->second.name, timing.detection_time.count())});
        return;
    }
    bool lower = bound < timing.interval / 4 && timing.detection_time > config.failure_detection_time &&
                 (!raised_ || now - *raised_ > kSettling);
    if (!lower) return;
    for (const auto& [key, other] : instances_) {
        const Interface* neighbour = member_of(state, key.first, other);
        if (!neighbour || neighbour->group != member.group || neighbour->failed) continue;
        for (const Target& known : other.targets().all()) {
            if (known.status == Target::Status::active && known.round_trip.bound() > timing.interval / 4) return;
        }
    }
    timing.detection_time = std::max(timing.detection_time / 2, config.failure_detection_time);
    timing.interval = timing.detection_time / 7;
    if (group == state.groups.end()) return;
    actions.push_back(Log{taken.detection ? Severity::info : Severity::error,
                          fmt::format("Improved failure detection time {} ms on {} for group {}",
                                      timing.detection_time.count(), place_of(member, instance.family()),
                                      group->second.name)});
}

void Probing::judge(State& state, const Config& config, Instant now) {
    forget_in_failed_groups(state);
    for (auto& [name, member] : state.interfaces) {
        if (!watched(member)) member.probe_failed = member.kept = false;
        else reconsider(state, member, now);
    }
    // After that: a verdict on one member may be one on all of them, and holds for all.
    for (auto& [name, member] : state.interfaces) {
        if (!watched(member)) continue;
        if (auto since = silent_since(member, config, now)) fail(state, member, *since, config, now);
    }
}

// On entry to a group failure: whoever was asked may be gone for good. Routers stay, as a route may have been withdrawn
// because of the failure; hosts are found anew, if any is left (8).
void Probing::forget_in_failed_groups(const State& state) {
    std::erase_if(failed_groups_, [&](const std::string& name) {
        auto group = state.groups.find(name);
        return group == state.groups.end() || group->second.health != GroupHealth::failed;
    });
    for (const auto& [name, group] : state.groups) {
        if (group.health != GroupHealth::failed || !failed_groups_.insert(name).second) continue;
        for (auto& [key, instance] : instances_) {
            const Interface* member = member_of(state, key.first, instance);
            if (!member || member->group != name) continue;
            instance.targets().forget_round_trips();
            if (!instance.targets().routers()) instance.targets().clear();
        }
    }
}

void Probing::reconsider(const State& state, Interface& member, Instant now) const {
    if (member.probe_failed && repaired(member, timing_.at(member.group), now)) member.probe_failed = false;
    if (member.kept && !may_keep(state, member)) member.kept = false;
}

std::optional<Instant> Probing::silent_since(const Interface& member, const Config& config, Instant now) const {
    if (member.failed || member.probe_failed || member.offline || !link_up(member)) return {};
    std::optional<Instant> since;
    for (const ProbeInstance& instance : instances_of(member)) {
        if (!instance.capable() || instance.held_back()) continue;
        if (!instance.fails(config) || instance.quiet(now)) return {};  // every family must say so (6.8)
        Instant begin = instance.history().losses().begin;
        since = std::min(since.value_or(begin), begin);
    }
    return since;
}

// Once others of the group have been repaired, its own answers decide whether it still carries on.
bool Probing::may_keep(const State& state, const Interface& member) const {
    if (state.groups.at(member.group).health == GroupHealth::failed) return true;
    return std::ranges::all_of(instances_of(member), [](const ProbeInstance& instance) {
        return !instance.capable() || instance.history().answers().length > 0;
    });
}

void Probing::note_failure(const Interface& member, Instant now) {
    for (auto& [key, instance] : instances_) {
        if (key.first != member.index) continue;
        instance.targets().forget_round_trips();
        instance.note_failure(now);
    }
}

void Probing::fail(State& state, Interface& failing, Instant since, const Config& config, Instant now) {
    note_failure(failing, now);
    if (failing.group.empty() || has_witness(state, failing, since)) {
        failing.probe_failed = true;
        return;
    }
    // All members, or all targets, at once: an opinion, which does not cut the data path (R-DET-8).
    for (Interface* member : members_of(state, state.groups.at(failing.group))) {
        if (member->offline) continue;
        member->kept = config.group_failure == GroupFailure::keep && active(*member) && link_up(*member);
        member->failed = member->probe_failed = true;
        note_failure(*member, now);
    }
}

// Somebody else of the group works: is not probed and has link, or got an answer after `since`. Unlike the original's,
// a witness is not offline: a failover to it would help nobody.
bool Probing::has_witness(const State& state, const Interface& failing, Instant since) const {
    const Group& group = state.groups.at(failing.group);
    for (const Interface* other : members_of(state, group)) {
        bool could_take_over = link_up(*other) && functioning(*other) && !other->probe_failed;
        if (other == &failing || !could_take_over) continue;
        auto instances = instances_of(*other);
        bool answered = std::ranges::any_of(instances, [&](const ProbeInstance& instance) {
            auto newest = instance.history().newest_answer();
            return newest && *newest > since;
        });
        if (instances.empty() || answered) return true;
    }
    return false;
}

// Ten answers in a row in either family, and twice the detection time since the first of them (design §3). Without a
// test address only the link has an opinion.
bool Probing::repaired(const Interface& member, const DetectionTiming& timing, Instant now) const {
    if (!link_up(member)) return false;
    auto instances = instances_of(member);
    return instances.empty() || std::ranges::any_of(instances, [&](const ProbeInstance& instance) {
        auto since = instance.answers_since();
        return since && now >= *since + 2 * Duration(timing.detection_time);
    });
}

}  // namespace ipmp
