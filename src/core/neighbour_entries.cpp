#include "core/neighbour_entries.hpp"

#include <algorithm>

#include "core/predicates.hpp"

namespace ipmp {

std::vector<IpAddress> proxied_by(const Group& group, const KernelState& kernel, Family family) {
    std::vector<IpAddress> addresses;
    for (const NeighbourEntry& entry : kernel.neighbours) {
        bool is_proxy = !entry.mac && entry.link == group.upper && entry.address.family == family;
        if (is_proxy && !hosts(group, entry.address)) addresses.push_back(entry.address);
    }
    return addresses;
}

std::vector<KernelOp> plan_neighbours(const State& state, const KernelState& kernel) {
    std::vector<KernelOp> ops;
    for (const NeighbourEntry& entry : kernel.neighbours) {
        const Interface* member = find_interface(state, entry.link);
        auto group = member ? state.groups.find(member->group) : state.groups.end();
        if (group == state.groups.end() || !kernel.links.contains(group->second.upper)) continue;
        if (entry.link.place != group->second.upper.place) continue;  // who goes there to make one means it
        if (group->second.misplaced) continue;
        ops.push_back(MoveNeighbour{entry, group->second.upper});
    }
    return ops;
}

void log_new_entries(const State& state, const KernelState& former, const KernelState& kernel,
                     std::vector<Action>& log) {
    for (const KernelOp& op : plan_neighbours(state, kernel)) {
        const NeighbourEntry& entry = std::get<MoveNeighbour>(op).entry;
        bool known = std::find(former.neighbours.begin(), former.neighbours.end(), entry) != former.neighbours.end();
        if (known) continue;
        std::string what = describe(op, kernel.links);
        log.push_back(Log{Severity::info, "neighbour entries belong to the group, not to its interfaces: " + what});
    }
}

}  // namespace ipmp
