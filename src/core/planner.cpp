#include "core/planner.hpp"

#include <algorithm>

#include "core/address_index.hpp"
#include "core/applications.hpp"
#include "core/dhcp.hpp"
#include "core/forwarding.hpp"
#include "core/isolation.hpp"
#include "core/link_limits.hpp"
#include "core/link_wishes.hpp"
#include "core/neighbour_entries.hpp"
#include "core/predicates.hpp"
#include "core/roster.hpp"

namespace ipmp {

namespace {

constexpr std::uint32_t kLocalTable = 255;

const LinkState* find_link(const KernelState& kernel, InterfaceIndex index) {
    auto found = kernel.links.find(index);
    return found == kernel.links.end() ? nullptr : &found->second;
}

bool any_active(const Group& group) { return !group.families[0].active.empty() || !group.families[1].active.empty(); }

// What should be on a link, in the form AddAddress has it.
struct WantedAddress {
    IpAddress address;
    std::uint8_t prefix_length = 0;
    std::optional<IpAddress> broadcast;
    bool scope_link = false;
    bool deprecated = false;
};

// A test address of a member is a host address: no prefix route, no broadcast route, and scope link keeps it
// from ever being chosen as a source (R-ADR-3); its on-link route is in a table of its own (design D11).
WantedAddress wanted_address(const LogicalAddress& logical, bool on_member) {
    bool is_test_address = on_member && logical.no_failover && !logical.address.is_link_local();
    if (is_test_address) return {logical.address, bits_of(logical.address.family), {}, true, false};
    return {logical.address, logical.prefix_length, logical.broadcast, logical.scope_link, logical.deprecated};
}

class Planner {
  public:
    Planner(const State& state, const KernelState& kernel, const AddressIndex& addresses, const Config& config)
        : state_(state), kernel_(kernel), addresses_(addresses), config_(config), members_(state.interfaces) {}

    std::vector<KernelOp> run() {
        plan_strays();
        for (const auto& [name, group] : state_.groups) plan_links(group);
        for (const auto& [name, group] : state_.groups) {
            bool is_pair = find_link(kernel_, group.upper) && find_link(kernel_, group.lower);
            bool is_unseen = is_out_of_sight(kernel_, group) && !has_home(state_, kernel_, group);
            if (is_pair || is_unseen) plan_group(group);
        }
        for (const auto& [name, interface] : state_.interfaces) {
            if (find_link(kernel_, interface.index)) plan_interface(interface);
        }
        plan_rules();
        for (auto& more : {plan_link_wishes(state_, kernel_), plan_neighbours(state_, kernel_)}) {
            ops_.insert(ops_.end(), more.begin(), more.end());
        }
        return std::move(ops_);
    }

  private:
    // Links of ours that no group claims: of a group that was unplumbed, or renamed by somebody, be it to the name
    // of another group's; or whose other end somebody took away. One end takes the other with it.
    void plan_strays() {
        std::set<InterfaceIndex> claimed;
        for (const auto& [name, group] : state_.groups) {
            if (belong_together(group.upper, group.lower)) claimed.insert(group.upper);
            bool is_torn = is_out_of_sight(kernel_, group) && has_home(state_, kernel_, group);
            if (!is_torn && belong_together(group.lower, group.upper)) claimed.insert(group.lower);
        }
        for (const auto& [index, link] : kernel_.links) {
            bool ours = link.alias == kLowerLinkAlias || (link.alias == kIpmpLinkAlias && !is_guest(link));
            if (ours && !claimed.contains(index)) ops_.push_back(DeleteLink{index});
        }
    }

    // `end` is not seen to be paired with another than `other`.
    bool belong_together(InterfaceIndex end, InterfaceIndex other) const {
        const LinkState* link = find_link(kernel_, end);
        return link && (!find_link(kernel_, link->peer) || link->peer == other);
    }

