#include "core/decisions.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "core/predicates.hpp"

namespace ipmp {

namespace {

// Methods that can lead to what is recorded here; others lead to nothing.
struct MethodName {
    const char* operator()(const CreateIpmp&) const { return "CreateIpmp"; }
    const char* operator()(const Plumb&) const { return "Plumb"; }
    const char* operator()(const Unplumb&) const { return "Unplumb"; }
    const char* operator()(const SetGroup&) const { return "SetGroup"; }
    const char* operator()(const SetAddress&) const { return "SetAddress"; }
    const char* operator()(const AddLogical&) const { return "AddLogical"; }
    const char* operator()(const RemoveLogical&) const { return "RemoveLogical"; }
    const char* operator()(const SetFlags&) const { return "SetFlags"; }
    const char* operator()(const SetStandby&) const { return "SetStandby"; }
    const char* operator()(const SetOffline&) const { return "SetOffline"; }
    const char* operator()(const UndoOffline&) const { return "UndoOffline"; }
    const char* operator()(const SetFailed&) const { return "SetFailed"; }
    const char* operator()(const SetEther&) const { return "SetEther"; }
    const char* operator()(const SetIsolate&) const { return "SetIsolate"; }
    const char* operator()(const Detach&) const { return "Detach"; }
    const char* operator()(const UndoDetach&) const { return "UndoDetach"; }
    const char* operator()(const ExpectMember&) const { return "ExpectMember"; }
    const char* operator()(const ReportDhcp&) const { return "ReportDhcp"; }
    const char* operator()(const Stop&) const { return "Stop"; }
    template <class Other>
    const char* operator()(const Other&) const {
        return "";
    }
};

std::string method_of(const Event& event) {
    const auto* received = std::get_if<CommandReceived>(&event);
    return received ? std::visit(MethodName{}, received->command) : "";
}

DecisionReason reason_of_failure(const Interface& nic) {
    if (!nic.index) return DecisionReason::missing;
    if (nic.declared_failed) return DecisionReason::declared;
    if (!nic.admin_up) return DecisionReason::set_down;
    if (!nic.carrier || nic.misplaced) return DecisionReason::link_down;
    if (nic.repair_due) return DecisionReason::unstable;
    return nic.probe_failed ? DecisionReason::probes : DecisionReason::link_down;
}

DecisionReason reason_to_rest(const Interface& nic) {
    return nic.standby ? DecisionReason::standby : DecisionReason::no_failback;
}

DecisionReason reason_of_offline(const Interface& nic) {
    return nic.hardware_duplicate ? DecisionReason::duplicate_mac : DecisionReason::asked;
}

// Why `nic` carries an address of `group` no more; nothing: it could.
std::optional<DecisionReason> reason_to_leave(const Interface* nic, const std::string& group, Family family) {
    if (!nic || nic->group != group) return DecisionReason::left;
    if (active_for(*nic, family)) return {};
    if (nic->offline) return reason_of_offline(*nic);
    if (nic->failed || nic->starting_until || !nic->index) return reason_of_failure(*nic);
    if (nic->inactive) return reason_to_rest(*nic);
    return nic->admin_up ? DecisionReason::not_plumbed : DecisionReason::set_down;
}

DecisionKind kind_of(GroupHealth health) {
    switch (health) {
        case GroupHealth::ok:
            return DecisionKind::ok;
        case GroupHealth::degraded:
            return DecisionKind::degraded;
        case GroupHealth::failed:
            break;
    }
    return DecisionKind::failed;
}

template <class Ring>
void bound(Ring& ring, std::size_t most) {
    while (ring.size() > most) ring.pop_front();
}

}  // namespace

// One step's comparison.
class Decisions::Step {
  public:
    Step(Decisions& all, const std::map<std::string, Interface>& before, const State& state, const Event& event,
         Instant now)
        : all_(all), before_(before), state_(state), method_(method_of(event)) {
        auto at_ms = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count();
        at_ms_ = static_cast<std::uint64_t>(at_ms);
    }

    void compare() {
        for (const auto& [name, nic] : state_.interfaces) {
            auto former = before_.find(name);
            bool same = former != before_.end() && former->second.index == nic.index;
            compare(nic, same ? &former->second : same_interface(before_, nic));
        }
        for (const auto& [name, group] : state_.groups) compare(group);
        std::erase_if(all_.known_, [&](const auto& entry) { return !state_.groups.contains(entry.first); });
        if (!recorded_) return;
        std::erase_if(all_.interfaces_, [&](const auto& entry) { return !state_.interfaces.contains(entry.first); });
        std::erase_if(all_.groups_, [&](const auto& entry) { return !state_.groups.contains(entry.first); });
    }

