// The grammar of ifconfig without a daemon, and the words about interfaces as a whole with one (R-CMD-1, R-CMD-5).
#include "tools/ifconfig_grammar.hpp"

#include <algorithm>

#include "tools/ifconfig_words.hpp"
#include "tools_fixture.hpp"

namespace ipmp {
namespace {

std::vector<std::string> texts(const ParsedLine& line) {
    std::vector<std::string> texts;
    for (const Step& step : line.steps) {
        std::string text = step.text;
        for (const std::string& argument : step.arguments) text += "(" + argument + ")";
        texts.push_back(text);
    }
    return texts;
}

TEST(IfconfigGrammar, R_CMD_1_WordsTakeTheirArguments) {
    auto line = parse_line({"plumb", "group", "up", "192.0.2.1/24", "mtu", "9000", "ether", "2:0:0:0:0:1", "up"},
                           Family::ipv4);
    ASSERT_TRUE(line);
    EXPECT_EQ(texts(*line), (std::vector<std::string>{"plumb", "group(up)", "192.0.2.1/24", "mtu(9000)",
                                                      "ether(2:0:0:0:0:1)", "up"}));
    EXPECT_FALSE(line->mistake);
    EXPECT_EQ(texts(*parse_line({"ether"}, Family::ipv4)), std::vector<std::string>{"ether"});
    EXPECT_EQ(texts(*parse_line({"up", "dhcp", "wait", "5", "start"}, Family::ipv4)),
              (std::vector<std::string>{"up", "dhcp(wait)(5)(start)"}));
}

TEST(IfconfigGrammar, R_CMD_1_AMistakeEndsTheStepsBeforeIt) {
    auto line = parse_line({"up", "zone", "x", "down"}, Family::ipv6);
    ASSERT_TRUE(line);
    EXPECT_EQ(texts(*line), std::vector<std::string>{"up"});
    EXPECT_EQ(line->mistake->text, "Operation zone not supported for inet6");
    EXPECT_EQ(parse_line({"up", "group"}, Family::ipv4)->mistake->text, "no argument for group");
    EXPECT_EQ(parse_line({"token", "::1"}, Family::ipv4)->mistake->text, "Operation token not supported for inet");
    EXPECT_EQ(parse_line({"netmask", "+"}, Family::ipv6)->mistake->text, "Operation netmask not supported for inet6");
}

TEST(IfconfigGrammar, R_CMD_1_TheLastNetmaskHoldsForAll) {
    EXPECT_EQ(parse_line({"netmask", "255.0.0.0", "netmask", "0xffffff00"}, Family::ipv4)->netmask_length, 24);
    EXPECT_EQ(parse_line({"netmask", "255.0.255.0"}, Family::ipv4).error().text, "255.0.255.0: bad address");
    EXPECT_FALSE(parse_line({"netmask", "+"}, Family::ipv4)->netmask_length);
}

// What Linux cannot do is refused, not shown as if it were so; what is so anyway is accepted.
TEST(IfconfigGrammar, R_CMD_1_WhatLinuxCannotDoIsRefused) {
    for (const char* word : {"anycast", "-local", "-xmit", "-nud", "preferred", "auto-revarp", "all-zones", "debug"}) {
        EXPECT_EQ(parse_line({word}, Family::ipv4)->mistake->text,
                  "Operation " + std::string(word) + " not supported for inet");
    }
    for (const char* word : {"tdst", "tsrc", "encaplimit", "thoplimit", "zone", "auth_algs"}) {
        EXPECT_TRUE(parse_line({word, "1"}, Family::ipv4)->mistake) << word;
    }
    for (const char* word : {"trailers", "-trailers", "xmit", "local", "nud", "-anycast", "-preferred"}) {
        auto line = parse_line({word}, Family::ipv4);
        EXPECT_FALSE(line->mistake) << word;
        EXPECT_EQ(line->steps[0].word, Word::nothing) << word;
    }
}

class IfconfigWords : public ToolsTest {};

TEST_F(IfconfigWords, R_CMD_5_OneRequestForEach) {
    serve();
    EXPECT_EQ(run({"ifconfig", "eth0", "mtu", "9000", "metric", "2", "private", "-private", "arp", "-arp", "failed",
                   "-failed", "usesrc", "lo:1", "usesrc", "none", "trailers", "xmit"})
                  .err,
              "");
    EXPECT_EQ(run({"ifconfig", "eth0", "inet6", "token", "::7/64"}).err, "");
    EXPECT_EQ(run({"ifconfig", "ipmp0", "ipmp", "group", "a"}).err, "");
    EXPECT_EQ(daemon_->requests(),
              (Requests{R"(SetMtu {"family":"inet","interface":"eth0","mtu_bytes":9000})",
                        R"(SetMetric {"family":"inet","interface":"eth0","metric":2})",
                        R"(SetFlags {"family":"inet","interface":"eth0","number":0,"private":true})",
                        R"(SetFlags {"family":"inet","interface":"eth0","number":0,"private":false})",
                        R"(SetArp {"arp":true,"interface":"eth0"})", R"(SetArp {"arp":false,"interface":"eth0"})",
                        R"(SetFailed {"failed":true,"interface":"eth0"})",
                        R"(SetFailed {"failed":false,"interface":"eth0"})",
                        R"(SetRouteSource {"family":"inet","interface":"eth0","source":{"interface":"lo","number":1}})",
                        R"(SetRouteSource {"family":"inet","interface":"eth0"})",
                        R"(SetToken {"interface":"eth0","token":"::7"})",
                        R"(CreateIpmp {"family":"inet","index":0,"interface":"ipmp0"})",
                        R"(SetGroup {"family":"inet","group":"a","interface":"ipmp0"})"}));
}

Status status_of_three() {
    Status status;
    status.plumbed = {{.name = "eth0", .index = 2, .mac = parse_mac("08:00:20:b9:19:fa")},
                      {.name = "ipmp0", .index = 5, .group_name = "my group"},
                      {.name = "lo", .index = 1}};
    status.plumbed[0].inet = PlumbedFamily{
        1500,
        {{.flags = 0x9040843, .address = *parse_ip("192.0.2.20"), .prefix_length = 24,
          .broadcast = parse_ip("192.0.2.255")},
         {.number = 3, .flags = 0x1000842, .address = *parse_ip("192.0.2.3"), .prefix_length = 24}}};
    status.plumbed[0].inet6 = PlumbedFamily{1500, {{.flags = 0x2000841, .address = *parse_ip("fe80::1")}}};
    status.plumbed[1].inet = PlumbedFamily{1500, {{.flags = 0x8001000843, .address = *parse_ip("192.0.2.1")}}};
    status.plumbed[2].inet = PlumbedFamily{65536, {{.flags = 0x2001000849, .address = *parse_ip("127.0.0.1")}}};
    return status;
}

// Words of ours, so that files have them (R-DYN-1).
TEST_F(IfconfigWords, D4_R_VIS_1_PolicyAndIsolation) {
    serve();
    EXPECT_EQ(run({"ifconfig", "ipmp0", "policy", "source", "isolate", "-isolate"}).err, "");
    EXPECT_EQ(run({"ifconfig", "ipmp0", "inet6", "policy", "flow", "isolate"}).err, "");
    EXPECT_EQ(daemon_->requests(), (Requests{R"(SetPolicy {"interface":"ipmp0","policy":"source"})",
                                             R"(SetIsolate {"force":false,"interface":"ipmp0","isolate":true})",
                                             R"(SetIsolate {"force":false,"interface":"ipmp0","isolate":false})",
                                             R"(SetPolicy {"interface":"ipmp0","policy":"flow"})",
                                             R"(SetIsolate {"force":false,"interface":"ipmp0","isolate":true})"}));
    expect_failure({"ifconfig", "ipmp0", "policy", "random"},
                   "ifconfig: policy: ipmp0: Invalid argument (random: not one of flow, tuple, destination, source)");
    expect_failure({"ifconfig", "ipmp0", "policy"}, "ifconfig: no argument for policy");
    refuse(CommandError::no_such_interface, "not an IPMP interface");
    expect_failure({"ifconfig", "eth0", "isolate"}, "ifconfig: isolate: eth0: no such interface");
}

TEST_F(IfconfigWords, R_CMD_1_WordsForAllInterfacesAndForSome) {
    serve(status_of_three());
    EXPECT_EQ(run({"ifconfig", "-a", "up"}).err, "");
    EXPECT_EQ(run({"ifconfig", "-ad", "private"}).err, "");
    EXPECT_EQ(run({"ifconfig", "-au", "inet6", "metric", "1"}).err, "");
    EXPECT_EQ(run({"ifconfig", "-a6", "down"}).err, "");
    EXPECT_EQ(daemon_->requests(),
              (Requests{R"(SetFlags {"family":"inet","interface":"eth0","number":0,"up":true})",
                        R"(SetFlags {"family":"inet","interface":"eth0","number":3,"up":true})",
                        R"(SetFlags {"family":"inet","interface":"ipmp0","number":0,"up":true})",
                        R"(SetFlags {"family":"inet","interface":"eth0","number":3,"private":true})",
                        R"(SetMetric {"family":"inet6","interface":"eth0","metric":1})",
                        R"(SetFlags {"family":"inet6","interface":"eth0","number":0,"up":false})"}));
    refuse(CommandError::no_such_interface, "gone");
    expect_failure({"ifconfig", "-a", "up"}, "ifconfig: setifflags: SIOCSLIFFLAGS: eth0: no such interface");
}

TEST_F(IfconfigWords, R_CMD_1_ConfiginfoCanBeReplayed) {
    Status status = status_of_three();
    serve(status);
    EXPECT_EQ(run({"ifconfig", "eth0", "configinfo"}).out,
              "eth0 inet plumb mtu 1500 index 2 set 192.0.2.20 netmask 0xffffff00 broadcast 192.0.2.255 -failover up\n"
              "eth0:3 inet plumb set 192.0.2.3 netmask 0xffffff00\n");
    EXPECT_EQ(run({"ifconfig", "eth0", "inet6", "configinfo"}).out,
              "eth0 inet6 plumb mtu 1500 index 2 set fe80::1/0 up\n");
    EXPECT_EQ(run({"ifconfig", "ipmp0", "configinfo"}).out,
              "ipmp0 inet ipmp index 5 set 192.0.2.1 netmask 0x0 group 'my group' up\n");
    expect_failure({"ifconfig", "eth9", "configinfo"}, "ifconfig: configinfo: eth9: no such interface");
}

TEST_F(IfconfigWords, R_GRP_11_WhatAnIpmpInterfaceIsNotFor) {
    serve(status_of_three());
    expect_failure({"ifconfig", "ipmp0", "modlist"},
                   "ifconfig: ipmp0: module operations not supported on IPMP interfaces");
    expect_failure({"ifconfig", "ipmp0", "modinsert", "m@1"},
                   "ifconfig: ipmp0: module operations not supported on IPMP interfaces");
    expect_failure({"ifconfig", "eth0", "modremove", "m@1"}, "ifconfig: Operation modremove not supported for inet");
    expect_failure({"ifconfig", "ipmp0", "ether", "2:0:0:0:0:1"},
                   "ifconfig: cannot dlpi_open() link \"ipmp0\": Datalink does not exist");
    expect_failure({"ifconfig", "eth0:3", "ether", "2:0:0:0:0:1"},
                   "ifconfig: cannot change ethernet address of a logical interface");
    refuse(CommandError::invalid_argument, "Invalid argument");
    expect_failure({"ifconfig", "ipmp0", "-arp"}, "ifconfig: setifflags: SIOCSLIFFLAGS: ipmp0: Invalid argument");
    expect_failure({"ifconfig", "ipmp0", "usesrc", "lo"}, "ifconfig: SIOCSLIFUSESRC: ipmp0: Invalid argument");
}

TEST_F(IfconfigWords, R_CMD_5_EtherAndIndex) {
    serve(status_of_three());
    EXPECT_EQ(run({"ifconfig", "eth0", "ether"}).out, "\tether 8:0:20:b9:19:fa\n");
    EXPECT_EQ(run({"ifconfig", "eth0", "ether", "2:0:0:0:0:1", "index", "2"}).err, "");
    EXPECT_EQ(run({"ifconfig", "ipmp0", "ipmp", "192.0.2.1/24", "index", "5"}).err, "");
    EXPECT_EQ(daemon_->requests(),
              (Requests{R"(SetEther {"interface":"eth0","mac":"02:00:00:00:00:01"})",
                        R"(CreateIpmp {"family":"inet","index":5,"interface":"ipmp0"})",
                        R"(SetAddress {"address":"192.0.2.1","interface":"ipmp0","number":0,"prefix_length":24})"}));
    expect_failure({"ifconfig", "eth0", "index", "7"}, "ifconfig: SIOCSLIFINDEX: eth0: Operation not supported");
    expect_failure({"ifconfig", "eth0", "ether", "x"}, "ifconfig: x: bad address");
    expect_failure({"ifconfig", "eth0", "mtu", "-1"},
                   "ifconfig: SIOCSLIFMTU: eth0: Invalid argument (-1: not a number)");
    refuse(CommandError::in_use, "index 7 is in use");
    expect_failure({"ifconfig", "ipmp1", "ipmp", "index", "7"},
                   "ifconfig: cannot create IPMP interface ipmp1: index 7 is in use");
}

TEST_F(IfconfigWords, R_CMD_5_TheDefaultNetmaskIsLookedUpLastAndSubnetsHoldTheAddress) {
    serve(status_of_three());
    EXPECT_EQ(run({"ifconfig", "eth0:3", "netmask", "+", "up"}).err, "");
    EXPECT_EQ(run({"ifconfig", "eth0", "10.1.2.3/16", "netmask", "+"}).err, "");
    EXPECT_EQ(run({"ifconfig", "eth0", "subnet", "192.0.2.0/25"}).err, "");
    EXPECT_EQ(daemon_->requests(),
              (Requests{R"(SetFlags {"family":"inet","interface":"eth0","number":3,"up":true})",
                        R"(SetNetmask {"family":"inet","interface":"eth0","number":3,"prefix_length":24})",
                        R"(SetAddress {"address":"10.1.2.3","interface":"eth0","number":0,"prefix_length":16})",
                        R"(SetNetmask {"family":"inet","interface":"eth0","number":0,"prefix_length":25})"}));
    expect_failure({"ifconfig", "eth0", "subnet", "198.51.100.0/24"},
                   "ifconfig: SIOCSLIFSUBNET: eth0: Invalid argument (192.0.2.20 is not in it)");
    expect_failure({"ifconfig", "eth0", "destination", "192.0.2.9"},
                   "ifconfig: SIOCSLIFDSTADDR: eth0: Invalid argument (192.0.2.9: not a point-to-point interface)");
}

}  // namespace
}  // namespace ipmp
