#include "core/invariants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/predicates.hpp"

// What holds, nearly always, is not put into words: addresses are turned into text where a message is made.
template <>
struct fmt::formatter<ipmp::IpAddress> : fmt::formatter<std::string> {
    auto format(const ipmp::IpAddress& address, format_context& context) const {
        return formatter<std::string>::format(to_string(address), context);
    }
};

namespace ipmp {

namespace {

const char* name_of(Family family) { return family == Family::ipv4 ? "IPv4" : "IPv6"; }

class Report {
  public:
    template <typename... Args>
    void require(bool holds, fmt::format_string<Args...> text, Args&&... args) {
        if (!holds) violations_.push_back(fmt::format(text, std::forward<Args>(args)...));
    }
    Violations take() { return std::move(violations_); }

  private:
    Violations violations_;
};

// Worked out here once more, not with core/policy: the active members, or whoever has link where none is active.
std::set<InterfaceIndex> carrying_members(const State& state, const Group& group, Family which, const Config& config) {
    std::set<InterfaceIndex> active, linked;
    for (const Interface* member : members_of(state, group)) {
        if (active_for(*member, which)) active.insert(member->index);
        bool has_link = link_up(*member) && !member->offline && member->families[index_of(which)].plumbed;
        if (has_link) linked.insert(member->index);
    }
    return active.empty() && config.group_failure == GroupFailure::keep ? linked : active;
}

std::map<InterfaceIndex, int> counts_of(const std::vector<Binding>& bindings, const std::set<InterfaceIndex>& active) {
    std::map<InterfaceIndex, int> counts;
    for (InterfaceIndex member : active) counts[member] = 0;
    for (const Binding& binding : bindings) {
        if (active.contains(binding.member)) ++counts[binding.member];
    }
    return counts;
}

void check_bindings(const Group& group, Family which, const std::set<InterfaceIndex>& active, Report& report) {
    const GroupFamily& family = group.families[index_of(which)];
    std::set<IpAddress> up, bound;
    for (const LogicalAddress& logical : family.addresses) {
        if (wants_binding(logical)) up.insert(logical.address);
        bool asked = logical.uniqueness == Uniqueness::settled;
        report.require(asked || !logical.adopted, "{}: {} is another program's and in question", group.interface,
                       logical.address);
        report.require(asked || logical.up, "{}: {} is down and in question", group.interface, logical.address);
        bool verified = logical.adopted || !active.empty() || !wants_binding(logical);
        report.require(verified || logical.uniqueness == Uniqueness::optimistic,
                       "{}: {} is UP without an active NIC and will not be asked for", group.interface,
                       logical.address);
    }
    for (const Binding& binding : family.bindings) {
        report.require(bound.insert(binding.address).second, "{}: {} is bound twice", group.interface, binding.address);
        bool right = active.empty() ? !binding.member : active.contains(binding.member);
        report.require(right, "{}: {} is bound to {}, which is not active", group.interface, binding.address,
                       binding.member.value);
    }
    report.require(up == bound, "{}: {} {} addresses are UP and no duplicates, {} are bound", group.interface,
                   up.size(), name_of(which), bound.size());
    int most = 0, least = static_cast<int>(family.bindings.size());
    for (const auto& [member, count] : counts_of(family.bindings, active)) {
        most = std::max(most, count);
        least = std::min(least, count);
    }
    report.require(active.empty() || most - least <= 1, "{}: {} binding counts differ by {}", group.interface,
                   name_of(which), most - least);
}

void check_family(const State& state, const Group& group, Family which, const Config& config, Report& report) {
    const GroupFamily& family = group.families[index_of(which)];
    std::set<InterfaceIndex> active = carrying_members(state, group, which, config);
    std::set<InterfaceIndex> listed(family.active.begin(), family.active.end());
    report.require(listed == active && listed.size() == family.active.size(),
                   "{}: the {} active list is not the set of active members", group.interface, name_of(which));
    bool nominee_right = active.empty() ? !family.nominee : active.contains(family.nominee);
    report.require(nominee_right, "{}: {} nominee {} is not active", group.interface, name_of(which),
                   family.nominee.value);
    check_bindings(group, which, active, report);
    bool slots_right = std::all_of(family.slots.begin(), family.slots.end(),
                                   [&](InterfaceIndex slot) { return active.empty() ? !slot : active.contains(slot); });
    report.require(slots_right, "{}: a {} slot is empty or names a member that is not active", group.interface,
                   name_of(which));
}

void check_policy(const State& state, const Group& group, const Config& config, Report& report) {
    std::size_t capacity = 0, functions = 0, is_active = 0;
    for (const Interface* member : members_of(state, group)) {
        if (!member->standby) ++capacity;
        if (works(*member)) ++functions;
        if (active(*member)) ++is_active;
        for (std::size_t family = 0; family < kFamilies.size(); ++family) {
            bool plumbed = group.families[family].plumbed || !member->families[family].plumbed;
            report.require(plumbed, "{} has a family plumbed that {} has not", member->name, group.interface);
        }
        report.require(!member->inactive || functioning(*member), "{} is INACTIVE but does not function", member->name);
        report.require(!member->kept || member->failed, "{} carries on but has not failed", member->name);
        bool may_carry_on = !member->kept || (link_up(*member) && !member->offline);
        report.require(may_carry_on, "{} carries on without link or offline", member->name);
        report.require(!member->probe_failed || member->failed, "{} fails by probes but not at all", member->name);
    }
    std::size_t wanted = std::min(std::max<std::size_t>(capacity, 1), functions);
    if (config.failback) {
        report.require(is_active == wanted, "{}: {} members are active instead of {}", group.interface, is_active,
                       wanted);
    } else {
        report.require(functions == 0 || is_active > 0, "{}: no member is active though {} function", group.interface,
                       functions);
        report.require(is_active <= wanted, "{}: {} members are active, more than {}", group.interface, is_active,
                       wanted);
    }
}

// A member that is not where the lower end is, as one of the two is still on its way, carries nothing.
bool agrees(const State& state, const GroupImage& image, const Nic& nic, InterfaceIndex member) {
    const Interface* interface = find_interface(state, member);
    bool is_beside = interface && member.place == image.lower.place;
    return nic == (is_beside ? Nic{member, interface->mac} : Nic{});
}

void check_image(const State& state, const Group& group, const GroupImage& image, Report& report) {
    const std::string& name = group.interface;
    report.require(image.upper == group.upper && image.lower == group.lower, "{}: image has other links", name);
    std::map<InterfaceIndex, MacAddress> members;
    for (const Interface* member : members_of(state, group)) {
        bool is_beside = member->index && member->index.place == group.lower.place;  // filters lead nowhere else
        if (is_beside) members[member->index] = member->mac;
    }
    report.require(image.members == members, "{}: image has other members", name);
    std::size_t data_addresses = 0;
    for (Family which : kFamilies) {
        std::size_t index = index_of(which);
        const GroupFamily& family = group.families[index];
        report.require(agrees(state, image, image.nominee[index], family.nominee), "{}: image has another {} nominee",
                       name, name_of(which));
        bool same = true;
        for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
            same &= agrees(state, image, image.slots[index][slot], family.slots[slot]);
        }
        report.require(same, "{}: image has other {} slots", name, name_of(which));
        for (const Binding& binding : family.bindings) {
            auto entry = image.addresses.find(binding.address);
            bool right = entry != image.addresses.end() && entry->second.kind == AddressKind::data &&
                         agrees(state, image, entry->second.nic, binding.member);
            report.require(right, "{}: image has {} elsewhere", name, binding.address);
        }
        data_addresses += family.bindings.size() + family.proxies.size();
    }
    auto in_image = std::count_if(image.addresses.begin(), image.addresses.end(),
                                  [](const auto& entry) { return entry.second.kind == AddressKind::data; });
    report.require(static_cast<std::size_t>(in_image) == data_addresses, "{}: image has {} data addresses, not {}",
                   name, in_image, data_addresses);
}

// FAILBACK=no: who rests is called only when another is lost, when nobody is active, or by the administrator; who was
// repaired rests.
void check_calls(const Transition& step, const Group& group, Report& report) {
    std::size_t was_active = 0;
    bool lost = false;
    for (const auto& [name, former] : step.before.interfaces) {
        if (former.group != group.interface || !active(former)) continue;
        ++was_active;
        const Interface* now = find_interface(step.after, former.index);
        lost |= !now || now->group != group.interface || !active(*now);
    }
    for (const Interface* member : members_of(step.after, group)) {
        const Interface* former = find_interface(step.before, member->index);
        bool called =
            former && former->group == group.interface && functioning(*former) && former->inactive && active(*member);
        bool repaired = former && former->group == group.interface && !works(*former) && !former->offline &&
                        !former->starting_until && active(*member) && !member->standby;
        bool own_act = former && former->standby != member->standby;
        bool needed = lost || was_active == 0 || own_act || step.config.failback;
        report.require(!called || needed, "{}: {} was INACTIVE and was called without need", group.interface,
                       member->name);
        report.require(!repaired || needed, "{}: {} was repaired and does not rest", group.interface, member->name);
    }
}

// R-DET-8: an opinion may cut nobody off who has link. A member fails by probes alone, with a witness, or all do at
// once and carry on; and who carries on after that had been in use before.
void check_opinions(const Transition& step, const Group& group, Report& report) {
    bool by_probes = std::holds_alternative<Tick>(step.event) || std::holds_alternative<ProbeAnswered>(step.event) ||
                     std::holds_alternative<ProbeNotSent>(step.event);
    auto members = members_of(step.after, group);
    bool any_functions = std::any_of(members.begin(), members.end(), [](auto* member) { return functioning(*member); });
    for (const Interface* member : members) {
        const Interface* former = find_interface(step.before, member->index);
        bool must_go_on = by_probes && !any_functions && step.config.group_failure == GroupFailure::keep && former &&
                          former->group == group.interface && active(*former) && link_up(*member) && !member->offline;
        report.require(!must_go_on || active(*member), "{} is cut off by an opinion", member->name);
    }
    for (const Interface* member : members_of(step.after, group)) {
        const Interface* former = find_interface(step.before, member->index);
        if (!former || former->group != group.interface || !member->kept || former->kept) continue;
        report.require(active(*former), "{} carries on but was not in use", member->name);
        report.require(step.config.group_failure == GroupFailure::keep, "{} carries on though it may not",
                       member->name);
        for (const Interface* other : members_of(step.after, group)) {
            report.require(!functioning(*other), "{} carries on though {} works", member->name, other->name);
        }
    }
}

// How many bindings must leave a NIC that stays, so that counts level out: those above its final share.
int needed_moves(const std::map<InterfaceIndex, int>& staying, int total) {
    int members = static_cast<int>(staying.size());
    int share = total / members, with_one_more = total % members;
    int excess = 0, above = 0;
    for (const auto& [member, count] : staying) {
        excess += std::max(0, count - share);
        above += count > share ? 1 : 0;
    }
    return excess - std::min(above, with_one_more);
}

void check_moves(const Transition& step, const Group& group, Report& report) {
    auto former = step.before.groups.find(group.interface);
    if (former == step.before.groups.end()) return;
    for (Family which : kFamilies) {
        const GroupFamily& before = former->second.families[index_of(which)];
        const GroupFamily& after = group.families[index_of(which)];
        std::map<InterfaceIndex, int> staying;
        for (InterfaceIndex member : after.active) staying[member] = 0;
        if (staying.empty()) continue;
        int moved = 0;
        for (const Binding& binding : after.bindings) {
            for (const Binding& old : before.bindings) {
                if (old.address != binding.address || !staying.contains(old.member)) continue;
                ++staying[old.member];
                moved += old.member != binding.member ? 1 : 0;
            }
        }
        int needed = needed_moves(staying, static_cast<int>(after.bindings.size()));
        report.require(moved <= needed, "{}: {} {} bindings left a NIC that stays active; {} had to", group.interface,
                       moved, name_of(which), needed);
        bool nominee_stays = !staying.contains(before.nominee) || before.nominee == after.nominee;
        report.require(nominee_stays, "{}: the {} nominee changed though it stays active", group.interface,
                       name_of(which));
    }
}

// Nobody speaks for an address, to all or to one peer, but the NIC it is bound to.
void check_speaker(const State& state, const IpAddress& spoken_for, const Nic& speaker, Report& report) {
    const Interface* nic = find_interface(state, speaker.index);
    report.require(nic != nullptr, "{} is announced from {}, which is gone", spoken_for, speaker.index.value);
    if (!nic) return;
    report.require(nic->mac == speaker.mac, "{} is announced at {}, which is not the MAC of {}", spoken_for,
                   to_string(speaker.mac), nic->name);
    auto group = state.groups.find(nic->group);
    bool bound = false;
    if (group != state.groups.end()) {
        const GroupFamily& family = group->second.families[index_of(spoken_for.family)];
        for (const auto* bindings : {&family.bindings, &family.proxies}) {
            for (const Binding& binding : *bindings) {
                bound |= binding.address == spoken_for && binding.member == nic->index;
            }
        }
    }
    // A NIC that has left its group with the address has it to itself (give_back).
    const auto& own = nic->families[index_of(spoken_for.family)].addresses;
    bound |= nic->group.empty() && find_up(own, spoken_for) != nullptr;
    report.require(bound, "{} is announced from {} but not bound to it", spoken_for, nic->name);
    bool open = group != state.groups.end() && in_question(group->second).contains(spoken_for);
    report.require(!open, "{} is announced before it is known to be ours alone", spoken_for);
}

bool level(const GroupFamily& family) {
    std::map<InterfaceIndex, int> counts;
    for (InterfaceIndex member : family.active) counts[member] = 0;
    for (InterfaceIndex slot : family.slots) ++counts[slot];
    int most = 0, least = static_cast<int>(kSlotCount);
    for (const auto& [member, count] : counts) {
        most = std::max(most, count);
        least = std::min(least, count);
    }
    return most - least <= 1;
}

}  // namespace

