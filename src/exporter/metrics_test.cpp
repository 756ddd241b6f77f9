// What Prometheus gets of a status, of counters and of traffic, as it reads it.
#include "exporter/metrics.hpp"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "exporter/listen_address.hpp"
#include "exporter/metrics_fixture.hpp"
#include "model/interface_flags.hpp"

namespace ipmp {
namespace {

// The lines of the text format that have values.
std::set<std::string> lines_of(const Families& families) {
    std::istringstream text(prometheus::TextSerializer().Serialize(families));
    std::set<std::string> lines;
    for (std::string line; std::getline(text, line);) {
        if (!line.starts_with("#")) lines.insert(line);
    }
    return lines;
}

std::set<std::string> lines_of(const Observation& observation) { return lines_of(metrics_of(observation)); }

// Those of `lines` that begin with `prefix`.
std::set<std::string> those(const std::set<std::string>& lines, const std::string& prefix) {
    std::set<std::string> found;
    for (const std::string& line : lines) {
        if (line.starts_with(prefix)) found.insert(line);
    }
    return found;
}

using Lines = std::set<std::string>;

TEST(Metrics, WithoutADaemonThereIsOneThatSaysSo) {
    Observation observation{.daemon = {}, .traffic = {{2, {.index = 2}}}};
    EXPECT_EQ(lines_of(observation), Lines{"ipmp_up 0"});
    EXPECT_TRUE(lines_of(observed({}, {})).contains("ipmp_up 1"));
}

TEST(Metrics, TellTheStateOfAGroupAndWhoCarriesIt) {
    Lines lines = lines_of(degraded_group());
    EXPECT_EQ(those(lines, "ipmp_group_state"), (Lines{R"(ipmp_group_state{group="ipmp0",state="ok"} 0)",
                                                       R"(ipmp_group_state{group="ipmp0",state="degraded"} 1)",
                                                       R"(ipmp_group_state{group="ipmp0",state="failed"} 0)"}));
    EXPECT_EQ(those(lines, "ipmp_group_interfaces"),
              (Lines{R"(ipmp_group_interfaces{group="ipmp0",role="active"} 1)",
                     R"(ipmp_group_interfaces{group="ipmp0",role="inactive"} 0)",
                     R"(ipmp_group_interfaces{group="ipmp0",role="unusable"} 2)"}));
    EXPECT_EQ(those(lines, "ipmp_group_info"),
              Lines{R"(ipmp_group_info{group="ipmp0",name="a \"net\"",policy="tuple",isolated="false",)"
                    R"(network_namespace="app"} 1)"});
    EXPECT_TRUE(lines.contains(R"(ipmp_group_failure_detection_time_seconds{group="ipmp0"} 2.5)"));
    EXPECT_TRUE(lines.contains(R"(ipmp_group_network_namespace_missing{group="ipmp0"} 1)"));
}

TEST(Metrics, CountAddressesAndNeverNameThem) {
    Lines lines = lines_of(degraded_group());
    EXPECT_TRUE(lines.contains(R"(ipmp_group_addresses{group="ipmp0",family="inet",state="bound"} 2)"));
    EXPECT_TRUE(lines.contains(R"(ipmp_group_addresses{group="ipmp0",family="inet",state="down"} 1)"));
    EXPECT_TRUE(lines.contains(R"(ipmp_group_addresses{group="ipmp0",family="inet",state="unbound"} 0)"));
    EXPECT_TRUE(lines.contains(R"(ipmp_group_addresses{group="ipmp0",family="inet6",state="unbound"} 1)"));
    EXPECT_TRUE(lines.contains(R"(ipmp_interface_bindings{group="ipmp0",interface="eth1",family="inet"} 2)"));
    EXPECT_TRUE(lines.contains(R"(ipmp_interface_bindings{group="ipmp0",interface="eth0",family="inet"} 0)"));
    EXPECT_EQ(those(lines, "ipmp_duplicate_addresses"),
              (Lines{R"(ipmp_duplicate_addresses{interface="ipmp0",family="inet"} 1)",
                     R"(ipmp_duplicate_addresses{interface="ipmp0",family="inet6"} 0)"}))
        << "not of interfaces in no group";
    for (const std::string& line : lines) EXPECT_EQ(line.find("192.0.2."), std::string::npos) << line;
}

TEST(Metrics, TellWhyAnInterfaceIsNotUsed) {
    auto reasons = [](InterfaceStatus interface) {
        interface.name = "eth0";
        Lines holding;
        std::string prefix = R"(ipmp_interface_unusable_reason{group="",interface="eth0",reason=")";
        for (const std::string& line : lines_of(observed({.interfaces = {interface}}, {}))) {
            if (!line.starts_with(prefix) || !line.ends_with(" 1")) continue;
            holding.insert(line.substr(prefix.size(), line.find('"', prefix.size()) - prefix.size()));
        }
        return holding;
    };
    const auto failed = InterfaceHealth::failed, offline = InterfaceHealth::offline;
    EXPECT_EQ(reasons({.link = LinkHealth::up, .state = InterfaceHealth::ok}), Lines{});
    EXPECT_EQ(reasons({.link = LinkHealth::down, .state = failed}), Lines{"link"});
    EXPECT_EQ(reasons({.link = LinkHealth::up, .probe = ProbeHealth::failed, .state = failed}), Lines{"probe"});
    EXPECT_EQ(reasons({.link = LinkHealth::up, .state = failed}), Lines{"other"});
    EXPECT_EQ(reasons({.state = offline}), Lines{"offline"});
    EXPECT_EQ(reasons({.hardware_duplicate = true, .state = offline}), Lines{"duplicate_hardware_address"});
    EXPECT_EQ(reasons({.link = LinkHealth::down, .state = offline}), (Lines{"link", "offline"}));
}

