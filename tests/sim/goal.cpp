#include "sim/goal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/applications.hpp"
#include "core/planner.hpp"
#include "core/predicates.hpp"

namespace ipmp::sim {

namespace {

using AddressSet = std::set<std::string>;

std::string written(const IpAddress& address, std::uint8_t prefix_length, bool test_address) {
    bool is_narrow = test_address && address.family == Family::ipv4;  // of IPv6 the kernel decides
    return fmt::format("{}/{}{}", to_string(address), prefix_length, is_narrow ? " test" : "");
}

AddressSet addresses_on(const KernelState& kernel, InterfaceIndex link) {
    AddressSet present;
    for (const AddressState& seen : kernel.addresses) {
        bool test_address = seen.scope_link && !seen.address.is_link_local();
        if (seen.link == link) present.insert(written(seen.address, seen.prefix_length, test_address));
    }
    return present;
}

bool is_test_address(const Interface& nic, const LogicalAddress& logical) {
    return !nic.group.empty() && logical.no_failover && !logical.address.is_link_local();
}

std::string listed(const AddressSet& set) {
    std::string text;
    for (const std::string& item : set) text += " " + item;
    return text.empty() ? " nothing" : text;
}

class Goal {
  public:
    Goal(const World& world, const FakeKernel& kernel)
        : world_(world), kernel_(kernel), state_(world.engine().state()), truth_(kernel.truth()) {}

    Violations run() {
        require(world_.engine().converged(), "the engine has not converged");
        require(world_.all_answered(), "a request is not answered");
        for (const auto& [name, group] : state_.groups) check_group(group);
        for (const auto& [name, nic] : state_.interfaces) check_nic(nic);
        check_rules();
        Status status = world_.engine().status();
        for (const std::string& text : world_.peers().unmet(status, world_.now())) require(false, text);
        std::size_t ours = 0, others = 0;
        for (const auto& [index, link] : truth_.links) ++(link.alias.empty() ? others : ours);
        require(ours == 2 * state_.groups.size(),
                fmt::format("{} links of ours for {} groups", ours, state_.groups.size()));
        std::size_t known = 0;
        for (const auto& [name, nic] : state_.interfaces) known += nic.index ? 1 : 0;
        require(known == others, fmt::format("{} of {} NICs are known", known, others));
        return std::move(unmet_);
    }

  private:
    void require(bool holds, const std::string& text) {
        if (!holds) unmet_.push_back(text);
    }

    void check_addresses(InterfaceIndex link, const std::string& name, const AddressSet& wanted) {
        AddressSet present = addresses_on(truth_, link);
        require(present == wanted, fmt::format("{} has{} and should have{}", name, listed(present), listed(wanted)));
    }

    // Who adds an address under several prefixes may have it so, as long as it is not ours.
    void insert_copies(InterfaceIndex link, const IpAddress& address, AddressSet& wanted) {
        for (const AddressState& seen : truth_.addresses) {
            bool copy = seen.link == link && seen.address == address;
            bool narrow = seen.scope_link && !seen.address.is_link_local();
            if (copy) wanted.insert(written(address, seen.prefix_length, narrow));
        }
    }

    void check_settings(const LinkState& link, const Settings& wanted) {
        for (const auto& [name, value] : wanted) {
            require(link.settings.at(name) == value, fmt::format("{}: {} is not {}", link.name, name, value));
        }
    }

    void check_group(const Group& group) {
        auto upper = truth_.links.find(kernel_.find(group.interface));
        auto lower = truth_.links.find(kernel_.find(group.lower_name));
        bool exist = upper != truth_.links.end() && lower != truth_.links.end();
        require(exist, group.interface + " does not exist");
        if (!exist) return;
        bool any_active = false;  // or carries on though the whole group has failed by opinion (R-DET-8)
        for (const GroupFamily& family : group.families) any_active |= !family.active.empty();
        std::uint32_t mtu_bytes = 0;
        for (const Interface* member : members_of(state_, group)) {
            if (!member->index) continue;
            std::uint32_t own = truth_.links.at(member->index).mtu_bytes;
            mtu_bytes = mtu_bytes ? std::min(mtu_bytes, own) : own;
        }
        Place home = group.isolate ? Place::members : Place::host;
        require(lower->first.place == home, group.lower_name + " is misplaced");
        require(upper->first.place == upper_home(state_, group), group.interface + " is misplaced");
        require(upper->second.admin_up, group.interface + " is down");
        require(upper->second.carrier == any_active, group.interface + ": carrier does not say who is active");
        std::uint32_t most = group.wanted_mtu_bytes;
        if (!mtu_bytes) mtu_bytes = most ? most : 1500;
        if (most) mtu_bytes = std::min(mtu_bytes, most);
        require(upper->second.mtu_bytes == mtu_bytes, group.interface + " has another MTU");
        require(upper->second.mtu_bytes == lower->second.mtu_bytes, group.interface + ": MTU of lower end differs");
        require(lower->second.filter == Filter::spread && lower->second.filter_group == group.interface,
                group.interface + " does not spread");
        check_settings(upper->second, upper_end_settings());
        AddressSet wanted;
        for (const GroupFamily& family : group.families) {
            for (const LogicalAddress& logical : family.addresses) {
                if (!logical.up || logical.address.is_zero()) continue;
                bool duplicate_without_nic = family.active.empty() && logical.uniqueness == Uniqueness::duplicate;
                if (duplicate_without_nic) continue;  // there is nobody to ask whether it still is one
                bool to_be_asked = family.active.empty() && !logical.adopted;
                auto wanted_as = to_be_asked ? Uniqueness::optimistic : Uniqueness::settled;
                require(logical.uniqueness == wanted_as, to_string(logical.address) + " is still in question");
                bool narrow = logical.scope_link && !logical.address.is_link_local();  // as its owner wanted
                wanted.insert(written(logical.address, logical.prefix_length, narrow));
                if (logical.adopted) insert_copies(upper->first, logical.address, wanted);
            }
        }
        check_addresses(upper->first, group.interface, wanted);
    }