Violations check(const State& state, const DataplaneImage& image, const Config& config) {
    Report report;
    for (const auto& [name, group] : state.groups) {
        for (Family which : kFamilies) check_family(state, group, which, config, report);
        check_policy(state, group, config, report);
        if (auto entry = image.find(name); entry != image.end()) check_image(state, group, entry->second, report);
    }
    for (const auto& [name, entry] : image) {
        report.require(state.groups.contains(name), "image has {}, which is no IPMP interface", name);
    }
    std::set<InterfaceIndex> seen;
    for (const auto& [name, interface] : state.interfaces) {
        report.require(interface.name == name, "{} is filed under {}", interface.name, name);
        report.require(!interface.index || seen.insert(interface.index).second, "index of {} is filed twice", name);
        bool at_home = interface.group.empty() || state.groups.contains(interface.group);
        report.require(at_home, "{} is in group {}, which does not exist", name, interface.group);
        bool flagged = interface.failed || interface.inactive || interface.offline;
        bool watched_alone = interface.group.empty() && interface.tracked;
        bool stands_in = interface.inactive || interface.offline || interface.kept;
        report.require(!interface.group.empty() || watched_alone || !flagged,
                       "{} is in no group but has flags of a member", name);
        report.require(!watched_alone || !stands_in, "{} is in the anonymous group but stands in for others", name);
        report.require(interface.group.empty() || !interface.tracked, "{} is in two groups", name);
    }
    return report.take();
}

