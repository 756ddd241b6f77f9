#include "core/hygiene.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "core/predicates.hpp"
#include "core/roster.hpp"
#include "core/series.hpp"

namespace ipmp {

namespace {

void say(std::vector<Action>& log, Severity severity, std::string text) {
    log.push_back(Log{severity, std::move(text)});
}

bool is_probed(const Interface& interface) { return interface.probe != ProbeHealth::disabled; }

bool is_looked_at(const Interface& interface) {
    return watched(interface) && interface.index && !interface.offline;
}

// The test address that may not be used as another interface has it; that of IPv6 if both families have one.
const LogicalAddress* spoilt_test_address(const State& state, const AddressIndex& seen, const Interface& interface) {
    const LogicalAddress* spoilt = nullptr;
    for (const InterfaceFamily& family : interface.families) {
        for (const LogicalAddress& logical : family.addresses) {
            if (!logical.up || !logical.no_failover || logical.address.is_zero()) continue;
            AddressIndex::Found holders = seen.holders_of(logical.address);
            bool twice = std::any_of(holders.begin(), holders.end(), [&](const AddressState* holder) {
                return holder->link != interface.index && spoils(state, interface, *holder);
            });
            if (twice) spoilt = &logical;
        }
    }
    return spoilt;
}

}  // namespace

bool spoils(const State& state, const Interface& member, const AddressState& seen) {
    if (member.group.empty()) return false;
    if (seen.address.family == Family::ipv4) return true;
    const Interface* other = find_interface(state, seen.link);
    bool on_group = seen.link == state.groups.at(member.group).upper;
    return on_group || (other && other->group == member.group);
}

Hygiene::News Hygiene::judge(Concern& concern, bool wrong, Duration grace, Instant now) {
    if (!wrong) {
        bool was_told = concern.told;
        concern = {};
        return was_told ? News::mended : News::none;
    }
    if (concern.told) return News::none;
    if (!concern.due) concern.due = now + grace;
    if (now < *concern.due) return News::none;
    concern = {.told = true};
    return News::wrong;
}

void Hygiene::look_at_test_address(const State& state, const AddressIndex& seen, const Interface& interface, Nic& nic,
                                   Instant now, std::vector<Action>& log) {
    const LogicalAddress* spoilt = is_probed(interface) ? nullptr : spoilt_test_address(state, seen, interface);
    bool none = !is_probed(interface) && !spoilt;
    News not_unique = judge(nic.not_unique, spoilt != nullptr, Duration::zero(), now);
    News missing = judge(nic.no_test_address, none, kGrace, now);
    if (not_unique == News::wrong) {
        say(log, Severity::error,
            fmt::format("Test address {} is not unique in group; disabling probe-based failure detection on {}",
                        to_string(spoilt->address), interface.name));
    }
    if (missing == News::wrong) {
        say(log, Severity::info,
            fmt::format("No test address configured on interface {}; disabling probe-based failure detection on it",
                        interface.name));
    }
    bool mended = not_unique == News::mended || missing == News::mended;
    if (!mended || !is_probed(interface)) return;
    say(log, not_unique == News::mended ? Severity::error : Severity::info,
        fmt::format("Test address now configured on interface {}; enabling probe-based failure detection on it",
                    interface.name));
}

void Hygiene::look_at_plumbing(const Group& group, const Interface& member, const std::vector<const Interface*>& others,
                               Nic& nic, Instant now, std::vector<Action>& log) {
    const char* lacking = nullptr;
    for (Family family : {Family::ipv6, Family::ipv4}) {  // IPv4 is named first if it is both
        std::size_t which = index_of(family);
        bool used = std::any_of(others.begin(), others.end(), [&](auto* one) { return one->families[which].plumbed; });
        if (used && !member.families[which].plumbed) lacking = family == Family::ipv4 ? "IPv4" : "IPv6";
    }
    News news = judge(nic.not_plumbed, lacking != nullptr, kGrace, now);
    if (news == News::wrong) {
        say(log, Severity::error,
            fmt::format("NIC {} of group {} is not plumbed for {} and may affect failover capability", member.name,
                        group.name, lacking));
    }
    if (news == News::mended) {
        say(log, Severity::error,
            fmt::format("NIC {} of group {} is now plumbed as the others are", member.name, group.name));
    }
}

void Hygiene::look_at_methods(const Group& group, const std::vector<const Interface*>& members, Concern& concern,
                              Instant now, std::vector<Action>& log) {
    std::vector<std::string> probed, unprobed;
    for (const Interface* member : members) (is_probed(*member) ? probed : unprobed).push_back(member->name);
    News news = judge(concern, !probed.empty() && !unprobed.empty(), kGrace, now);
    if (news == News::wrong) {
        say(log, Severity::error,
            fmt::format("IP interfaces in group {} use different failure detection methods: link and probes on {}; "
                        "link only on {}",
                        group.name, fmt::join(probed, " "), fmt::join(unprobed, " ")));
    }
    if (news == News::mended) {
        say(log, Severity::error,
            fmt::format("IP interfaces in group {} now use the same failure detection methods", group.name));
    }
}

void Hygiene::update(const State& state, const AddressIndex& seen, Instant now, std::vector<Action>& log) {
    std::map<InterfaceIndex, Nic> former = std::exchange(nics_, {});
    std::erase_if(methods_, [&](const auto& entry) { return !state.groups.contains(entry.first); });
    for (const auto& [name, interface] : state.interfaces) {
        if (!is_looked_at(interface)) continue;
        Nic& nic = nics_[interface.index] = former[interface.index];
        look_at_test_address(state, seen, interface, nic, now, log);
        if (interface.group.empty()) nic.not_plumbed = {};  // there is nobody to compare it with
    }
    GroupMembers all_members(state.interfaces);
    for (const auto& [name, group] : state.groups) {
        std::vector<const Interface*> members = all_members.of(group);
        std::erase_if(members, [](const Interface* member) { return !is_looked_at(*member); });
        for (const Interface* member : members) {
            look_at_plumbing(group, *member, members, nics_[member->index], now, log);
        }
        look_at_methods(group, members, methods_[name], now, log);
    }
}

std::optional<Instant> Hygiene::deadline() const {
    std::optional<Instant> earliest;
    for (const auto& [index, nic] : nics_) {
        for (const Concern* concern : {&nic.not_unique, &nic.no_test_address, &nic.not_plumbed}) {
            note_earlier(earliest, concern->due);
        }
    }
    for (const auto& [name, concern] : methods_) note_earlier(earliest, concern.due);
    return earliest;
}

}  // namespace ipmp
