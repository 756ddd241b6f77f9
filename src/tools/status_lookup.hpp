// Finding things in a Status by the names that people give them. Pure.
#pragma once

#include <string>
#include <vector>

#include "model/status.hpp"

namespace ipmp {

// The group of that name or IPMP interface, or null; and what is plumbed under that name.
const GroupStatus* group_called(const Status& status, const std::string& name);
const PlumbedInterface* plumbed_called(const Status& status, const std::string& name);
// The IPMP interface whose member it is; empty: of none.
std::string group_of_member(const Status& status, const std::string& nic);
// All members, usable or not.
std::vector<std::string> members_of(const GroupStatus& group);

// Of what may be null, and has nothing then.
bool is_plumbed(const PlumbedInterface* plumbed, Family family);
const LogicalStatus* logical_with(const PlumbedInterface* plumbed, const IpAddress& address);
// Those of a member that are no stubs.
std::vector<LogicalStatus> test_addresses_of(const PlumbedInterface* plumbed);

}  // namespace ipmp
