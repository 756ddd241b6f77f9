#include "core/periodic_defence.hpp"

#include <algorithm>

#include "core/series.hpp"

namespace ipmp {

namespace {

// The next moment after `now` that is of this NIC: it stays the same however often the NIC comes and goes, which keeps
// the limit.
Instant next_batch(const Nic& nic, Instant now) {
    std::uint32_t low = 0;
    for (std::uint8_t byte : nic.mac.bytes) low = low * 31 + byte;
    Duration phase = std::chrono::milliseconds(low % 300'000);
    Duration since = (now.time_since_epoch() - phase) % PeriodicDefence::kInterval;
    return now + PeriodicDefence::kInterval - (since < Duration::zero() ? since + PeriodicDefence::kInterval : since);
}

}  // namespace

void PeriodicDefence::update(const DataplaneImage& image, Instant now, std::vector<Action>& actions) {
    std::map<Nic, std::vector<std::pair<Instant, Key>>> waiting;
    std::map<Key, Instant> announced;
    for (const auto& [name, group] : image) {
        for (const auto& [address, entry] : group.addresses) {
            if (entry.kind != AddressKind::data || !entry.nic.index) continue;
            Key key{name, address};
            auto known = announced_.find(key);
            Instant last = announced[key] = known == announced_.end() ? Instant{} : known->second;
            waiting[entry.nic].emplace_back(last, key);
        }
    }
    announced_ = std::move(announced);
    std::erase_if(batches_, [&](const auto& batch) { return !waiting.contains(batch.first); });
    for (auto& [nic, addresses] : waiting) {
        auto [due, is_new] = batches_.try_emplace(nic, next_batch(nic, now + kCalm));
        if (is_new || due->second > now) continue;
        std::sort(addresses.begin(), addresses.end());
        addresses.resize(std::min(addresses.size(), kBatch));
        for (const auto& [last, key] : addresses) {
            actions.push_back(Announce{key.second, nic});
            announced_[key] = now;
        }
        due->second = next_batch(nic, now);
    }
}

std::optional<Instant> PeriodicDefence::deadline() const {
    std::optional<Instant> earliest;
    for (const auto& [nic, due] : batches_) note_earlier(earliest, due);
    return earliest;
}

}  // namespace ipmp
