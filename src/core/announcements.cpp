#include "core/announcements.hpp"

#include <set>
#include <utility>

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

void Announcements::update(const DataplaneImage& image, const KernelState& kernel, Instant now,
                           std::vector<Action>& actions) {
    std::set<std::pair<InterfaceIndex, IpAddress>> present;
    for (const AddressState& seen : kernel.addresses) present.emplace(seen.link, seen.address);
    for (const NeighbourEntry& entry : kernel.neighbours) present.emplace(entry.link, entry.address);

    std::map<Key, Told> updated;
    for (const auto& [name, group] : image) {
        for (const auto& [address, entry] : group.addresses) {
            if (entry.kind != AddressKind::data || !entry.nic.index) continue;
            if (!present.contains({group.upper, address})) continue;  // once it is there it is news
            auto known = told_.find({name, address});
            if (known == told_.end() || known->second.nic != entry.nic) {
                int repeats = address.family == Family::ipv4 ? kRepeats4 : kRepeats6;
                updated[{name, address}] = Told{entry.nic, Series(repeats, now, kInterval), false};
                continue;
            }
            Told& told = updated[{name, address}] = known->second;
            if (std::exchange(told.resumed, false)) told.series = Series(1, now + kInterval, kInterval);
        }
    }
    told_ = std::move(updated);

    for (auto& [key, told] : told_) {
        if (told.series.take(now)) actions.push_back(Announce{key.second, told.nic});
    }
}

std::optional<Instant> Announcements::deadline() const {
    std::optional<Instant> earliest;
    for (const auto& [key, told] : told_) note_earlier(earliest, told.series.deadline());
    return earliest;
}

}  // namespace ipmp
