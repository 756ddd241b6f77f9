#include "sim/detection_watch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/predicates.hpp"

namespace ipmp::sim {

namespace {

constexpr double kHarmlessLoss = 0.05;  // each way: five losses in a row and fourteen more are beyond any seed
constexpr int kAnswersToRepair = 10;

Duration interval_of(const Config& config) { return config.failure_detection_time / 7; }

bool is_fine(const PathState& path) {
    return !path.silent() && path.loss <= kHarmlessLoss && path.delay + path.jitter < std::chrono::milliseconds(2);
}

}  // namespace

void DetectionWatch::watch(const std::vector<ProbeSource>& sources, Instant now) {
    std::map<InterfaceIndex, std::map<IpAddress, std::optional<Instant>>> wanted;
    for (const ProbeSource& source : sources) wanted[source.link][source.address] = {};
    for (auto& [link, nic] : nics_) {
        auto& addresses = wanted[link];
        bool same = std::equal(addresses.begin(), addresses.end(), nic.sources.begin(), nic.sources.end(),
                               [](auto& one, auto& other) { return one.first == other.first; });
        if (same) continue;
        nic.silent_since.reset();
        nic.doubted = now;
        for (auto& [address, newest] : addresses) {
            if (auto known = nic.sources.find(address); known != nic.sources.end()) newest = known->second;
        }
        nic.sources = addresses;
    }
    for (auto& [link, addresses] : wanted) {
        if (nics_.contains(link)) continue;
        nics_[link].sources = addresses;
        nics_[link].doubted = now;
    }
}

void DetectionWatch::answered(const ProbeAnswered& answer, Instant now) {
    auto nic = nics_.find(answer.source.link);
    if (nic == nics_.end()) return;
    auto source = nic->second.sources.find(answer.source.address);
    if (source == nic->second.sources.end()) return;
    source->second = now;
    if (nic->second.run_length++ == 0) nic->second.run_began = now;
}

void DetectionWatch::no_way_out(InterfaceIndex nic, Instant now) {
    auto known = nics_.find(nic);
    if (known == nics_.end()) return;
    known->second.doubted = now;
    known->second.silent_since.reset();
}

void DetectionWatch::network_changed(const Network& network, Instant now) {
    bool fine = std::all_of(network.machines.begin(), network.machines.end(),
                            [](const Machine& machine) { return machine.alive && machine.delay == Duration::zero(); });
    fine &= network.parted.empty() && network.silent_families.empty();
    if (!fine || !targets_fine_) targets_doubted_ = now;
    targets_fine_ = fine;
    for (auto& [link, nic] : nics_) {
        const PathState& path = network.path(link);
        bool was_fine = path_fine_.try_emplace(link, true).first->second;
        path_fine_[link] = is_fine(path);
        if (!was_fine || !is_fine(path)) nic.doubted = now;
        bool begins = path.silent() && !nic.was_silent;
        nic.was_silent = path.silent();
        bool quick = path.delay + path.jitter < std::chrono::milliseconds(2);
        if (begins && quick && targets_fine_) {
            nic.silent_since = now;
            nic.longest = {};
        }
        if (!path.silent() || !targets_fine_ || !quick) nic.silent_since.reset();
    }
}

void DetectionWatch::targets_seen(const std::vector<TargetRoute>& routes) {
    bool all_stay = std::all_of(routes_.begin(), routes_.end(), [&](const TargetRoute& former) {
        return std::find(routes.begin(), routes.end(), former) != routes.end();
    });
    routes_ = routes;
    if (all_stay) return;
    for (auto& [link, nic] : nics_) nic.silent_since.reset();
}

void DetectionWatch::forgive_all(Instant now) {
    for (auto& [link, nic] : nics_) nic.silent_since.reset();
    targets_doubted_ = now;
}

void DetectionWatch::forget_all(Instant now) {
    forgive_all(now);
    routes_.clear();
    nics_.clear();
}

void DetectionWatch::check_member(const Interface& former, const Interface& member, const Config& config, Instant now,
                                  Violations& found) {
    auto known = nics_.find(member.index);
    if (known == nics_.end()) return;
    Nic& nic = known->second;
    bool undisturbed = link_up(former) && link_up(member) && former.carrier_changes == member.carrier_changes &&
                       !former.offline && !member.offline && !nic.sources.empty() && former.group == member.group;
    if (!undisturbed) {
        nic.silent_since.reset();
        nic.run_length = 0;
        nic.doubted = now;
        return;
    }
    Duration interval = interval_of(config);
    auto newest = std::max_element(nic.sources.begin(), nic.sources.end(), [](auto& a, auto& b) {
                      return a.second < b.second;
                  })->second;
    bool answers = newest && now - *newest < 2 * interval;
    if (!former.probe_failed && member.probe_failed) {
        bool cause = !path_fine_[member.index] || !targets_fine_ ||
                     now - std::max(nic.doubted, targets_doubted_) < 14 * interval;
        bool had_targets = newest.has_value();  // who has none cannot vouch for itself
        if (!cause && had_targets) found.push_back(fmt::format("{}: failed by probes without cause", member.name));
        if (!answers) nic.run_length = 0;
        if (nic.silent_since) ++in_time_;
        nic.silent_since.reset();
    }
    if (former.probe_failed && !member.probe_failed) {
        bool enough = nic.run_length >= kAnswersToRepair && nic.run_began &&
                      now - *nic.run_began >= 2 * Duration(config.failure_detection_time);
        if (!enough)
            found.push_back(fmt::format("{}: repaired after {} answers and too early", member.name, nic.run_length));
    }
}

Violations DetectionWatch::stepped(const State& before, const State& after, const Config& config, Instant now) {
    Violations found;
    for (const auto& [name, member] : after.interfaces) {
        const Interface* former = find_interface(before, member.index);
        if (former && member.index) check_member(*former, member, config, now, found);
    }
    return found;
}

Violations DetectionWatch::overdue(const State& state, const Config& config, const std::function<Status()>& status,
                                   Instant now) {
    Violations found;
    Duration interval = interval_of(config);
    for (auto& [link, nic] : nics_) {
        if (!nic.silent_since) continue;
        const Interface* member = find_interface(state, link);
        bool can_know = member && !member->failed && !member->offline && link_up(*member) && !nic.sources.empty();
        for (const auto& [address, newest] : nic.sources) {
            can_know &= newest && *nic.silent_since - *newest < 2 * interval;
        }
        if (!can_know) {
            nic.silent_since.reset();
            continue;
        }
        Status shown = status();
        Duration stretched = config.failure_detection_time;  // what the tools show counts
        for (const GroupStatus& group : shown.groups) {
            if (group.interface != member->group) continue;
            stretched =
                std::max(stretched, Duration(std::chrono::milliseconds(group.failure_detection_time_ms.value_or(0))));
        }
        nic.longest = std::max(nic.longest, stretched);  // one that improves meanwhile shortens no wait that has begun
        if (now <= *nic.silent_since + nic.longest) continue;
        bool has_targets = std::any_of(shown.targets.begin(), shown.targets.end(), [&](const TargetStatus& row) {
            return row.interface == member->name && !row.targets.empty();
        });
        if (!has_targets) {  // routes went, which the daemon may have learnt late
            nic.silent_since.reset();
            continue;
        }
        found.push_back(
            fmt::format("{}: silent for {} ms and not found", member->name,
                        std::chrono::duration_cast<std::chrono::milliseconds>(now - *nic.silent_since).count()));
    }
    return found;
}

}  // namespace ipmp::sim
