// Design D11: every operation against the real kernel, as the netlink thread carries it out.
#include <algorithm>
#include <tuple>

#include "shell/clock.hpp"
#include "shell/link_settings.hpp"
#include "shell/netlink_thread_fixture.hpp"

namespace ipmp {
namespace {

const MacAddress kUpperMac{{2, 0, 0, 0, 0, 1}}, kLowerMac{{2, 0, 0, 0, 0, 2}};
const CreateIpmpLink kCreate{.name = "ipmp0", .lower_name = "ipmpl0", .mac = kUpperMac, .lower_mac = kLowerMac};

class NetlinkApplyTest : public NetlinkThreadTest {};

TEST_F(NetlinkApplyTest, CreatesAndDeletesTheIpmpLink) {
    start();
    apply_well({kCreate});
    EXPECT_EQ(link("ipmp0").alias, kIpmpLinkAlias);
    EXPECT_EQ(link("ipmp0").mac, kUpperMac);
    EXPECT_FALSE(link("ipmp0").no_arp);
    EXPECT_FALSE(link("ipmp0").admin_up);
    EXPECT_EQ(link("ipmpl0").alias, kLowerLinkAlias);
    EXPECT_EQ(link("ipmpl0").mac, kLowerMac);
    EXPECT_TRUE(link("ipmpl0").no_arp);
    EXPECT_EQ(link("ipmpl0").peer, link("ipmp0").index);
    auto files = NamespaceFiles::open(*places, Place::host);
    ASSERT_TRUE(files);
    EXPECT_EQ(read_settings(*files, {"ipv6/conf/*/disable_ipv6"}, "ipmpl0").at("ipv6/conf/*/disable_ipv6"), "1");
    run("ip -d link show ipmpl0 | grep -q 'addrgenmode none'");

    auto before = *observed;
    apply_well({kCreate});  // already so
    before.generation = generation;
    EXPECT_EQ(*observed, before);

    auto upper = link("ipmp0").index;
    const MacAddress other{{2, 0, 0, 0, 0, 9}};
    apply_well({SetLinkMtu{upper, 1400}, SetLinkMac{upper, other}, SetLinkUp{upper, true},
                SetLinkUp{link("ipmpl0").index, true}});
    EXPECT_EQ(link("ipmp0").mtu_bytes, 1400u);
    EXPECT_EQ(link("ipmp0").mac, other);
    EXPECT_TRUE(await([&](const KernelState& state) { return state.links.at(upper).carrier; }));
    apply_well({DeleteLink{upper}, DeleteLink{upper}});
    EXPECT_FALSE(find_link(*observed, "ipmp0"));
    EXPECT_FALSE(find_link(*observed, "ipmpl0"));
}

// A creation that was interrupted half-way is finished, not refused.
TEST_F(NetlinkApplyTest, FinishesAHalfMadePair) {
    run("ip link add ipmp0 address 02:00:00:00:00:01 type veth peer name ipmpl0 address 02:00:00:00:00:02");
    start();
    apply_well({kCreate});
    EXPECT_EQ(link("ipmp0").alias, kIpmpLinkAlias);
    EXPECT_TRUE(link("ipmpl0").no_arp);
}

// R-GRP-1: a kernel link made by other means never becomes ours.
TEST_F(NetlinkApplyTest, RefusesANameThatIsTaken) {
    run("ip link add ipmp0 type veth peer name other");
    start();
    apply({kCreate});
    ASSERT_EQ(failures.size(), 1u);
    EXPECT_EQ(failures[0].error_number, EEXIST);
    EXPECT_EQ(link("ipmp0").alias, "");
    apply({CreateIpmpLink{.name = "sixteen_letters_", .lower_name = "l"}});
    ASSERT_EQ(failures.size(), 1u);
    EXPECT_EQ(failures[0].error_number, EINVAL);
}

// R-DHC-1: the kernel ends the address of a lease soon after the lease, whoever is there then, and a renewal moves
// that; its routes lead to routers, wherever they are.
TEST_F(NetlinkApplyTest, LeasesHaveLifetimesAndRouters) {
    start();
    apply_well({kCreate});
    auto upper = link("ipmp0").index;
    auto leased = *parse_ip("192.0.2.100"), router = *parse_ip("198.51.100.1");
    AddAddress add{.link = upper, .address = leased, .prefix_length = 24};
    RouteState route{IpAddress{}, 0, upper, kMainTable, router, 1005};
    apply_well({SetLinkUp{upper, true}, add});
    for (int lease_s : {100, 200}) {
        add.valid_until = now() + std::chrono::seconds(lease_s);
        apply_well({add, AddRoute{route}});
        EXPECT_TRUE(find_address(*observed, "192.0.2.100")->finite_lifetime);
        std::string seconds = lease_s == 100 ? "(101|100|9.)" : "(201|200|19.)";
        run("ip -o addr show dev ipmp0 | grep -qE 'valid_lft " + seconds + "sec'");
        run("ip route show default | grep -q 'via 198.51.100.1 dev ipmp0 proto 73 metric 1005.*onlink'");
        EXPECT_EQ(std::count(observed->routes.begin(), observed->routes.end(), route), 1);
    }
    add.valid_until.reset();
    apply_well({add, RemoveRoute{route}});
    EXPECT_FALSE(find_address(*observed, "192.0.2.100")->finite_lifetime);
    run("test -z \"$(ip route show default)\"");
}

// R-ADR-3: test addresses have link scope. Data addresses are usable at once, even without carrier.
TEST_F(NetlinkApplyTest, AddsChangesAndRemovesAddresses) {
    start();
    apply_well({kCreate});
    auto upper = link("ipmp0").index;
    auto ipv4 = *parse_ip("192.0.2.1"), ipv6 = *parse_ip("2001:db8::1"), test = *parse_ip("192.0.2.20");
    std::vector<KernelOp> add{
        SetLinkUp{upper, true},
        AddAddress{.link = upper, .address = ipv4, .prefix_length = 24, .broadcast = parse_ip("192.0.2.255")},
        AddAddress{.link = upper, .address = ipv6, .prefix_length = 64},
        AddAddress{.link = upper, .address = test, .prefix_length = 32, .scope_link = true}};
    apply_well(add);
    auto expect_as_wanted = [&] {
        ASSERT_TRUE(find_address(*observed, "192.0.2.1"));
        EXPECT_EQ(
            *find_address(*observed, "192.0.2.1"),
            (AddressState{.link = upper, .address = ipv4, .prefix_length = 24, .broadcast = parse_ip("192.0.2.255")}));
        ASSERT_TRUE(find_address(*observed, "2001:db8::1"));
        EXPECT_EQ(*find_address(*observed, "2001:db8::1"),
                  (AddressState{.link = upper, .address = ipv6, .prefix_length = 64}));
        ASSERT_TRUE(find_address(*observed, "192.0.2.20"));
        EXPECT_TRUE(find_address(*observed, "192.0.2.20")->scope_link);
    };
    expect_as_wanted();
    apply_well(add);  // already so
    expect_as_wanted();

    run("ip addr del 192.0.2.1/24 dev ipmp0; ip addr add 192.0.2.1/24 scope link dev ipmp0 valid_lft 100 preferred_lft "
        "100;"
        "ip addr del 2001:db8::1/64 dev ipmp0; ip addr add 2001:db8::1/128 dev ipmp0 valid_lft 100 preferred_lft 100");
    ASSERT_TRUE(await([&](const KernelState& state) {
        auto *first = find_address(state, "192.0.2.1"), *second = find_address(state, "2001:db8::1");
        return first && first->finite_lifetime && second && second->finite_lifetime;
    }));
    apply_well(add);  // other attributes are put right
    expect_as_wanted();
    run("ip addr change 2001:db8::1/64 dev ipmp0 valid_lft 100 preferred_lft 100");
    apply_well(add);  // and so is a lifetime alone
    expect_as_wanted();

    for (int time = 0; time < 2; ++time) {
        apply_well({RemoveAddress{upper, ipv4, 24}, RemoveAddress{upper, ipv6, 64}, RemoveAddress{upper, test, 32}});
        EXPECT_FALSE(find_address(*observed, "192.0.2.1"));
        EXPECT_FALSE(find_address(*observed, "192.0.2.20"));
        EXPECT_FALSE(find_address(*observed, "2001:db8::1"));
    }
}

TEST_F(NetlinkApplyTest, AddsAndRemovesRulesAndRoutes) {
    run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up;"
        "ip rule add from 192.0.2.99 lookup 99; ip route add 198.51.100.0/24 dev v0");
    start();
    EXPECT_TRUE(observed->rules.empty() && observed->routes.empty()) << "other people's";
    auto index = link("v0").index;
    std::vector<RuleState> rules;
    std::vector<RouteState> routes;
    std::vector<KernelOp> add, remove;
    for (auto [source, network, length] : {std::tuple{"192.0.2.20", "192.0.2.0", std::uint8_t{24}},
                                           std::tuple{"2001:db8::20", "2001:db8::", std::uint8_t{64}}}) {
        rules.push_back({.source = *parse_ip(source), .table = kTestTableBase + index.value});
        routes.push_back({*parse_ip(network), length, index, kTestTableBase + index.value});
    }
    routes.push_back({*parse_ip("ff00::"), 8, index, 255});  // multicast, for which the local table is asked
    for (const auto& rule : rules) add.push_back(AddRule{rule}), remove.push_back(RemoveRule{rule});
    for (const auto& route : routes) add.push_back(AddRoute{route}), remove.push_back(RemoveRoute{route});
    std::sort(routes.begin(), routes.end());
    for (int time = 0; time < 2; ++time) {
        apply_well(add);
        EXPECT_EQ(observed->rules, rules);
        EXPECT_EQ(observed->routes, routes);
    }
    run("ip -6 route get ff15::1 | grep -q 'dev v0'");
    run("ip rule del from 192.0.2.20; ip route flush table " + std::to_string(kTestTableBase + index.value));
    EXPECT_TRUE(await([](const KernelState& s) { return s.rules.size() == 1 && s.routes.size() == 2; }));
    for (int time = 0; time < 2; ++time) {
        apply_well(remove);
        EXPECT_TRUE(observed->rules.empty() && observed->routes.empty());
    }
    run("ip rule | grep -q 192.0.2.99");
}

// R-GRP-6: every table, both families, several hops and nexthop objects; twins on other links stay untouched.
TEST_F(NetlinkApplyTest, R_GRP_6_MovesRoutesAndNexthopObjects) {
    run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up;"
        "ip link add w0 type veth peer name w1; ip link set w0 up; ip link set w1 up;"
        "ip addr add 192.0.2.1/24 dev v0; ip addr add 192.0.2.1/24 dev v1; ip addr add 10.0.0.1/24 dev w0;"
        "ip route add 198.51.100.0/24 via 192.0.2.9 dev v0 src 192.0.2.1 metric 5 mtu 1300 proto 44;"
        "ip route add default via 192.0.2.9 dev v0 table 77;"
        "ip route add 203.0.113.0/24 dev w0; ip route append 203.0.113.0/24 dev v0;"
        "ip route add 203.0.114.0/24 nexthop via 192.0.2.9 dev v0 weight 2 nexthop via 10.0.0.9 dev w0;"
        "ip nexthop add id 3 via 192.0.2.9 dev v0; ip route add 203.0.115.0/24 nhid 3;"
        "ip -6 route add 2001:db8:1::/48 dev w0; ip -6 route append 2001:db8:1::/48 dev v0;"
        "ip -6 route add 2001:db8:2::/48 via fe80::9 dev v0 expires 300;"
        "ip route add 203.0.116.0/24 dev v0 proto 73 table 5");
    start();
    auto v0 = link("v0").index, v1 = link("v1").index;
    EXPECT_EQ(link("v0").foreign_routes, 0u) << "of no interest before it is managed";
    apply_well({}, {{v0, {}}});
    EXPECT_EQ(link("v0").foreign_routes, 7u);
    EXPECT_EQ(link("v1").foreign_routes, 0u);
    for (int time = 0; time < 2; ++time) {
        apply_well({MoveRoutes{v0, v1}}, {{v0, {}}});
        EXPECT_EQ(link("v0").foreign_routes, 0u);
        run("ip route show 198.51.100.0/24 | grep -q 'via 192.0.2.9 dev v1 proto 44 src 192.0.2.1 metric 5 mtu 1300'");
        run("ip route show table 77 | grep -q 'default via 192.0.2.9 dev v1'");
        run("test \"$(ip route show 203.0.113.0/24 | tr -s ' \\n' ' ')\" = "
            "'203.0.113.0/24 dev w0 scope link 203.0.113.0/24 dev v1 scope link '");
        run("ip route show 203.0.114.0/24 | grep -q 'via 192.0.2.9 dev v1 weight 2'");
        run("ip route show 203.0.114.0/24 | grep -q 'via 10.0.0.9 dev w0 weight 1'");
        run("ip nexthop show id 3 | grep -q 'via 192.0.2.9 dev v1'");
        run("ip route show 203.0.115.0/24 | grep -q 'dev v1'");
        run("test $(ip -6 route show 2001:db8:1::/48 | grep -c 'dev [wv][01]') = 2");
        run("ip -6 route show 2001:db8:1::/48 | grep -q 'dev v1' &&"
            " ip -6 route show 2001:db8:1::/48 | grep -q 'dev w0'");
        run("ip -6 route show 2001:db8:2::/48 | grep -Eq 'via fe80::9 dev v1 .*expires (29|30).sec'");
        run("ip route show table 5 | grep -q 'dev v0'");  // ours: the planner's business
    }
}