    void plan_links(const Group& group) {
        if (group.upper || group.lower) return;  // half a pair is on its way out: wait for the rest
        if (!has_home(state_, kernel_, group)) return;
        bool is_free = group.upper_namespace.empty() && !find_link(kernel_, {group.wanted_index});
        std::uint32_t index = is_free ? group.wanted_index : 0;
        ops_.push_back(CreateIpmpLink{group.interface, group.lower_name, group.mac, group.lower_mac, index,
                                      place_of(group), upper_home(state_, group)});
    }

    void plan_group(const Group& group) {
        const LinkState* upper = group.misplaced ? nullptr : find_link(kernel_, group.upper);
        const LinkState& lower = *find_link(kernel_, group.lower);
        std::uint32_t mtu_bytes = wanted_mtu(members_.of(group), group);
        if (group.misplaced) ops_.push_back(MoveLink{group.upper, upper_home(state_, group)});
        if (upper) plan_upper(group, *upper, mtu_bytes);
        bool lower_is_in_place = lower.index.place == place_of(group);
        if (lower_is_in_place) plan_lower(group, lower, mtu_bytes);
        else ops_.push_back(plan_move(kernel_, lower, place_of(group)));
        // Not read yet: accept_dad and the like must be right before it comes up.
        if (upper && upper->settings.empty()) return;
        if (upper && !upper->admin_up) ops_.push_back(SetLinkUp{group.upper, true});
        bool carries = any_active(group);
        bool may_change = lower_is_in_place && !lower.settings.empty();  // as above: it would get addresses
        if (may_change && lower.admin_up != carries) ops_.push_back(SetLinkUp{group.lower, carries});
        if (!upper) return;
        std::size_t before = ops_.size();
        for (const GroupFamily& family : group.families) plan_addresses(group.upper, family.addresses, false, true);
        bool may_have_routes = upper->waiting_routes != 0 && ops_.size() == before && can_carry(group, *upper);
        if (may_have_routes) ops_.push_back(RestoreRoutes{group.upper});
    }

    // What concerns the upper end as a link.
    void plan_upper(const Group& group, const LinkState& upper, std::uint32_t mtu_bytes) {
        plan_settings(upper, upper_settings_);
        plan_settings(upper, wanted_forwarding(group));
        plan_advertisements(group, upper);
        if (goes_at_once(group, config_)) plan_filter(upper, Filter::spread, group, true);
        else if (upper.filter != Filter::none) ops_.push_back(DetachFilter{group.upper});
        if (upper.mtu_bytes != mtu_bytes) ops_.push_back(SetLinkMtu{group.upper, mtu_bytes});
        plan_gso(upper, group);
        if (upper.mac != group.mac) ops_.push_back(SetLinkMac{group.upper, group.mac});
    }

    // The lower end, and the members that are where it is: no filter may lead from one network namespace to another.
    void plan_lower(const Group& group, const LinkState& lower, std::uint32_t mtu_bytes) {
        if (lower.mtu_bytes != mtu_bytes) ops_.push_back(SetLinkMtu{group.lower, mtu_bytes});
        // What a former daemon left here still leads to NICs that failed since: it goes before the filters of members.
        if (lower.filter == Filter::outdated) plan_filter(lower, Filter::spread, group);
        plan_gso(lower, group);
        plan_settings(lower, lower_end_settings());
        if (lower.mac != group.lower_mac) ops_.push_back(SetLinkMac{group.lower, group.lower_mac});
        for (const Interface* member : members_.of(group)) {
            const LinkState* link = find_link(kernel_, member->index);
            if (!link || member->misplaced) continue;
            if (!member->saved_settings.empty()) {  // before its former settings are known none is touched
                plan_settings(*link, member_settings_);
                plan_settings(*link, wanted_forwarding(group));
            }
            plan_filter(*link, Filter::steer, group);
        }
        if (lower.filter != Filter::outdated) plan_filter(lower, Filter::spread, group);
    }