TEST(Metrics, TellHowAnInterfaceIs) {
    Lines lines = lines_of(degraded_group());
    for (const char* line : {R"(ipmp_interface_active{group="ipmp0",interface="eth1"} 1)",
                             R"(ipmp_interface_active{group="ipmp0",interface="eth0"} 0)",
                             R"(ipmp_interface_standby{group="ipmp0",interface="eth0"} 1)",
                             R"(ipmp_interface_link_state{group="ipmp0",interface="eth0",state="down"} 1)",
                             R"(ipmp_interface_probe_state{group="ipmp0",interface="eth1",state="ok"} 1)",
                             R"(ipmp_interface_probe_targets{interface="eth1",family="inet"} 2)"}) {
        EXPECT_TRUE(lines.contains(line)) << line;
    }
    EXPECT_EQ(those(lines, "ipmp_interface_probe_targets").size(), 1u) << "not without a test address";
}

TEST(Metrics, TrafficIsThatOfTheInterfacesIndexHere) {
    Observation observation = degraded_group();
    EXPECT_EQ(those(lines_of(observation), "ipmp_interface_receive_bytes_total"),
              Lines{R"(ipmp_interface_receive_bytes_total{group="ipmp0",interface="eth1"} 5000000000)"});
    EXPECT_TRUE(
        lines_of(observation).contains(R"(ipmp_interface_transmit_packets_total{group="ipmp0",interface="eth1"} 4)"));
    observation.daemon->status.groups[0].isolate = true;  // then the index is that of another namespace
    EXPECT_EQ(those(lines_of(observation), "ipmp_interface_receive_bytes_total"), Lines{});
}

TEST(Metrics, LossesNeverGoDownWhenAnswersComeLate) {
    auto told_of = [](std::uint64_t lost, std::uint64_t late) {
        Counters counters{{"probes.eth0.7 inet6.lost", lost}, {"probes.eth0.7 inet6.late", late}};
        return those(lines_of(observed({}, counters)), "ipmp_probes_lost_total");
    };
    EXPECT_EQ(told_of(3, 1), Lines{R"(ipmp_probes_lost_total{interface="eth0.7",family="inet6"} 4)"});
    EXPECT_EQ(told_of(2, 2), told_of(3, 1));
}