// R-CMD-4: what the kernel refuses is left alone, and is tried again once there is another address.
TEST_F(NetlinkApplyTest, R_CMD_4_SeesRoutesThatComeLaterAndGivesUpOnRefusedOnes) {
    run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip addr add 192.0.2.1/24 dev v0");
    start();
    auto v0 = link("v0").index, v1 = link("v1").index;
    apply_well({}, {{v0, {}}});
    auto has = [&](std::uint32_t count) {
        return await([&](const KernelState& state) { return state.links.at(v0).foreign_routes == count; });
    };
    run("ip route add 198.51.100.0/24 via 192.0.2.9");
    EXPECT_TRUE(has(1));
    run("ip route add 198.51.101.0/24 nexthop via 192.0.2.8 nexthop via 192.0.2.9");
    EXPECT_TRUE(has(2));
    run("ip nexthop add id 3 via 192.0.2.9 dev v0");
    EXPECT_TRUE(has(3));
    apply_well({MoveRoutes{v0, v1}}, {{v0, {}}});  // the gateway is out of reach on v1
    EXPECT_EQ(link("v0").foreign_routes, 0u);
    run("test $(ip route show dev v0 | grep -c 198.51.100) = 1 && ip nexthop show id 3 | grep -q 'dev v0'");
    run("ip addr add 192.0.2.1/24 dev v1");
    EXPECT_TRUE(has(3));
    apply_well({MoveRoutes{v0, v1}}, {{v0, {}}});
    run("ip route show 198.51.100.0/24 | grep -q 'dev v1' && ip nexthop show id 3 | grep -q 'dev v1'");
}

