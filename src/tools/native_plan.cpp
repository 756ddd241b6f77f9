#include "tools/native_plan.hpp"

#include <algorithm>

#include "model/interface_flags.hpp"
#include "tools/status_lookup.hpp"

namespace ipmp {

namespace {

using Steps = std::vector<NativeStep>;

// Down only because its interface is offline counts as up.
bool is_up(const LogicalStatus& logical) { return logical.flags & (flag::kUp | flag::kOffline); }

bool is_standby(const PlumbedInterface& plumbed) {
    for (Family family : kFamilies) {
        const auto& half = family_of(plumbed, family);
        if (half && !half->logicals.empty() && (half->logicals[0].flags & flag::kStandby)) return true;
    }
    return false;
}

// Without an address that is up it is not used.
bool is_up(const PlumbedInterface& plumbed) {
    for (Family family : kFamilies) {
        const auto& half = family_of(plumbed, family);
        if (!half) continue;
        if (std::any_of(half->logicals.begin(), half->logicals.end(), [](auto& logical) { return is_up(logical); })) {
            return true;
        }
    }
    return false;
}

// How an address is to be.
struct Wanted {
    Prefix prefix;
    bool up = true;
    bool is_test = false;
    std::optional<bool> deprecated;
};

// Only what differs from how it is; a test address is one before it is up, or it would move to the group.
std::optional<SetFlags> flags_for(const Wanted& wanted, const LogicalStatus* present) {
    SetFlags flags;
    std::uint64_t now = present ? present->flags : 0;
    if (wanted.is_test && !(now & flag::kNoFailover)) flags.no_failover = true;
    bool is_deprecated = now & flag::kDeprecated;
    if (wanted.deprecated && *wanted.deprecated != is_deprecated) flags.deprecated = wanted.deprecated;
    if (wanted.up != (present && is_up(*present))) flags.up = wanted.up;
    if (!flags.no_failover && !flags.deprecated && !flags.up) return {};
    flags.family = wanted.prefix.address.family;
    return flags;
}

void change_address(const std::string& interface, const LogicalStatus& present, const Wanted& wanted, Steps& steps) {
    LogicalName logical{interface, present.number};
    Family family = wanted.prefix.address.family;
    if (present.prefix_length != wanted.prefix.length) {
        steps.push_back({interface, SetNetmask{logical, family, wanted.prefix.length},
                         SetNetmask{logical, family, present.prefix_length}});
    }
    auto flags = flags_for(wanted, &present);
    if (!flags) return;
    flags->logical = logical;
    steps.push_back({interface, *flags, {}});
}

// `plumbed`: null if it is only about to be.
void ensure_address(const std::string& interface, const PlumbedInterface* plumbed, const Wanted& wanted, Steps& steps) {
    const IpAddress& address = wanted.prefix.address;
    if (const LogicalStatus* present = logical_with(plumbed, address)) {
        return change_address(interface, *present, wanted, steps);
    }
    LogicalName zeroth{interface, 0};
    const LogicalStatus* stub = logical_with(plumbed, IpAddress{address.family, {}});
    bool takes_stub = !wanted.is_test && stub && stub->number == 0;
    if (takes_stub) {
        steps.push_back({interface, SetAddress{zeroth, address, wanted.prefix.length, {}},
                         SetAddress{zeroth, IpAddress{address.family, {}}, {}, {}}});
    } else {
        steps.push_back(
            {interface, AddLogical{interface, address, wanted.prefix.length}, RemoveLogical{interface, address}, true});
    }
    auto flags = flags_for(wanted, nullptr);
    if (!flags) return;
    flags->logical = zeroth;
    steps.push_back({interface, *flags, {}});
}

void plumb_for(const std::string& nic, const PlumbedInterface* plumbed, Family family, Steps& steps) {
    if (!is_plumbed(plumbed, family)) steps.push_back({nic, Plumb{nic, family, 0}, {}});
}

// What differs from the settings of `group`; null: it is being made.
void ensure_settings(const std::string& interface, const GroupStatus* group, const PlumbedInterface* plumbed,
                     const GroupSettings& wanted, bool force, Family family, Steps& steps) {
    std::string name = group ? group->name : interface;
    if (wanted.name && *wanted.name != name) {
        steps.push_back({interface, SetGroup{interface, family, *wanted.name}, {}});
    }
    SpreadPolicy policy = group ? group->policy : SpreadPolicy::flow;
    if (wanted.policy && *wanted.policy != policy) {
        steps.push_back({interface, SetPolicy{interface, *wanted.policy}, {}});
    }
    bool isolate = group && group->isolate;
    if (wanted.isolate && *wanted.isolate != isolate) {
        steps.push_back({interface, SetIsolate{interface, *wanted.isolate, force}, {}});
    }
    bool is_there = plumbed && family_of(*plumbed, family);
    bool has_mtu = is_there && family_of(*plumbed, family)->mtu_bytes == wanted.mtu_bytes;
    if (wanted.mtu_bytes && !has_mtu) steps.push_back({interface, SetMtu{interface, family, *wanted.mtu_bytes}, {}});
}

Error not_ipmp(const std::string& name) { return {name + ": not an IPMP interface"}; }

Error no_group(const std::string& name) { return {name + ": no such group; ipmp group add makes it"}; }

struct Plan {
    const Status& status;

