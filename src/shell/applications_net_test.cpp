// Network namespaces of applications (R-VIS-1), against the real kernel: which are looked into, what is seen there, and
// that nothing of them is held once their name is gone.
#include <algorithm>

#include "shell/netlink_thread_fixture.hpp"
#include "shell/netlink_view.hpp"

namespace ipmp {
namespace {

constexpr Place kApp = Place::first_application;
constexpr MacAddress kUpperMac{{2, 0, 0, 0, 0, 1}}, kLowerMac{{2, 0, 0, 0, 0, 2}};
const CreateIpmpLink kPairHere{"ipmp0", "ipmpl0", kUpperMac, kLowerMac, 0, Place::host, Place::host};
const CreateIpmpLink kPairThere{"ipmp0", "ipmpl0", kUpperMac, kLowerMac, 0, Place::host, kApp};

class ApplicationsTest : public NetlinkThreadTest {
  protected:
    void SetUp() override {
        NetworkNamespaceTest::SetUp();
        if (IsSkipped()) return;
        ASSERT_NO_FATAL_FAILURE(make_run_private());
        run("ip netns add app; ip -n app link set lo up; ip -n app link add eth0 type veth peer name other");
    }
    void apply_wanting(NamedPlaces wanted, std::vector<KernelOp> ops) {
        thread->submit({.generation = ++generation, .ops = std::move(ops), .managed = {}, .isolates = false,
                        .named_places = std::move(wanted)});
        ASSERT_TRUE(await([&](const KernelState& state) { return state.generation == generation; }));
    }
    void apply_there(std::vector<KernelOp> ops) {
        apply_wanting({{"app", kApp}}, std::move(ops));
        ASSERT_TRUE(failures.empty()) << failures.front().text;
    }
};

TEST_F(ApplicationsTest, R_VIS_1_OnlyOurInterfaceIsSeenThereAndNothingIsHeldWithoutAName) {
    start();
    EXPECT_TRUE(observed->named_places.empty());
    apply_there({kPairThere});
    EXPECT_EQ(observed->named_places, (NamedPlaces{{"app", kApp}}));
    EXPECT_EQ(link("ipmp0").index.place, kApp);
    EXPECT_EQ(link("ipmpl0").index.place, Place::host);
    EXPECT_EQ(link("ipmp0").peer, link("ipmpl0").index);
    EXPECT_EQ(link("ipmpl0").peer, link("ipmp0").index);
    EXPECT_EQ(find_link(*observed, "eth0"), nullptr) << "it is the application's";
    apply_there({kPairThere});  // it is there already

    std::string look_alike = std::to_string(link("ipmpl0").index.value);
    run("ip netns add third; ip -n app link add fake type veth peer name end netns third index " + look_alike +
        "; ip -n app link set fake alias 'IPMP interface'");
    apply_there({});
    EXPECT_EQ(find_link(*observed, "fake"), nullptr) << "its other end is not ours, though it has the same number";
    EXPECT_EQ(link("ipmpl0").peer, link("ipmp0").index);

    run("ip netns delete app");
    EXPECT_TRUE(await([](const KernelState& state) {
        return state.named_places.empty() && !find_link(state, "ipmp0") && !find_link(state, "ipmpl0");
    })) << "the kernel removes a namespace, and the pair with it, when nobody holds it";
    run("ip netns add app");
    EXPECT_TRUE(await([](const KernelState& state) { return !state.named_places.empty(); }));
    apply_there({kPairThere});
    EXPECT_EQ(link("ipmp0").index.place, kApp);
    thread.reset();
    places.reset();
    observed.reset();
    named_places = {{"app", kApp}};  // a new daemon knows it from the start
    start();
    EXPECT_EQ(link("ipmp0").index.place, kApp);
    generation = 0;
    apply_wanting({}, {});
    EXPECT_EQ(find_link(*observed, "ipmp0"), nullptr) << "and looks no longer than it needs to";
    EXPECT_NE(link("ipmpl0").peer_elsewhere, 0u);
}

TEST_F(ApplicationsTest, R_VIS_1_ANamespaceThatNoApplicationCanHaveIsRefused) {
    run("touch /run/netns/own /run/netns/again /run/netns/file /run/netns/uts;"
        "mount --bind /proc/self/ns/net /run/netns/own; mount --bind /run/netns/app /run/netns/again;"
        "mount --bind /proc/self/ns/uts /run/netns/uts");
    start();
    apply_there({OpenNamespace{"app", kApp, "ipmp0", ""}});
    for (const char* name : {"missing", "own", "again", "file", "uts"}) {
        apply_wanting({{"app", kApp}}, {OpenNamespace{name, Place{3}, "ipmp0", ""}});
        ASSERT_EQ(failures.size(), 1u) << name;
        EXPECT_FALSE(failures.front().text.empty());
        EXPECT_EQ(observed->named_places, (NamedPlaces{{"app", kApp}}));
    }
    EXPECT_EQ(places->all_named().size(), 5u);
}

// However much an application has and does there: it costs nobody else the daemon's time.
TEST_F(ApplicationsTest, R_VIS_1_WhatElseAnApplicationHasIsNotEvenRead) {
    start();
    apply_there({kPairThere});
    auto view = NetlinkView::open(*places, kApp, NetlinkThread::kReceiveBufferBytes);
    ASSERT_TRUE(view) << view.error().text;
    auto state = view->read(programs);
    ASSERT_TRUE(state) << state.error().text;
    ASSERT_EQ(state->links.size(), 1u);
    EXPECT_EQ(state->links.begin()->second.name, "ipmp0");
    EXPECT_TRUE(state->addresses.empty());
    run("ip -n app link set eth0 up; ip -n app addr add 10.0.0.1/24 dev eth0; ip -n app addr del 10.0.0.1/24 dev eth0;"
        "ip -n app rule add from 10.0.0.1 table 7; ip -n app link del eth0");
    EXPECT_FALSE(view->take_hints().changed);
    run("ip -n app addr add 10.0.0.1/24 dev ipmp0");
    EXPECT_TRUE(view->take_hints().changed);
    state = view->read(programs);
    ASSERT_TRUE(state) << state.error().text;
    EXPECT_EQ(state->addresses.size(), 1u);
    run("ip -n app link set ipmp0 name other");
    EXPECT_TRUE(view->take_hints().changed);
}

TEST_F(ApplicationsTest, R_VIS_1_RoutesMoveAlong) {
    start();
    apply_there({kPairHere});
    InterfaceIndex upper = link("ipmp0").index;
    run("ip link set ipmpl0 up; ip link set ipmp0 up; ip addr add 192.0.2.1/24 dev ipmp0;"
        "ip route add 198.51.100.0/24 via 192.0.2.9 metric 7 proto static;"
        "ip route add default via 198.51.100.9 dev ipmp0 onlink;"
        "ip -6 addr add fd00::1/64 dev ipmp0 nodad; ip -6 route add default via fd00::9 dev ipmp0 table 7");
    apply_there({});
    run("ip -n app link add ipmp0 type bridge");
    apply_wanting({{"app", kApp}}, {MoveLink{upper, kApp}});
    ASSERT_EQ(failures.size(), 1u) << "the name is taken there";
    EXPECT_EQ(link("ipmp0").index, upper);
    EXPECT_EQ(link("ipmp0").waiting_routes, 0u);
    run("ip -n app link del ipmp0");

    apply_there({MoveLink{upper, kApp}});
    InterfaceIndex moved = link("ipmp0").index;
    EXPECT_EQ(moved.place, kApp);
    EXPECT_EQ(link("ipmp0").waiting_routes, 3u);
    IpAddress address{Family::ipv4, {192, 0, 2, 1}}, address6{Family::ipv6, {0xfd}};
    address6.bytes[15] = 1;
    apply_there({SetLinkUp{moved, true}, AddAddress{.link = moved, .address = address, .prefix_length = 24},
                 AddAddress{.link = moved, .address = address6, .prefix_length = 64}});
    ASSERT_TRUE(await([](const KernelState& state) { return find_link(state, "ipmp0")->carrier; }));
    apply_there({RestoreRoutes{moved}});
    EXPECT_EQ(link("ipmp0").waiting_routes, 0u);
    run("ip -n app route show 198.51.100.0/24 | grep -q 'via 192.0.2.9 dev ipmp0 proto static metric 7'");
    run("ip -n app route show default | grep -q 'via 198.51.100.9 dev ipmp0 onlink'");
    run("ip -n app -6 route show table 7 | grep -q 'default via fd00::9 dev ipmp0'");
}

}  // namespace
}  // namespace ipmp
