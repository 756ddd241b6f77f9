#include "core/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/predicates.hpp"

namespace ipmp {

namespace {

constexpr Duration kFlapWindow = std::chrono::seconds(60);
constexpr Duration kStartTime = std::chrono::seconds(3);  // the kernel takes up to one to act on a carrier

void log_error(std::vector<Action>& actions, std::string text) {
    actions.push_back(Log{Severity::error, std::move(text)});
}

// " of group G"; the group of a member always exists.
std::string of_group(const State& state, const Interface& member) {
    auto group = state.groups.find(member.group);
    return group == state.groups.end() ? "" : " of group " + group->second.name;
}

// Another member that works and has link right now: the failure is `failing`'s own, not the group's.
// In the anonymous group each is on a link of its own.
bool has_witness(const State& state, const Interface& failing) {
    if (failing.group.empty()) return true;
    return std::any_of(state.interfaces.begin(), state.interfaces.end(), [&](const auto& entry) {
        const Interface& other = entry.second;
        return &other != &failing && other.group == failing.group && functioning(other) && link_up(other);
    });
}

void fail(const State& state, Interface& member, std::vector<Action>& actions) {
    member.repair_due.reset();
    if (member.failed) return;
    member.failed = true;
    if (!member.offline && has_witness(state, member)) {
        log_error(actions, fmt::format("IP interface failure detected on {}{}", member.name, of_group(state, member)));
    }
}

void repair(const State& state, Interface& member, std::vector<Action>& actions) {
    member.failed = false;
    member.kept = false;
    member.flapping_reported = false;
    member.repair_due.reset();
    log_error(actions, fmt::format("IP interface repair detected on {}{}", member.name, of_group(state, member)));
}

// More than `limit` link-ups within a minute: when a repair may be considered again; nothing if it may now.
std::optional<Instant> flapping_until(const Interface& member, std::uint32_t limit, Instant now) {
    if (limit == 0 || member.link_ups.size() < limit) return {};
    Instant oldest = member.link_ups[member.link_ups.size() - limit];
    if (now - oldest > kFlapWindow) return {};
    return oldest + kFlapWindow + std::chrono::milliseconds(1);
}

void record_link_up(Interface& member, std::uint32_t limit, Instant now) {
    if (limit == 0) return;
    member.link_ups.push_back(now);
    if (member.link_ups.size() > limit) {
        member.link_ups.erase(member.link_ups.begin(), member.link_ups.end() - static_cast<std::ptrdiff_t>(limit));
    }
}

void link_came_up(const State& state, Interface& member, const Config& config, Instant now,
                  std::vector<Action>& actions) {
    log_error(actions, fmt::format("The link has come up on {}", member.name));
    bool flapping = flapping_until(member, config.link_ups_per_minute, now).has_value();
    record_link_up(member, config.link_ups_per_minute, now);
    if (!flapping) {
        if (member.failed && !member.probe_failed) repair(state, member, actions);
        return;
    }
    fail(state, member, actions);  // a flap too short to be seen as a failure still ends the trust in this link
    member.repair_due = flapping_until(member, config.link_ups_per_minute, now);
    if (!member.flapping_reported) {
        member.flapping_reported = true;
        log_error(actions, fmt::format("The link has come up on {} more than {} times in the last minute; "
                                       "disabling repair until it stabilizes",
                                       member.name, config.link_ups_per_minute));
    }
}

}  // namespace

void judge_link(State& state, Interface& member, const LinkBefore& before, const Config& config, Instant now,
                std::vector<Action>& actions) {
    bool up = link_up(member);
    // Repaired only if both agree (R-DET-6); for one that had nobody to probe nobody could answer, and the link decides
    // alone. Asked at the edge, as afterwards probes of a failed member count as failed.
    bool probed = member.probe == ProbeHealth::ok || member.probe == ProbeHealth::failed;
    if (before.up && !up && probed) member.probe_failed = true;
    if (!up || member.offline) member.kept = false;
    if (before.was_member && before.up && member.misplaced) {  // will be back in a moment
        member.starting_until = now + kStartTime;
        return;
    }
    if (!before.was_member) {  // a newcomer is judged as it stands; a link already down is reported as such
        member.link_ups.clear();
        member.failed = member.probe_failed = member.kept = false;
        member.starting_until.reset();
        bool may_come = member.index && (member.starting || member.misplaced || !member.admin_up);
        if (!up && may_come) {  // `plumb group ipmp0 up`: in this order
            member.starting_until = now + kStartTime;
        } else if (!up) {
            if (member.index) log_error(actions, fmt::format("The link has gone down on {}", member.name));
            fail(state, member, actions);
        }
        return;
    }
    bool in_place = member.admin_up && !member.misplaced;  // to be moved it is taken down
    bool lost = in_place && !member.carrier && !member.starting && member.carrier_changes != before.carrier_changes;
    if (member.starting_until && !up && !lost && now < *member.starting_until) return;
    if (member.starting_until) {
        member.starting_until.reset();
        if (up) return;
        log_error(actions, fmt::format("The link has gone down on {}", member.name));
    }
    bool flapped = before.up && up && member.carrier_changes != before.carrier_changes;
    if (before.up && (!up || flapped)) {
        log_error(actions, fmt::format("The link has gone down on {}", member.name));
        if (!up) fail(state, member, actions);
    }
    if (up && (!before.up || flapped)) {
        link_came_up(state, member, config, now, actions);
        return;
    }
    if (!up || member.probe_failed) {
        fail(state, member, actions);
    } else if (member.failed && (!member.repair_due || *member.repair_due <= now)) {
        repair(state, member, actions);
    }
}

void judge_links(State& state, const std::map<std::string, Interface>& before, const Scope& scope, const Config& config,
                 Instant now, std::vector<Action>& actions) {
    for (auto& [name, interface] : state.interfaces) {
        if (!watched(interface) || !scope.contains(interface.group)) continue;
        const Interface* former = same_interface(before, interface);
        LinkBefore link;
        if (former && former->group == interface.group && former->tracked == interface.tracked) {
            link = {true, link_up(*former), former->carrier_changes};
        }
        judge_link(state, interface, link, config, now, actions);
    }
}

Scope with_other_carriers(const State& state, const std::map<std::string, Interface>& before) {
    std::set<std::string, std::less<>> groups;
    for (const auto& [name, interface] : state.interfaces) {
        auto former = before.find(name);
        bool same = former != before.end() && former->second.carrier_changes == interface.carrier_changes &&
                    former->second.carrier == interface.carrier;
        if (!same) groups.insert(interface.group);
    }
    return Scope(std::move(groups));
}

void forget_findings(Interface& interface) {
    interface.failed = interface.probe_failed = interface.probe_answered = interface.kept = false;
    interface.inactive = interface.offline = interface.hardware_duplicate = false;
    interface.link_ups.clear();
    interface.flapping_reported = false;
    interface.repair_due.reset();
    interface.starting_until.reset();
}

void judge_group(const std::vector<const Interface*>& members, Group& group, std::vector<Action>& actions) {
    auto usable_count = std::count_if(members.begin(), members.end(), [](auto* member) { return usable(*member); });
    GroupHealth health = GroupHealth::degraded;
    if (usable_count == 0) health = GroupHealth::failed;
    else if (static_cast<std::size_t>(usable_count) == members.size()) health = GroupHealth::ok;

    GroupHealth before = group.health;
    group.health = health;
    if (health == GroupHealth::failed && before != GroupHealth::failed) {
        group.failure_reported = true;
        log_error(actions, fmt::format("All IP interfaces in group {} are now unusable", group.name));
    }
    if (health != GroupHealth::failed && group.failure_reported) {
        group.failure_reported = false;
        auto last = std::find_if(members.rbegin(), members.rend(), [](auto* member) { return usable(*member); });
        log_error(actions, fmt::format("At least 1 IP interface ({}) in group {} is now usable", (*last)->name,
                                       group.name));
    }
}

}  // namespace ipmp
