#include "core/anonymous_group.hpp"

#include "core/predicates.hpp"
#include "core/snapshot.hpp"
#include "core/verdict.hpp"

namespace ipmp {

namespace {

// A port gives its frames to its master and is no interface of IP; a VRF is a master of another kind.
bool is_port(const KernelState& kernel, const LinkState& link) {
    auto master = kernel.links.find(link.master);
    return link.master && (master == kernel.links.end() || master->second.kind != "vrf");
}

bool belongs(const Interface& interface, const KernelState& kernel) {
    auto link = kernel.links.find(interface.index);
    if (link == kernel.links.end() || !interface.group.empty()) return false;
    bool plumbed = interface.families[0].plumbed || interface.families[1].plumbed;
    bool in_use = interface.tracked || interface.admin_up;
    return plumbed && in_use && link->second.multicast && !is_port(kernel, link->second);
}

}  // namespace

void update_anonymous_group(State& state, const KernelState& kernel, const Config& config) {
    for (auto& [name, interface] : state.interfaces) {
        bool tracked = !config.track_only_groups && belongs(interface, kernel);
        if (interface.tracked && !tracked && interface.group.empty()) forget_findings(interface);
        interface.tracked = tracked;
    }
}

void describe_anonymous_group(const State& state, Status& status) {
    const Group anonymous{.health = GroupHealth::ok};
    std::vector<const Interface*> members = members_of(state, anonymous);
    std::erase_if(members, [](const Interface* member) { return !member->tracked; });
    status.groups.push_back(group_status(anonymous, members));
    for (const Interface* member : members) status.interfaces.push_back(interface_status(anonymous, *member));
}

}  // namespace ipmp
