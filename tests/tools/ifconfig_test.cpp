// ifconfig: what it sends for which words, what it prints, and what it says when it cannot.
#include "tools_fixture.hpp"

namespace ipmp {
namespace {

class IfconfigTest : public ToolsTest {};

TEST_F(IfconfigTest, SendsOneRequestPerWordInOrder_R_CMD_1) {
    serve();
    respond_ = [](const Command& command) {
        auto* added = std::get_if<AddLogical>(&command);
        return CommandReply{CommandError::none, "", added ? "ipmp0:1" : ""};
    };
    Ran ran = run({"ifconfig", "ipmp0", "ipmp", "group", "my group", "192.0.2.1/24", "netmask", "+", "broadcast", "+",
                   "up", "addif", "192.0.2.2", "-failover", "up", "removeif", "192.0.2.3"});
    EXPECT_EQ(ran.err, "");
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.out, "Created new logical interface ipmp0:1\n");
    EXPECT_EQ(daemon_->requests(),
              (Requests{R"(CreateIpmp {"family":"inet","index":0,"interface":"ipmp0"})",
                        R"(SetGroup {"family":"inet","group":"my group","interface":"ipmp0"})",
                        R"(SetAddress {"address":"192.0.2.1","interface":"ipmp0","number":0,"prefix_length":24})",
                        R"(SetFlags {"family":"inet","interface":"ipmp0","number":0,"up":true})",
                        R"(AddLogical {"address":"192.0.2.2","interface":"ipmp0"})",
                        R"(SetFlags {"family":"inet","interface":"ipmp0","no_failover":true,"number":1})",
                        R"(SetFlags {"family":"inet","interface":"ipmp0","number":1,"up":true})",
                        R"(RemoveLogical {"address":"192.0.2.3","interface":"ipmp0"})"}));
}

TEST_F(IfconfigTest, OtherWords_R_CMD_1) {
    serve();
    EXPECT_EQ(run({"ifconfig", "eth0:2", "inet6", "set", "2001:db8::1/64", "deprecated", "-deprecated", "failover",
                   "down", "standby", "-standby"})
                  .err,
              "");
    EXPECT_EQ(run({"ifconfig", "eth0", "plumb", "group", "", "unplumb"}).err, "");
    EXPECT_EQ(
        daemon_->requests(),
        (Requests{R"(SetAddress {"address":"2001:db8::1","interface":"eth0","number":2,"prefix_length":64})",
                  R"(SetFlags {"deprecated":true,"family":"inet6","interface":"eth0","number":2})",
                  R"(SetFlags {"deprecated":false,"family":"inet6","interface":"eth0","number":2})",
                  R"(SetFlags {"family":"inet6","interface":"eth0","no_failover":false,"number":2})",
                  R"(SetFlags {"family":"inet6","interface":"eth0","number":2,"up":false})",
                  R"(SetStandby {"interface":"eth0","standby":true})",
                  R"(SetStandby {"interface":"eth0","standby":false})",
                  R"(Plumb {"family":"inet","interface":"eth0","number":0})",
                  R"(SetGroup {"family":"inet","group":"","interface":"eth0"})",
                  R"(Unplumb {"family":"inet","interface":"eth0","number":0})"}));
}

TEST_F(IfconfigTest, NetmaskHoldsForTheWholeCommand_R_CMD_1) {
    serve();
    EXPECT_EQ(run({"ifconfig", "eth0", "10.1.2.3", "netmask", "0xffff0000", "broadcast", "10.1.0.9"}).err, "");
    EXPECT_EQ(run({"ifconfig", "eth0", "netmask", "255.255.0.0", "10.1.2.3"}).err, "");
    EXPECT_EQ(run({"ifconfig", "eth0", "10.1.2.3/8", "netmask", "255.255.0.0"}).err, "");
    EXPECT_EQ(run({"ifconfig", "eth0", "netmask", "255.255.0.0"}).err, "");
    EXPECT_EQ(daemon_->requests(),
              (Requests{R"(SetAddress {"address":"10.1.2.3","interface":"eth0","number":0,"prefix_length":16})",
                        R"(SetNetmask {"family":"inet","interface":"eth0","number":0,"prefix_length":16})",
                        R"(SetAddress {"address":"10.1.2.3","broadcast":"10.1.0.9","interface":"eth0","number":0,)"
                        R"("prefix_length":16})",
                        R"(SetAddress {"address":"10.1.2.3","interface":"eth0","number":0,"prefix_length":16})",
                        R"(SetAddress {"address":"10.1.2.3","interface":"eth0","number":0,"prefix_length":8})",
                        R"(SetNetmask {"family":"inet","interface":"eth0","number":0,"prefix_length":16})"}));
}

TEST_F(IfconfigTest, GrammarErrorsSendNothing_R_CMD_1) {
    serve();
    expect_failure({"ifconfig", "-x", "up"}, "ifconfig: -x: no such interface");
    expect_failure({"ifconfig", "sixteen_bytes_xx", "up"}, "ifconfig: sixteen_bytes_xx: interface name too long");
    expect_failure({"ifconfig", "a/b", "up"}, "ifconfig: a/b: no such interface");
    expect_failure({"ifconfig", "eth0:x", "up"}, "ifconfig: eth0:x: no such interface");
    expect_failure({"ifconfig", "eth0", "group"}, "ifconfig: no argument for group");
    expect_failure({"ifconfig", "eth0", "inet6", "192.0.2.1"}, "ifconfig: 192.0.2.1: bad address");
    expect_failure({"ifconfig", "eth0", "192.0.2.1/33"}, "ifconfig: Bad prefix length in 192.0.2.1/33");
    expect_failure({"ifconfig", "eth0", "netmask", "255.0.255.0"}, "ifconfig: 255.0.255.0: bad address");
    expect_failure({"ifconfig", "eth0", "inet6", "netmask", "ffff"},
                   "ifconfig: Operation netmask not supported for inet6");
    expect_failure({"ifconfig", "eth0:1", "addif", "192.0.2.1"}, "ifconfig: addif: bad physical interface name eth0:1");
    expect_failure({"ifconfig", "eth0:1", "removeif", "192.0.2.1"},
                   "ifconfig: removeif: bad physical interface name eth0:1");
    expect_failure({"ifconfig", "eth0:1", "group", "a"}, "ifconfig: eth0:1: SIOCSLIFGROUPNAME: Invalid argument");
    expect_failure({"ifconfig", "eth0", "group", std::string(32, 'g')},
                   "ifconfig: eth0: SIOCSLIFGROUPNAME: group name too long");
    EXPECT_EQ(daemon_->requests(), Requests{});
}

TEST_F(IfconfigTest, StopsAtTheFirstFailure_R_CMD_1) {
    serve();
    refuse(CommandError::no_such_interface, "eth0: no such interface");
    expect_failure({"ifconfig", "eth0", "up", "down"}, "ifconfig: setifflags: SIOCSLIFFLAGS: eth0: no such interface");
    EXPECT_EQ(daemon_->requests().size(), 1u);
}

TEST_F(IfconfigTest, PlumbingTwiceIsToldButNoFailure_R_CMD_1) {
    serve();
    respond_ = [](const Command& command) {
        bool plumb = std::holds_alternative<Plumb>(command);
        return CommandReply{plumb ? CommandError::already_exists : CommandError::none, "", ""};
    };
    Ran ran = run({"ifconfig", "eth0", "plumb", "up"});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.err, "ifconfig: cannot plumb eth0: Interface already exists\n");
    EXPECT_EQ(daemon_->requests().size(), 2u);
}

