// The grammar of route (R-CMD-4), and what it and arp say without a kernel's help; the rest is in
// tests/netns/test_arp_route.py.
#include "tools/route_grammar.hpp"

#include "tools_fixture.hpp"

namespace ipmp {
namespace {

RouteLine parsed(const std::vector<std::string>& words) {
    auto line = parse_route_line(words);
    EXPECT_TRUE(line) << line.error().text;
    return line ? *std::move(line) : RouteLine{};
}

std::string destination(const std::vector<std::string>& words) {
    RouteLine line = parsed(words);
    return std::string(line.is_net ? "net " : "host ") + to_string(line.route.destination) + "/" +
           std::to_string(line.route.prefix_length);
}

TEST(RouteGrammar, R_CMD_4_WhatADestinationIs) {
    EXPECT_EQ(destination({"add", "default", "192.0.2.1"}), "net 0.0.0.0/0");
    EXPECT_EQ(destination({"add", "10.0.0.0", "192.0.2.1"}), "net 10.0.0.0/8");
    EXPECT_EQ(destination({"add", "172.16.0.0", "192.0.2.1"}), "net 172.16.0.0/16");
    EXPECT_EQ(destination({"add", "198.51.100.7", "192.0.2.1"}), "host 198.51.100.7/32");
    EXPECT_EQ(destination({"add", "-net", "198.51.100.7", "192.0.2.1"}), "net 198.51.100.0/24");
    EXPECT_EQ(destination({"add", "host", "10.0.0.0", "192.0.2.1"}), "host 10.0.0.0/32");
    EXPECT_EQ(destination({"add", "10.1.0.0/16", "192.0.2.1"}), "net 10.1.0.0/16");
    EXPECT_EQ(destination({"add", "10.1.0.0", "192.0.2.1", "255.255.0.0"}), "net 10.1.0.0/16");
    EXPECT_EQ(destination({"add", "10.1.0.0", "192.0.2.1", "-netmask", "0xffff0000"}), "net 10.1.0.0/16");
    EXPECT_EQ(destination({"add", "-inet6", "2001:db8::/32", "fe80::1"}), "net 2001:db8::/32");
    EXPECT_EQ(destination({"get", "10.0.0.0"}), "host 10.0.0.0/32");
}

TEST(RouteGrammar, R_CMD_4_ModifiersStandAnywhere) {
    RouteLine line = parsed({"-nq", "change", "-ifp", "eth0", "10.0.0.0/8", "-mtu", "1400", "192.0.2.1", "-setsrc",
                             "192.0.2.7", "-static", "-rtt", "5"});
    EXPECT_EQ(line.verb, RouteVerb::change);
    EXPECT_TRUE(line.quiet && line.numeric);
    EXPECT_EQ(line.interface, "eth0");
    EXPECT_EQ(line.route.gateway, parse_ip("192.0.2.1"));
    EXPECT_EQ(line.route.source, parse_ip("192.0.2.7"));
    EXPECT_EQ(line.route.mtu_bytes, 1400u);
    RouteLine direct = parsed({"add", "10.0.0.0/8", "192.0.2.20", "-interface"});
    EXPECT_TRUE(direct.by_interface);
    EXPECT_FALSE(direct.route.gateway);
    EXPECT_EQ(parsed({"add", "10.0.0.0/8", "127.0.0.1", "-blackhole"}).route.kind, RouteKind::blackhole);
    EXPECT_TRUE(parsed({"-f"}).flush_first);
}

TEST(RouteGrammar, R_CMD_4_WhatIsWrongIsNamed) {
    auto mistake = [](std::vector<std::string> words) { return parse_route_line(words).error().text; };
    EXPECT_EQ(mistake({"add", "10.0.0.0/33", "192.0.2.1"}), "10.0.0.0/33: bad address");
    EXPECT_EQ(mistake({"add", "10.0.0.0/8", "::1"}), "::1: bad address");
    EXPECT_EQ(mistake({"add", "10.0.0.0", "192.0.2.1", "255.0.255.0"}), "255.0.255.0: bad address");
    EXPECT_EQ(mistake({"add", "-nonsense", "10.0.0.0/8"}), "-nonsense: unknown modifier");
    EXPECT_EQ(mistake({"add", "10.0.0.0/8", "192.0.2.1", "-ifp"}), "-ifp: no value");
    EXPECT_EQ(mistake({"add", "10.0.0.0/8", "192.0.2.1", "-mtu", "big"}), "big: bad value");
    for (std::vector<std::string> words : std::vector<std::vector<std::string>>{
             {}, {"-"}, {"-z"}, {"jump"}, {"add"}, {"add", "default"}, {"flush", "all"}, {"get", "1", "2", "3", "4"}}) {
        auto line = parse_route_line(words);
        ASSERT_FALSE(line);
        EXPECT_EQ(line.error().text, "") << "the usage says it all";
    }
}

class ArpAndRoute : public ToolsTest {};

TEST_F(ArpAndRoute, R_CMD_3_UnknownHostsAndWordsAreNamed) {
    serve();
    expect_failure({"arp", "-s", "192.0.2.1", "2:0:0:0:0:1", "soon"}, "arp: unknown keyword 'soon'");
    expect_failure({"arp", "-s", "192.0.2.1", "2:0"}, "arp: 2:0: bad hardware address");
    expect_failure({"arp", "-f", "/nosuch"}, "arp: cannot open /nosuch");
    expect_failure({"arp", "::1"}, "arp: ::1: unknown host");
}

TEST_F(ArpAndRoute, R_CMD_3_AddressesOfThisHostAreNotTheUsersToChange) {
    Status status;
    status.plumbed = {{.name = "ipmp0", .index = 5, .group_name = "ipmp0"},
                      {.name = "eth0", .index = 2, .group_name = "ipmp0", .mac = parse_mac("02:00:00:00:00:0a")}};
    status.plumbed[0].inet = PlumbedFamily{1500, {{.flags = 0x8001000843, .address = *parse_ip("192.0.2.1")},
                                                  {.number = 1, .flags = 0x8001000843,
                                                   .address = *parse_ip("192.0.2.2")}}};
    status.plumbed[1].inet = PlumbedFamily{1500, {{.flags = 0x9040843, .address = *parse_ip("192.0.2.20")}}};
    status.interfaces = {{.name = "eth0", .index = 2, .group = "ipmp0"}};
    status.addresses = {{.address = *parse_ip("192.0.2.1"), .up = true, .group = "ipmp0", .inbound = "eth0"},
                        {.address = *parse_ip("192.0.2.2"), .up = true, .group = "ipmp0"}};
    serve(status);
    EXPECT_EQ(run({"arp", "192.0.2.1"}).out, "192.0.2.1 (192.0.2.1) at 2:0:0:0:0:a permanent published\n");
    EXPECT_EQ(run({"arp", "192.0.2.20"}).out, "192.0.2.20 (192.0.2.20) at 2:0:0:0:0:a permanent published\n");
    expect_failure({"arp", "192.0.2.2"}, "192.0.2.2 (192.0.2.2) -- no entry");
    expect_failure({"arp", "-s", "192.0.2.1", "2:0:0:0:0:1"}, "192.0.2.1: Operation not supported");
    expect_failure({"arp", "-s", "192.0.2.20", "2:0:0:0:0:1"}, "192.0.2.20: Operation not permitted");
    expect_failure({"arp", "-d", "192.0.2.20"}, "SIOCDXARP: Operation not permitted");
    expect_failure({"arp", "-d", "192.0.2.2"}, "SIOCDXARP: Operation not supported");
}

}  // namespace
}  // namespace ipmp
