#include "render/probe_table.hpp"

#include <gtest/gtest.h>

namespace ipmp {
namespace {

using namespace std::chrono_literals;

constexpr Instant kBegan{1000s};

ProbeReport probe(const char* interface, std::uint16_t id, Duration at, const char* target) {
    return {.interface = interface, .id = id, .target = *parse_ip(target), .started = kBegan + at};
}

ProbeReport answered(ProbeReport report, Duration network_time, Duration round_trip_time) {
    report.answered = true;
    report.network_time = network_time;
    report.round_trip_time = round_trip_time;
    return report;
}

ProbeReport averaged(ProbeReport report, Duration average) {
    report.average = average;
    report.deviation = 120us;
    return report;
}

std::vector<ProbeReport> sample() {
    return {
        averaged(answered(probe("under0", 41, -610ms, "192.168.10.1"), 1020us, 1200us), 1140us),
        averaged(answered(probe("under1", 40, 440ms, "192.168.10.2"), 980us, 1110us), 1090us),
        averaged(probe("under0", 42, 1310ms, "192.168.10.1"), 1140us),
        answered(probe("under2", 7, 2250ms, "fe80::1"), 3050us, 3210us),
    };
}

std::string text_of(const IpAddress& address) {
    return address == *parse_ip("192.168.10.2") ? "router1" : to_string(address);
}

std::string human(const std::vector<ProbeReport>& reports, const char* fields = nullptr) {
    std::vector<Column> columns = probe_columns(), chosen;
    FieldChoice choice = fields ? *choose_fields(columns, fields, false) : default_fields(columns);
    for (std::size_t index : choice.indices) chosen.push_back(columns[index]);
    TablePrinter printer(chosen, 24);
    std::string text;
    for (const ProbeReport& report : reports) text += printer.print(probe_row(report, kBegan, choice.indices, text_of));
    return text;
}

TEST(ProbeTable, AllButAverageAndDeviationByDefault_R_STA_2) {
    EXPECT_EQ(human(sample()),
              "TIME      INTERFACE   PROBE  NETRTT    RTT       TARGET\n"
              "-0.61s    under0      41     1.02ms    1.20ms    192.168.10.1\n"
              "0.44s     under1      40     0.98ms    1.11ms    router1\n"
              "1.31s     under0      42     --        --        192.168.10.1\n"
              "2.25s     under2      7      3.05ms    3.21ms    fe80::1\n");
}

TEST(ProbeTable, WithTheAverage_R_STA_2) {
    EXPECT_EQ(human(sample(), "time,interface,probe,netrtt,rtt,rttavg,target"),
              "TIME      INTERFACE   PROBE  NETRTT    RTT       RTTAVG    TARGET\n"
              "-0.61s    under0      41     1.02ms    1.20ms    1.14ms    192.168.10.1\n"
              "0.44s     under1      40     0.98ms    1.11ms    1.09ms    router1\n"
              "1.31s     under0      42     --        --        1.14ms    192.168.10.1\n"
              "2.25s     under2      7      3.05ms    3.21ms    --        fe80::1\n");
}

TEST(ProbeTable, All_R_STA_2) {
    auto one = averaged(answered(probe("under1", 40, 440ms, "192.168.10.1"), 980us, 1110us), 1090us);
    EXPECT_EQ(human({one}, "all"),
              "TIME      INTERFACE   PROBE  NETRTT    RTT       RTTAVG    TARGET              RTTDEV\n"
              "0.44s     under1      40     0.98ms    1.11ms    1.09ms    192.168.10.1        0.12ms\n");
}

TEST(ProbeTable, Parsable_R_STA_3) {
    auto choice = choose_fields(probe_columns(), "time,interface,target,rtt", true);
    ASSERT_TRUE(choice);
    std::string text;
    for (const ProbeReport& report : {sample()[2], sample()[3]}) {
        text += parsable_line(probe_row(report, kBegan, choice->indices, text_of));
    }
    EXPECT_EQ(text, "1.31s:under0:192.168.10.1:\n2.25s:under2:fe80\\:\\:1:3.21ms\n");
}

}  // namespace
}  // namespace ipmp