TEST_F(IfconfigTest, AddressesAreCountedBeforeAnythingIsDone_R_CMD_1) {
    serve();
    expect_failure({"ifconfig", "eth0", "192.0.2.1", "up", "192.0.2.2", "192.0.2.3"},
                   "ifconfig: cannot configure more than two addresses in one command");
    EXPECT_EQ(daemon_->requests(), Requests{});
    respond_ = [](const Command&) { return CommandReply{CommandError::none, "", "eth0:1"}; };
    EXPECT_EQ(run({"ifconfig", "eth0", "192.0.2.1", "addif", "192.0.2.2", "removeif", "192.0.2.3"}).err, "");
    expect_failure({"ifconfig", "eth0", "192.0.2.1", "192.0.2.2"},
                   "ifconfig: SIOCSLIFDSTADDR: eth0: Invalid argument (192.0.2.2: not a point-to-point interface)");
}

TEST_F(IfconfigTest, BroadcastStandsAnywhere_R_CMD_1) {
    Status status;
    status.plumbed = {{.name = "eth0", .index = 2}};
    status.plumbed[0].inet.emplace().logicals = {
        {.number = 1, .address = *parse_ip("10.1.2.3"), .prefix_length = 16}};
    serve(status);
    EXPECT_EQ(run({"ifconfig", "eth0", "broadcast", "10.1.0.9", "10.1.2.3/16"}).err, "");
    EXPECT_EQ(run({"ifconfig", "eth0:1", "broadcast", "10.1.0.9"}).err, "");
    EXPECT_EQ(run({"ifconfig", "eth0:1", "broadcast", "+"}).err, "");
    EXPECT_EQ(daemon_->requests(),
              (Requests{R"(SetAddress {"address":"10.1.2.3","broadcast":"10.1.0.9","interface":"eth0","number":0,)"
                        R"("prefix_length":16})",
                        R"(SetAddress {"address":"10.1.2.3","broadcast":"10.1.0.9","interface":"eth0","number":1,)"
                        R"("prefix_length":16})",
                        R"(SetAddress {"address":"10.1.2.3","interface":"eth0","number":1,"prefix_length":16})"}));
    expect_failure({"ifconfig", "eth0", "broadcast", "10.1.0.9"}, "ifconfig: SIOCSLIFBRDADDR: eth0: has no address");
    EXPECT_EQ(run({"ifconfig", "eth0", "netmask", "+", "broadcast", "+"}).err, "") << "there is nothing to complete";
}

