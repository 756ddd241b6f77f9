// Design D7, D9: how the netlink thread keeps up with the real kernel.
#include "shell/netlink_thread.hpp"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "shell/netlink_monitor.hpp"
#include "shell/netlink_thread_fixture.hpp"

namespace ipmp {
namespace {

TEST_F(NetlinkThreadTest, FirstObservationIsWhole) {
    run("ip link add v0 type veth peer name v1; ip addr add 192.0.2.1/24 dev v0");
    start();
    EXPECT_EQ(observed->generation, 0u);
    EXPECT_EQ(link("v0").peer, link("v1").index);
    EXPECT_EQ(link("v0").kind, "veth");
    EXPECT_TRUE(link("v0").ethernet);
    EXPECT_FALSE(link("lo").ethernet);
    ASSERT_TRUE(find_address(*observed, "192.0.2.1"));
    EXPECT_EQ(find_address(*observed, "192.0.2.1")->link, link("v0").index);
}

// The order of addresses within a link is the kernel's order of precedence.
TEST_F(NetlinkThreadTest, KeepsTheOrderOfAddresses) {
    run("ip link add v0 type veth peer name v1; ip link set v0 up;"
        "ip addr add 192.0.2.9/24 dev v0; ip addr add 192.0.2.1/24 dev v0; ip addr add 192.0.2.5/24 dev v0");
    start();
    std::vector<std::string> order;
    for (const auto& address : observed->addresses)
        if (address.address.family == Family::ipv4) order.push_back(to_string(address.address));
    EXPECT_EQ(order, (std::vector<std::string>{"192.0.2.9", "192.0.2.1", "192.0.2.5"}));
}

TEST_F(NetlinkThreadTest, SeesWhatOthersDo) {
    start();
    run("ip link add v0 type veth peer name v1");
    ASSERT_TRUE(await([](const KernelState& state) { return find_link(state, "v1"); }));
    auto v0 = link("v0").index;
    run("ip link set v0 up; ip link set v1 up");
    EXPECT_TRUE(await([&](const KernelState& state) { return state.links.at(v0).carrier; }));
    auto changes = link("v0").carrier_changes;
    run("ip link set v1 down");
    EXPECT_TRUE(await([&](const KernelState& state) { return !state.links.at(v0).carrier; }));
    EXPECT_EQ(link("v0").carrier_changes, changes + 1);
    run("ip addr add 2001:db8::7/64 dev v0");
    EXPECT_TRUE(await([](const KernelState& state) { return find_address(state, "2001:db8::7"); }));
    run("ip addr del 2001:db8::7/64 dev v0");
    EXPECT_TRUE(await([](const KernelState& state) { return !find_address(state, "2001:db8::7"); }));
    run("ip link set v0 down; ip link set v0 name w0");  // Linux before 6.2 renames no link that is up
    EXPECT_TRUE(await([&](const KernelState& state) { return state.links.at(v0).name == "w0"; }));
    run("ip link add br0 type bridge; ip link set w0 master br0");
    EXPECT_TRUE(await([&](const KernelState& state) { return state.links.at(v0).master; }));
    run("ip link del w0");
    EXPECT_TRUE(await([](const KernelState& state) { return !find_link(state, "w0") && !find_link(state, "v1"); }));
}

// Who is woken by a change can ask for carriers before the thread has read what else it was. A link that is set down
// is the first that the kernel tells of. With its peer set down instead, the peer would be, and a read for its sake
// might show the lost carrier before the message about it, which then says nothing new.
TEST_F(NetlinkThreadTest, D9_NamesALinkBeforeItHasReadWhatBecameOfIt) {
    run("ip link add v0 type veth peer name v1; ip link set v0 addrgenmode none; ip link set v1 addrgenmode none;"
        "ip link set v0 up; ip link set v1 up");
    start();
    auto v0 = link("v0").index;
    ASSERT_TRUE(await([&](const KernelState& state) { return state.links.at(v0).carrier; }));
    apply_well({});  // nothing is on its way any more
    thread->take_hints();
    EXPECT_TRUE(thread->take_hints().empty());
    run("ip link set v0 down");
    pollfd woken{thread->event_fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&woken, 1, 10'000), 1);
    auto hints = thread->take_hints();
    EXPECT_NE(std::ranges::find(hints, v0), hints.end());
    EXPECT_TRUE(await([&](const KernelState& state) { return !state.links.at(v0).carrier; }));
}

TEST_F(NetlinkThreadTest, FindsNeighboursOfTheAskedAddresses) {
    run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up;"
        "ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0 nud reachable;"
        "ip neigh add 192.0.2.8 lladdr 02:00:00:00:00:08 dev v0 nud stale;"
        "ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev v0 nud noarp;"
        "ip neigh add 192.0.2.6 dev v0 nud failed;"
        "ip neigh add proxy 192.0.2.5 dev v0;"
        "ip neigh add 192.0.2.4 lladdr 02:00:00:00:00:04 dev v1 nud reachable;"
        "ip neigh add fe80::9 lladdr 02:00:00:00:00:09 dev v0 nud permanent;"
        "ip neigh add 2001:db8::9 lladdr 02:00:00:00:00:09 dev v0 nud stale");
    start();
    auto ip = [](const char* text) { return *parse_ip(text); };
    thread->submit(FindPeers{"ipmp0", index_of_link("v0"), {ip("192.0.2.1"), ip("fe80::1"), ip("2001:db8::1")}});
    thread->submit(FindPeers{"ipmp0", index_of_link("v0"), {ip("192.0.2.1"), ip("192.0.2.2")}});
    std::set<PeersFound::Found> found;
    auto searched = [&](const KernelState&) {
        for (const Event& event : events) {
            if (auto* peers = std::get_if<PeersFound>(&event)) found.insert(peers->found.begin(), peers->found.end());
        }
        return found.size() >= 6;
    };
    ASSERT_TRUE(await(searched));
    auto pair = [&](const char* address, const char* neighbour, const char* mac) {
        return PeersFound::Found{ip(address), {ip(neighbour), *parse_mac(mac)}};
    };
    EXPECT_EQ(found, (std::set{pair("192.0.2.1", "192.0.2.9", "02:00:00:00:00:09"),
                               pair("192.0.2.1", "192.0.2.8", "02:00:00:00:00:08"),
                               pair("192.0.2.2", "192.0.2.9", "02:00:00:00:00:09"),
                               pair("192.0.2.2", "192.0.2.8", "02:00:00:00:00:08"),
                               pair("fe80::1", "fe80::9", "02:00:00:00:00:09"),
                               pair("2001:db8::1", "2001:db8::9", "02:00:00:00:00:09")}));
}

// A route to a network makes its gateway a target, and the kernel does not tell us of it: there may be a million.
TEST_F(NetlinkThreadTest, RoutesToNetworksAreReadAgainWhileSomebodySearches_R_DET_3) {
    run("ip link add v0 type veth peer name v1; ip link set v0 alias 'IPMP interface'; ip link set v0 up;"
        "ip link set v1 up; ip addr add 192.0.2.1/24 dev v0");
    start();
    run("ip route add 198.51.100.0/24 via 192.0.2.9 dev v0");
    FindPeers search{"ipmp0", index_of_link("v0"), {*parse_ip("192.0.2.1")}};
    thread->submit(search);  // of a rebind: it must not use up the turn of those who have no targets
    search.seeks_targets = true;
    thread->submit(search);
    ASSERT_TRUE(await([](const KernelState& state) {
        return std::ranges::any_of(state.target_routes, [](const TargetRoute& route) {
            return route.target == *parse_ip("192.0.2.9");
        });
    }));
}

// KernelApplied, then KernelObserved of the same generation, for every batch, whatever is queued behind it.
TEST_F(NetlinkThreadTest, ReportsEveryBatchInOrder) {
    run("ip link add v0 type veth peer name v1");
    start();
    events.clear();
    auto v0 = link("v0").index;
    for (std::uint32_t i = 1; i <= 20; ++i) thread->submit({.generation = i, .ops = {SetLinkMtu{v0, 1300 + i / 2}}});
    ASSERT_TRUE(await([](const KernelState& state) { return state.generation == 20; }));
    std::uint64_t applied = 0, seen = 0;
    for (const auto& event : events) {
        if (auto* report = std::get_if<KernelApplied>(&event)) {
            EXPECT_EQ(seen, applied) << "observation missing";
            EXPECT_EQ(report->generation, ++applied);
        } else {
            const auto& state = std::get<KernelObserved>(event).state;
            seen = state.generation;
            EXPECT_EQ(seen, applied);
            EXPECT_GE(state.links.at(v0).mtu_bytes, 1300 + seen / 2);
        }
    }
    EXPECT_EQ(applied, 20u);
}

TEST_F(NetlinkThreadTest, RecoversFromLostMessages) {
    run("ip link add v0 type veth peer name v1");
    start(1);                     // the kernel gives its minimum, which two messages fill
    std::vector<KernelOp> noise;  // nobody takes messages while a batch is carried out
    for (std::uint32_t i = 0; i < 50; ++i) noise.push_back(SetLinkMtu{link("v0").index, 1300 + i});
    apply_well(noise);
    ASSERT_GT(thread->overrun_count(), 0u);
    run("seq -f 'addr add 10.0.0.%.0f/32 dev v0' 1 200 | ip -batch -");
    EXPECT_TRUE(await([](const KernelState& state) { return state.addresses.size() == 200; }));
    run("seq -f 'addr del 10.0.0.%.0f/32 dev v0' 2 200 | ip -batch -");
    EXPECT_TRUE(await([](const KernelState& state) { return state.addresses.size() == 1; }));
}

// Dumps that a change interrupts are repeated, and still every batch gets its answer.
TEST_F(NetlinkThreadTest, AnswersWhileLinksComeAndGo) {
    run("ip link add v0 type veth peer name v1; for i in $(seq 100); do echo link add a$i type veth peer name b$i; done"
        "| ip -batch -");
    start();
    std::atomic<bool> done = false;
    std::thread others([&] {
        run("for i in $(seq 60); do echo link del a$i; echo link add c$i type veth peer name d$i; done | ip -batch -");
        done = true;
    });
    auto v0 = link("v0").index;
    std::uint32_t mtu_bytes = 1300;
    do {
        apply_well({SetLinkMtu{v0, ++mtu_bytes}});
        EXPECT_EQ(link("v0").mtu_bytes, mtu_bytes);
        ASSERT_TRUE(find_link(*observed, "a100")) << "never missing, however interrupted";
    } while (!done);
    others.join();
    EXPECT_TRUE(await([](const KernelState& s) { return find_link(s, "d60") && !find_link(s, "a60"); }));
    EXPECT_GT(generation, 1u);
}

TEST_F(NetlinkThreadTest, WorksInAnotherNamespace) {
    run("ip link add elsewhere type veth peer name v1");
    UniqueFd elsewhere(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    auto opened = NetworkPlaces::open("/nowhere", elsewhere.get());
    ASSERT_TRUE(opened);
    auto started = NetlinkThread::start(programs, *opened);
    ASSERT_TRUE(started);
    thread = *std::move(started);
    ASSERT_TRUE(await([](const KernelState& state) { return find_link(state, "elsewhere"); }));
    const std::string name = "ipv4/conf/*/rp_filter";
    auto index = link("elsewhere").index;
    apply_well({WriteSetting{index, name, "2"}}, {{index, {name}}});
    EXPECT_EQ(link("elsewhere").settings.at(name), "2");
    EXPECT_EQ(index_of_link("elsewhere"), InterfaceIndex{}) << "the caller stayed where it was";

    UniqueFd no_namespace(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    auto wrong = NetworkPlaces::open("/nowhere", no_namespace.get());
    ASSERT_TRUE(wrong);
    EXPECT_FALSE(NetlinkThread::start(programs, *wrong));
    thread.reset();  // before its places
}

// On a busy router the routes of others must not even reach us.
TEST_F(NetlinkThreadTest, ForeignRoutesAndRepetitionsAreNoHints) {
    run("ip link add v0 type veth peer name v1; ip link set v0 up; ip addr add 2001:db8::1/64 dev v0 nodad");
    auto monitor = NetlinkMonitor::open(*open_here(Opening::rtnetlink), NetlinkThread::kReceiveBufferBytes);
    auto socket = NetlinkSocket::open(*open_here(Opening::rtnetlink));
    auto here = NetworkPlaces::open("/nowhere");
    ASSERT_TRUE(monitor && socket && here);
    auto files = NamespaceFiles::open(*here, Place::host);
    ASSERT_TRUE(files);
    auto known = read_kernel_state(*socket, *files, programs, {}, {.former = {}});
    ASSERT_TRUE(known) << known.error().text;
    run("ip route add 198.51.100.0/24 dev v0; ip addr replace 2001:db8::1/64 dev v0; ip link set v0 up;"
        "ip rule add from 192.0.2.99 lookup 99; tc qdisc add dev v0 clsact");
    EXPECT_FALSE(monitor->drain({}, {*known}).changed);
    run("ip route add 198.51.101.0/24 dev v0 proto 73");
    EXPECT_TRUE(monitor->drain({}, {*known}).changed);
    EXPECT_FALSE(monitor->drain({}, {*known}).changed);
    run("ip link set v0 mtu 1400");
    auto hints = monitor->drain({}, {*known});
    EXPECT_TRUE(hints.changed && !hints.overrun);
}

}  // namespace
}  // namespace ipmp
