// The parameters of each method of the control socket, once for both directions; for control_codec.cpp alone.
#pragma once

#include "wire/control_codec.hpp"
#include "wire/json_archive.hpp"

namespace ipmp {

// A field added to a command does not compile before it is named here.

template <class A>
void fields(A& a, typename A::template Ref<LogicalName> v) {
    auto& [interface, number] = v;
    a.interface_name("interface", interface);
    a.defaulted("number", number);
}

template <class A>
void fields(A& a, typename A::template Ref<CreateIpmp> v) {
    auto& [interface, family, index] = v;
    a.interface_name("interface", interface);
    a("family", family);
    a.defaulted("index", index);
}

template <class A>
void fields(A& a, typename A::template Ref<Plumb> v) {
    auto& [interface, family, number] = v;
    a.interface_name("interface", interface);
    a("family", family);
    a.defaulted("number", number);
}

template <class A>
void fields(A& a, typename A::template Ref<Unplumb> v) {
    auto& [interface, family, number] = v;
    a.interface_name("interface", interface);
    a("family", family);
    a.defaulted("number", number);
}

template <class A>
void fields(A& a, typename A::template Ref<SetGroup> v) {
    auto& [interface, family, group] = v;
    a.interface_name("interface", interface);
    a("family", family);
    a.group_name("group", group);
}

template <class A>
void fields(A& a, typename A::template Ref<SetAddress> v) {
    auto& [logical, address, prefix_length, broadcast] = v;
    fields(a, logical);
    a("address", address);
    a("prefix_length", prefix_length);
    a("broadcast", broadcast);
}

template <class A>
void fields(A& a, typename A::template Ref<SetNetmask> v) {
    auto& [logical, family, prefix_length] = v;
    fields(a, logical);
    a("family", family);
    a("prefix_length", prefix_length);
}

template <class A>
void fields(A& a, typename A::template Ref<AddLogical> v) {
    auto& [interface, address, prefix_length] = v;
    a.interface_name("interface", interface);
    a("address", address);
    a("prefix_length", prefix_length);
}

template <class A>
void fields(A& a, typename A::template Ref<RemoveLogical> v) {
    auto& [interface, address] = v;
    a.interface_name("interface", interface);
    a("address", address);
}

template <class A>
void fields(A& a, typename A::template Ref<SetFlags> v) {
    auto& [logical, family, up, no_failover, deprecated, is_private, unawaited] = v;
    fields(a, logical);
    a("family", family);
    a("up", up);
    a("no_failover", no_failover);
    a("deprecated", deprecated);
    a("private", is_private);
    a("unawaited", unawaited);
}

template <class A>
void fields(A& a, typename A::template Ref<SetStandby> v) {
    auto& [interface, standby] = v;
    a.interface_name("interface", interface);
    a("standby", standby);
}

template <class A>
void fields(A& a, typename A::template Ref<SetOffline> v) {
    auto& [interface, minimum_redundancy] = v;
    a.interface_name("interface", interface);
    a.defaulted("minimum_redundancy", minimum_redundancy);
}

template <class A>
void fields(A& a, typename A::template Ref<UndoOffline> v) {
    a.interface_name("interface", v.interface);
}

template <class A>
void fields(A& a, typename A::template Ref<SetPolicy> v) {
    auto& [interface, policy] = v;
    a.interface_name("interface", interface);
    a("policy", policy);
}

template <class A>
void fields(A& a, typename A::template Ref<SetRouter> v) {
    auto& [interface, family, router] = v;
    a.interface_name("interface", interface);
    a("family", family);
    a("router", router);
}

template <class A>
void fields(A& a, typename A::template Ref<SetIsolate> v) {
    auto& [interface, isolate, force] = v;
    a.interface_name("interface", interface);
    a("isolate", isolate);
    a.defaulted("force", force);
}

template <class A>
void fields(A& a, typename A::template Ref<SetNamespace> v) {
    auto& [interface, network_namespace] = v;
    a.interface_name("interface", interface);
    a("network_namespace", network_namespace);
}

template <class A>
void fields(A& a, typename A::template Ref<SetMtu> v) {
    auto& [interface, family, mtu_bytes] = v;
    a.interface_name("interface", interface);
    a("family", family);
    a("mtu_bytes", mtu_bytes);
}

template <class A>
void fields(A& a, typename A::template Ref<SetMetric> v) {
    auto& [interface, family, metric] = v;
    a.interface_name("interface", interface);
    a("family", family);
    a("metric", metric);
}

template <class A>
void fields(A& a, typename A::template Ref<SetEther> v) {
    auto& [interface, mac] = v;
    a.interface_name("interface", interface);
    a("mac", mac);
}

template <class A>
void fields(A& a, typename A::template Ref<SetArp> v) {
    auto& [interface, arp] = v;
    a.interface_name("interface", interface);
    a("arp", arp);
}

template <class A>
void fields(A& a, typename A::template Ref<SetFailed> v) {
    auto& [interface, failed] = v;
    a.interface_name("interface", interface);
    a("failed", failed);
}

template <class A>
void fields(A& a, typename A::template Ref<SetToken> v) {
    auto& [interface, token] = v;
    a.interface_name("interface", interface);
    a("token", token);
}

template <class A>
void fields(A& a, typename A::template Ref<SetRouteSource> v) {
    auto& [interface, family, source] = v;
    a.interface_name("interface", interface);
    a("family", family);
    a("source", source);
}

template <class A>
void fields(A& a, typename A::template Ref<ControlDhcp> v) {
    auto& [logical, family, verb, primary, wait] = v;
    fields(a, logical);
    a("family", family);
    a("verb", verb);
    a.defaulted("primary", primary);
    a.defaulted("wait", wait);
}

template <class A>
void fields(A& a, typename A::template Ref<DhcpRoute> v) {
    auto& [network, prefix_length, gateway] = v;
    a("network", network);
    a("prefix_length", prefix_length);
    a("gateway", gateway);
}

template <class A>
void fields(A& a, typename A::template Ref<ReportDhcp> v) {
    auto& [logical, family, run, news, address, prefix_length, broadcast, routes, renewal_s, lease_s, names] = v;
    fields(a, logical);
    a("family", family);
    a("run", run);
    a("news", news);
    a("address", address);
    a.defaulted("prefix_length", prefix_length);
    a("broadcast", broadcast);
    a.defaulted("routes", routes);
    a("renewal_s", renewal_s);
    a("lease_s", lease_s);
    a.defaulted("name_servers", names.servers);
    a.defaulted("search_domains", names.domains);
}

template <class A>
void fields(A& a, typename A::template Ref<Stop> v) {
    a.defaulted("purge", v.purge);
}

template <class A>
void fields(A& a, typename A::template Ref<Detach> v) {
    auto& [interfaces, force, dry_run] = v;
    a("interfaces", interfaces);
    a.defaulted("force", force);
    a.defaulted("dry_run", dry_run);
}

template <class A>
void fields(A& a, typename A::template Ref<UndoDetach> v) {
    a.interface_name("interface", v.interface);
}

template <class A>
void fields(A& a, typename A::template Ref<ExpectMember> v) {
    auto& [interface, group, inet, inet6, standby] = v;
    a.interface_name("interface", interface);
    a.group_name("group", group);
    a("inet", inet);
    a("inet6", inet6);
    a.defaulted("standby", standby);
}

template <class A> void fields(A&, typename A::template Ref<AwaitAddresses>) {}
template <class A> void fields(A&, typename A::template Ref<Ping>) {}
template <class A>
void fields(A& a, typename A::template Ref<GetStatus> v) {
    a("only", v.only);
}
template <class A> void fields(A&, typename A::template Ref<GetCounters>) {}
template <class A> void fields(A&, typename A::template Ref<SubscribeToProbes>) {}
template <class A> void fields(A&, typename A::template Ref<SubscribeToStatus>) {}
template <class A> void fields(A&, typename A::template Ref<GetInfo>) {}
template <class A>
void fields(A& a, typename A::template Ref<GetInterfaceDescription> v) {
    a("interface", v.interface);
}

}  // namespace ipmp