    Result<Steps> operator()(const Show&) const { IPMP_CHECK(false); }

    Result<Steps> operator()(const GroupAdd& request) const {
        const GroupStatus* group = group_called(status, request.group);
        const std::string& interface = group ? group->interface : request.group;
        const PlumbedInterface* plumbed = plumbed_called(status, interface);
        if (!group && plumbed) return not_ipmp(request.group);
        Steps steps;
        for (Family family : request.families) {
            if (is_plumbed(plumbed, family)) continue;
            steps.push_back({interface, CreateIpmp{interface, family, 0}, Unplumb{interface, family, 0}});
        }
        IPMP_CHECK(!request.families.empty());
        ensure_settings(interface, group, plumbed, request.settings, false, request.families[0], steps);
        return steps;
    }

    Result<Steps> operator()(const GroupSet& request) const {
        const GroupStatus* group = group_called(status, request.group);
        if (!group) return not_ipmp(request.group);
        const PlumbedInterface* plumbed = plumbed_called(status, group->interface);
        Family family = plumbed && !plumbed->inet ? Family::ipv6 : Family::ipv4;
        Steps steps;
        ensure_settings(group->interface, group, plumbed, request.settings, request.force, family, steps);
        return steps;
    }

    Result<Steps> operator()(const GroupDelete& request) const {
        const GroupStatus* group = group_called(status, request.group);
        if (!group && plumbed_called(status, request.group)) return not_ipmp(request.group);
        if (!group) return Steps();
        Steps steps;
        std::string members;
        for (const std::string& nic : members_of(*group)) {
            members += (members.empty() ? "" : ", ") + nic;
            leave(nic, steps);
        }
        if (!members.empty() && !request.force) {
            return Error{group->interface + ": has members (" + members + "); -f has them leave first"};
        }
        const PlumbedInterface* plumbed = plumbed_called(status, group->interface);
        for (Family family : kFamilies) {
            if (!is_plumbed(plumbed, family)) continue;
            steps.push_back({group->interface, Unplumb{group->interface, family, 0}, {}});
        }
        return steps;
    }

    Result<Steps> operator()(const MemberAdd& request) const {
        const GroupStatus* group = group_called(status, request.group);
        if (!group) return no_group(request.group);
        Steps steps;
        for (const std::string& nic : request.nics) {
            std::string present = group_of_member(status, nic);
            if (!present.empty() && present != group->interface) {
                return Error{nic + ": is in group " + present + "; ipmp member set moves it"};
            }
            ensure_member(nic, *group, request.standby, request.test_addresses, steps);
            const PlumbedInterface* plumbed = plumbed_called(status, nic);
            bool comes_up = (plumbed && is_up(*plumbed)) || !request.test_addresses.empty();
            if (!comes_up) bring_up(nic, *group, steps);
        }
        return steps;
    }

