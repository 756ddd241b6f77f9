#include "core/membership_queries.hpp"

#include <algorithm>

namespace ipmp {

void MembershipQueries::assume_asked(const State& restored) {
    for (const auto& [name, group] : restored.groups) {
        for (Family family : kFamilies) series_[{name, family}].nominee = group.families[index_of(family)].nominee;
    }
}

void MembershipQueries::update(const DataplaneImage& image, const KernelState& kernel, Instant now,
                               std::vector<Action>& actions) {
    std::erase_if(series_, [&](const auto& entry) { return !image.contains(entry.first.first); });
    for (const auto& [name, group] : image) {
        auto lower = kernel.links.find(group.lower);
        bool ready = lower != kernel.links.end() && lower->second.admin_up;
        for (Family family : kFamilies) {
            Series& series = series_[{name, family}];
            InterfaceIndex nominee = ready ? group.nominee[index_of(family)].index : InterfaceIndex{};
            if (series.nominee != nominee) series = {nominee, nominee ? kQueries : 0, now};
            if (series.left == 0 || series.due > now) continue;
            actions.push_back(AskMemberships{group.lower, lower->second.mac, family});
            --series.left;
            series.due = now + kInterval;
        }
    }
}

std::optional<Instant> MembershipQueries::deadline() const {
    std::optional<Instant> earliest;
    for (const auto& [key, series] : series_) {
        if (series.left > 0) earliest = std::min(earliest.value_or(series.due), series.due);
    }
    return earliest;
}

}  // namespace ipmp
