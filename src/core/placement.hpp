// Who carries what: the active list, the nominee, the bindings and the slots of one group and family.
//
// All four are history: they change as little as possible. Bindings follow R2.1-R2.5 (least-bound active NIC,
// counts differ by at most one, most recently bound moves first). Slots follow design D4: only those of a NIC
// that left are re-dealt; a NIC that came back gets its share in small steps over a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "model/state.hpp"

namespace ipmp {

inline constexpr std::size_t kGiveBackSteps = 20;
inline constexpr Duration kGiveBackInterval = std::chrono::milliseconds(50);  // 20 steps: one second

// Drops members that are no longer active and appends the new ones of `active_now` in the order given.
void update_active(GroupFamily& family, const std::vector<InterfaceIndex>& active_now);

// Keeps the nominee while it is active; else the longest active member, or none (R3.2, R3.3).
void update_nominee(GroupFamily& family);

// Binds every address of `up` to an active member, or to none if there is none. `next_sequence` counts up
// with every binding made.
void update_bindings(GroupFamily& family, const std::vector<IpAddress>& up, std::uint64_t& next_sequence);

// The same for addresses of others that the group answers for; they are dealt out for themselves.
void update_proxies(GroupFamily& family, const std::vector<IpAddress>& proxied, std::uint64_t& next_sequence);

// Leaves no slot with a member that is not active; takes one paced step towards equal shares when one is due.
void update_slots(GroupFamily& family, Instant now);

}  // namespace ipmp
