// Bytes -> a sequence of events for the engine, sensible or not: step() is total, and the safety rules hold after
// each step. What the kernel would do is left to the simulator; here it answers anything at all.
#include <fuzzer/FuzzedDataProvider.h>

#include <cstdio>
#include <vector>

#include "core/engine.hpp"
#include "core/invariants.hpp"

namespace {

using namespace ipmp;

const char* const kNames[] = {"eth0", "eth1", "ipmp0", "ipmp1", "ipmpl0", ""};
std::vector<KernelOp> last_ops;  // of the batch asked for last

IpAddress some_address(FuzzedDataProvider& bytes) {
    const char* const texts[] = {"192.0.2.1", "192.0.2.2", "0.0.0.0", "fe80::1", "2001:db8::1", "224.0.0.1"};
    return *parse_ip(bytes.PickValueInArray(texts));
}

std::string some_name(FuzzedDataProvider& bytes) { return bytes.PickValueInArray(kNames); }
Family some_family(FuzzedDataProvider& bytes) { return bytes.ConsumeBool() ? Family::ipv4 : Family::ipv6; }

// In the host's namespace as a rule, else in the members', or in that of an application.
InterfaceIndex some_index(FuzzedDataProvider& bytes) {
    auto choice = bytes.ConsumeIntegral<std::uint8_t>();
    auto place = static_cast<Place>(choice < 200 ? 0 : choice % 4);
    return {1u + choice % 6u, place};
}

std::optional<bool> some_choice(FuzzedDataProvider& bytes) {
    if (bytes.ConsumeBool()) return {};
    return bytes.ConsumeBool();
}

std::uint8_t some_prefix_length(FuzzedDataProvider& bytes, Family family) {
    return bytes.ConsumeIntegralInRange<std::uint8_t>(0, bits_of(family));
}

LinkState some_link(FuzzedDataProvider& bytes, InterfaceIndex index) {
    LinkState link;
    link.index = index;
    link.name = some_name(bytes);
    if (link.name.starts_with("ipmpl")) link.alias = kLowerLinkAlias;
    else if (link.name.starts_with("ipmp")) link.alias = kIpmpLinkAlias;
    link.mac.bytes[5] = bytes.ConsumeIntegral<std::uint8_t>();
    link.mtu_bytes = bytes.ConsumeIntegralInRange<std::uint32_t>(0, 65535);
    link.gso_bytes = bytes.ConsumeIntegral<std::uint16_t>();
    link.ethernet = link.multicast = bytes.ConsumeBool();
    link.admin_up = bytes.ConsumeBool();
    link.carrier = bytes.ConsumeBool();
    link.starting = link.admin_up && !link.carrier && bytes.ConsumeBool();
    link.carrier_changes = bytes.ConsumeIntegral<std::uint8_t>();
    link.filter = static_cast<Filter>(bytes.ConsumeIntegralInRange<int>(0, 3));
    if (link.filter == Filter::spread || link.filter == Filter::steer) {
        link.filter_group = some_name(bytes);
        link.filter_place = {kDefaultFilterPriority, bytes.ConsumeIntegralInRange<std::uint32_t>(0, 2)};
        link.filter_surplus = bytes.ConsumeBool();
    }
    if (bytes.ConsumeBool()) link.settings = {{"ipv4/conf/*/rp_filter", "1"}, {"ipv4/conf/*/forwarding", "1"}};
    auto rare = bytes.ConsumeIntegral<std::uint8_t>();
    if (rare & 1) link.peer = some_index(bytes);
    if (rare & 2) link.peer_elsewhere = bytes.ConsumeIntegralInRange<std::uint32_t>(1, 6);
    if (rare & 4) link.master = some_index(bytes);
    if (rare & 8) link.foreign_routes = link.waiting_routes = 1;
    if (rare & 16) link.filter_in_front = 1;
    if (rare & 32) link.immovable = true;
    if (rare & 64) link.other_sources = {1, 1};
    if (rare & 128) link.no_arp = true;
    return link;
}

AddressState some_address_state(FuzzedDataProvider& bytes) {
    AddressState address{.link = some_index(bytes), .address = some_address(bytes)};
    address.prefix_length = some_prefix_length(bytes, address.address.family);
    address.scope_link = address.address.is_link_local() || bytes.ConsumeBool();
    address.tentative = bytes.ConsumeBool();
    address.dad_failed = bytes.ConsumeBool();
    address.finite_lifetime = bytes.ConsumeBool();
    return address;
}

KernelState some_kernel(FuzzedDataProvider& bytes) {
    KernelState kernel;
    kernel.generation = bytes.ConsumeIntegral<std::uint8_t>();
    for (int count = bytes.ConsumeIntegralInRange(0, 5); count > 0; --count) {
        InterfaceIndex index = some_index(bytes);
        LinkState link = some_link(bytes, index);
        bool taken = false;  // names and indices are unique in a namespace
        for (const auto& [other, known] : kernel.links) {
            taken |= known.name == link.name && known.index.place == index.place;
        }
        if (!taken && !link.name.empty()) kernel.links[index] = link;
    }
    for (int count = bytes.ConsumeIntegralInRange(0, 4); count > 0; --count) {
        kernel.addresses.push_back(some_address_state(bytes));
        InterfaceIndex link = kernel.addresses.back().link;
        auto more = bytes.ConsumeIntegral<std::uint8_t>();
        if (more & 1) kernel.target_routes.push_back({link, some_address(bytes)});
        if (more & 2) kernel.neighbours.push_back({link, some_address(bytes), {}});  // a proxy entry
        if (more & 4) kernel.neighbours.push_back({link, some_address(bytes), MacAddress{{2, 9}}});
        if (more & 8) kernel.rules.push_back({some_address(bytes), kTestTableBase + link.value, link.place});
        if (more & 16) kernel.routes.push_back({some_address(bytes), 24, link, kTestTableBase + link.value});
    }
    if (bytes.ConsumeBool()) kernel.named_places["app"] = Place::first_application;
    return kernel;
}

std::map<DhcpKey, std::uint64_t> dhcp_runs;  // of the clients the engine started

Command some_dhcp_command(FuzzedDataProvider& bytes, const LogicalName& logical, Family family) {
    auto verb = static_cast<DhcpVerb>(bytes.ConsumeIntegralInRange(0, 4));
    return ControlDhcp{logical, family, verb, false, bytes.ConsumeBool()};
}

Command some_report(FuzzedDataProvider& bytes, const LogicalName& logical, Family family) {
    ReportDhcp report{logical, family, dhcp_runs[{logical, family}]};
    report.news = static_cast<DhcpNews>(bytes.ConsumeIntegralInRange(0, 2));
    IpAddress address = some_address(bytes);
    if (address.family != family || report.news != DhcpNews::bound) {  // the codec lets nothing else through
        if (report.news == DhcpNews::bound) report.news = DhcpNews::refused;
        return report;
    }
    report.address = address;
    report.prefix_length = bytes.ConsumeIntegralInRange<std::uint8_t>(0, bits_of(family));
    if (bytes.ConsumeBool()) report.lease_s = bytes.ConsumeIntegral<std::uint8_t>();
    if (report.lease_s) report.renewal_s = *report.lease_s / 2;
    return report;
}

Command some_link_command(FuzzedDataProvider& bytes, const LogicalName& logical, Family family) {
    switch (bytes.ConsumeIntegralInRange(0, 15)) {
        case 0: return SetMtu{logical.interface, family, bytes.ConsumeIntegral<std::uint16_t>()};
        case 1: return SetMetric{logical.interface, family, bytes.ConsumeIntegral<std::uint32_t>()};
        case 2: return SetEther{logical.interface, {{bytes.ConsumeIntegral<std::uint8_t>(), 0, 0, 0, 0, 1}}};
        case 3: return SetArp{logical.interface, bytes.ConsumeBool()};
        case 4: return SetFailed{logical.interface, bytes.ConsumeBool()};
        case 5: return SetToken{logical.interface, some_address(bytes)};
        case 6: return SetRouteSource{logical.interface, family, LogicalName{some_name(bytes), logical.number}};
        case 7: return SetRouteSource{logical.interface, family, {}};
        case 8: return SetRouter{logical.interface, family, bytes.ConsumeBool()};
        case 9: return SetPolicy{logical.interface, static_cast<SpreadPolicy>(bytes.ConsumeIntegralInRange(0, 3))};
        case 10: return SetIsolate{logical.interface, bytes.ConsumeBool(), bytes.ConsumeBool()};
        case 11: return SetNamespace{logical.interface, bytes.ConsumeBool() ? "app" : ""};
        case 12: return Detach{{some_name(bytes), some_name(bytes)}, bytes.ConsumeBool(), bytes.ConsumeBool()};
        case 13: return UndoDetach{logical.interface};
        case 14: return ExpectMember{logical.interface, some_name(bytes), bytes.ConsumeBool(), true};
        default: return Stop{bytes.ConsumeBool()};
    }
}

Command some_command(FuzzedDataProvider& bytes) {
    LogicalName logical{some_name(bytes), bytes.ConsumeIntegralInRange<std::uint32_t>(0, 2)};
    Family family = some_family(bytes);
    switch (bytes.ConsumeIntegralInRange(0, 17)) {
        case 0: return CreateIpmp{logical.interface, family, bytes.ConsumeIntegral<std::uint8_t>()};
        case 1: return Plumb{logical.interface, family, logical.number};
        case 2: return Unplumb{logical.interface, family, logical.number};
        case 3: return SetGroup{logical.interface, family, some_name(bytes)};
        case 4: return SetAddress{logical, some_address(bytes), bytes.ConsumeIntegral<std::uint8_t>(), {}};
        case 5: return SetNetmask{logical, family, bytes.ConsumeIntegral<std::uint8_t>()};
        case 6: return AddLogical{logical.interface, some_address(bytes), 24};
        case 7: return RemoveLogical{logical.interface, some_address(bytes)};
        case 8: return SetFlags{logical, family, bytes.ConsumeBool(), {}, {}};
        case 9: return SetFlags{logical, family, {}, bytes.ConsumeBool(), {}};
        case 10:
            return SetFlags{logical, family, some_choice(bytes), some_choice(bytes), some_choice(bytes),
                            some_choice(bytes), some_choice(bytes)};
        case 11: return SetStandby{logical.interface, bytes.ConsumeBool()};
        case 12: return some_dhcp_command(bytes, logical, family);
        case 13: return some_report(bytes, logical, family);
        case 14: return AwaitAddresses{};
        case 15: return some_link_command(bytes, logical, family);
        default:
            if (bytes.ConsumeBool()) return SetOffline{logical.interface, 1};
            return UndoOffline{logical.interface};
    }
}

std::uint64_t next_nonce = 1;  // what the engine draws
std::vector<SendProbe> probes;

// To a probe that has been sent, as a rule, and true in some respects.
ProbeAnswered some_answer(FuzzedDataProvider& bytes, InterfaceIndex link) {
    ProbeAnswered answer{
        .source = {link, some_address(bytes)}, .from = some_address(bytes), .nonce = 0, .network_time = {}};
    if (probes.empty() || bytes.ConsumeBool()) return answer;
    const SendProbe& probe = probes[bytes.ConsumeIntegralInRange<std::size_t>(0, probes.size() - 1)];
    answer.source = probe.source;
    if (bytes.ConsumeBool() && !probe.target.is_multicast()) answer.from = probe.target;
    if (bytes.ConsumeBool()) answer.nonce = probe.nonce;
    return answer;
}

Config some_config(FuzzedDataProvider& bytes) {
    Config config{.failback = bytes.ConsumeBool()};
    config.failure_detection_time = std::chrono::milliseconds(bytes.ConsumeIntegralInRange(100, 20000));
    if (bytes.ConsumeBool()) config.group_failure = GroupFailure::down;
    config.track_only_groups = bytes.ConsumeBool();
    config.suspicion_probes = bytes.ConsumeBool();
    config.duplicate_address_probes = bytes.ConsumeBool();
    return config;
}

// Of the batch asked for last, with some operations refused, as a rule.
KernelApplied some_result(FuzzedDataProvider& bytes, InterfaceIndex link) {
    KernelApplied applied{bytes.ConsumeIntegral<std::uint8_t>(), {}};
    if (last_ops.empty()) applied.failures.push_back({DeleteLink{link}, 1, "refused"});
    for (const KernelOp& op : last_ops) {
        if (bytes.ConsumeBool()) applied.failures.push_back({op, bytes.ConsumeBool() ? 16 : 2, "refused"});
    }
    return applied;
}

Event some_event(FuzzedDataProvider& bytes) {
    InterfaceIndex link = some_index(bytes);
    switch (bytes.ConsumeIntegralInRange(0, 12)) {
        case 12:
            return ProbeNotSent{{link, some_address(bytes)}, probes.empty() ? 0 : probes.back().nonce};
        case 11: {
            DhcpKey client{{some_name(bytes), bytes.ConsumeIntegralInRange<std::uint32_t>(0, 2)}, some_family(bytes)};
            return DhcpClientEnded{client, dhcp_runs[client], bytes.ConsumeBool(), "ended"};
        }
        case 9: return some_answer(bytes, link);
        case 0: return KernelObserved{some_kernel(bytes)};
        case 1: {
            CarriersChanged changed{{{link, bytes.ConsumeBool(), bytes.ConsumeIntegral<std::uint8_t>()}}};
            if (bytes.ConsumeBool()) changed.links.push_back({some_index(bytes), false, 255});
            return changed;
        }
        case 2: return LinkVanished{link};
        case 3: return some_result(bytes, link);
        case 4: return Tick{};
        case 5: return ConfigChanged{some_config(bytes)};
        case 6: {
            MacAddress mac{{2, 0, 0, 0, 1, bytes.ConsumeIntegral<std::uint8_t>()}};
            return PeersFound{some_name(bytes), {{some_address(bytes), {some_address(bytes), mac}}}};
        }
        case 7: return PeerAnswered{some_address(bytes), some_address(bytes), link};
        case 8: return AddressClaimed{some_address(bytes), MacAddress{{2, 9}}, link, bytes.ConsumeBool()};
        default: return CommandReceived{1, some_command(bytes)};
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider bytes(data, size);
    Config config = some_config(bytes);
    Engine engine(config, "fuzz", {}, [] { return next_nonce++; });
    Instant now{};
    probes.clear();
    dhcp_runs.clear();
    last_ops.clear();
    for (int step = 0; step < 100 && bytes.remaining_bytes() > 0; ++step) {
        Event event = some_event(bytes);
        if (auto* changed = std::get_if<ConfigChanged>(&event)) config = changed->config;
        now += std::chrono::milliseconds(bytes.ConsumeIntegral<std::uint16_t>());
        Engine::Outcome outcome = engine.step(now, event);
        for (const Action& action : outcome.actions) {
            if (auto* probe = std::get_if<SendProbe>(&action)) probes.push_back(*probe);
            if (auto* batch = std::get_if<ApplyKernel>(&action)) last_ops = batch->ops;
            if (auto* start = std::get_if<StartDhcpClient>(&action)) dhcp_runs[start->client] = start->run;
        }
        if (outcome.stop) return 0;
        if (outcome.deadline && *outcome.deadline > now && bytes.ConsumeBool()) now = *outcome.deadline;
        for (const std::string& violation : check(engine.state(), engine.image(), config)) {
            std::fprintf(stderr, "%s\n", violation.c_str());
            std::abort();
        }
    }
    return 0;
}
