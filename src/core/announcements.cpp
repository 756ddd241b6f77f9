#include "core/announcements.hpp"

#include <algorithm>
#include <set>
#include <tuple>
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
                    if (member) told_[{name, binding.address}] = Told{{member->index, member->mac}, {}, true};
                }
            }
        }
    }
}

void Announcements::begin(const Key& key, Told& told, const Series& series, bool news) {
    dequeue(told);
    told.series = series;
    told.news = news;
    enqueue(key, told);
}

// A thousand addresses that lost their NIC come in the order of addresses, each right after the last.
void Announcements::enqueue(const Key& key, Told& told) {
    static const Key nobody;
    auto at = told.series.deadline();
    if (!at) return;
    auto next = told.news ? queue_.lower_bound({true, Instant::min(), &nobody}) : queue_.end();
    told.queued = queue_.insert(next, {!told.news, *at, &key});
}

void Announcements::dequeue(Told& told) {
    if (auto queued = std::exchange(told.queued, std::nullopt)) queue_.erase(*queued);
}

void Announcements::follow(const DataplaneImage& image, const KernelState& kernel, const AddressIndex& present,
                           Instant now) {
    std::set<std::pair<InterfaceIndex, IpAddress>> proxies;
    for (const NeighbourEntry& entry : kernel.neighbours) proxies.emplace(entry.link, entry.address);

    // Both are in the order of names and addresses: they are gone through side by side.
    auto known = told_.begin();
    auto forget = [&] {
        dequeue(known->second);
        known = told_.erase(known);
    };
    auto known_key = [&] { return std::tie(known->first.first, known->first.second); };
    for (const auto& [name, group] : image) {
        AddressIndex::Walk seen(present);
        for (const auto& [address, entry] : group.addresses) {
            if (entry.kind != AddressKind::data || !entry.nic.index) continue;
            bool is_there = seen.contains(group.upper, address) || proxies.contains({group.upper, address});
            if (!is_there) continue;  // once it is, it is news
            auto wanted = std::tie(name, address);
            while (known != told_.end() && known_key() < wanted) forget();
            bool is_new = known == told_.end() || known_key() != wanted;
            if (is_new) known = told_.try_emplace(known, {name, address});
            auto& [key, told] = *known++;
            if (is_new || told.nic != entry.nic) {
                told.nic = entry.nic;
                told.resumed = false;
                begin(key, told, Series(address.family == Family::ipv4 ? kRepeats4 : kRepeats6, now, kInterval), true);
            } else if (std::exchange(told.resumed, false)) {
                begin(key, told, Series(1, now + kInterval, kInterval), false);
            }
        }
    }
    while (known != told_.end()) forget();
}

void Announcements::send(std::uint32_t per_second, Instant now, std::vector<Action>& actions) {
    Duration cost = Duration(std::chrono::seconds(1)) / std::max<std::uint32_t>(per_second, 1);
    held_until_.reset();
    paid_until_ = std::max(paid_until_, now - std::max(kBurst * cost, kTurn));
    while (!queue_.empty()) {
        auto next = queue_.begin();  // news, if there is any; that is always due
        if (next->at > now) return;
        if (paid_until_ >= now) {
            held_until_ = paid_until_ + std::max(cost, kTurn);
            return;
        }
        paid_until_ += cost;
        const Key& key = *next->key;
        Told& told = told_.at(key);
        dequeue(told);
        told.series.take(now);
        told.news = false;
        actions.push_back(Announce{key.second, told.nic});
        enqueue(key, told);
    }
}

std::optional<Instant> Announcements::deadline() const {
    if (queue_.empty()) return {};
    return held_until_ ? *held_until_ : queue_.begin()->at;
}

}  // namespace ipmp