Violations check_transition(const Transition& step) {
    Report report;
    for (const auto& [name, group] : step.after.groups) {
        check_calls(step, group, report);
        check_moves(step, group, report);
        check_opinions(step, group, report);
    }
    for (const Action& action : step.actions) {
        if (auto* all = std::get_if<Announce>(&action)) check_speaker(step.after, all->address, all->nic, report);
        if (auto* one = std::get_if<AskPeer>(&action)) check_speaker(step.after, one->address, one->nic, report);
    }
    return report.take();
}

Violations check_restart(const Transition& step) {
    Report report;
    for (const auto& [name, group] : step.before.groups) {
        auto after = step.after.groups.find(name);
        report.require(after != step.after.groups.end(), "{} is gone after a restart", name);
        if (after == step.after.groups.end()) continue;
        for (Family which : kFamilies) {
            const GroupFamily& then = group.families[index_of(which)];
            const GroupFamily& now = after->second.families[index_of(which)];
            const char* text = name_of(which);
            report.require(now.bindings == then.bindings, "{}: a restart moved {} bindings", name, text);
            report.require(now.nominee == then.nominee, "{}: a restart moved the {} nominee", name, text);
            report.require(now.active == then.active, "{}: a restart changed who is {} active", name, text);
            report.require(now.slots == then.slots || !level(then), "{}: a restart moved {} slots", name, text);
        }
    }
    for (const Action& action : step.actions) {
        auto* announce = std::get_if<Announce>(&action);
        report.require(!announce, "{} is announced after a restart", announce ? to_string(announce->address) : "");
    }
    return report.take();
}

}  // namespace ipmp
