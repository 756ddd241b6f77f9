#include "core/membership_queries.hpp"

#include "core/predicates.hpp"

namespace ipmp {

namespace {

// What a report says it comes from (RFC 3376 §4.2.13, RFC 3810 §5.2.13): for IPv4 any data address, for IPv6 the
// link-local one of the IPMP interface, or else of the NIC; nobody's if there is none.
IpAddress report_source(const GroupImage& group, const KernelState& kernel, InterfaceIndex nic, Family family) {
    IpAddress own{.family = family};
    for (const AddressState& seen : kernel.addresses) {
        if (seen.address.family != family || (family == Family::ipv6 && !seen.address.is_link_local())) continue;
        if (seen.link == group.upper) return seen.address;
        if (seen.link == nic && family == Family::ipv6) own = seen.address;
    }
    return own;
}

}  // namespace

void MembershipQueries::assume_asked(const State& restored) {
    for (const auto& [name, group] : restored.groups) {
        for (Family family : kFamilies) {
            nominations_[{name, family}].nominee = group.families[index_of(family)].nominee;
        }
    }
}

void MembershipQueries::update(const State& state, const DataplaneImage& image, const KernelState& kernel, Instant now,
                               std::vector<Action>& actions) {
    std::erase_if(nominations_, [&](const auto& entry) { return !image.contains(entry.first.first); });
    for (const auto& [name, group] : image) {
        auto lower = kernel.links.find(group.lower);
        bool ready = lower != kernel.links.end() && lower->second.admin_up;
        for (Family family : kFamilies) {
            Nomination& nomination = nominations_[{name, family}];
            InterfaceIndex nominee = ready ? group.nominee[index_of(family)].index : InterfaceIndex{};
            if (nomination.nominee != nominee) renominate(nomination, nominee, now);
            if (nomination.questions.take(now)) {
                actions.push_back(AskMemberships{group.lower, lower->second.mac, family});
            }
            leave(nomination, state, group, kernel, family, now, actions);
        }
    }
}

// Nobody leaves before the newest nominee has reported, and nobody at all while there is none.
void MembershipQueries::renominate(Nomination& nomination, InterfaceIndex nominee, Instant now) {
    if (nomination.nominee) nomination.leaving[nomination.nominee];
    nomination.leaving.erase(nominee);
    nomination.nominee = nominee;
    nomination.questions = nominee ? Series(kTimes, now, kInterval) : Series();
    Series leaves = nominee ? Series(kTimes, now + kLeaveAfter, kInterval) : Series();
    for (auto& [former, series] : nomination.leaving) series = leaves;
}

void MembershipQueries::leave(Nomination& nomination, const State& state, const GroupImage& group,
                              const KernelState& kernel, Family family, Instant now, std::vector<Action>& actions) {
    for (auto& [former, series] : nomination.leaving) {
        if (!series.take(now)) continue;
        const Interface* nic = find_interface(state, former);
        if (!nic || nic->failed || !link_up(*nic)) continue;
        actions.push_back(LeaveMemberships{group.upper, Nic{former, nic->mac}, family,
                                           report_source(group, kernel, former, family), nic->mtu_bytes});
    }
    if (!nomination.nominee) return;
    std::erase_if(nomination.leaving, [](const auto& entry) { return entry.second.left() == 0; });
}

std::optional<Instant> MembershipQueries::deadline() const {
    std::optional<Instant> earliest;
    for (const auto& [key, nomination] : nominations_) {
        note_earlier(earliest, nomination.questions.deadline());
        for (const auto& [former, series] : nomination.leaving) note_earlier(earliest, series.deadline());
    }
    return earliest;
}

}  // namespace ipmp
