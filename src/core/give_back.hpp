// What a group's host keeps when IPMP ends (`ipmp stop --purge`): its data addresses and routes, on one plain NIC.
//
// One NIC of each group inherits all: two would answer for one link's addresses with two MACs. It is the one that
// carries broadcasts, which works if any does. Addresses of router advertisements and leases come with what is left
// of their time. Where the IPMP interface is in another network namespace than that NIC the addresses follow once it
// is home; routes cannot.
#pragma once

#include "core/commands.hpp"

namespace ipmp {

// Call while `group` and its members are still what they were.
void give_back(const Group& group, CommandContext& context);

}  // namespace ipmp