    void plan_gso(const LinkState& end, const Group& group) {
        SetLinkGso gso = wanted_gso(members_.of(group), kernel_);
        gso.link = end.index;
        bool differs = end.gso_bytes != gso.gso_bytes || end.gso_segments != gso.gso_segments;
        if (differs && end.gso_bytes != 0) ops_.push_back(gso);
    }

    // The group listens to router advertisements as its first member did, and goes on with the addresses they gave
    // it. A token is set only while such an address is on its way: later it is the operator's.
    void plan_advertisements(const Group& group, const LinkState& upper) {
        for (const Interface* member : members_.of(group)) {
            Settings wanted;
            for (const char* name : kAdvertisementSettings) {
                auto saved = member->saved_settings.find(name);
                if (saved != member->saved_settings.end()) wanted.insert(*saved);
            }
            if (wanted.empty()) continue;
            listen_as_router(wanted, member->saved_settings);
            plan_settings(upper, wanted);
            bool listens = std::none_of(wanted.begin(), wanted.end(), [](auto& entry) { return entry.second == "0"; });
            if (listens && !upper.settings.empty()) plan_token(group, *member);
            return;
        }
    }

    void plan_token(const Group& group, const Interface& member) {
        for (const AddressState& seen : kernel_.addresses) {
            if (seen.link != member.index || seen.address.family != Family::ipv6 || seen.prefix_length != 64) continue;
            if (!seen.finite_lifetime || seen.temporary || !hosts(group, seen.address)) continue;
            ops_.push_back(SetIpv6Token{group.upper, seen.address});
            return;
        }
    }

    void plan_interface(const Interface& interface) {
        const LinkState& link = *find_link(kernel_, interface.index);
        bool is_member = !interface.group.empty();
        if (interface.misplaced) return plan_transfer(interface, link);
        if (interface.up_when_lost && !link.admin_up) ops_.push_back(SetLinkUp{interface.index, true});
        for (const InterfaceFamily& family : interface.families) {
            plan_addresses(interface.index, family.addresses, is_member, !interface.offline);
        }
        if (is_member) {
            plan_routes(interface, link);
            plan_migrated(interface);
            return;
        }
        bool has_filter = link.filter == Filter::steer || link.filter == Filter::outdated;
        if (has_filter) ops_.push_back(DetachFilter{interface.index});
        plan_settings(link, interface.saved_settings);  // back to what was before the join
    }

    // A NIC moves when nothing of the host depends on it any more, and there is a lower end to work for.
    void plan_transfer(const Interface& interface, const LinkState& link) {
        Place home = home_of(state_, interface);
        if (interface.group.empty()) {
            bool is_going_down = !interface.families[0].plumbed && !interface.families[1].plumbed && link.admin_up;
            if (!is_going_down) ops_.push_back(plan_move(kernel_, link, home));
            return;
        }
        const Group& group = state_.groups.at(interface.group);
        bool has_settings = !interface.saved_settings.empty();
        if (!has_settings || !find_link(kernel_, group.lower) || group.lower.place != home) return;
        if (home == Place::members) {
            plan_routes(interface, link);
            plan_migrated(interface);
            bool can_follow = group.upper.place == interface.index.place;  // else routes are lost
            if ((link.foreign_routes != 0 && can_follow) || has_data_address(kernel_, interface, group)) return;
        }
        ops_.push_back(plan_move(kernel_, link, home));
    }

    void plan_settings(const LinkState& link, const Settings& wanted) {
        for (const auto& [name, value] : wanted) {
            auto present = link.settings.find(name);
            if (present != link.settings.end() && present->second != value) {
                ops_.push_back(WriteSetting{link.index, name, value});
            }
        }
    }

    void plan_filter(const LinkState& link, Filter wanted, const Group& group, bool egress = false) {
        FilterPlace place{config_.filter_priority, filter_handle(group), egress};
        bool is_there = link.filter == wanted && link.filter_group == group.interface && link.filter_place == place;
        if (!is_there || link.filter_surplus) {
            ops_.push_back(AttachFilter{link.index, wanted, group.interface, place});
        }
    }

