#include "core/announcements.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/address_index.hpp"
#include "core/predicates.hpp"

namespace ipmp {

void Announcements::resume(const State& restored) {
    for (const auto& [name, group] : restored.groups) {
        for (const GroupFamily& family : group.families) {
            for (const auto* bindings : {&family.bindings, &family.proxies}) {
                for (const Binding& binding : *bindings) {
                    const Interface* member = find_interface(restored, binding.member);
                    if (member) told_[name][binding.address] = Told{{member->index, member->mac}, {}, true};
                }
            }
        }
    }
}

void Announcements::begin(const Due& due, const Series& series, bool news) {
    Told& told = due.entry->second;
    dequeue(told);
    told.series = series;
    told.news = news;
    enqueue(due);
}

// A thousand addresses that lost their NIC come in the order of addresses, each right after the last.
void Announcements::enqueue(Due due) {
    Told& told = due.entry->second;
    auto at = told.series.deadline();
    if (!at) return;
    due.at = *at;
    Queue& queue = queue_of(told);
    told.queued = queue.insert(queue.end(), due);
}

void Announcements::dequeue(Told& told) {
    if (auto queued = std::exchange(told.queued, std::nullopt)) queue_of(told).erase(*queued);
}

void Announcements::follow(const DataplaneImage& image, const KernelState& kernel, const AddressIndex& present,
                           const Scope& scope, Instant now) {
    std::set<std::pair<InterfaceIndex, IpAddress>> proxies;
    for (const NeighbourEntry& entry : kernel.neighbours) proxies.emplace(entry.link, entry.address);

    for (const auto& [name, group] : image) {
        if (!scope.contains(name)) continue;
        // Both are in the order of addresses: they are gone through side by side.
        auto told_group = told_.try_emplace(name).first;
        ToldOfGroup& told_of_group = told_group->second;
        auto known = told_of_group.begin();
        auto forget = [&] {
            dequeue(known->second);
            known = told_of_group.erase(known);
        };
        AddressIndex::Walk seen(present);
        for (const auto& [address, entry] : group.addresses) {
            if (entry.kind != AddressKind::data || !entry.nic.index) continue;
            bool is_there = seen.contains(group.upper, address) || proxies.contains({group.upper, address});
            if (!is_there) continue;  // once it is, it is news
            while (known != told_of_group.end() && known->first < address) forget();
            bool is_new = known == told_of_group.end() || known->first != address;
            if (is_new) known = told_of_group.try_emplace(known, address);
            const Due due{{}, &told_group->first, &*known};
            Told& told = known++->second;
            if (is_new || told.nic != entry.nic) {
                told.nic = entry.nic;
                told.resumed = false;
                begin(due, Series(address.family == Family::ipv4 ? kRepeats4 : kRepeats6, now, kInterval), true);
            } else if (std::exchange(told.resumed, false)) {
                begin(due, Series(1, now + kInterval, kInterval), false);
            }
        }
        while (known != told_of_group.end()) forget();
    }
    for (auto& [name, told_of_group] : told_) {
        if (!scope.contains(name) || image.contains(name)) continue;
        for (auto& [address, told] : told_of_group) dequeue(told);
        told_of_group.clear();
    }
    std::erase_if(told_, [](const auto& group) { return group.second.empty(); });
}

void Announcements::send(std::uint32_t per_second, Instant now, std::vector<Action>& actions) {
    Duration cost = Duration(std::chrono::seconds(1)) / std::max<std::uint32_t>(per_second, 1);
    held_until_.reset();
    paid_until_ = std::max(paid_until_, now - std::max(kBurst * cost, kTurn));
    while (auto next = next_due()) {
        if (next->at > now) return;
        if (paid_until_ >= now) {
            held_until_ = paid_until_ + std::max(cost, kTurn);
            return;
        }
        paid_until_ += cost;
        auto& [address, told] = *next->entry;
        dequeue(told);
        told.series.take(now);
        told.news = false;
        actions.push_back(Announce{address, told.nic});
        enqueue(*next);
    }
}

// News, if there is any: that is always due.
std::optional<Announcements::Due> Announcements::next_due() const {
    if (!news_.empty()) return *news_.begin();
    if (!repetitions_.empty()) return *repetitions_.begin();
    return {};
}

std::optional<Instant> Announcements::deadline() const {
    auto next = next_due();
    if (!next) return {};
    return held_until_ ? *held_until_ : next->at;
}

}  // namespace ipmp
