#include "core/announcements.hpp"

#include <set>

#include "core/predicates.hpp"

namespace ipmp {

void Announcements::assume_announced(const State& restored) {
    for (const auto& [name, group] : restored.groups) {
        for (const GroupFamily& family : group.families) {
            for (const auto* bindings : {&family.bindings, &family.proxies}) {
                for (const Binding& binding : *bindings) {
                    const Interface* member = find_interface(restored, binding.member);
                    if (member) series_[{name, binding.address}] = Series{{member->index, member->mac}, 0, {}};
                }
            }
        }
    }
}

void Announcements::update(const DataplaneImage& image, const KernelState& kernel, Instant now,
                           std::vector<Action>& actions) {
    std::set<std::pair<InterfaceIndex, IpAddress>> present;
    for (const AddressState& seen : kernel.addresses) present.emplace(seen.link, seen.address);
    for (const NeighbourEntry& entry : kernel.neighbours) present.emplace(entry.link, entry.address);

    std::map<Key, Series> updated;
    for (const auto& [name, group] : image) {
        for (const auto& [address, entry] : group.addresses) {
            if (entry.kind != AddressKind::data || !entry.nic.index) continue;
            if (!present.contains({group.upper, address})) continue;  // once it is there it is news
            auto known = series_.find({name, address});
            bool told = known != series_.end() && known->second.nic == entry.nic;
            if (told) {
                updated[{name, address}] = known->second;
            } else {
                int repeats = address.family == Family::ipv4 ? kRepeats4 : kRepeats6;
                updated[{name, address}] = Series{entry.nic, repeats, now};
            }
        }
    }
    series_ = std::move(updated);

    for (auto& [key, series] : series_) {
        if (series.left == 0 || series.due > now) continue;
        actions.push_back(Announce{key.second, series.nic});
        --series.left;
        series.due = now + kInterval;
    }
}

std::optional<Instant> Announcements::deadline() const {
    std::optional<Instant> earliest;
    for (const auto& [key, series] : series_) {
        if (series.left > 0 && (!earliest || series.due < *earliest)) earliest = series.due;
    }
    return earliest;
}

}  // namespace ipmp