  private:
    Entry entry(DecisionKind what, DecisionReason why) {
        recorded_ = true;
        return {.sequence = ++all_.last_sequence_, .at_ms = at_ms_, .what = what, .why = why, .command = method_};
    }

    void record(const Interface& nic, DecisionKind what, DecisionReason why) {
        std::deque<Entry>& ring = all_.interfaces_[nic.name];
        ring.push_back(entry(what, why));
        ring.back().group = nic.group;
        bound(ring, kPerObject);
        culprits_.try_emplace(nic.group, nic.name);
    }

    DecisionReason asked_or_observed() const {
        return method_.empty() ? DecisionReason::observed : DecisionReason::asked;
    }

    void compare(const Interface& nic, const Interface* former) {
        static const Interface nothing;
        const Interface& old = former ? *former : nothing;
        if (nic.expected && !old.expected) {
            record(nic, DecisionKind::missing, DecisionReason::missing);
        } else if (nic.group != old.group || (old.expected && !nic.expected)) {
            record(nic, nic.group.empty() ? DecisionKind::left : DecisionKind::joined, asked_or_observed());
        }
        if (!watched(nic)) return;
        if (nic.offline != old.offline) {
            const Interface& offline = nic.offline ? nic : old;
            record(nic, nic.offline ? DecisionKind::offline : DecisionKind::online, reason_of_offline(offline));
        }
        if (nic.failed && !old.failed && !nic.expected) record(nic, DecisionKind::failed, reason_of_failure(nic));
        if (!nic.failed && old.failed && nic.group == old.group) {
            bool agreed = old.probe_failed;
            record(nic, DecisionKind::repaired, agreed ? DecisionReason::probes : DecisionReason::link_up);
        }
        if (nic.kept && !old.kept) record(nic, DecisionKind::kept, reason_of_failure(nic));
        if (nic.inactive != old.inactive && works(nic)) {
            DecisionReason why = nic.inactive ? reason_to_rest(nic) : DecisionReason::needed;
            bool by_command = nic.standby != old.standby && !method_.empty();
            record(nic, nic.inactive ? DecisionKind::inactive : DecisionKind::active,
                   by_command ? DecisionReason::asked : why);
        }
    }

    void compare(const Group& group) {
        auto [place, is_new] = all_.known_.try_emplace(group.interface);
        KnownGroup& known = place->second;
        if (is_new || known.health != group.health) {
            std::deque<Entry>& ring = all_.groups_[group.interface];
            ring.push_back(entry(kind_of(group.health), DecisionReason::members));
            ring.back().group = group.interface;
            auto culprit = culprits_.find(group.interface);
            if (culprit != culprits_.end()) ring.back().from = culprit->second;
            bound(ring, kPerObject);
        }
        if (is_new || moved(known, group)) {
            for (Family family : kFamilies) compare(group, family, known.bindings[index_of(family)]);
            known = Decisions::known(group);
        }
        known.health = group.health;
    }

    // Whoever is bound gets the next number; who loses its NIC for none, or is bound no more, shows by the rest.
    static bool moved(const KnownGroup& known, const Group& group) {
        if (known.next_sequence != group.next_sequence) return true;
        for (Family which : kFamilies) {
            const auto& former = known.bindings[index_of(which)];
            const auto& now = group.families[index_of(which)].bindings;
            if (former.size() != now.size()) return true;
            if (!now.empty() && (!former.front().member != !now.front().member)) return true;
        }
        return false;
    }

    // Both are in order of first binding, so one walk finds what came, moved and went.
    void compare(const Group& group, Family which, const std::vector<Binding>& former) {
        const GroupFamily& family = group.families[index_of(which)];
        auto old = former.begin();
        auto pass_over = [&](auto until) {
            for (; old != until; ++old) gone(group, family, *old);
        };
        for (const Binding& binding : family.bindings) {
            auto same = std::find_if(old, former.end(), [&](const Binding& o) { return o.address == binding.address; });
            bool is_new = same == former.end();
            if (!is_new) {
                pass_over(same);
                ++old;
            }
            if (is_new || same->member != binding.member) {
                compare(group, which, binding, is_new ? std::nullopt : std::optional(same->member));
            }
        }
        pass_over(former.end());
    }

