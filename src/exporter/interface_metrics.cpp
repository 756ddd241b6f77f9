// The state of NICs, and what went over them.
#include <map>

#include "exporter/metrics.hpp"

namespace ipmp {

namespace {

Labels labels_of(const InterfaceStatus& interface) {
    return {{"group", interface.group}, {"interface", interface.name}};
}

void add_reasons(FamilyBuilder& reasons, const InterfaceStatus& interface) {
    bool link = interface.link == LinkHealth::down;
    bool probe = interface.probe == ProbeHealth::failed;
    bool offline = interface.state == InterfaceHealth::offline && !interface.hardware_duplicate;
    bool other = interface.state == InterfaceHealth::failed && !link && !probe && !interface.hardware_duplicate;
    for (auto [reason, holds] : {std::pair("link", link),
                                 {"probe", probe},
                                 {"offline", offline},
                                 {"duplicate_hardware_address", interface.hardware_duplicate},
                                 {"other", other}}) {
        reasons.add(with(labels_of(interface), "reason", reason), holds);
    }
}

void add_bindings(Families& families, const Status& status) {
    std::map<std::pair<std::string, Family>, std::size_t> counts;
    for (const AddressStatus& address : status.addresses) ++counts[{address.inbound, address.address.family}];
    FamilyBuilder bindings =
        gauge("ipmp_interface_bindings", "Data addresses whose inbound traffic comes by this underlying interface.");
    for (const InterfaceStatus& interface : status.interfaces) {
        for (Family family : {Family::ipv4, Family::ipv6}) {
            auto found = counts.find({interface.name, family});
            bindings.add(with(labels_of(interface), "family", family_label(family)),
                         found == counts.end() ? 0 : static_cast<double>(found->second));
        }
    }
    bindings.put_into(families);
}

void add_targets(Families& families, const Status& status) {
    FamilyBuilder targets = gauge("ipmp_interface_probe_targets",
                                  "Targets that an underlying interface probes; only where it has a test address.");
    for (const TargetStatus& of : status.targets) {
        if (!of.test_address) continue;
        targets.add({{"interface", of.interface}, {"family", family_label(of.test_address->family)}},
                    static_cast<double>(of.targets.size()));
    }
    targets.put_into(families);
}

}  // namespace

void add_interface_metrics(Families& families, const Status& status) {
    FamilyBuilder state =
        gauge("ipmp_interface_state", "1 for the state an underlying interface is in, 0 for the others.");
    FamilyBuilder link = gauge("ipmp_interface_link_state", "1 for the state of the link, 0 for the others.");
    FamilyBuilder probe =
        gauge("ipmp_interface_probe_state", "1 for what probes say of an underlying interface, 0 for the others.");
    FamilyBuilder reasons =
        gauge("ipmp_interface_unusable_reason", "1 for each reason not to use an underlying interface that holds.");
    FamilyBuilder active = gauge("ipmp_interface_active", "1 if an underlying interface carries data traffic.");
    FamilyBuilder inactive = gauge("ipmp_interface_inactive",
                                   "1 if an underlying interface rests, being a standby or "
                                   "having been repaired without failback.");
    FamilyBuilder standby = gauge("ipmp_interface_standby", "1 if an underlying interface is set up as a standby.");
    FamilyBuilder down = gauge("ipmp_interface_down", "1 if an underlying interface has no address that is up.");
    for (const InterfaceStatus& interface : status.interfaces) {
        const Labels labels = labels_of(interface);
        state.add_states(labels, interface.state);
        link.add_states(labels, interface.link);
        probe.add_states(labels, interface.probe);
        add_reasons(reasons, interface);
        active.add(labels, interface.active);
        inactive.add(labels, interface.inactive);
        standby.add(labels, interface.standby);
        down.add(labels, interface.down);
    }
    for (FamilyBuilder* family : {&state, &link, &probe, &reasons, &active, &inactive, &standby, &down}) {
        family->put_into(families);
    }
    add_bindings(families, status);
    add_targets(families, status);
}

void add_traffic_metrics(Families& families, const Observation& observation) {
    const Status& status = observation.daemon->status;
    std::set<std::string> isolated;  // their members' indices are those of another namespace
    for (const GroupStatus& group : status.groups) {
        if (group.isolate) isolated.insert(group.interface);
    }
    struct Count {
        const char *name, *help;
        std::uint64_t LinkTraffic::*value;
    };
    for (const Count& count : {Count{"ipmp_interface_receive_bytes_total",
                                     "Bytes that came by an underlying interface.", &LinkTraffic::received_bytes},
                               Count{"ipmp_interface_receive_packets_total",
                                     "Frames that came by an underlying interface.", &LinkTraffic::received_packets},
                               Count{"ipmp_interface_transmit_bytes_total",
                                     "Bytes that left by an underlying interface.", &LinkTraffic::sent_bytes},
                               Count{"ipmp_interface_transmit_packets_total",
                                     "Frames that left by an underlying interface.", &LinkTraffic::sent_packets}}) {
        FamilyBuilder family = counter(count.name, count.help);
        for (const InterfaceStatus& interface : status.interfaces) {
            auto traffic = observation.traffic.find(interface.index);
            if (isolated.contains(interface.group) || traffic == observation.traffic.end()) continue;
            family.add(labels_of(interface), static_cast<double>(traffic->second.*count.value));
        }
        family.put_into(families);
    }
}

}  // namespace ipmp