// R-GRP-5: SLAAC addresses move with what is left of their lifetimes, and later ones end like them.
TEST_F(NetlinkApplyTest, R_GRP_5_TakesOverLifetimesAndTokens) {
    run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up;"
        "ip addr add 2001:db8::5:6:7:8/64 dev v0 nodad valid_lft 500 preferred_lft 400");
    start();
    auto v0 = link("v0").index, v1 = link("v1").index;
    auto own = *parse_ip("2001:db8::5:6:7:8");
    AddAddress add{.link = v1, .address = own, .prefix_length = 64, .lifetime_from = v0};
    for (int time = 0; time < 2; ++time) {
        apply_well({SetIpv6Token{v1, own}, add});
        run("ip addr show dev v1 | grep -Eq 'valid_lft (500|49.)sec preferred_lft (400|39.)sec'");
        run("ip token get dev v1 | grep -q 'token ::5:6:7:8'");
    }
    run("! ip -6 route show dev v1 | grep -q 2001:db8");  // advertisements make the on-link route
    apply_well({SetIpv6Token{v1, *parse_ip("2001:db8::9")}});
    run("ip token get dev v1 | grep -q 'token ::5:6:7:8'");
    run("ip addr del 2001:db8::5:6:7:8/64 dev v0; ip addr del 2001:db8::5:6:7:8/64 dev v1");
    apply_well({add});  // expired there, so there is nothing to take over
    EXPECT_FALSE(find_address(*observed, "2001:db8::5:6:7:8"));
}