TEST_F(IfconfigTest, LogicalInterfacesArePlumbedByNumber_R_CMD_1) {
    serve();
    EXPECT_EQ(run({"ifconfig", "ipmp0:2", "ipmp"}).err, "");
    EXPECT_EQ(run({"ifconfig", "eth0:3", "plumb", "unplumb"}).err, "");
    EXPECT_EQ(daemon_->requests(), (Requests{R"(Plumb {"family":"inet","interface":"ipmp0","number":2})",
                                             R"(Plumb {"family":"inet","interface":"eth0","number":3})",
                                             R"(Unplumb {"family":"inet","interface":"eth0","number":3})"}));
    expect_failure({"ifconfig", "eth0:8193", "plumb"},
                   "ifconfig: eth0:8193: logical interface id is outside allowed range");
}

TEST_F(IfconfigTest, ShowsWhatTheDaemonTells_R_STA_1) {
    Status status;
    status.plumbed = {{.name = "ipmp0", .index = 5, .group_name = "ops"}};
    status.plumbed[0].inet = PlumbedFamily{68, {{.flags = 0x8011000802, .address = *parse_ip("0.0.0.0")}}};
    status.plumbed[0].inet6 = PlumbedFamily{1280, {{.flags = 0x8012000800, .address = *parse_ip("::")}}};
    serve(status);
    std::string ipv4 =
        "ipmp0: flags=8011000802<BROADCAST,MULTICAST,IPv4,FAILED,IPMP> mtu 68 index 5\n"
        "\tinet 0.0.0.0 netmask 0 \n"
        "\tgroupname ops\n";
    std::string ipv6 =
        "ipmp0: flags=8012000800<MULTICAST,IPv6,FAILED,IPMP> mtu 1280 index 5\n"
        "\tinet6 ::/0 \n"
        "\tgroupname ops\n";
    EXPECT_EQ(run({"ifconfig"}).out, ipv4 + ipv6);
    EXPECT_EQ(run({"ifconfig", "-a"}).out, ipv4 + ipv6);
    EXPECT_EQ(run({"ifconfig", "-ad6"}).out, ipv6);
    EXPECT_EQ(run({"ifconfig", "-a4"}).out, ipv4);
    EXPECT_EQ(run({"ifconfig", "-a", "inet6"}).out, ipv6);
    EXPECT_EQ(run({"ifconfig", "-au"}).out, "");
    EXPECT_EQ(run({"ifconfig", "ipmp0"}).out, ipv4);
    EXPECT_EQ(run({"ifconfig", "ipmp0", "inet6"}).out, ipv6);
    EXPECT_EQ(run({"ipmp", "ifconfig", "-a6"}).out, ipv6);
    expect_failure({"ifconfig", "ipmp0:1"}, "ifconfig: status: SIOCGLIFFLAGS: ipmp0:1: no such interface");
    expect_failure({"ifconfig", "ipmp1"}, "ifconfig: status: SIOCGLIFFLAGS: ipmp1: no such interface");
    expect_failure({"ifconfig", "-aq"}, "ifconfig: -aq: unknown option");
    expect_failure({"ifconfig", "-u"}, "ifconfig: -u: no such interface");
}

}  // namespace
}  // namespace ipmp
