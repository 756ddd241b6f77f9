#include "sim/claim_watch.hpp"

#include <fmt/format.h>

#include <set>

#include "core/predicates.hpp"

namespace ipmp::sim {

namespace {

constexpr Duration kWindow = std::chrono::seconds(30);
constexpr std::size_t kDefences = 3;
constexpr Duration kLongestDetection = std::chrono::seconds(1);
constexpr int kMostTicks = 6;  // of one series, each of which may be late

}  // namespace

bool ClaimWatch::is_passed_on(const IpAddress& address, Instant now) {
    auto [last, is_first] = passed_on_.try_emplace(address, now);
    if (!is_first && now < last->second + kPause) return false;
    last->second = now;
    return true;
}

// In use before: the claims must be too many. In question before: one is enough.
void ClaimWatch::check_taken_down(const Group& group, const LogicalAddress& former, Instant now,
                                  Violations& broken) const {
    std::string what = fmt::format("{} of {} was taken down", to_string(former.address), group.interface);
    auto claims = claims_.find(former.address);
    std::size_t count = claims == claims_.end() ? 0 : claims->second.size();
    if (former.adopted) broken.push_back(what + " though it is another program's");
    if (former.uniqueness == Uniqueness::settled && count <= kDefences) {
        broken.push_back(fmt::format("{} after {} claims in 30 s", what, count));
    }
    if (former.uniqueness == Uniqueness::optimistic && count == 0) broken.push_back(what + " without a claim");
    auto heard = heard_.find(former.address);
    bool now_heard = heard != heard_.end() && heard->second == now;
    bool is_first = former.uniqueness == Uniqueness::tentative && !former.claimant;
    if (is_first && !now_heard) broken.push_back(what + " without a claim");
}

void ClaimWatch::check_waiting(const Group& group, const LogicalAddress& logical, const Nic& nic, Instant now,
                               Duration tick_delay, Violations& broken) {
    bool waits = nic.index && wants_binding(logical) && logical.uniqueness != Uniqueness::settled;
    if (!waits) {
        waiting_.erase(logical.address);
        return;
    }
    auto [entry, is_new] = waiting_.try_emplace(logical.address, Waiting{nic, now});
    if (entry->second.nic != nic) entry->second = {nic, now};
    if (now <= entry->second.since + kLongestDetection + kMostTicks * tick_delay) return;
    broken.push_back(
        fmt::format("{} of {} is in question for more than a second", to_string(logical.address), group.interface));
}

Violations ClaimWatch::inspect(const Transition& step, const DataplaneImage& image, Instant now, Duration tick_delay) {
    if (auto* claim = std::get_if<AddressClaimed>(&step.event)) {
        heard_[claim->address] = now;
        if (!claim->probing) claims_[claim->address].push_back(now);
    }
    for (auto& [address, claims] : claims_) {
        std::erase_if(claims, [&](Instant at) { return at + kWindow <= now; });
    }
    Violations broken;
    std::set<IpAddress> present;
    for (const auto& [name, group] : step.after.groups) {
        auto published = image.find(name);
        auto former_group = step.before.groups.find(name);
        for (Family family : kFamilies) {
            for (const LogicalAddress& logical : group.families[index_of(family)].addresses) {
                Nic nic;
                if (published != image.end() && wants_binding(logical)) {
                    nic = published->second.addresses.at(logical.address).nic;
                }
                check_waiting(group, logical, nic, now, tick_delay, broken);
                present.insert(logical.address);
                if (logical.uniqueness != Uniqueness::duplicate || former_group == step.before.groups.end()) continue;
                const auto& before = former_group->second.families[index_of(family)].addresses;
                const LogicalAddress* former = find_up(before, logical.address);
                bool was_down = !former || former->uniqueness == Uniqueness::duplicate;
                if (!was_down) check_taken_down(group, *former, now, broken);
            }
        }
    }
    std::erase_if(waiting_, [&](const auto& entry) { return !present.contains(entry.first); });  // may come again
    return broken;
}

}  // namespace ipmp::sim
