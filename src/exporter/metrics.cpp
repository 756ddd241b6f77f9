#include "exporter/metrics.hpp"

#include "model/interface_flags.hpp"

namespace ipmp {

namespace {

// An address that is up is bound to a NIC for inbound traffic, or to none as no NIC works.
struct AddressCounts {
    std::size_t bound = 0, unbound = 0, down = 0;
};

void add_address_counts(Families& families, const Status& status) {
    std::map<std::pair<std::string, Family>, AddressCounts> counts;
    for (const GroupStatus& group : status.groups) {
        for (Family family : {Family::ipv4, Family::ipv6}) counts[{group.interface, family}];
    }
    for (const AddressStatus& address : status.addresses) {
        if (address.address.is_zero()) continue;  // the stub of an IPMP interface without an address of its own
        AddressCounts& of = counts[{address.group, address.address.family}];
        if (!address.up)
            ++of.down;
        else if (address.inbound.empty())
            ++of.unbound;
        else
            ++of.bound;
    }
    FamilyBuilder addresses = gauge("ipmp_group_addresses", "Data addresses of a group, by what they are.");
    for (const auto& [key, of] : counts) {
        for (auto [state, count] : {std::pair("bound", of.bound), {"unbound", of.unbound}, {"down", of.down}}) {
            addresses.add({{"group", key.first}, {"family", family_label(key.second)}, {"state", state}},
                          static_cast<double>(count));
        }
    }
    addresses.put_into(families);
}

// Of groups and of NICs in groups: data addresses and test addresses that another host has.
void add_duplicates(Families& families, const Status& status) {
    FamilyBuilder duplicates =
        gauge("ipmp_duplicate_addresses", "Addresses of an interface that are not used, as another host has them.");
    for (const PlumbedInterface& interface : status.plumbed) {
        if (interface.group_name.empty()) continue;
        for (Family family : {Family::ipv4, Family::ipv6}) {
            const auto& plumbed = family_of(interface, family);
            if (!plumbed) continue;
            std::size_t count = 0;
            for (const LogicalStatus& logical : plumbed->logicals) count += (logical.flags & flag::kDuplicate) != 0;
            duplicates.add({{"interface", interface.name}, {"family", family_label(family)}},
                           static_cast<double>(count));
        }
    }
    duplicates.put_into(families);
}

}  // namespace

void add_group_metrics(Families& families, const Status& status) {
    FamilyBuilder info = gauge("ipmp_group_info", "Always 1; the labels tell how a group is set up.");
    FamilyBuilder state = gauge("ipmp_group_state", "1 for the state a group is in, 0 for the others.");
    FamilyBuilder members =
        gauge("ipmp_group_interfaces", "Underlying interfaces of a group: active, inactive (they rest) or unusable.");
    FamilyBuilder detection = gauge("ipmp_group_failure_detection_time_seconds",
                                    "How soon probes find a failure; only where a group is probed.");
    FamilyBuilder missing = gauge("ipmp_group_network_namespace_missing",
                                  "1 while there is no network namespace of the name a group is to be in.");
    for (const GroupStatus& group : status.groups) {
        const Labels labels{{"group", group.interface}};
        info.add({{"group", group.interface},
                  {"name", group.name},
                  {"policy", wire::kSpreadPolicyNames[static_cast<std::size_t>(group.policy)]},
                  {"isolated", group.isolate ? "true" : "false"},
                  {"network_namespace", group.network_namespace}},
                 1);
        state.add_states(labels, group.state);
        for (const auto& [role, names] :
             {std::pair("active", &group.active), {"inactive", &group.inactive}, {"unusable", &group.unusable}}) {
            members.add({{"group", group.interface}, {"role", role}}, static_cast<double>(names->size()));
        }
        if (group.failure_detection_time_ms) detection.add(labels, *group.failure_detection_time_ms / 1e3);
        missing.add(labels, group.namespace_missing);
    }
    for (FamilyBuilder* family : {&info, &state, &members, &detection, &missing}) family->put_into(families);
    add_address_counts(families, status);
    add_duplicates(families, status);
}

Families metrics_of(const Observation& observation) {
    Families families;
    gauge("ipmp_up", "1 if in.mpathd answered; else nothing more is known, and the data path goes on as it was.")
        .add({}, observation.daemon.has_value())
        .put_into(families);
    if (!observation.daemon) return families;
    const auto& [status, counters] = *observation.daemon;
    add_group_metrics(families, status);
    add_interface_metrics(families, status);
    add_traffic_metrics(families, observation);
    std::set<std::string> groups;
    for (const GroupStatus& group : status.groups) groups.insert(group.interface);
    add_counter_metrics(families, counters, groups);
    return families;
}

}  // namespace ipmp
