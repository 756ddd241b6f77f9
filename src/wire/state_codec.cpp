#include "wire/state_codec.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "wire/json_archive.hpp"

namespace ipmp {

// A field added to one of these types does not compile before it is decided here whether it is kept.

template <class A>
void fields(A& a, typename A::template Ref<LogicalAddress> v) {
    auto& [number, address, prefix_length, broadcast, up, no_failover, deprecated, is_private, adopted, scope_link,
           uniqueness,
           claimant] = v;
    a("number", number);
    a.defaulted("private", is_private);
    a("address", address);
    a("prefix_length", prefix_length);
    a("broadcast", broadcast);
    a("up", up);
    a("no_failover", no_failover);
    a("deprecated", deprecated);
    a("adopted", adopted);
    a("scope_link", scope_link);
    a.defaulted("uniqueness", uniqueness);
    a("claimant", claimant);
}

template <class A>
void fields(A& a, typename A::template Ref<LogicalName> v) {
    auto& [interface, number] = v;
    a.interface_name("interface", interface);
    a("number", number);
}

template <class A>
void fields(A& a, typename A::template Ref<InterfaceFamily> v) {
    auto& [plumbed, implied, addresses, metric, route_source] = v;
    a("plumbed", plumbed);
    a.defaulted("implied", implied);
    a("addresses", addresses);
    a.defaulted("metric", metric);
    a("route_source", route_source);
}

template <class A>
void fields(A& a, typename A::template Ref<DetachRecord> v) {
    auto& [group, families, standby, wanted_mtu_bytes, wanted_mac, admin_up, done] = v;
    a("group", group);
    a("families", families);
    a("standby", standby);
    a("wanted_mtu_bytes", wanted_mtu_bytes);
    a("wanted_mac", wanted_mac);
    a("admin_up", admin_up);
    a("done", done);
}

template <class A>
void fields(A& a, typename A::template Ref<Interface> v) {
    auto& [name, index, group, expected, tracked, families, standby, inactive, failed, probe_failed, probe_answered,
           kept, offline, hardware_duplicate, declared_failed, wanted_mtu_bytes, wanted_mac, saved_settings,
           up_when_lost, detached, mac, mtu_bytes, admin_up, carrier, starting, misplaced, carrier_changes, own_carrier,
           parent, probe, starting_until, link_ups, flapping_reported, repair_due] = v;
    a("name", name);
    a("index", index);
    a("group", group);
    a.defaulted("expected", expected);
    a.defaulted("tracked", tracked);
    a("families", families);
    a("standby", standby);
    a("inactive", inactive);
    a("failed", failed);
    a("probe_failed", probe_failed);
    a.defaulted("probe_answered", probe_answered);
    a("kept", kept);
    a("offline", offline);
    a.defaulted("hardware_duplicate", hardware_duplicate);
    a.defaulted("declared_failed", declared_failed);
    a.defaulted("wanted_mtu_bytes", wanted_mtu_bytes);
    a("wanted_mac", wanted_mac);
    a("saved_settings", saved_settings);
    a("up_when_lost", up_when_lost);
    a("detached", detached);
    a("mac", mac);
    a("mtu_bytes", mtu_bytes);
    a("admin_up", admin_up);
    a("carrier", carrier);
    a("carrier_changes", carrier_changes);
    // Transient: starting, misplaced, own_carrier, parent, probe, starting_until, link_ups, flapping_reported,
    // repair_due.
}

template <class A>
void fields(A& a, typename A::template Ref<Binding> v) {
    auto& [address, member, sequence] = v;
    a("address", address);
    a("member", member);
    a("sequence", sequence);
}

template <class A>
void fields(A& a, typename A::template Ref<GroupFamily> v) {
    auto& [plumbed, implied, addresses, metric, active, nominee, bindings, proxies, slots, give_back_due] = v;
    a("plumbed", plumbed);
    a("addresses", addresses);
    a.defaulted("implied", implied);
    a.defaulted("metric", metric);
    a("active", active);
    a("nominee", nominee);
    a("bindings", bindings);
    a.defaulted("proxies", proxies);
    a("slots", slots);
    // Transient: give_back_due.
}

template <class A>
void fields(A& a, typename A::template Ref<Group> v) {
    auto& [interface, name, lower_name, policy, isolate, upper_namespace, wanted_mtu_bytes, wanted_index, forwards,
           forwards_on, mac, lower_mac, families, next_sequence, health, failure_reported, upper, lower,
           misplaced] = v;
    a("interface", interface);
    a("name", name);
    a("lower_name", lower_name);
    a.defaulted("policy", policy);
    a.defaulted("isolate", isolate);
    a.defaulted("upper_namespace", upper_namespace);
    a.defaulted("wanted_mtu_bytes", wanted_mtu_bytes);
    a.defaulted("wanted_index", wanted_index);
    a.defaulted("forwards", forwards);
    a.defaulted("forwards_on", forwards_on);
    a("mac", mac);
    a("lower_mac", lower_mac);
    a("families", families);
    a("next_sequence", next_sequence);
    a("health", health);
    a("failure_reported", failure_reported);
    a("upper", upper);
    a("lower", lower);
    // Transient: misplaced.
}

template <class A>
void fields(A& a, typename A::template Ref<DhcpKey> v) {
    auto& [logical, family] = v;
    a("interface", logical.interface);
    a("number", logical.number);
    a("family", family);
}

template <class A>
void fields(A& a, typename A::template Ref<DhcpRoute> v) {
    auto& [network, prefix_length, gateway] = v;
    a("network", network);
    a("prefix_length", prefix_length);
    a("gateway", gateway);
}

template <class A>
void fields(A& a, typename A::template Ref<DhcpLease> v) {
    auto& [address, prefix_length, broadcast, routes, number, began, renews, expires, names] = v;
    a("address", address);
    a("prefix_length", prefix_length);
    a("broadcast", broadcast);
    a("routes", routes);
    a("number", number);
    a("began", began);
    a("renews", renews);
    a("expires", expires);
    a.defaulted("name_servers", names.servers);
    a.defaulted("search_domains", names.domains);
}

template <class A>
void fields(A& a, typename A::template Ref<DhcpClient> v) {
    auto& [key, iaid, group, primary, inform, informed, releasing, lease, retry_due, failures, run, answers,
           renew_wanted, renewal_asked, address_hidden] = v;
    a("key", key);
    a("iaid", iaid);
    a("group", group);
    a("primary", primary);
    a("inform", inform);
    a("informed", informed);
    a("releasing", releasing);
    a("lease", lease);
    // Transient: retry_due, failures, run, answers, renew_wanted,
    // renewal_asked, address_hidden.
}

template <class A>
void fields(A& a, typename A::template Ref<State> v) {
    auto& [groups, interfaces, dhcp_clients, named_places] = v;
    a("groups", groups);
    a("interfaces", interfaces);
    a.defaulted("dhcp_clients", dhcp_clients);
    a.defaulted("named_places", named_places);
}

namespace {

constexpr int kMaxDepth = 16;

// What the types alone do not say: addresses fit their family and stand by number, as the engine relies on it.
std::optional<std::string> inconsistency(const std::vector<LogicalAddress>& addresses, Family family) {
    for (const LogicalAddress& logical : addresses) {
        bool fits = logical.address.family == family && logical.prefix_length <= bits_of(family) &&
                    (!logical.broadcast || (family == Family::ipv4 && logical.broadcast->family == family));
        if (!fits) return to_string(logical.address) + " does not fit its family or prefix length";
    }
    auto not_ascending = [](const auto& left, const auto& right) { return left.number >= right.number; };
    bool ordered = std::adjacent_find(addresses.begin(), addresses.end(), not_ascending) == addresses.end();
    if (!ordered) return "logical interface numbers do not ascend";
    return {};
}

std::optional<wire::Problem> inconsistency(const DhcpClient& client) {
    const std::string& place = client.key.logical.interface;
    if (!client.lease) return {};
    const DhcpLease& lease = *client.lease;
    bool fits = lease.address.family == client.key.family && lease.prefix_length <= bits_of(client.key.family);
    for (const DhcpRoute& route : lease.routes) {
        bool route_fits = route.network.family == client.key.family && route.gateway.family == client.key.family &&
                          route.prefix_length <= bits_of(client.key.family);
        fits = fits && route_fits;
    }
    if (!fits) return wire::Problem{place, "a lease does not fit its family"};
    return {};
}

std::optional<wire::Problem> inconsistency(const State& state) {
    for (const DhcpClient& client : state.dhcp_clients) {
        if (auto problem = inconsistency(client)) return problem;
    }
    for (const auto& [name, interface] : state.interfaces) {
        std::string place = "interfaces." + name;
        if (interface.name != name) return wire::Problem{place, "carries another name"};
        for (Family family : kFamilies) {
            auto text = inconsistency(interface.families[index_of(family)].addresses, family);
            if (!text && interface.detached) {
                text = inconsistency(interface.detached->families[index_of(family)].addresses, family);
            }
            if (text) return wire::Problem{place, *text};
        }
    }
    std::set<Place> numbers;
    for (const auto& [name, number] : state.named_places) {
        bool fits = wire::is_namespace_name(name) && is_application(number) && numbers.insert(number).second;
        if (!fits) return wire::Problem{"named_places." + name, "is no namespace of an application, or not the only"};
    }
    for (const auto& [name, group] : state.groups) {
        std::string place = "groups." + name;
        bool is_known = group.upper_namespace.empty() || state.named_places.contains(group.upper_namespace);
        if (!is_known) return wire::Problem{place, "is in a network namespace that has no number"};
        if (group.interface != name) return wire::Problem{place, "carries another name"};
        for (Family family : kFamilies) {
            const GroupFamily& half = group.families[index_of(family)];
            auto text = inconsistency(half.addresses, family);
            if (text) return wire::Problem{place, *text};
            auto foreign = [&](const Binding& binding) { return binding.address.family != family; };
            if (std::any_of(half.bindings.begin(), half.bindings.end(), foreign)) {
                return wire::Problem{place, "a binding does not fit its family"};
            }
        }
    }
    return {};
}

}  // namespace

template <class T>
void StateEncoder::Entries<T>::append(const std::map<std::string, T>& values, std::string& text) {
    std::erase_if(known_, [&](const auto& entry) { return !values.contains(entry.first); });
    text += '{';
    for (const auto& [name, value] : values) {
        auto [known, is_new] = known_.try_emplace(name);
        Entry& entry = known->second;
        if (is_new || !(entry.value == value)) {
            wire::Json json;
            wire::Writer::write(json, value);
            entry = {value, wire::to_text(wire::Json(name)) + ":" + wire::to_text(json)};
        }
        if (text.back() != '{') text += ',';
        text += entry.text;
    }
    text += '}';
}

std::string StateEncoder::encode(const State& state) {
    const auto& [groups, interfaces, dhcp_clients, named_places] = state;
    wire::Json clients, places;
    wire::Writer::write(clients, dhcp_clients);
    wire::Writer::write(places, named_places);
    std::string text = R"({"state":{"dhcp_clients":)" + wire::to_text(clients) + R"(,"groups":)";
    groups_.append(groups, text);
    text += R"(,"interfaces":)";
    interfaces_.append(interfaces, text);
    text += R"(,"named_places":)" + wire::to_text(places);
    return text + R"(},"version":)" + std::to_string(kStateVersion) + "}\n";
}

Result<State> decode_state(std::string_view text) {
    auto document = wire::parse_json(text, kMaxDepth);
    if (!document || !document->is_object()) return Error{"not a JSON object"};
    auto version = document->find("version");
    if (version == document->end() || !version->is_number_unsigned()) return Error{"version: is missing"};
    if (version->get<std::uint64_t>() != kStateVersion) return Error{"version: " + version->dump() + " is not known"};
    auto content = document->find("state");
    if (content == document->end()) return Error{"state: is missing"};

    State state;
    std::optional<wire::Problem> problem;
    wire::Reader::read(*content, wire::Reader::kFromOlder, state, problem);
    if (!problem) problem = inconsistency(state);
    if (!problem) return state;
    problem->inside("state");
    return problem->error();
}

}  // namespace ipmp
