// NICs as they were before a step, for what follows from the difference. There may be hundreds, few of which a step
// changes, and a copy of each costs dozens of allocations: only who differs is copied.
#pragma once

#include <map>
#include <string>

#include "model/state.hpp"

namespace ipmp {

inline void bring_up_to_date(std::map<std::string, Interface>& former,
                             const std::map<std::string, Interface>& interfaces) {
    for (const auto& [name, interface] : interfaces) {
        auto [known, is_new] = former.try_emplace(name, interface);
        if (!is_new && known->second != interface) known->second = interface;
    }
    if (former.size() > interfaces.size())
        std::erase_if(former, [&](const auto& entry) { return !interfaces.contains(entry.first); });
}

}  // namespace ipmp
