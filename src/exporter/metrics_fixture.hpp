// Observations for the tests of metrics.
#pragma once

#include "exporter/observation.hpp"
#include "model/interface_flags.hpp"

namespace ipmp {

inline Observation observed(Status status, Counters counters) {
    return {.daemon = Observation::Answers{std::move(status), std::move(counters)}, .traffic = {}};
}

// ipmp0 of three: eth0 has lost its link, eth1 works and is probed, eth2 is expected but not there.
inline Observation degraded_group() {
    auto ip = [](const char* text) { return *parse_ip(text); };
    Status status{.groups = {{.interface = "ipmp0",
                              .name = "a \"net\"",
                              .state = GroupHealth::degraded,
                              .failure_detection_time_ms = 2500,
                              .active = {"eth1"},
                              .unusable = {"eth0", "eth2"},
                              .policy = SpreadPolicy::tuple,
                              .network_namespace = "app",
                              .namespace_missing = true}},
                  .interfaces = {{.name = "eth0",
                                  .index = 2,
                                  .group = "ipmp0",
                                  .standby = true,
                                  .link = LinkHealth::down,
                                  .state = InterfaceHealth::failed},
                                 {.name = "eth1",
                                  .index = 3,
                                  .active = true,
                                  .group = "ipmp0",
                                  .link = LinkHealth::up,
                                  .probe = ProbeHealth::ok,
                                  .state = InterfaceHealth::ok},
                                 {.name = "eth2", .group = "ipmp0", .state = InterfaceHealth::failed}},
                  .addresses = {{.address = ip("0.0.0.0"), .up = true, .group = "ipmp0"},
                                {.address = ip("192.0.2.1"), .up = true, .group = "ipmp0", .inbound = "eth1"},
                                {.address = ip("192.0.2.2"), .up = true, .group = "ipmp0", .inbound = "eth1"},
                                {.address = ip("192.0.2.3"), .up = false, .group = "ipmp0"},
                                {.address = ip("2001:db8::1"), .up = true, .group = "ipmp0"}},
                  .targets = {{.interface = "eth0"},
                              {.interface = "eth1",
                               .mode = TargetMode::multicast,
                               .test_address = ip("192.0.2.20"),
                               .targets = {ip("192.0.2.8"), ip("192.0.2.9")}}},
                  .plumbed = {{.name = "ipmp0",
                               .group_name = "a",
                               .inet = PlumbedFamily{.logicals = {{.flags = flag::kUp}, {.flags = flag::kDuplicate}}},
                               .inet6 = PlumbedFamily{}},
                              {.name = "eth7", .inet = PlumbedFamily{.logicals = {{.flags = flag::kDuplicate}}}}}};
    Observation observation = observed(std::move(status), {});
    observation.traffic = {
        {3, {.index = 3, .received_bytes = 5'000'000'000, .received_packets = 1, .sent_bytes = 3, .sent_packets = 4}},
        {9, {.index = 9, .received_bytes = 1}}};
    return observation;
}

}  // namespace ipmp
