// Two network namespaces (R-VIS-1, design D7), against the real kernel: the netlink thread makes the members', sees and
// changes both, and loses nothing that is there; the carrier watch sees links in either.
#include <sys/stat.h>

#include <algorithm>

#include "shell/carrier_watch.hpp"
#include "shell/netlink_thread_fixture.hpp"

namespace ipmp {
namespace {

const CreateIpmpLink kPair{"ipmp0", "ipmpl0", {{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}, 0, Place::members};

class IsolationTest : public NetlinkThreadTest {
  protected:
    void SetUp() override {
        NetworkNamespaceTest::SetUp();
        if (IsSkipped()) return;
        ASSERT_NO_FATAL_FAILURE(make_run_private());
        run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip link add br0 type bridge");
    }
    void apply_isolated(std::vector<KernelOp> ops, std::vector<ManagedLink> managed = {}) {
        thread->submit({++generation, std::move(ops), std::move(managed), true});
        ASSERT_TRUE(await([&](const KernelState& state) { return state.generation == generation; }));
    }
    static bool is_pinned() {
        auto another = NetworkPlaces::open(kPin);
        return another && another->has(Place::members);
    }
    InterfaceIndex index(const std::string& name) { return link(name).index; }
    void move_v0() {
        apply_isolated({MoveLink{index("v0"), Place::members}});
        ASSERT_TRUE(failures.empty()) << failures.front().text;
        ASSERT_EQ(index("v0").place, Place::members);
    }
};

TEST_F(IsolationTest, R_VIS_1_TheMembersNamespaceIsThereWhileItIsNeeded) {
    start();
    EXPECT_FALSE(is_pinned());
    apply_isolated({});
    EXPECT_TRUE(is_pinned());
    move_v0();
    apply({});  // nobody wants it, but somebody is in it
    EXPECT_TRUE(is_pinned());
    thread.reset();  // the daemon ends
    places.reset();
    observed.reset();
    start();  // and the next one sees at once what is there
    EXPECT_EQ(index("v0").place, Place::members);
    generation = 0;
    apply_well({MoveLink{index("v0"), Place::host}});
    EXPECT_EQ(index("v0").place, Place::host);
    EXPECT_FALSE(is_pinned());
    EXPECT_NE(::access(kPin, F_OK), 0);
}

TEST_F(IsolationTest, R_VIS_1_LinksAreChangedAndWatchedWhereTheyAre) {
    start();
    InterfaceIndex before = index("v0");
    move_v0();
    InterfaceIndex v0 = index("v0");
    EXPECT_EQ(index_of_link("v0"), InterfaceIndex{}) << "hidden from the host";
    EXPECT_EQ(v0.value, before.value);
    run("ip link add taken index " + std::to_string(v0.value) + " type bridge");  // the same number here
    const std::string setting = "ipv4/conf/*/rp_filter";
    IpAddress test{Family::ipv4, {192, 0, 2, 7}};
    RuleState rule{test, 77, Place::members};
    AddAddress add{.link = v0, .address = test, .prefix_length = 32, .scope_link = true};
    AddRoute route{{{Family::ipv4, {192, 0, 2, 0}}, 24, v0, 77}};
    apply_isolated({SetLinkUp{v0, true}, WriteSetting{v0, setting, "2"}, add, AddRule{rule}, route}, {{v0, {setting}}});
    ASSERT_TRUE(failures.empty()) << failures.front().text;
    EXPECT_EQ(link("v0").settings.at(setting), "2");
    EXPECT_EQ(find_address(*observed, "192.0.2.7")->link, v0);
    ASSERT_EQ(observed->rules.size(), 1u);
    EXPECT_EQ(observed->rules.front(), rule);
    ASSERT_EQ(observed->routes.size(), 1u);
    EXPECT_EQ(observed->routes.front().link, v0);
    EXPECT_EQ(link("taken").settings.size(), 0u) << "the one with the same number is another";

    ASSERT_TRUE(await([](const KernelState& state) { return find_link(state, "v0")->carrier; }));
    run("ip link set v1 down");  // a notification from there
    EXPECT_TRUE(await([](const KernelState& state) { return !find_link(state, "v0")->carrier; }));
    run(std::string("nsenter --net=") + kPin + " sysctl -qw net.ipv4.conf.v0.rp_filter=0");  // without a notification
    EXPECT_TRUE(await([&](const KernelState& state) { return find_link(state, "v0")->settings.at(setting) == "0"; }));
}

TEST_F(IsolationTest, R_VIS_1_APairStandsInBothNamespaces) {
    start();
    for (int time = 0; time < 2; ++time) {  // the second time it is there
        apply_isolated({kPair});
        ASSERT_TRUE(failures.empty()) << failures.front().text;
        EXPECT_EQ(index("ipmp0").place, Place::host);
        EXPECT_EQ(index("ipmpl0").place, Place::members);
        EXPECT_EQ(link("ipmp0").peer, index("ipmpl0"));
        EXPECT_EQ(link("ipmpl0").peer, index("ipmp0"));
        EXPECT_EQ(link("ipmpl0").alias, kLowerLinkAlias);
        EXPECT_TRUE(link("ipmpl0").no_arp);
    }
}

TEST_F(IsolationTest, R_VIS_1_WhatCannotBeMovedIsToldAndStays) {
    start();
    run("ip link add v0x type veth peer name v1x");
    ASSERT_TRUE(await([](const KernelState& state) { return find_link(state, "v0x"); }));
    apply_isolated({MoveLink{index("br0"), Place::members}, MoveLink{{999}, Place::members}});
    ASSERT_EQ(failures.size(), 1u) << "one that is gone is none";
    EXPECT_EQ(failures.front().op, (KernelOp{MoveLink{index("br0"), Place::members}}));
    EXPECT_FALSE(failures.front().text.empty());
    EXPECT_EQ(index("br0").place, Place::host);
    move_v0();
    run("ip link add v0 type bridge");
    ASSERT_TRUE(await([](const KernelState& state) {
        return std::ranges::count_if(state.links, [](auto& entry) { return entry.second.name == "v0"; }) == 2;
    }));
    auto there = std::ranges::find_if(observed->links, [](auto& entry) {
        return entry.second.name == "v0" && entry.first.place == Place::members;
    });
    InterfaceIndex v0 = there->first;
    apply_isolated({MoveLink{v0, Place::host}});
    ASSERT_EQ(failures.size(), 1u) << "its name is taken";
    apply_isolated({RenameLink{v0, "v0_1"}, MoveLink{v0, Place::host}});
    EXPECT_TRUE(failures.empty());
    EXPECT_EQ(index("v0_1").place, Place::host);
}

TEST_F(IsolationTest, R_VIS_1_WithoutThatNamespaceNothingIsDoneInTheHosts) {
    start();
    InterfaceIndex nowhere{index("v0").value, Place::members};
    apply({SetLinkUp{nowhere, false}, MoveLink{index("v0"), Place::members}});
    EXPECT_EQ(failures.size(), 2u);
    EXPECT_TRUE(link("v0").admin_up);
    EXPECT_EQ(index("v0").place, Place::host);
}

TEST_F(IsolationTest, R_VIS_1_CarriersAreWatchedWhereTheyAre) {
    start();
    move_v0();
    Tap here("t0");
    run("ip link set t0 up");
    InterfaceIndex v0 = index("v0"), t0 = index_of_link("t0");
    apply_isolated({SetLinkUp{v0, true}});
    auto watch = CarrierWatch::open(*places);
    ASSERT_TRUE(watch) << watch.error().text;
    watch->watch({v0, t0});
    watch->poll();
    EXPECT_EQ(watch->poll().size(), 0u);
    run("ip link set v1 down");
    auto told = watch->poll();
    ASSERT_EQ(told.size(), 1u);
    const CarrierChange& lost = std::get<CarriersChanged>(told.front()).links.at(0);
    EXPECT_EQ(lost.link, v0);
    EXPECT_FALSE(lost.up);
    run("ip link del v1");
    told = watch->poll();
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(std::get<LinkVanished>(told.front()).link, v0);
    watch->watch({t0});  // and so lets go of that namespace
    apply({});
    EXPECT_FALSE(is_pinned());
}

}  // namespace
}  // namespace ipmp
