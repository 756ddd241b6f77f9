// `ipmp top` as text: what it shows, and that it keeps within the screen whatever its size.
#include "render/top_screen.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace ipmp {
namespace {

using std::chrono::microseconds;

TopModel sample() {
    TopModel model;
    model.connected = true;
    model.time = "12:00:00";
    GroupStatus group{.interface = "ipmp0", .name = "ipmp0", .state = GroupHealth::degraded};
    group.failure_detection_time_ms = 10000;
    group.active = {"eth0"};
    group.inactive = {"eth2"};
    group.unusable = {"eth1"};
    model.status.groups = {group};
    for (const char* name : {"eth0", "eth1", "eth2"}) {
        InterfaceStatus nic{.name = name, .group = "ipmp0"};
        nic.state = InterfaceHealth::ok;
        nic.link = LinkHealth::up;
        nic.probe = ProbeHealth::ok;
        model.status.interfaces.push_back(nic);
    }
    model.status.interfaces[0].active = true;
    model.status.interfaces[1].state = InterfaceHealth::failed;
    model.status.interfaces[1].link = LinkHealth::down;
    model.status.interfaces[2].inactive = model.status.interfaces[2].standby = true;
    model.status.addresses = {{*parse_ip("192.0.2.1"), true, "ipmp0", "eth0", {"eth0"}},
                              {*parse_ip("2001:db8::1"), true, "ipmp0", "", {}}};
    for (int i = 1; i <= 8; ++i) model.note_probe("eth0", microseconds(100 * i));
    model.note_probe("eth1", microseconds(200));
    model.note_probe("eth1", std::nullopt);
    model.nics["eth0"].received_bps = 12'345'678;
    model.nics["eth0"].sent_bps = 999;
    model.note_event("12:00:00 eth1 failed");
    return model;
}

std::vector<std::string> text_of(const TopModel& model, std::size_t width, std::size_t height) {
    std::vector<std::string> lines;
    for (const StyledLine& line : top_lines(model, width, height)) lines.push_back(plain_text(line));
    return lines;
}

std::size_t columns_of(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

TEST(TopScreen, ShowsGroupsInterfacesAddressesAndEvents) {
    EXPECT_EQ(text_of(sample(), 120, 40),
              (std::vector<std::string>{
                  "ipmp top  12:00:00  q quits",
                  "",
                  "GROUP      STATE     FDT      SPREAD       INTERFACES",
                  "ipmp0      degraded  10.00s   flow         eth0 (eth2) [eth1]",
                  "",
                  "INTERFACE  GROUP    STATE    LINK IN b/s  OUT b/s ADDRS LOSS RTT      PROBES",
                  "eth0       ipmp0    active   up   12.3M   999     1     0%   0.80ms   ▁▂▃▄▅▆▇█",
                  "eth1       ipmp0    failed   down -       -       0     50%  -        ▁!",
                  "eth2       ipmp0    standby  up   -       -       0     -    -        ",
                  "",
                  "ADDRESS                    GROUP    INBOUND    OUTBOUND",
                  "192.0.2.1                  ipmp0    eth0       eth0",
                  "2001:db8::1                ipmp0    none       ",
                  "",
                  "LAST EVENTS",
                  "12:00:00 eth1 failed",
              }));
}

TEST(TopScreen, KeepsWithinEveryScreen) {
    TopModel model = sample();
    for (int i = 0; i < 300; ++i) model.status.interfaces.push_back(model.status.interfaces[0]);
    for (int i = 0; i < 300; ++i) model.note_event("event " + std::to_string(i));
    EXPECT_EQ(model.events.size(), TopModel::kEvents);
    for (std::size_t width : {0u, 1u, 7u, 80u, 200u}) {
        for (std::size_t height = 0; height < 60; ++height) {
            auto lines = text_of(model, width, height);
            EXPECT_LE(lines.size(), height);
            for (const std::string& line : lines) EXPECT_LE(columns_of(line), width) << line;
        }
    }
}

TEST(TopScreen, NoSectionCrowdsOutAnotherAndTheLastEventsStay) {
    TopModel model = sample();
    for (int i = 0; i < 300; ++i) model.status.interfaces.push_back(model.status.interfaces[0]);
    for (int i = 0; i < 50; ++i) model.note_event("event " + std::to_string(i));
    auto lines = text_of(model, 100, 24);
    EXPECT_EQ(lines.size(), 24u);
    EXPECT_EQ(lines.back(), "event 49");
    auto more = std::find_if(lines.begin(), lines.end(), [](auto& line) { return line.starts_with("... "); });
    ASSERT_NE(more, lines.end());
    auto address = std::find_if(lines.begin(), lines.end(), [](auto& line) { return line.starts_with("192.0.2.1 "); });
    EXPECT_NE(address, lines.end());
}

TEST(TopScreen, SaysThatItWaitsAndThatThereIsNothing) {
    TopModel model;
    model.time = "12:00:00";
    EXPECT_EQ(text_of(model, 80, 24),
              std::vector<std::string>{"ipmp top  12:00:00  waiting for in.mpathd: what is shown is how it was"});
    model.connected = true;
    EXPECT_EQ(text_of(model, 80, 24).back(), "there are no groups");
}

TEST(TopScreen, NamesCannotDisturbTheTerminal) {
    TopModel model = sample();
    model.status.interfaces[0].name = "e\033[2J\xc3";
    model.note_event("a\nb\tc");
    for (const std::string& line : text_of(model, 120, 40)) {
        EXPECT_EQ(line.find_first_of("\033\n\t"), std::string::npos) << line;
    }
}

TEST(TopScreen, OnlyTheLastProbesAreKept) {
    TopModel model;
    for (int i = 0; i < 500; ++i) model.note_probe("eth0", microseconds(i));
    EXPECT_EQ(model.nics["eth0"].probes.size(), TopModel::kProbes);
    EXPECT_EQ(model.nics["eth0"].probes.back(), Duration(microseconds(499)));
}

}  // namespace
}  // namespace ipmp
