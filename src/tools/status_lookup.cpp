#include "tools/status_lookup.hpp"

#include "model/interface_flags.hpp"

namespace ipmp {

const GroupStatus* group_called(const Status& status, const std::string& name) {
    if (name.empty()) return nullptr;  // the anonymous group has no name
    for (const GroupStatus& group : status.groups) {
        if (group.interface == name) return &group;
    }
    for (const GroupStatus& group : status.groups) {
        if (group.name == name) return &group;
    }
    return nullptr;
}

const PlumbedInterface* plumbed_called(const Status& status, const std::string& name) {
    for (const PlumbedInterface& plumbed : status.plumbed) {
        if (plumbed.name == name) return &plumbed;
    }
    return nullptr;
}

std::string group_of_member(const Status& status, const std::string& nic) {
    for (const InterfaceStatus& interface : status.interfaces) {
        if (interface.name == nic) return interface.group;
    }
    return "";
}

std::vector<LogicalStatus> test_addresses_of(const PlumbedInterface* plumbed) {
    std::vector<LogicalStatus> tests;
    for (Family family : kFamilies) {
        if (!is_plumbed(plumbed, family)) continue;
        for (const LogicalStatus& logical : family_of(*plumbed, family)->logicals) {
            bool is_test = (logical.flags & flag::kNoFailover) && !logical.address.is_zero();
            if (is_test) tests.push_back(logical);
        }
    }
    return tests;
}

std::vector<std::string> members_of(const GroupStatus& group) {
    std::vector<std::string> members;
    for (const auto* list : {&group.active, &group.inactive, &group.unusable}) {
        members.insert(members.end(), list->begin(), list->end());
    }
    return members;
}

bool is_plumbed(const PlumbedInterface* plumbed, Family family) { return plumbed && family_of(*plumbed, family); }

const LogicalStatus* logical_with(const PlumbedInterface* plumbed, const IpAddress& address) {
    if (!is_plumbed(plumbed, address.family)) return nullptr;
    for (const LogicalStatus& logical : family_of(*plumbed, address.family)->logicals) {
        if (logical.address == address) return &logical;
    }
    return nullptr;
}

}  // namespace ipmp