    void compare(const Group& group, Family which, const Binding& binding, std::optional<InterfaceIndex> former) {
        if (!binding.member) {
            const Interface* nic = former ? find(*former) : nullptr;
            if (former) record(group, binding.address, DecisionKind::unbound, DecisionReason::no_member, nic, nullptr);
            return;
        }
        const Interface* to = find(binding.member);
        const Interface* from = former && *former ? find(*former) : nullptr;
        DecisionReason why = DecisionReason::first;
        if (former && !*former) why = DecisionReason::member_back;
        if (former && *former) {
            why = reason_to_leave(from, group.interface, which).value_or(DecisionReason::balance);
        }
        record(group, binding.address, DecisionKind::bound, why, from, to);
    }

    void gone(const Group& group, const GroupFamily& family, const Binding& former) {
        for (const LogicalAddress& logical : family.addresses) {
            if (logical.address != former.address || logical.uniqueness != Uniqueness::duplicate) continue;
            record(group, former.address, DecisionKind::withdrawn, DecisionReason::duplicate_address,
                   find(former.member), nullptr);
            if (logical.claimant) all_.addresses_.back().entry.to = to_string(*logical.claimant);
        }
    }

    void record(const Group& group, const IpAddress& address, DecisionKind what, DecisionReason why,
                const Interface* from, const Interface* to) {
        all_.addresses_.push_back({address, entry(what, why)});
        Entry& entry = all_.addresses_.back().entry;
        entry.group = group.interface;
        if (from) entry.from = from->name;
        if (to) entry.to = to->name;
        bound(all_.addresses_, kAddressDecisions);
    }

    // Of all at once: a failover asks for each of thousands of addresses.
    const Interface* find(InterfaceIndex index) {
        if (by_index_.empty()) {
            for (const auto& [name, nic] : before_) by_index_[nic.index] = &nic;
            for (const auto& [name, nic] : state_.interfaces) by_index_[nic.index] = &nic;
        }
        auto found = index ? by_index_.find(index) : by_index_.end();
        if (found == by_index_.end()) return nullptr;
        auto present = state_.interfaces.find(found->second->name);  // it may have lost that index by vanishing
        return present == state_.interfaces.end() ? found->second : &present->second;
    }

    Decisions& all_;
    const std::map<std::string, Interface>& before_;
    const State& state_;
    std::string method_;
    std::uint64_t at_ms_ = 0;
    bool recorded_ = false;
    std::map<std::string, std::string> culprits_;  // of each group: the first NIC of it that something became of
    std::map<InterfaceIndex, const Interface*> by_index_;
};

Decisions::KnownGroup Decisions::known(const Group& group) {
    return {group.health, group.next_sequence, {group.families[0].bindings, group.families[1].bindings}};
}

void Decisions::resume(const State& restored) {
    for (const auto& [name, group] : restored.groups) known_[name] = known(group);
}

void Decisions::update(const std::map<std::string, Interface>& before, const State& state, const Event& event,
                       Instant now) {
    Step(*this, before, state, event, now).compare();
}

void Decisions::describe(const State& state, Status& status) const {
    auto tell = [&](DecisionObject object, std::string name, const Entry& entry) {
        status.decisions.push_back({.sequence = entry.sequence,
                                    .at_ms = entry.at_ms,
                                    .object = object,
                                    .name = std::move(name),
                                    .group = entry.group,
                                    .what = entry.what,
                                    .why = entry.why,
                                    .from = entry.from,
                                    .to = entry.to,
                                    .command = entry.command});
    };
    for (const auto& [name, ring] : interfaces_) {
        if (!state.interfaces.contains(name)) continue;
        for (const Entry& entry : ring) tell(DecisionObject::interface, name, entry);
    }
    for (const auto& [name, ring] : groups_) {
        if (!state.groups.contains(name)) continue;
        for (const Entry& entry : ring) tell(DecisionObject::group, name, entry);
    }
    for (const AddressEntry& one : addresses_) {
        if (!state.groups.contains(one.entry.group)) continue;
        tell(DecisionObject::address, to_string(one.address), one.entry);
    }
    std::sort(status.decisions.begin(), status.decisions.end(),
              [](const Decision& a, const Decision& b) { return a.sequence < b.sequence; });
}

}  // namespace ipmp