    Result<Steps> operator()(const MemberSet& request) const {
        const GroupStatus* group = request.group ? group_called(status, *request.group) : nullptr;
        if (request.group && !group) return no_group(*request.group);
        Steps steps;
        for (const std::string& nic : request.nics) {
            std::string present = group_of_member(status, nic);
            if (present.empty()) return Error{nic + ": in no group; ipmp member add has it join one"};
            const GroupStatus* wanted = group ? group : group_called(status, present);
            IPMP_CHECK(wanted);
            ensure_member(nic, *wanted, request.standby, {}, steps);
        }
        return steps;
    }

    Result<Steps> operator()(const MemberDelete& request) const {
        const GroupStatus* group = request.group.empty() ? nullptr : group_called(status, request.group);
        Steps steps;
        for (const std::string& nic : request.nics) {
            std::string present = group_of_member(status, nic);
            bool is_meant = !present.empty() && (request.group.empty() || (group && group->interface == present));
            if (is_meant) leave(nic, steps);
        }
        return steps;
    }

    Result<Steps> operator()(const AddressAdd& request) const {
        const GroupStatus* group = group_called(status, request.interface);
        std::string of_member = group_of_member(status, request.interface);
        if (!group && of_member.empty()) return Error{request.interface + ": neither an IPMP interface nor in a group"};
        bool keeps_failover = !group && request.deprecated == false;
        if (keeps_failover) return Error{request.interface + ": test addresses are always deprecated"};
        const std::string& interface = group ? group->interface : request.interface;
        const PlumbedInterface* plumbed = plumbed_called(status, interface);
        Family family = request.prefix.address.family;
        Steps steps;
        if (group && !is_plumbed(plumbed, family)) {
            steps.push_back({interface, CreateIpmp{interface, family, 0}, {}});
            for (const std::string& nic : members_of(*group)) {
                const PlumbedInterface* member = plumbed_called(status, nic);
                if (member) plumb_for(nic, member, family, steps);  // a missing one comes back with its own files
            }
        }
        if (!group) plumb_for(interface, plumbed, family, steps);
        std::optional<bool> deprecated = group ? request.deprecated : std::nullopt;
        ensure_address(interface, plumbed, {request.prefix, request.up, !group, deprecated}, steps);
        return steps;
    }

    Result<Steps> operator()(const AddressDelete& request) const {
        const GroupStatus* group = group_called(status, request.interface);
        const std::string& interface = group ? group->interface : request.interface;
        const LogicalStatus* present = logical_with(plumbed_called(status, interface), request.address);
        if (!present || request.address.is_zero()) return Steps();
        return remove(interface, *present);
    }

    Result<Steps> operator()(const LogicalDelete& request) const {
        const PlumbedInterface* plumbed = plumbed_called(status, request.interface);
        if (!is_plumbed(plumbed, request.family)) return Steps();
        for (const LogicalStatus& logical : family_of(*plumbed, request.family)->logicals) {
            bool is_it = logical.number == request.number && !logical.address.is_zero();
            if (is_it) return remove(request.interface, logical);
        }
        return Steps();
    }

    Result<Steps> operator()(const SetInUse& request) const {
        auto is_it = [&](const InterfaceStatus& interface) { return interface.name == request.nic; };
        auto found = std::find_if(status.interfaces.begin(), status.interfaces.end(), is_it);
        bool is_member = found != status.interfaces.end() && !found->group.empty();
        if (!is_member) return Error{request.nic + ": not in an IPMP group"};
        bool in_use = found->state != InterfaceHealth::offline;
        if (in_use == request.in_use) return Steps();
        if (request.in_use) return Steps{{request.nic, UndoOffline{request.nic}, {}}};
        return Steps{{request.nic, SetOffline{request.nic}, {}}};
    }

