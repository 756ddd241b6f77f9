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

IpAddress some_address(FuzzedDataProvider& bytes) {
    const char* const texts[] = {"192.0.2.1", "192.0.2.2", "0.0.0.0", "fe80::1", "2001:db8::1", "224.0.0.1"};
    return *parse_ip(bytes.PickValueInArray(texts));
}

std::string some_name(FuzzedDataProvider& bytes) { return bytes.PickValueInArray(kNames); }
Family some_family(FuzzedDataProvider& bytes) { return bytes.ConsumeBool() ? Family::ipv4 : Family::ipv6; }

LinkState some_link(FuzzedDataProvider& bytes, InterfaceIndex index) {
    LinkState link;
    link.index = index;
    link.name = some_name(bytes);
    if (link.name.starts_with("ipmpl")) link.alias = kLowerLinkAlias;
    else if (link.name.starts_with("ipmp")) link.alias = kIpmpLinkAlias;
    link.mac.bytes[5] = bytes.ConsumeIntegral<std::uint8_t>();
    link.mtu_bytes = bytes.ConsumeIntegralInRange<std::uint32_t>(0, 65535);
    link.ethernet = link.multicast = bytes.ConsumeBool();
    link.admin_up = bytes.ConsumeBool();
    link.carrier = bytes.ConsumeBool();
    link.carrier_changes = bytes.ConsumeIntegral<std::uint8_t>();
    link.filter = static_cast<Filter>(bytes.ConsumeIntegralInRange<int>(0, 3));
    if (bytes.ConsumeBool()) link.settings = {{"ipv4/conf/*/rp_filter", "1"}};
    return link;
}

KernelState some_kernel(FuzzedDataProvider& bytes) {
    KernelState kernel;
    kernel.generation = bytes.ConsumeIntegral<std::uint8_t>();
    for (int count = bytes.ConsumeIntegralInRange(0, 5); count > 0; --count) {
        InterfaceIndex index{bytes.ConsumeIntegralInRange<std::uint32_t>(1, 6)};
        LinkState link = some_link(bytes, index);
        bool taken = false;  // names and indices are unique in a kernel
        for (const auto& [other, known] : kernel.links) taken |= known.name == link.name;
        if (!taken && !link.name.empty()) kernel.links[index] = link;
    }
    for (int count = bytes.ConsumeIntegralInRange(0, 4); count > 0; --count) {
        AddressState address;
        address.link = InterfaceIndex{bytes.ConsumeIntegralInRange<std::uint32_t>(1, 6)};
        address.address = some_address(bytes);
        address.prefix_length = bytes.ConsumeIntegralInRange<std::uint8_t>(0, bits_of(address.address.family));
        kernel.addresses.push_back(address);
        if (bytes.ConsumeBool()) kernel.target_routes.push_back({address.link, some_address(bytes)});
    }
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

Command some_command(FuzzedDataProvider& bytes) {
    LogicalName logical{some_name(bytes), bytes.ConsumeIntegralInRange<std::uint32_t>(0, 2)};
    Family family = some_family(bytes);
    switch (bytes.ConsumeIntegralInRange(0, 23)) {
        case 0: return CreateIpmp{logical.interface, family, bytes.ConsumeIntegral<std::uint8_t>()};
        case 1: return Plumb{logical.interface, family};
        case 2: return Unplumb{logical.interface, family};
        case 3: return SetGroup{logical.interface, family, some_name(bytes)};
        case 4: return SetAddress{logical, some_address(bytes), bytes.ConsumeIntegral<std::uint8_t>(), {}};
        case 5: return SetNetmask{logical, family, bytes.ConsumeIntegral<std::uint8_t>()};
        case 6: return AddLogical{logical.interface, some_address(bytes), 24};
        case 7: return RemoveLogical{logical.interface, some_address(bytes)};
        case 8: return SetFlags{logical, family, bytes.ConsumeBool(), {}, {}};
        case 9: return SetFlags{logical, family, {}, bytes.ConsumeBool(), {}};
        case 12: return SetMtu{logical.interface, family, bytes.ConsumeIntegral<std::uint16_t>()};
        case 13: return SetMetric{logical.interface, family, bytes.ConsumeIntegral<std::uint32_t>()};
        case 14: return SetEther{logical.interface, {{bytes.ConsumeIntegral<std::uint8_t>(), 0, 0, 0, 0, 1}}};
        case 15: return SetArp{logical.interface, bytes.ConsumeBool()};
        case 16: return SetFailed{logical.interface, bytes.ConsumeBool()};
        case 17: return SetToken{logical.interface, some_address(bytes)};
        case 18: return SetRouteSource{logical.interface, family, LogicalName{some_name(bytes), logical.number}};
        case 21: return some_dhcp_command(bytes, logical, family);
        case 22: return some_report(bytes, logical, family);
        case 10: return SetStandby{logical.interface, bytes.ConsumeBool()};
        case 19: return Detach{{some_name(bytes), some_name(bytes)}, bytes.ConsumeBool(), bytes.ConsumeBool()};
        case 20: return UndoDetach{some_name(bytes)};
        case 23: return ExpectMember{some_name(bytes), logical.interface, bytes.ConsumeBool(), true};
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
    config.suspicion_probes = bytes.ConsumeBool();
    config.duplicate_address_probes = bytes.ConsumeBool();
    return config;
}

Event some_event(FuzzedDataProvider& bytes) {
    InterfaceIndex link{bytes.ConsumeIntegralInRange<std::uint32_t>(1, 6)};
    switch (bytes.ConsumeIntegralInRange(0, 11)) {
        case 11: {
            DhcpKey client{{some_name(bytes), bytes.ConsumeIntegralInRange<std::uint32_t>(0, 2)}, some_family(bytes)};
            return DhcpClientEnded{client, dhcp_runs[client], bytes.ConsumeBool(), "ended"};
        }
        case 9: return some_answer(bytes, link);
        case 0: return KernelObserved{some_kernel(bytes)};
        case 1: return CarrierChanged{link, bytes.ConsumeBool(), bytes.ConsumeIntegral<std::uint8_t>()};
        case 2: return LinkVanished{link};
        case 3: return KernelApplied{bytes.ConsumeIntegral<std::uint8_t>(), {{DeleteLink{link}, 1, "refused"}}};
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
    for (int step = 0; step < 100 && bytes.remaining_bytes() > 0; ++step) {
        Event event = some_event(bytes);
        if (auto* changed = std::get_if<ConfigChanged>(&event)) config = changed->config;
        now += std::chrono::milliseconds(bytes.ConsumeIntegral<std::uint16_t>());
        Engine::Outcome outcome = engine.step(now, event);
        for (const Action& action : outcome.actions) {
            if (auto* probe = std::get_if<SendProbe>(&action)) probes.push_back(*probe);
            if (auto* start = std::get_if<StartDhcpClient>(&action)) dhcp_runs[start->client] = start->run;
        }
        if (outcome.deadline && *outcome.deadline > now && bytes.ConsumeBool()) now = *outcome.deadline;
        for (const std::string& violation : check(engine.state(), engine.image(), config)) {
            std::fprintf(stderr, "%s\n", violation.c_str());
            std::abort();
        }
    }
    return 0;
}