    void check_nic(const Interface& nic) {
        auto found = truth_.links.find(nic.index);
        if (!nic.index) {
            require(!nic.group.empty() && nic.failed, nic.name + " is missing and not failed");
            return;
        }
        if (found == truth_.links.end()) return require(false, nic.name + " does not exist");
        const LinkState& link = found->second;
        auto host = state_.groups.find(nic.group);
        bool is_isolated = host != state_.groups.end() && host->second.isolate;
        require(nic.index.place == (is_isolated ? Place::members : Place::host), nic.name + " is misplaced");
        require(link.name == nic.name, nic.name + " is called " + link.name);
        bool up = link.admin_up && link.carrier && !nic.declared_failed;
        AddressSet wanted;
        for (const InterfaceFamily& family : nic.families) {
            for (const LogicalAddress& logical : family.addresses) {
                bool down = nic.offline && !logical.address.is_link_local();
                if (!logical.up || logical.address.is_zero() || down) continue;
                bool test = is_test_address(nic, logical);
                bool narrow = test || (logical.scope_link && !logical.address.is_link_local());
                std::uint8_t prefix_length = test ? bits_of(logical.address.family) : logical.prefix_length;
                wanted.insert(written(logical.address, prefix_length, narrow));
                if (logical.adopted) insert_copies(nic.index, logical.address, wanted);
            }
        }
        check_addresses(nic.index, nic.name, wanted);
        if (nic.group.empty()) {
            require(link.filter == Filter::none, nic.name + " keeps a filter");
            require(nic.saved_settings.empty(), nic.name + " waits for its settings");
            require(!nic.tracked || !world_.config().track_only_groups, nic.name + " is tracked without a group");
            if (nic.tracked) check_verdict(nic, up);
            return;
        }
        check_verdict(nic, up);
        require(link.filter == Filter::steer && link.filter_group == nic.group, nic.name + " does not steer");
        check_settings(link, member_settings(world_.config()));
    }

    // By its link, and by what its probes must have found out by now.
    void check_verdict(const Interface& nic, bool up) {
        bool probed = false, answered = true;
        const Network& network = world_.network();
        for (Family family : kFamilies) {
            for (const LogicalAddress& logical : nic.families[index_of(family)].addresses) {
                if (!logical.up || !logical.no_failover || nic.offline) continue;
                probed = true;
                answered &= std::any_of(network.machines.begin(), network.machines.end(), [&](const Machine& machine) {
                    bool near = network_of(machine.address(family), logical.prefix_length) ==
                                network_of(logical.address, logical.prefix_length);
                    return near && network.reaches(nic.index, machine);
                });
            }
        }
        bool silent = network.path(nic.index).silent();
        if (up && probed && (silent || !answered))
            return;  // found by then, or nobody was ever known: see DetectionWatch
        require(nic.failed == !up, fmt::format("{} is {}", nic.name, nic.failed ? "failed with link" : "not failed"));
    }

    void check_rules() {
        std::set<RuleState> rules;
        std::set<RouteState> routes;
        for (const auto& [name, nic] : state_.interfaces) {
            if (nic.group.empty() || !nic.index || nic.offline || !nic.admin_up) continue;
            for (const InterfaceFamily& family : nic.families) {
                for (const LogicalAddress& logical : family.addresses) {
                    if (!logical.up || logical.address.is_zero() || !is_test_address(nic, logical)) continue;
                    std::uint32_t table = kTestTableBase + nic.index.value;
                    rules.insert({logical.address, table, nic.index.place});
                    routes.insert(
                        {network_of(logical.address, logical.prefix_length), logical.prefix_length, nic.index, table});
                }
            }
        }
        std::set<Place> served;
        for (const auto& [name, group] : state_.groups) {  // multicast that names no interface: by the first group
            bool serves = group.families[index_of(Family::ipv6)].plumbed && served.insert(group.upper.place).second;
            if (serves) routes.insert({IpAddress{Family::ipv6, {0xff}}, 8, group.upper, 255});
        }
        std::set<RuleState> present_rules(truth_.rules.begin(), truth_.rules.end());
        std::set<RouteState> present_routes(truth_.routes.begin(), truth_.routes.end());
        require(rules == present_rules, fmt::format("{} rules instead of {}", present_rules.size(), rules.size()));
        require(routes == present_routes, fmt::format("{} routes instead of {}", present_routes.size(), routes.size()));
    }

    const World& world_;
    const FakeKernel& kernel_;
    const State& state_;
    const KernelState& truth_;
    Violations unmet_;
};

}  // namespace

Violations unmet(const World& world, const FakeKernel& kernel) { return Goal(world, kernel).run(); }

}  // namespace ipmp::sim