// R-CMD-3: entries are found although the kernel sends no message, and move in one operation.
TEST_F(NetlinkApplyTest, R_CMD_3_FindsAndMovesNeighbourEntries) {
    run("ip link add v0 address 02:00:00:00:00:07 type veth peer name v1; ip link set v0 up; ip link set v1 up;"
        "ip neigh add proxy 192.0.2.50 dev v1");
    start();
    auto v0 = link("v0").index, v1 = link("v1").index;
    const MacAddress mac{{2, 0, 0, 0, 0, 0x77}};
    const NeighbourEntry here4{v1, *parse_ip("192.0.2.50"), {}};
    EXPECT_EQ(observed->neighbours, std::vector{here4}) << "proxy entries of any link";
    apply_well({}, {{v0, {}}});
    run("ip neigh add 192.0.2.77 lladdr 02:00:00:00:00:77 dev v0; ip neigh add proxy 2001:db8::50 dev v0;"
        "ip neigh add 192.0.2.78 lladdr 02:00:00:00:00:78 dev v0 nud reachable;"
        "ip neigh add 192.0.2.79 lladdr 02:00:00:00:00:79 dev v1");
    const NeighbourEntry fixed{v0, *parse_ip("192.0.2.77"), mac}, proxy6{v0, *parse_ip("2001:db8::50"), {}};
    std::vector<NeighbourEntry> found{fixed, proxy6, here4};
    std::sort(found.begin(), found.end());
    EXPECT_TRUE(await([&](const KernelState& state) { return state.neighbours == found; }));
    for (int time = 0; time < 2; ++time) {
        apply_well({MoveNeighbour{fixed, v1}, MoveNeighbour{proxy6, v1}}, {{v0, {}}});
        EXPECT_EQ(observed->neighbours, (std::vector<NeighbourEntry>{here4, {v1, proxy6.address, {}}}));
        run("ip neigh show dev v1 | grep -q '192.0.2.77 lladdr 02:00:00:00:00:77 PERMANENT'");
        run("ip -6 neigh show proxy | grep -q '2001:db8::50 dev v1'");
        run("! ip neigh show dev v0 | grep -q 192.0.2.77");
    }
    run("ip neigh del proxy 192.0.2.50 dev v1");
    EXPECT_TRUE(await([](const KernelState& state) { return state.neighbours.size() == 1; }));
}

