// What `ipmp monitor` tells of the difference between two statuses.
#include "tools/status_events.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ipmp {
namespace {

Status working() {
    Status status;
    status.groups = {{.interface = "ipmp0", .name = "ipmp0", .state = GroupHealth::ok}};
    for (const char* name : {"eth0", "eth1"}) {
        InterfaceStatus nic{.name = name, .group = "ipmp0"};
        nic.active = true;
        nic.link = LinkHealth::up;
        nic.state = InterfaceHealth::ok;
        status.interfaces.push_back(nic);
    }
    status.addresses = {{*parse_ip("192.0.2.1"), true, "ipmp0", "eth1", {"eth0", "eth1"}}};
    return status;
}

Status broken() {
    Status status = working();
    status.groups[0].state = GroupHealth::degraded;
    status.interfaces[1].active = false;
    status.interfaces[1].link = LinkHealth::down;
    status.interfaces[1].state = InterfaceHealth::failed;
    status.addresses[0].inbound = "eth0";
    Decision failed{.sequence = 1, .at_ms = 5, .name = "eth1", .group = "ipmp0"};
    failed.what = DecisionKind::failed;
    failed.why = DecisionReason::link_down;
    status.decisions = {failed};
    return status;
}

TEST(StatusEvents, AFailureIsOneEventForEachThingItTouches) {
    auto events = events_between(working(), broken());
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(event_text(events[0]),
              "interface eth1 (ipmp0): state ok -> failed, link up -> down, role active -> none; "
              "failed: the link of eth1 is down");
    EXPECT_EQ(short_event_text(events[0]), "eth1 failed: the link of eth1 is down");
    EXPECT_EQ(short_event_text(events[1]), event_text(events[1]));
    EXPECT_EQ(events[0].why, "link_down");
    EXPECT_EQ(event_text(events[1]), "group ipmp0: state ok -> degraded");
    EXPECT_EQ(event_text(events[2]), "address 192.0.2.1 (ipmp0): inbound eth1 -> eth0");
}

TEST(StatusEvents, NothingChangedIsNoEvent) {
    EXPECT_TRUE(events_between(broken(), broken()).empty());
    Status later = broken();
    later.decisions[0].at_ms = 6;  // the same again, of a daemon that was restarted
    EXPECT_TRUE(events_between(broken(), later).empty());
}

TEST(StatusEvents, AnOldReasonIsNotToldAgain) {
    Status later = broken();
    later.interfaces[1].standby = true;
    auto events = events_between(broken(), later);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(event_text(events[0]), "interface eth1 (ipmp0): standby no -> yes");
    EXPECT_EQ(events[0].why, "");
}

TEST(StatusEvents, WhatComesAndGoes) {
    auto added = events_between(Status{}, working());
    ASSERT_EQ(added.size(), 4u);
    EXPECT_EQ(event_text(added[3]), "address 192.0.2.1 (ipmp0): added, up yes, inbound eth1");
    auto removed = events_between(working(), Status{});
    ASSERT_EQ(removed.size(), 4u);
    EXPECT_EQ(event_text(removed[2]), "group ipmp0: removed");
    Status both = working();
    both.proxies = {{*parse_ip("192.0.2.50"), "ipmp0", "eth0"}};
    both.dhcp = {{.interface = "ipmp0", .number = 1}};
    auto more = events_between(working(), both);
    ASSERT_EQ(more.size(), 2u);
    EXPECT_EQ(event_text(more[0]), "proxy 192.0.2.50 (ipmp0): added, inbound eth0");
    EXPECT_EQ(event_text(more[1]), "dhcp ipmp0:1 inet: added, state selecting");
}

TEST(StatusEvents, AsJson) {
    auto events = events_between(working(), broken());
    EXPECT_EQ(event_to_json(events.at(0)), nlohmann::json::parse(R"({
        "object": "interface", "name": "eth1", "group": "ipmp0", "change": "changed", "why": "link_down",
        "text": "failed: the link of eth1 is down",
        "fields": {"state": {"from": "ok", "to": "failed"}, "link": {"from": "up", "to": "down"},
                   "role": {"from": "active", "to": "none"}}})"));
    auto added = event_to_json(events_between(Status{}, working()).at(3));
    EXPECT_EQ(added["change"], "added");
    EXPECT_EQ(added["fields"]["inbound"], nlohmann::json({{"to", "eth1"}}));
}

}  // namespace
}  // namespace ipmp
