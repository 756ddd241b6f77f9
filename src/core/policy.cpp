#include "core/policy.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "core/predicates.hpp"
#include "core/roster.hpp"

namespace ipmp {

namespace {

bool was_active(const MemberChange& member) { return member.before && active(*member.before); }
bool works(const MemberChange& member) { return works(*member.after); }

// The administrator just put it there or changed its role: joined (and has started), back online, STANDBY set or
// cleared.
bool fresh(const MemberChange& member) {
    return !member.before || member.before->standby != member.after->standby ||
           (member.before->offline && !member.after->offline) || member.before->starting_until;
}

class Selection {
  public:
    explicit Selection(const std::vector<MemberChange>& members) : members_(members) {
        for (const MemberChange& member : members) {
            if (works(member) && !member.after->inactive) ++active_count_;
        }
    }

    std::size_t active_count() const { return active_count_; }

    void set(const MemberChange& member, bool active) {
        if (member.after->inactive == !active) return;
        member.after->inactive = !active;
        active_count_ += active ? 1 : static_cast<std::size_t>(-1);
    }

    // The resting member to call next: the first STANDBY if `standby_first` (10.2) or the first non-STANDBY, else the
    // last of the others; null if none rests.
    const MemberChange* next_resting(bool standby_first) const {
        const MemberChange* other = nullptr;
        for (const MemberChange& member : members_) {
            if (!works(member) || !member.after->inactive) continue;
            if (member.after->standby == standby_first) return &member;
            other = &member;
        }
        return other;
    }

    const MemberChange* last_active_standby() const {
        const MemberChange* last = nullptr;
        for (const MemberChange& member : members_) {
            if (works(member) && !member.after->inactive && member.after->standby) last = &member;
        }
        return last;
    }

  private:
    const std::vector<MemberChange>& members_;
    std::size_t active_count_ = 0;
};

// Of more than the capacity, which is that of all others, some are standbys.
void rest_one(Selection& selection) {
    const MemberChange* surplus = selection.last_active_standby();
    IPMP_CHECK(surplus);
    selection.set(*surplus, false);
}

void choose_by_level(const std::vector<MemberChange>& members, std::size_t capacity) {
    Selection selection(members);
    for (const MemberChange& member : members) {
        if (works(member)) selection.set(member, !member.after->standby || was_active(member));
    }
    while (selection.active_count() < capacity) {
        const MemberChange* resting = selection.next_resting(true);
        if (!resting) return;
        selection.set(*resting, true);
    }
    while (selection.active_count() > capacity) rest_one(selection);
}

void choose_by_history(const std::vector<MemberChange>& members, std::size_t capacity, std::size_t lost) {
    // Newcomers and repaired members wait until those that stay are counted.
    for (const MemberChange& member : members) {
        if (was_active(member) && !works(member)) ++lost;
        bool keeps = member.before && works(*member.before) && !fresh(member);
        if (works(member) && !keeps) member.after->inactive = true;
    }
    Selection selection(members);
    for (const MemberChange& member : members) {
        if (works(member) && fresh(member) && !member.after->standby) selection.set(member, true);
    }
    for (const MemberChange& member : members) {
        bool arrives = !member.before || !works(*member.before) || fresh(member);
        if (works(member) && arrives && member.after->standby && selection.active_count() < capacity) {
            selection.set(member, true);
        }
    }
    for (; lost > 0 && selection.active_count() < capacity; --lost) {
        const MemberChange* resting = selection.next_resting(true);
        if (!resting) break;
        selection.set(*resting, true);
    }
    if (selection.active_count() == 0) {
        if (const MemberChange* resting = selection.next_resting(false)) selection.set(*resting, true);
    }
    while (selection.active_count() > capacity) rest_one(selection);
}

}  // namespace

std::vector<InterfaceIndex> carriers(const std::vector<const Interface*>& members, Family family,
                                     const Config& config) {
    std::vector<InterfaceIndex> carrying, linked;
    for (const Interface* member : members) {
        if (active_for(*member, family)) carrying.push_back(member->index);
        bool plumbed = member->families[index_of(family)].plumbed;
        if (plumbed && link_up(*member) && !member->offline) linked.push_back(member->index);
    }
    bool last_resort = carrying.empty() && config.group_failure == GroupFailure::keep;
    return last_resort ? linked : carrying;
}

std::size_t capacity_of(const std::vector<MemberChange>& members) {
    auto count = std::count_if(members.begin(), members.end(),
                               [](const MemberChange& member) { return !member.after->standby; });
    return std::max<std::size_t>(1, static_cast<std::size_t>(count));
}

void choose_active(const std::vector<MemberChange>& members, std::size_t active_lost, bool failback) {
    for (const MemberChange& member : members) {
        if (!works(member)) member.after->inactive = false;
    }
    if (failback) {
        choose_by_level(members, capacity_of(members));
    } else {
        choose_by_history(members, capacity_of(members), active_lost);
    }
    for (const MemberChange& member : members) {  // FAILED and not needed: it carries on no more
        if (functioning(*member.after) || !member.after->inactive) continue;
        member.after->inactive = member.after->kept = false;
    }
}

void choose_active(State& state, const std::map<std::string, Interface>& before, bool failback, const Scope& scope) {
    MembersByGroup<Interface> all_members(state.interfaces, scope);
    MembersByGroup<const Interface> all_formers(before, scope);
    for (auto& [name, group] : state.groups) {
        if (!scope.contains(name)) continue;
        std::vector<MemberChange> members;
        for (Interface* member : all_members.of(group)) {
            const Interface* former = same_interface(before, *member);
            bool was_member = former && former->group == member->group;
            members.push_back({was_member ? former : nullptr, member});
        }
        std::size_t lost = 0;
        for (const Interface* former : all_formers.of(group)) {
            if (!active(*former)) continue;
            bool stays = std::any_of(members.begin(), members.end(),
                                     [&](const MemberChange& member) { return member.before == former; });
            if (!stays) ++lost;
        }
        choose_active(members, lost, failback);
    }
}

}  // namespace ipmp