// R-GRP-9: observed although the kernel sends no message about a change of it.
TEST_F(NetlinkApplyTest, ReadsAndSetsGsoLimits) {
    run("ip link add v0 type veth peer name v1");
    start();
    auto v0 = link("v0").index;
    EXPECT_EQ(link("v0").gso_bytes, 65536u);
    EXPECT_EQ(link("v0").gso_segments, 65535u);
    apply_well({SetLinkGso{v0, 30000, 20}}, {{v0, {}}});
    EXPECT_EQ(link("v0").gso_bytes, 30000u);
    EXPECT_EQ(link("v0").gso_segments, 20u);
    run("ip link set v0 gso_max_size 40000");
    EXPECT_TRUE(await([&](const KernelState& state) { return state.links.at(v0).gso_bytes == 40000; }));
}

TEST_F(NetlinkApplyTest, ReadsAndWritesSettings) {
    run("ip link add v0 type veth peer name v1");
    start();
    auto v0 = link("v0").index;
    const std::string filter = "ipv4/conf/*/rp_filter", retransmit = "ipv4/neigh/*/retrans_time_ms";
    std::vector<ManagedLink> managed{{v0, {filter, retransmit, "ipv4/conf/*/no_such_setting"}}};
    apply_well({WriteSetting{v0, filter, "2"}, WriteSetting{v0, retransmit, "20"}}, managed);
    EXPECT_EQ(link("v0").settings, (Settings{{filter, "2"}, {retransmit, "20"}}));
    for (const char* value : {"1", "0"}) {
        apply_well({SetLinkUp{v0, true}, WriteSetting{v0, kAllMulticast, value}}, {{v0, {kAllMulticast}}});
        EXPECT_EQ(link("v0").settings, (Settings{{kAllMulticast, value}}));
        EXPECT_TRUE(link("v0").admin_up);
    }
    apply_well({}, managed);
    EXPECT_TRUE(link("v1").settings.empty());

    run("sysctl -qw net.ipv4.neigh.v0.retrans_time_ms=300");  // of which no message tells
    EXPECT_TRUE(await([&](const KernelState& state) { return state.links.at(v0).settings.at(retransmit) == "300"; }));

    apply({WriteSetting{v0, "ipv4/conf/*/../all/rp_filter", "1"}, WriteSetting{v0, "../../x", "1"},
           WriteSetting{v0, filter, "nonsense"}, WriteSetting{{12345}, filter, "1"}},
          managed);
    ASSERT_EQ(failures.size(), 4u);
    EXPECT_EQ(failures[0].error_number, EINVAL);
    EXPECT_EQ(failures[2].error_number, EINVAL);
    EXPECT_EQ(failures[3].error_number, ENODEV);
    apply_well({}, {});
    EXPECT_TRUE(link("v0").settings.empty());
}

