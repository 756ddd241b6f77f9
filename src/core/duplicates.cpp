#include "core/duplicates.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/fnv.hpp"
#include "core/policy.hpp"
#include "core/predicates.hpp"
#include "core/roster.hpp"
#include "core/series.hpp"

namespace ipmp {

namespace {

// An address of ours may come back to us: by a loop in the network, or from a NIC of the host that is in no group,
// where Linux answers for all addresses it has.
bool is_own_mac(const State& state, const MacAddress& mac) {
    auto has_it = [&](const auto& entry) { return entry.second.mac == mac; };
    return std::any_of(state.interfaces.begin(), state.interfaces.end(), has_it) ||
           std::any_of(state.groups.begin(), state.groups.end(), has_it);
}

bool is_slow(const IpAddress& address) {
    return address.family == Family::ipv4 && address.bytes[0] == 169 && address.bytes[1] == 254;
}

// `duration` +-20 %, so that hosts which begin together do not go on together.
Duration fuzzed(Duration duration, const ProbeAddress& probe, std::uint32_t number) {
    std::uint64_t hash = fnv1a_64(probe.nic.mac.bytes, fnv1a_64(probe.address.bytes, kFnv64 ^ number));
    return duration * (80 + static_cast<int>((hash >> 32) % 41)) / 100;
}

}  // namespace

void Duplicates::file_claim(const AddressClaimed& claim, State& state, const KernelState& kernel, Instant now,
                            std::vector<Action>& log) {
    const Interface* nic = find_interface(state, claim.link);
    auto group = nic ? state.groups.find(nic->group) : state.groups.end();
    if (group == state.groups.end() || is_own_mac(state, claim.claimant)) return;
    for (LogicalAddress& logical : group->second.families[index_of(claim.address.family)].addresses) {
        if (!logical.up || logical.address != claim.address) continue;
        Case it{group->first, logical, watches_[{group->first, claim.address}]};
        switch (logical.uniqueness) {
            case Uniqueness::tentative:  // who asks for it at the same time is as bad as who has it (RFC 5227 §2.1.1)
                give_up(it, claim.claimant, now, log);
                break;
            case Uniqueness::optimistic:  // who asks is answered by our own stack
                if (!claim.probing && it.watch.due) give_up(it, claim.claimant, now, log);
                break;
            case Uniqueness::settled:
                if (claim.probing) break;
                contest(it, claim,
                        is_seen(kernel, group->second.upper, claim.address, &AddressState::finite_lifetime), now, log);
                break;
            case Uniqueness::duplicate:
                break;
        }
    }
}

void Duplicates::contest(const Case& it, const AddressClaimed& claim, bool leased, Instant now,
                         std::vector<Action>& log) {
    Watch& watch = it.watch;
    if (watch.told) {
        ++watch.untold;
    } else {
        watch.told = now;
        log.push_back(Log{Severity::error, fmt::format("{} uses {} of {} too, defending it", to_string(claim.claimant),
                                                       to_string(claim.address), it.ipmp_interface)});
    }
    std::erase_if(watch.defences, [&](Instant at) { return at + kWindow <= now; });
    if (!watch.defences.empty() && now < watch.defences.back() + kSettling) return;
    if (watch.defences.size() < (leased ? kLeaseDefences : kDefences)) {
        watch.defences.push_back(now);
        watch.defend = true;
    } else if (!it.logical.adopted) {
        give_up(it, claim.claimant, now, log);
    }
}

void Duplicates::give_up(const Case& it, const MacAddress& claimant, Instant now, std::vector<Action>& log) {
    bool news = it.logical.claimant != claimant;  // a retry that met the same host again is none
    it.logical.uniqueness = Uniqueness::duplicate;
    it.logical.claimant = claimant;
    it.watch = Watch{.retry_due = now + kRetry};
    if (!news) return;
    log.push_back(
        Log{Severity::error, fmt::format("{} of {} is a duplicate address: {} uses it; disabled, and tried "
                                         "again every {} s",
                                         to_string(it.logical.address), it.ipmp_interface, to_string(claimant),
                                         std::chrono::duration_cast<std::chrono::seconds>(kRetry).count())});
}

bool Duplicates::a_link_came_up(const std::vector<const Interface*>& members) const {
    for (const Interface* member : members) {
        auto was = links_were_up_.find(member->name);
        if (was != links_were_up_.end() && !was->second && link_up(*member)) return true;
    }
    return false;
}

void Duplicates::reconsider(State& state, const Config& config, Instant now) {
    GroupMembers all_members(state.interfaces);
    for (auto& [name, group] : state.groups) {
        const auto& members = all_members.of(group);
        bool came_up = a_link_came_up(members);
        for (Family which : kFamilies) {
            bool any_active = !carriers(members, which, config).empty();
            for (LogicalAddress& logical : group.families[index_of(which)].addresses) {
                if (!logical.up) continue;
                bool is_retried = logical.uniqueness == Uniqueness::tentative && logical.claimant;
                if (is_retried && !any_active) logical.uniqueness = Uniqueness::duplicate;  // no answer is no news
                if (logical.uniqueness != Uniqueness::duplicate) continue;
                std::optional<Instant>& due = watches_[{name, logical.address}].retry_due;
                bool is_due = came_up || (due && *due <= now);
                if (!due || is_due) due = now + kRetry;
                if (is_due && any_active) logical.uniqueness = Uniqueness::tentative;
            }
        }
    }
    links_were_up_.clear();
    for (const auto& [name, interface] : state.interfaces) {
        if (!interface.group.empty()) links_were_up_[name] = link_up(interface);
    }
}

Duplicates::Watch Duplicates::watch_of(const std::string& ipmp_interface, const IpAddress& address) const {
    if (watches_.empty()) return {};
    auto known = watches_.find({ipmp_interface, address});
    return known == watches_.end() ? Watch{} : known->second;
}

void Duplicates::update(State& state, const DataplaneImage& image, const Config& config, const Scope& scope,
                        Instant now, std::vector<Action>& actions) {
    std::map<Key, Watch> updated;
    for (const auto& [key, watch] : watches_) {
        if (!scope.contains(key.first)) updated.emplace(key, watch);
    }
    for (auto& [name, group] : state.groups) {
        if (!scope.contains(name)) continue;
        auto published = image.find(name);
        for (GroupFamily& family : group.families) {
            for (LogicalAddress& logical : family.addresses) {
                if (!logical.up || logical.address.is_zero()) continue;
                Watch watch = watch_of(name, logical.address);
                bool is_quiet = watch == Watch{} && logical.uniqueness == Uniqueness::settled;
                if (is_quiet && (logical.adopted || !family.active.empty())) continue;
                Case it{name, logical, watch};
                Nic nic;
                if (published != image.end() && wants_binding(logical)) {
                    nic = published->second.addresses.at(logical.address).nic;
                }
                tell_claims(it, now, actions);
                bool is_first = logical.uniqueness == Uniqueness::tentative && !logical.claimant;
                bool cannot_ask = family.active.empty() || (is_first && published == image.end());
                if (logical.adopted) {
                    logical.uniqueness = Uniqueness::settled;
                } else if (cannot_ask && logical.uniqueness != Uniqueness::duplicate) {
                    logical.uniqueness = Uniqueness::optimistic;
                }
                if (logical.uniqueness != Uniqueness::duplicate) it.watch.retry_due.reset();
                if (nic.index)
                    proceed(it, nic, config, now, actions);
                else
                    watch.due.reset();
                if (!watch.due) {  // of no series nothing is remembered
                    watch.nic = {};
                    watch.probes_left = 0;
                }
                if (watch != Watch{}) updated[{name, logical.address}] = std::move(watch);
            }
        }
    }
    watches_ = std::move(updated);
}

void Duplicates::proceed(const Case& it, const Nic& nic, const Config& config, Instant now,
                         std::vector<Action>& actions) {
    switch (it.logical.uniqueness) {
        case Uniqueness::tentative:
        case Uniqueness::optimistic:
            probe(it, nic, config, now, actions);
            break;
        case Uniqueness::settled:
            if (std::exchange(it.watch.defend, false)) actions.push_back(Announce{it.logical.address, nic});
            break;
        case Uniqueness::duplicate:
            break;
    }
}

// One step of a series, where one is due; a new bound NIC begins it anew, as what the former sent may be lost.
void Duplicates::probe(const Case& it, const Nic& nic, const Config& config, Instant now,
                       std::vector<Action>& actions) {
    const ProbeAddress question{it.logical.address, nic};
    bool slow = is_slow(question.address);
    Watch& watch = it.watch;
    if (!watch.due || watch.nic != nic) {
        Duration delay = question.address.family == Family::ipv6 ? Duration::zero() : slow ? kSlowDelay : kDelay;
        watch.nic = nic;
        watch.probes_left = config.duplicate_address_probes;
        watch.due = now + (watch.probes_left ? fuzzed(delay, question, watch.probes_left) : Duration::zero());
    }
    if (*watch.due > now) return;
    if (watch.probes_left > 0) {
        actions.push_back(question);
        --watch.probes_left;
        watch.due = now + fuzzed(slow ? kSlowInterval : kInterval, question, watch.probes_left);
        return;
    }
    watch.due.reset();
    it.logical.uniqueness = Uniqueness::settled;
    if (!std::exchange(it.logical.claimant, std::nullopt)) return;
    actions.push_back(Log{Severity::info, fmt::format("{} of {} is no duplicate address any more, using it again",
                                                      to_string(question.address), it.ipmp_interface)});
}

// Said once, then counted.
void Duplicates::tell_claims(const Case& it, Instant now, std::vector<Action>& actions) {
    Watch& watch = it.watch;
    if (!watch.told || now < *watch.told + kSilence) return;
    watch.told.reset();
    if (watch.untold == 0) return;
    actions.push_back(
        Log{Severity::error, fmt::format("{} of {} was claimed by others {} more times", to_string(it.logical.address),
                                         it.ipmp_interface, std::exchange(watch.untold, 0))});
    watch.told = now;
}

std::optional<Instant> Duplicates::deadline() const {
    std::optional<Instant> earliest;
    for (const auto& [key, watch] : watches_) {
        note_earlier(earliest, watch.due);
        note_earlier(earliest, watch.retry_due);
        if (watch.told) note_earlier(earliest, *watch.told + kSilence);
    }
    return earliest;
}

}  // namespace ipmp
