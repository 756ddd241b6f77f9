// Files what the kernel shows into the State: links found, gone, renamed or come back; carriers; addresses
// that other programs added or took away; our own links' indices. Decides nothing.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "model/event.hpp"
#include "model/state.hpp"

namespace ipmp {

// Addresses on their way out of the kernel: still seen there, but not to be taken for somebody's new ones.
struct DoomedAddress {
    InterfaceIndex link;
    IpAddress address;
    std::uint8_t prefix_length = 0;
    auto operator<=>(const DoomedAddress&) const = default;
};

void file_observation(State& state, const KernelState& kernel, const std::set<DoomedAddress>& doomed);
void file_carriers(State& state, const CarriersChanged& event);
void file_vanished(State& state, InterfaceIndex link);

// Plumbs for a group what is plumbed on a member, and moves every UP data address of members to their group
// (R-GRP-5, R-ADR-5). One that ends by itself (a lease, or from router advertisements) stays its owner's there too.
void migrate_addresses(State& state, const KernelState& kernel);

// A NIC that left its group and has its own settings back is an ordinary one again.
void forget_restored_settings(State& state, const KernelState& kernel);

// The lowest logical number from `first` on that is free; a zeroth that is a mere stub is.
std::uint32_t free_number(const std::vector<LogicalAddress>& addresses, std::uint32_t first);
// Keeps the list in order of numbers.
void insert_logical(std::vector<LogicalAddress>& addresses, LogicalAddress logical);

// Another interface that is there has the name of `link`: one of the two is in the members' namespace. The newcomer is
// known by its former name, or not at all, until either gets another.
bool has_taken_name(const State& state, const KernelState& kernel, const LinkState& link);

}  // namespace ipmp