TEST_F(NetlinkApplyTest, AFailedOperationDoesNotStopTheOthers) {
    run("ip link add v0 type veth peer name v1");
    start();
    apply({SetLinkUp{{12345}, true}, SetLinkMtu{link("v0").index, 1300}});
    ASSERT_EQ(failures.size(), 1u);
    EXPECT_EQ(failures[0].error_number, ENODEV);
    EXPECT_TRUE(std::holds_alternative<SetLinkUp>(failures[0].op));
    EXPECT_EQ(link("v0").mtu_bytes, 1300u);
    apply({SetLinkMtu{link("v0").index, 1}});
    ASSERT_EQ(failures.size(), 1u);
    EXPECT_NE(failures[0].text.find("mtu"), std::string::npos) << "the kernel's own words: " << failures[0].text;
}

TEST(LinkSettings, RefusesPathsThatLeadElsewhere) {
    EXPECT_EQ(*setting_path("ipv4/neigh/*/retrans_time_ms", "eth0"), "ipv4/neigh/eth0/retrans_time_ms");
    for (const char* link : {"", ".", "..", "a/b", "all", "default"})
        EXPECT_FALSE(setting_path("ipv4/conf/*/rp_filter", link)) << link;
    for (const char* setting : {"", "/etc/passwd", "../x", "ipv4/../*", "ipv4//x", "ipv4/"})
        EXPECT_FALSE(setting_path(setting, "eth0")) << setting;
}

}  // namespace
}  // namespace ipmp
