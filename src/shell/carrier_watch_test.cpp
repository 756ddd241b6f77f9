// R-DET-1, design D9: carrier without RTNL, against the real kernel.
#include "shell/carrier_watch.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>

#include <thread>

#include "shell/netlink_socket.hpp"
#include "shell/network_namespace_fixture.hpp"

namespace ipmp {
namespace {

class CarrierWatchTest : public NetworkNamespaceTest {
  protected:
    std::optional<NetworkPlaces> places;

    void SetUp() override {
        NetworkNamespaceTest::SetUp();
        auto opened = NetworkPlaces::open("/nowhere");
        ASSERT_TRUE(opened);
        places.emplace(*std::move(opened));
    }
    CarrierWatch open_watch() {
        auto watch = CarrierWatch::open(*places);
        if (!watch) throw std::runtime_error(watch.error().text);
        return *std::move(watch);
    }

    // One poll that must tell of exactly one link, in agreement with the attributes of netlink.
    static void expect_change(CarrierWatch& watch, const std::string& name, bool up) {
        auto events = watch.poll();
        ASSERT_EQ(events.size(), 1u) << name;
        auto* told = std::get_if<CarriersChanged>(&events[0]);
        ASSERT_TRUE(told) << name;
        ASSERT_EQ(told->links.size(), 1u) << name;
        const CarrierChange* changed = &told->links.front();
        EXPECT_EQ(changed->link, index_of_link(name));
        EXPECT_EQ(changed->up, up) << name;
        auto socket = NetlinkSocket::open(*open_here(Opening::rtnetlink));
        ASSERT_TRUE(socket);
        auto link = read_link(*socket, name);
        ASSERT_TRUE(link);
        EXPECT_EQ(link->carrier, changed->up) << name;
        EXPECT_EQ(link->carrier_changes, changed->carrier_changes) << name;
    }
    static void expect_vanished(CarrierWatch& watch, InterfaceIndex index) {
        auto events = watch.poll();
        ASSERT_EQ(events.size(), 1u);
        auto* vanished = std::get_if<LinkVanished>(&events[0]);
        ASSERT_TRUE(vanished);
        EXPECT_EQ(vanished->link, index);
        EXPECT_TRUE(watch.poll().empty()) << "told once only";
    }
};

TEST_F(CarrierWatchTest, SeesVethCarrier) {
    run("ip link add v0 type veth peer name v1");
    auto watch = open_watch();
    EXPECT_EQ(watch.warning(), "");
    auto v0 = index_of_link("v0");
    watch.watch({v0});
    expect_change(watch, "v0", false);  // where it stands
    EXPECT_TRUE(watch.poll().empty());
    run("ip link set v0 up; ip link set v1 up");
    expect_change(watch, "v0", true);
    run("ip link set v1 down");
    expect_change(watch, "v0", false);
    watch.watch({v0});  // goes on as it was
    EXPECT_TRUE(watch.poll().empty());
    run("ip link set v0 down; ip link set v0 name w0; ip link set w0 up; ip link set v1 up");  // down: Linux before 6.2
    expect_change(watch, "w0", true);
    run("ip link del w0");
    expect_vanished(watch, v0);
}

// A link registered with carrier: its counters say nothing before they move.
// R-DET-1: what is named is looked at alone, and the rest loses nothing by it.
TEST_F(CarrierWatchTest, D9_LooksAtNamedLinksAlone) {
    Tap first("t0"), second("t1");
    run("ip link set t0 up; ip link set t1 up");
    InterfaceIndex t0 = index_of_link("t0"), t1 = index_of_link("t1");
    auto watch = open_watch();
    watch.watch({t0, t1});
    watch.poll();
    first.set_carrier(false);
    second.set_carrier(false);
    const InterfaceIndex unknown{t1.value + 1000};
    auto named = watch.poll({t1, unknown, t1});
    ASSERT_EQ(named.size(), 1u);
    auto* changed = std::get_if<CarriersChanged>(&named[0]);
    ASSERT_TRUE(changed);
    ASSERT_EQ(changed->links.size(), 1u);
    EXPECT_EQ(changed->links[0].link, t1);
    EXPECT_FALSE(changed->links[0].up);
    expect_change(watch, "t0", false);
    EXPECT_TRUE(watch.poll({t0, t1}).empty());
    run("ip link del t0");
    named = watch.poll({t0});
    ASSERT_EQ(named.size(), 1u);
    EXPECT_TRUE(std::holds_alternative<LinkVanished>(named[0]));
    EXPECT_TRUE(watch.poll().empty()) << "told once only";
}

TEST_F(CarrierWatchTest, SeesTapCarrier) {
    Tap tap("t0");
    run("ip link set t0 up");
    auto watch = open_watch();
    auto t0 = index_of_link("t0");
    watch.watch({t0});
    EXPECT_TRUE(watch.poll().empty());
    tap.set_carrier(false);
    expect_change(watch, "t0", false);
    tap.set_carrier(true);
    expect_change(watch, "t0", true);
    tap.set_carrier(true);
    EXPECT_TRUE(watch.poll().empty());
    tap.set_carrier(false);
    tap.set_carrier(true);
    expect_change(watch, "t0", true);  // a flap between two polls moves the count by two
    tap.remove();
    expect_vanished(watch, t0);
}

// The whole flap comes before anything else is known of the link.
TEST_F(CarrierWatchTest, TellsAFirstFlapFromAFailure) {
    Tap tap("t0");
    run("ip link set t0 up");
    auto watch = open_watch();
    watch.watch({index_of_link("t0")});
    EXPECT_TRUE(watch.poll().empty());
    tap.set_carrier(false);
    tap.set_carrier(true);
    expect_change(watch, "t0", true);
    tap.set_carrier(false);
    expect_change(watch, "t0", false);
}

TEST_F(CarrierWatchTest, WatchesManyLinksOfManyKinds) {
    Tap first("t0"), second("t1");
    second.set_carrier(false);
    run("ip link set t0 up; ip link set t1 up; ip link add m0 link t0 type macvlan; ip link set m0 up");
    auto watch = open_watch();
    auto t0 = index_of_link("t0"), t1 = index_of_link("t1"), m0 = index_of_link("m0");
    watch.watch({t0, t1, m0});
    expect_change(watch, "t1", false);  // the only one whose counters say anything yet
    watch.watch({t1});
    first.set_carrier(false);
    EXPECT_TRUE(watch.poll().empty()) << "not watched any more";
    second.set_carrier(true);
    expect_change(watch, "t1", true);
    watch.watch({});
    EXPECT_GT(watch.period(), std::chrono::minutes(1));
}

TEST_F(CarrierWatchTest, ALinkNeverSeenHasVanished) {
    auto watch = open_watch();
    watch.watch({{12345}});
    EXPECT_LE(watch.period(), std::chrono::seconds(1));
    expect_vanished(watch, {12345});
    EXPECT_GT(watch.period(), std::chrono::minutes(1));
    watch.watch({{12345}});
    EXPECT_TRUE(watch.poll().empty());
}

// An index that comes back is another link: it is watched afresh once asked for again.
TEST_F(CarrierWatchTest, AnIndexMayComeBack) {
    run("ip link add v0 index 77 type veth peer name v1");
    auto watch = open_watch();
    watch.watch({{77}});
    expect_change(watch, "v0", false);
    run("ip link del v0; ip link add v0 index 77 type veth peer name v1");
    expect_vanished(watch, {77});
    watch.watch({{77}});
    expect_change(watch, "v0", false);
}

TEST_F(CarrierWatchTest, PollingCostsOneHundredthOfACore) {
    run("for i in $(seq 64); do echo link add p$i type veth peer name q$i; done | ip -batch -");
    auto watch = open_watch();
    std::vector<InterfaceIndex> links;
    for (int i = 1; i <= 64; ++i) links.push_back(index_of_link("p" + std::to_string(i)));
    watch.watch(links);
    auto events = watch.poll();
    ASSERT_EQ(events.size(), 1u) << "what is found at once is one event";
    EXPECT_EQ(std::get<CarriersChanged>(events.front()).links.size(), 64u);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(watch.poll().empty());
    EXPECT_GE(watch.period(), std::chrono::milliseconds(3));
    EXPECT_LE(watch.period(), std::chrono::seconds(1));
    RecordProperty("period_us", static_cast<int>(watch.period().count() / 1000));
    watch.watch({links[0]});
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(watch.poll().empty());
    EXPECT_LT(watch.period(), std::chrono::milliseconds(50)) << "one link is cheap again";
}

// Without CAP_SYS_ADMIN there is no sysfs of our own: slower, but it works and says so.
TEST_F(CarrierWatchTest, FallsBackToAskingLinkByLink) {
    Tap tap("t0");
    run("ip link set t0 up");
    std::thread without_capability([&] {  // capabilities belong to a thread, and so this one stays as it was
        __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
        __user_cap_data_struct data[2] = {};
        ASSERT_EQ(::syscall(SYS_capget, &header, data), 0);
        data[0].effective &= ~(1u << CAP_SYS_ADMIN);
        data[0].permitted &= ~(1u << CAP_SYS_ADMIN);
        ASSERT_EQ(::syscall(SYS_capset, &header, data), 0);
        auto watch = open_watch();
        EXPECT_NE(watch.warning(), "");
        auto t0 = index_of_link("t0");
        watch.watch({t0});
        expect_change(watch, "t0", true);
        EXPECT_TRUE(watch.poll().empty());
        tap.set_carrier(false);
        expect_change(watch, "t0", false);
        tap.set_carrier(true);
        expect_change(watch, "t0", true);
        tap.remove();
        expect_vanished(watch, t0);
    });
    without_capability.join();
}

}  // namespace
}  // namespace ipmp
