#include "core/give_back.hpp"

#include <algorithm>

#include "core/dhcp.hpp"
#include "core/planner.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

Interface* heir_of(State& state, const Group& group) {
    for (const GroupFamily& family : group.families) {
        if (Interface* nominee = find_interface(state, family.nominee)) return nominee;
    }
    Interface* any = nullptr;
    for (Interface* member : members_of(state, group)) {
        if (link_up(*member)) return member;
        if (!any && member->index) any = member;
    }
    return any;
}

std::uint32_t free_number(const InterfaceFamily& family) {
    std::uint32_t number = 0;
    for (const LogicalAddress& logical : family.addresses) number = std::max(number, logical.number + 1);
    return number;
}

}  // namespace

void give_back(const Group& group, CommandContext& context) {
    Interface* heir = heir_of(context.state, group);
    if (!heir) return;
    bool together = group.upper && heir->index.place == group.upper.place;
    auto order = [&](KernelOp op) {
        if (together) context.orders.ops.push_back(std::move(op));
    };
    // First of all: as long as it is there the answers to the NIC's own ARP requests go to the IPMP interface.
    order(DetachFilter{heir->index});
    for (Family which : kFamilies) {
        InterfaceFamily& family = heir->families[index_of(which)];
        for (const LogicalAddress& logical : group.families[index_of(which)].addresses) {
            if (!in_use(logical) || logical.address.is_link_local()) continue;
            AddAddress add = address_op(context.state, heir->index, logical, false);
            if (logical.adopted) add.lifetime_from = group.upper;
            order(add);
            for (const RouteState& route : leased_routes(context.state, logical.address, heir->index)) {
                order(AddRoute{route, false});
            }
            context.log.push_back(Announce{logical.address, {heir->index, heir->mac}});
            // The NIC may have had it, as a test address, say, or down: an address is a NIC's once.
            std::erase_if(family.addresses, [&](const LogicalAddress& own) { return own.address == logical.address; });
            LogicalAddress inherited = logical;
            inherited.number = free_number(family);
            inherited.uniqueness = Uniqueness::settled;
            inherited.adopted = logical.adopted || add.valid_until;  // nobody makes it anew, without an end
            family.addresses.push_back(inherited);
            family.plumbed = true;
        }
    }
    order(MoveRoutes{group.upper, heir->index});
}

}  // namespace ipmp
