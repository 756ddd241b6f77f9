#include "wire/status_codec.hpp"

#include <nlohmann/json.hpp>

#include "wire/json_archive.hpp"

namespace ipmp {

// A field added to one of these types does not compile before it is named here.

template <class A>
void fields(A& a, typename A::template Ref<GroupStatus> v) {
    auto& [interface, name, state, failure_detection_time_ms, active, inactive, unusable, policy, isolate,
           network_namespace, namespace_missing] = v;
    a("interface", interface);
    a("name", name);
    a("state", state);
    a("policy", policy);
    a.defaulted("isolate", isolate);
    a.defaulted("network_namespace", network_namespace);
    a.defaulted("namespace_missing", namespace_missing);
    a("failure_detection_time_ms", failure_detection_time_ms);
    a("active", active);
    a("inactive", inactive);
    a("unusable", unusable);
}

template <class A>
void fields(A& a, typename A::template Ref<InterfaceStatus> v) {
    auto& [name, index, active, group, inactive, standby, multicast4, broadcast4, multicast6, down, hardware_duplicate,
           link, probe, state] = v;
    a("name", name);
    a("index", index);
    a("active", active);
    a("group", group);
    a("inactive", inactive);
    a("standby", standby);
    a("multicast4", multicast4);
    a("broadcast4", broadcast4);
    a("multicast6", multicast6);
    a("down", down);
    a("hardware_duplicate", hardware_duplicate);
    a("link", link);
    a("probe", probe);
    a("state", state);
}

template <class A>
void fields(A& a, typename A::template Ref<RebindStatus> v) {
    auto& [interface, at_ms, peers_asked, peers_moved, peers_silent, slowest_answer_ms] = v;
    a("interface", interface);
    a("at_ms", at_ms);
    a("peers_asked", peers_asked);
    a("peers_moved", peers_moved);
    a("peers_silent", peers_silent);
    a("slowest_answer_ms", slowest_answer_ms);
}

template <class A>
void fields(A& a, typename A::template Ref<AddressStatus> v) {
    auto& [address, up, group, inbound, outbound, rebind] = v;
    a("address", address);
    a("up", up);
    a("group", group);
    a("inbound", inbound);
    a("outbound", outbound);
    a("rebind", rebind);
}

template <class A>
void fields(A& a, typename A::template Ref<TargetStatus> v) {
    auto& [interface, mode, test_address, targets] = v;
    a("interface", interface);
    a("mode", mode);
    a("test_address", test_address);
    a("targets", targets);
}

template <class A>
void fields(A& a, typename A::template Ref<LogicalStatus> v) {
    auto& [number, flags, address, prefix_length, broadcast] = v;
    a("number", number);
    a("flags", flags);
    a("address", address);
    a("prefix_length", prefix_length);
    a("broadcast", broadcast);
}

template <class A>
void fields(A& a, typename A::template Ref<PlumbedFamily> v) {
    auto& [mtu_bytes, logicals, metric, route_source] = v;
    a("mtu_bytes", mtu_bytes);
    a("logicals", logicals);
    a.defaulted("metric", metric);
    a.defaulted("route_source", route_source);
}

template <class A>
void fields(A& a, typename A::template Ref<PlumbedInterface> v) {
    auto& [name, index, group_name, mac, inet, inet6] = v;
    a("name", name);
    a("index", index);
    a("group_name", group_name);
    a("mac", mac);
    a("inet", inet);
    a("inet6", inet6);
}

template <class A>
void fields(A& a, typename A::template Ref<ProxyStatus> v) {
    auto& [address, group, inbound] = v;
    a("address", address);
    a("group", group);
    a("inbound", inbound);
}

template <class A>
void fields(A& a, typename A::template Ref<DhcpStatus> v) {
    auto& [interface, number, family, state, primary, address, began_ms, renews_ms, expires_ms] = v;
    a("interface", interface);
    a("number", number);
    a("family", family);
    a("state", state);
    a("primary", primary);
    a("address", address);
    a("began_ms", began_ms);
    a("renews_ms", renews_ms);
    a("expires_ms", expires_ms);
}

template <class A>
void fields(A& a, typename A::template Ref<Decision> v) {
    auto& [sequence, at_ms, object, name, group, what, why, from, to, command] = v;
    a("sequence", sequence);
    a("at_ms", at_ms);
    a("object", object);
    a("name", name);
    a("group", group);
    a("what", what);
    a("why", why);
    a("from", from);
    a("to", to);
    a("command", command);
}

template <class A>
void fields(A& a, typename A::template Ref<Status> v) {
    auto& [groups, interfaces, addresses, targets, plumbed, proxies, dhcp, decisions] = v;
    a("groups", groups);
    a("interfaces", interfaces);
    a("addresses", addresses);
    a("targets", targets);
    a("plumbed", plumbed);
    a.defaulted("proxies", proxies);
    a.defaulted("dhcp", dhcp);
    a.defaulted("decisions", decisions);
}

template <class A>
void fields(A& a, typename A::template Ref<StatusNews> v) {
    auto& [whole, present, gone] = v;
    a("whole", whole);
    a("present", present);
    a("gone", gone);
}

nlohmann::json status_to_json(const Status& status) {
    nlohmann::json json;
    wire::Writer::write(json, status);
    return json;
}

Result<Status> status_from_json(const nlohmann::json& json) {
    Status status;
    std::optional<wire::Problem> problem;
    wire::Reader::read(json, wire::Reader::kFromNewer, status, problem);
    if (problem) return problem->error().within("status of the daemon");
    return status;
}

nlohmann::json status_news_to_json(const StatusNews& news) {
    nlohmann::json json;
    wire::Writer::write(json, news);
    return json;
}

Result<StatusNews> status_news_from_json(const nlohmann::json& json) {
    StatusNews news;
    std::optional<wire::Problem> problem;
    wire::Reader::read(json, wire::Reader::kFromNewer, news, problem);
    if (problem) return problem->error().within("status of the daemon");
    return news;
}

}  // namespace ipmp
