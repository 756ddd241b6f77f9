#include "tools/status_json.hpp"

#include <nlohmann/json.hpp>

#include "model/interface_flags.hpp"
#include "tools/status_lookup.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

using Json = OrderedJson;

template <typename Enum>
Json name_of(Enum value) {
    return wire::names_of(value)[static_cast<std::size_t>(value)];
}

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

template <typename Value>
Json or_null(const std::optional<Value>& value) {
    return value ? Json(*value) : Json();
}

Json nanoseconds(const std::optional<Duration>& duration) { return duration ? Json(duration->count()) : Json(); }

std::string logical_text(const std::string& interface, std::uint32_t number) {
    return number == 0 ? interface : interface + ":" + std::to_string(number);
}

Json families_of(const PlumbedInterface* plumbed) {
    Json families = Json::array();
    if (plumbed && plumbed->inet) families.push_back("inet");
    if (plumbed && plumbed->inet6) families.push_back("inet6");
    return families;
}

Json test_prefixes_of(const PlumbedInterface* plumbed) {
    Json tests = Json::array();
    for (const LogicalStatus& logical : test_addresses_of(plumbed)) {
        tests.push_back(to_string(logical.address) + "/" + std::to_string(logical.prefix_length));
    }
    return tests;
}

// `logical`: null if the status tells no more of it than `data`.
Json data_address_json(const AddressStatus& data, const LogicalStatus* logical) {
    auto has = [&](std::uint64_t flag) { return logical && (logical->flags & flag); };
    return {{"address", to_string(data.address)},
            {"prefix_length", logical ? Json(logical->prefix_length) : Json()},
            {"kind", "data"},
            {"interface", data.group},
            {"logical_interface", logical ? Json(logical_text(data.group, logical->number)) : Json()},
            {"group", data.group},
            {"up", data.up},
            {"deprecated", has(flag::kDeprecated)},
            {"duplicate", has(flag::kDuplicate)},
            {"dhcp", has(flag::kDhcp)},
            {"inbound", or_null(data.inbound)},
            {"outbound", data.outbound}};
}

// It stays where it is.
Json test_address_json(const InterfaceStatus& member, const LogicalStatus& logical) {
    auto has = [&](std::uint64_t flag) { return (logical.flags & flag) != 0; };
    return {{"address", to_string(logical.address)},
            {"prefix_length", logical.prefix_length},
            {"kind", "test"},
            {"interface", member.name},
            {"logical_interface", logical_text(member.name, logical.number)},
            {"group", or_null(member.group)},
            {"up", has(flag::kUp)},
            {"deprecated", has(flag::kDeprecated)},
            {"duplicate", has(flag::kDuplicate)},
            {"dhcp", has(flag::kDhcp)},
            {"inbound", member.name},
            {"outbound", Json::array({member.name})}};
}

std::string text_of(const Json& json, int indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json with_version(const Json& content) {
    Json versioned;
    versioned["version"] = kJsonVersion;
    versioned.update(content);
    return versioned;
}

}  // namespace

OrderedJson groups_json(const Status& status) {
    Json groups = Json::array();
    for (const GroupStatus& group : status.groups) {
        const PlumbedInterface* plumbed = plumbed_called(status, group.interface);
        groups.push_back({{"interface", or_null(group.interface)},
                          {"name", or_null(group.name)},
                          {"state", name_of(group.state)},
                          {"failure_detection_time_ms", or_null(group.failure_detection_time_ms)},
                          {"active", group.active},
                          {"inactive", group.inactive},
                          {"unusable", group.unusable},
                          {"policy", name_of(group.policy)},
                          {"isolate", group.isolate},
                          {"network_namespace", or_null(group.network_namespace)},
                          {"namespace_missing", group.namespace_missing},
                          {"families", families_of(plumbed)}});
    }
    return groups;
}

OrderedJson interfaces_json(const Status& status) {
    Json interfaces = Json::array();
    for (const InterfaceStatus& interface : status.interfaces) {
        const PlumbedInterface* plumbed = plumbed_called(status, interface.name);
        bool has_mac = plumbed && plumbed->mac;
        interfaces.push_back({{"interface", interface.name},
                              {"index", interface.index},
                              {"mac", has_mac ? Json(to_string(*plumbed->mac)) : Json()},
                              {"group", or_null(interface.group)},
                              {"active", interface.active},
                              {"inactive", interface.inactive},
                              {"standby", interface.standby},
                              {"multicast4", interface.multicast4},
                              {"broadcast4", interface.broadcast4},
                              {"multicast6", interface.multicast6},
                              {"down", interface.down},
                              {"hardware_duplicate", interface.hardware_duplicate},
                              {"link", name_of(interface.link)},
                              {"probe", name_of(interface.probe)},
                              {"state", name_of(interface.state)},
                              {"families", families_of(plumbed)},
                              {"test_addresses", test_prefixes_of(plumbed)}});
    }
    return interfaces;
}

OrderedJson addresses_json(const Status& status, Kinds kinds) {
    Json addresses = Json::array();
    for (const AddressStatus& data : status.addresses) {
        if (data.address.is_zero()) continue;  // a logical interface without one
        const PlumbedInterface* plumbed = plumbed_called(status, data.group);
        addresses.push_back(data_address_json(data, logical_with(plumbed, data.address)));
    }
    if (kinds == Kinds::data) return addresses;
    for (const InterfaceStatus& member : status.interfaces) {
        const PlumbedInterface* plumbed = plumbed_called(status, member.name);
        for (const LogicalStatus& logical : test_addresses_of(plumbed)) {
            addresses.push_back(test_address_json(member, logical));
        }
    }
    return addresses;
}

OrderedJson targets_json(const Status& status) {
    Json targets = Json::array();
    for (const TargetStatus& target : status.targets) {
        Json addresses = Json::array();
        for (const IpAddress& address : target.targets) addresses.push_back(to_string(address));
        targets.push_back({{"interface", target.interface},
                           {"mode", name_of(target.mode)},
                           {"test_address", target.test_address ? Json(to_string(*target.test_address)) : Json()},
                           {"targets", addresses}});
    }
    return targets;
}

OrderedJson probe_json(const ProbeReport& report, Instant began) {
    return {{"time_ns", (report.started - began).count()},
            {"interface", report.interface},
            {"probe", report.id},
            {"answered", report.answered},
            {"network_time_ns", nanoseconds(report.network_time)},
            {"round_trip_time_ns", nanoseconds(report.round_trip_time)},
            {"average_ns", nanoseconds(report.average)},
            {"target", to_string(report.target)},
            {"deviation_ns", nanoseconds(report.deviation)}};
}

std::string json_document(const OrderedJson& content) { return text_of(with_version(content), 2); }

std::string json_document(const std::string& name, OrderedJson content) {
    OrderedJson object;
    object[name] = std::move(content);
    return json_document(object);
}

std::string json_line(const OrderedJson& content) { return text_of(with_version(content), -1); }

}  // namespace ipmp