    static bool fits(const AddressState& seen, const LogicalAddress& logical, const WantedAddress& wanted) {
        if (logical.adopted) return wanted.scope_link == logical.scope_link;
        bool kernel_decides = logical.address.family == Family::ipv6;
        bool scope_fits = kernel_decides || seen.scope_link == wanted.scope_link;
        return seen.prefix_length == wanted.prefix_length && seen.broadcast == wanted.broadcast && scope_fits;
    }

    // `enabled`: false while the NIC is offline, which takes its test addresses down (R-POL-5).
    void plan_addresses(InterfaceIndex link, const std::vector<LogicalAddress>& addresses, bool on_member,
                        bool enabled) {
        for (const LogicalAddress& logical : addresses) {
            if (logical.address.is_zero()) continue;
            WantedAddress wanted = wanted_address(logical, on_member);
            bool is_up = in_use(logical) && (enabled || logical.address.is_link_local());
            bool present = false, changes = false;
            // The kernel takes one address with many prefixes.
            for (const AddressState* seen : addresses_.find(link, logical.address)) {
                if (is_up && fits(*seen, logical, wanted) && (!present || logical.adopted)) {
                    present = true;
                    changes = !logical.adopted && seen->deprecated != wanted.deprecated;
                } else {
                    ops_.push_back(RemoveAddress{link, seen->address, seen->prefix_length});
                }
            }
            if (!is_up || (present && !changes)) continue;
            AddAddress add = address_op(state_, link, logical, on_member);
            if (logical.adopted) {  // comes from a member with its lifetime, or is gone
                add.lifetime_from = member_with(logical.address, link);
                if (!add.lifetime_from || add.lifetime_from.place != link.place) continue;
            }
            ops_.push_back(add);
        }
    }

    InterfaceIndex member_with(const IpAddress& address, InterfaceIndex other_than) const {
        for (const AddressState& seen : kernel_.addresses) {
            if (seen.address != address || seen.link == other_than) continue;
            const Interface* owner = find_interface(state_, seen.link);
            if (owner && !owner->group.empty()) return seen.link;
        }
        return {};
    }

    // Until the kernel shows the IPMP interface running it throws away what is sent there: an ARP request, say, whose
    // loss costs a second. A group without an active member will not run.
    static bool can_carry(const Group& group, const LinkState& upper) {
        return upper.admin_up && (upper.carrier || !any_active(group));
    }

    // Routes follow once the addresses they may depend on are there, and before those leave the member, which would
    // take routes along (design D13).
    void plan_routes(const Interface& member, const LinkState& link) {
        const Group& group = state_.groups.at(member.group);
        const LinkState* upper = find_link(kernel_, group.upper);
        if (link.foreign_routes == 0 || member.index.place != group.upper.place || group.misplaced) return;
        if (!upper || upper->settings.empty() || !can_carry(group, *upper)) return;
        for (const AddressState* seen : addresses_.on(member.index)) {
            for (const LogicalAddress& logical : group.families[index_of(seen->address.family)].addresses) {
                bool gap = in_use(logical) && !addresses_.contains(group.upper, seen->address);
                if (logical.address == seen->address && gap) return;
            }
        }
        ops_.push_back(MoveRoutes{member.index, group.upper});
    }

