#include "core/keep_alives.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/series.hpp"

namespace ipmp {

void KeepAlives::update(const DataplaneImage& image, const AddressIndex& present, Instant now,
                        std::vector<Action>& actions) {
    std::map<InterfaceIndex, std::pair<MacAddress, std::set<IpAddress>>> bound;
    for (const auto& [name, group] : image) {
        for (const auto& [address, entry] : group.addresses) {
            if (entry.kind != AddressKind::data || !entry.nic.index) continue;
            if (!present.contains(group.upper, address)) continue;
            bound[entry.nic.index].first = entry.nic.mac;
            bound[entry.nic.index].second.insert(address);
        }
    }

    std::erase_if(turns_, [&](const auto& entry) { return !bound.contains(entry.first); });
    for (const auto& [nic, entry] : bound) {
        const auto& [mac, addresses] = entry;
        auto known = turns_.find(nic);
        if (known == turns_.end()) {  // its binding has just been announced
            Instant due = free_instant(now + kInterval);
            turns_[nic] = Turn{due, {}};
            continue;
        }
        Turn& turn = known->second;
        if (turn.due > now) continue;
        auto next = turn.last ? addresses.upper_bound(*turn.last) : addresses.begin();
        if (next == addresses.end()) next = addresses.begin();
        actions.push_back(Announce{*next, Nic{nic, mac}});
        turn.last = *next;
        turn.due = Instant::max();  // its own former instant is no obstacle
        turn.due = free_instant(now + kInterval);
    }
}

// The last instant until `latest` that keeps its distance from those of other NICs.
Instant KeepAlives::free_instant(Instant latest) const {
    std::vector<Instant> taken;
    for (const auto& [nic, turn] : turns_) taken.push_back(turn.due);
    std::sort(taken.rbegin(), taken.rend());
    for (Instant other : taken) {
        if (other - kApart < latest && latest < other + kApart) latest = other - kApart;
    }
    return latest;
}

std::optional<Instant> KeepAlives::deadline() const {
    std::optional<Instant> earliest;
    for (const auto& [nic, turn] : turns_) note_earlier(earliest, turn.due);
    return earliest;
}

}  // namespace ipmp