    Result<Steps> operator()(const PlumbNic& request) const {
        if (group_called(status, request.nic)) return Error{request.nic + ": is an IPMP interface"};
        Steps steps;
        plumb_for(request.nic, plumbed_called(status, request.nic), Family::ipv4, steps);
        return steps;
    }

    Result<Steps> operator()(const UnplumbNic& request) const {
        if (group_called(status, request.nic)) return Error{request.nic + ": is an IPMP interface; see delete-ipmp"};
        std::string group = group_of_member(status, request.nic);
        if (!group.empty()) return Error{request.nic + ": is in group " + group + "; see remove-ipmp"};
        Steps steps;
        for (Family family : kFamilies) {
            if (!is_plumbed(plumbed_called(status, request.nic), family)) continue;
            steps.push_back({request.nic, Unplumb{request.nic, family, 0}, {}});
        }
        return steps;
    }

  private:
    // One that is missing leaves by being forgotten.
    void leave(const std::string& nic, Steps& steps) const {
        if (plumbed_called(status, nic))
            steps.push_back({nic, SetGroup{nic, Family::ipv4, ""}, {}});
        else
            steps.push_back({nic, Detach{{nic}, true, false}, {}});
    }

    void ensure_member(const std::string& nic, const GroupStatus& group, std::optional<bool> standby,
                       const std::vector<Prefix>& tests, Steps& steps) const {
        const PlumbedInterface* plumbed = plumbed_called(status, nic);
        const PlumbedInterface* of_group = plumbed_called(status, group.interface);
        for (Family family : kFamilies) {
            auto is_of_family = [&](const Prefix& test) { return test.address.family == family; };
            bool wanted = is_plumbed(of_group, family) || std::any_of(tests.begin(), tests.end(), is_of_family);
            if (wanted) plumb_for(nic, plumbed, family, steps);
        }
        for (const Prefix& test : tests) ensure_address(nic, plumbed, {test, true, true, {}}, steps);
        bool is_standby_now = plumbed && is_standby(*plumbed);
        if (standby && *standby != is_standby_now) {
            steps.push_back({nic, SetStandby{nic, *standby}, SetStandby{nic, is_standby_now}});
        }
        if (group_of_member(status, nic) == group.interface) return;
        steps.push_back({nic, SetGroup{nic, Family::ipv4, group.name}, {}, false, true});
    }

    void bring_up(const std::string& nic, const GroupStatus& group, Steps& steps) const {
        const PlumbedInterface* of_group = plumbed_called(status, group.interface);
        SetFlags flags;
        flags.logical = {nic, 0};
        flags.family = is_plumbed(of_group, Family::ipv4) ? Family::ipv4 : Family::ipv6;
        flags.up = true;
        steps.push_back({nic, flags, {}});
    }

    // The zeroth address of an interface gives way to a stub, which is no test address any more.
    Result<Steps> remove(const std::string& interface, const LogicalStatus& logical) const {
        std::string text = to_string(logical.address);
        bool is_leased = logical.flags & flag::kDhcp;
        if (is_leased) return Error{interface + ": " + text + " is leased; see ipmp-ifconfig(8), dhcp"};
        if (logical.address.is_link_local()) return Error{interface + ": " + text + " belongs to the kernel"};
        if (logical.number != 0) return Steps{{interface, RemoveLogical{interface, logical.address}, {}}};
        Family family = logical.address.family;
        LogicalName zeroth{interface, 0};
        Steps steps{{interface, SetAddress{zeroth, IpAddress{family, {}}, {}, {}}, {}}};
        if (!(logical.flags & flag::kNoFailover)) return steps;
        SetFlags flags;
        flags.logical = zeroth;
        flags.family = family;
        flags.no_failover = false;
        steps.push_back({interface, flags, {}});
        return steps;
    }
};

}  // namespace

Result<std::vector<NativeStep>> plan_native(const Status& status, const NativeRequest& request) {
    return std::visit(Plan{status}, request);
}

}  // namespace ipmp