    // Addresses the group hosts and the member still has: off the member, once the kernel shows them on the IPMP
    // interface, so that there is no moment without them (design D13).
    void plan_migrated(const Interface& member) {
        const Group& group = state_.groups.at(member.group);
        const LinkState* upper = find_link(kernel_, group.upper);
        if (!upper || !can_carry(group, *upper)) return;
        // Last first: where secondary addresses are not promoted, the first of a subnet takes the others with it.
        AddressIndex::Found on_member = addresses_.on(member.index);
        for (auto place = on_member.rbegin(); place != on_member.rend(); ++place) {
            const AddressState& seen = **place;
            std::size_t family = index_of(seen.address.family);
            if (contains(member.families[family].addresses, seen.address)) continue;
            for (const LogicalAddress& logical : group.families[family].addresses) {
                if (logical.address != seen.address) continue;
                bool gap = in_use(logical) && !addresses_.contains(group.upper, seen.address);
                if (!gap) ops_.push_back(RemoveAddress{seen.link, seen.address, seen.prefix_length});
            }
        }
    }

    // A test address answers by its own NIC only with a rule and a table of its own (measured: design D11).
    void plan_rules() {
        std::set<RuleState> rules;
        std::set<RouteState> routes;
        for (const auto& [name, interface] : state_.interfaces) {
            if (interface.group.empty() || !interface.index || !interface.admin_up || interface.offline) continue;
            if (interface.misplaced) continue;
            std::uint32_t table = kTestTableBase + interface.index.value;
            for (const InterfaceFamily& family : interface.families) {
                for (const LogicalAddress& logical : family.addresses) {
                    if (!logical.up || !wanted_address(logical, true).scope_link) continue;
                    rules.insert({logical.address, table, interface.index.place});
                    routes.insert({network_of(logical.address, logical.prefix_length), logical.prefix_length,
                                   interface.index, table});
                }
            }
        }
        std::set<RuleState> present_rules(kernel_.rules.begin(), kernel_.rules.end());
        std::set<RouteState> present_routes(kernel_.routes.begin(), kernel_.routes.end());
        add_multicast_routes(present_routes, routes);
        add_leased_routes(state_, kernel_, routes);
        for (const RouteState& route : routes) {
            if (!present_routes.contains(route)) ops_.push_back(AddRoute{route});
        }
        for (const RuleState& rule : rules) {
            if (!present_rules.contains(rule)) ops_.push_back(AddRule{rule});
        }
        for (const RuleState& rule : kernel_.rules) {
            if (!rules.contains(rule)) ops_.push_back(RemoveRule{rule});
        }
        for (const RouteState& route : kernel_.routes) {
            if (!routes.contains(route)) ops_.push_back(RemoveRoute{route});
        }
    }

    // IPv6 multicast sent without naming an interface leaves by a group, not by a member whose route came first; in
    // each network namespace by the first group that lives there.
    void add_multicast_routes(const std::set<RouteState>& present, std::set<RouteState>& routes) const {
        std::set<Place> served;
        for (const auto& [name, group] : state_.groups) {
            const LinkState* upper = find_link(kernel_, group.upper);
            RouteState route{IpAddress{Family::ipv6, {0xff}}, 8, group.upper, kLocalTable};
            bool settled = upper && !group.misplaced && (!upper->settings.empty() || present.contains(route));
            bool wanted = settled && upper->admin_up && group.families[index_of(Family::ipv6)].plumbed;
            if (wanted && served.insert(group.upper.place).second) routes.insert(route);
        }
    }

    const State& state_;
    const KernelState& kernel_;
    const AddressIndex& addresses_;
    const Config& config_;
    const Settings upper_settings_ = upper_end_settings(), member_settings_ = member_settings(config_);
    GroupMembers members_;
    std::vector<KernelOp> ops_;
};

}  // namespace

AddAddress address_op(const State& state, InterfaceIndex link, const LogicalAddress& logical, bool on_member) {
    WantedAddress wanted = wanted_address(logical, on_member);
    return {link, wanted.address, wanted.prefix_length, wanted.broadcast, wanted.scope_link, {}, wanted.deprecated,
            end_of_lease(state, wanted.address)};
}

std::vector<KernelOp> plan(const State& state, const KernelState& kernel, const AddressIndex& addresses,
                           const Config& config) {
    return Planner(state, kernel, addresses, config).run();
}

}  // namespace ipmp
