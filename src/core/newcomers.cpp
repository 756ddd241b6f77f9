#include "core/newcomers.hpp"

#include <algorithm>

namespace ipmp {

namespace {

// Neither a member, nor does it have an address that somebody gave it, nor was it taken out of use.
bool unconfigured(const Interface& nic) {
    if (!nic.group.empty() || nic.detached) return false;
    return std::all_of(nic.families.begin(), nic.families.end(), [](const InterfaceFamily& family) {
        return std::all_of(family.addresses.begin(), family.addresses.end(), [](const LogicalAddress& logical) {
            return logical.address.is_zero() || logical.address.is_link_local();
        });
    });
}

}  // namespace

// Whether it was there before, perhaps in another network namespace.
bool Newcomers::knows(const Interface& nic) const {
    if (known_.contains({nic.index, nic.name})) return true;  // as a rule
    return std::any_of(known_.begin(), known_.end(), [&](const auto& known) {
        const auto& [index, name] = known;
        return name == nic.name && index.place != nic.index.place;
    });
}

void Newcomers::resume(const State& restored) {
    for (const auto& [name, nic] : restored.interfaces) {
        if (nic.index) known_.insert({nic.index, name});
    }
    first_ = restored.interfaces.empty() && restored.groups.empty();
}

void Newcomers::update(const State& state, std::vector<Action>& actions) {
    std::set<std::pair<InterfaceIndex, std::string>> present;
    for (const auto& [name, nic] : state.interfaces) {
        if (!nic.index) continue;
        present.insert({nic.index, name});
        if (!first_ && !knows(nic) && unconfigured(nic)) actions.push_back(AttachNic{name});
    }
    known_ = std::move(present);
    first_ = false;
}

}  // namespace ipmp