TEST(Metrics, HistogramsAreInSecondsAndInOrder) {
    Counters counters{{"probes.eth0 inet.round_trip.us_le_1000", 2},
                      {"probes.eth0 inet.round_trip.us_le_200", 1},
                      {"probes.eth0 inet.round_trip.us_sum", 5400},
                      {"probes.eth0 inet.round_trip.count", 3},
                      {"failover.writing.us_le_50", 1},
                      {"failover.writing.us_sum", 25},
                      {"failover.writing.count", 1}};
    std::string text = prometheus::TextSerializer().Serialize(metrics_of(observed({}, counters)));
    EXPECT_NE(text.find(R"(ipmp_probe_round_trip_seconds_count{interface="eth0",family="inet"} 3
ipmp_probe_round_trip_seconds_sum{interface="eth0",family="inet"} 0.0054
ipmp_probe_round_trip_seconds_bucket{interface="eth0",family="inet",le="0.0002"} 1
ipmp_probe_round_trip_seconds_bucket{interface="eth0",family="inet",le="0.001"} 2
ipmp_probe_round_trip_seconds_bucket{interface="eth0",family="inet",le="+Inf"} 3
)"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(R"(ipmp_failover_stage_seconds_count{stage="writing"} 1)"), std::string::npos) << text;
}

TEST(Metrics, CountersOfTheDataPathAndOfTheLoop) {
    Counters counters{{"loop.lag_over_1ms", 3},         {"loop.lag_over_10ms", 2},  {"loop.lag_over_100ms", 1},
                      {"loop.lag_maximum_us", 250'000}, {"ipmp0.7.in_own_echo", 9}, {"loop.in_malformed", 4}};
    Status status{.groups = {{.interface = "ipmp0.7"}, {.interface = "loop"}}};
    Lines lines = lines_of(observed(status, counters));
    EXPECT_EQ(those(lines, "ipmp_datapath"),
              (Lines{R"(ipmp_datapath_frames_total{group="ipmp0.7",reason="in_own_echo"} 9)",
                     R"(ipmp_datapath_frames_total{group="loop",reason="in_malformed"} 4)"}));
    EXPECT_EQ(those(lines, "ipmp_loop"),
              (Lines{R"(ipmp_loop_late_deadlines_total{over_seconds="0.001"} 3)",
                     R"(ipmp_loop_late_deadlines_total{over_seconds="0.01"} 2)",
                     R"(ipmp_loop_late_deadlines_total{over_seconds="0.1"} 1)", "ipmp_loop_lag_maximum_seconds 0.25"}));
}

TEST(Metrics, CountersOfOtherVersionsArePassedOver) {
    EXPECT_EQ(lines_of(observed({}, {{"novel", 1},
                                     {"novel.kind", 2},
                                     {"probes.", 3},
                                     {"probes.eth0", 4},
                                     {"", 5},
                                     {"failover.", 6},
                                     {".", 7}})),
              Lines{"ipmp_up 1"});
}

TEST(ListenAddress, IsOneAddressAndOnePort) {
    for (const char* good : {"127.0.0.1:9916", "0.0.0.0:1", "[::1]:9916", "[::]:65535"}) {
        EXPECT_TRUE(is_listen_address(good)) << good;
    }
    for (const char* bad : {"", ":", "9916", ":9916", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
                            "127.0.0.1:80s", "::1:9916", "[127.0.0.1]:80", "[]:80", "localhost:80", "1.2.3.4:5,6"}) {
        EXPECT_FALSE(is_listen_address(bad)) << bad;
    }
}

}  // namespace
}  // namespace ipmp
