// Every text of the reference by which the tools of the original say that something went wrong (its sections 2, 3, 5
// and 7), provoked and compared: what in.mpathd answers, or nothing if the words alone are wrong, and what the user
// reads. Those that cannot come on Linux are listed in docs/CONTROL.md; what the daemon words is tested in src/core.
#include <cerrno>

#include "tools/route_run.hpp"
#include "tools_fixture.hpp"

namespace ipmp {
namespace {

struct Case {
    std::vector<std::string> words;
    CommandError answer;  // none: it is not asked
    std::string because;  // the daemon's own words
    std::string text;
};

using E = CommandError;

// if_mpadm, section 2.
const Case kOffline[] = {
    {{"if_mpadm"}, E::none, "", "Usage: if_mpadm [-d | -r] <interface>"},
    {{"if_mpadm", "lo"}, E::none, "", "Usage: if_mpadm [-d | -r] <interface>"},
    {{"if_mpadm", "-d"}, E::none, "", "Usage: if_mpadm [-d | -r] <interface>"},
    {{"if_mpadm", "-x", "lo"}, E::none, "", "Usage: if_mpadm [-d | -r] <interface>"},
    {{"if_mpadm", "-d", "nosuch0"},
     E::none,
     "",
     "if_mpadm: fatal: cannot get interface flags on nosuch0: No such device or address"},
    {{"if_mpadm", "-d", "lo"},
     E::no_such_interface,
     "lo: no such interface",
     "if_mpadm: fatal: cannot get interface flags on lo: No such device or address"},
    {{"if_mpadm", "-d", "lo"}, E::already_offline, "", "if_mpadm: fatal: interface lo is already offline"},
    {{"if_mpadm", "-r", "lo"}, E::not_offline, "", "if_mpadm: fatal: interface lo is not offline"},
    {{"if_mpadm", "-r", "lo"}, E::not_in_group, "", "if_mpadm: fatal: interface lo is not offline"},
    {{"if_mpadm", "-d", "lo"},
     E::not_in_group,
     "",
     "if_mpadm: fatal: cannot offline lo: not a physical interface or not in an IPMP group"},
    {{"if_mpadm", "-d", "lo"},
     E::minimum_redundancy,
     "",
     "if_mpadm: fatal: cannot offline lo: no other functioning interfaces are in its IPMP group"},
    {{"if_mpadm", "-d", "lo"}, E::kernel_refused, "", "if_mpadm: fatal: cannot offline lo: operation failed"},
    {{"if_mpadm", "-d", "lo"}, E::kernel_refused, "why", "if_mpadm: fatal: cannot offline lo: why"},
    {{"if_mpadm", "-r", "lo"},
     E::duplicate_hardware_address,
     "",
     "if_mpadm: fatal: cannot undo-offline lo: interface has duplicate hardware address"},
};

// ifconfig, section 3: words that are wrong by themselves.
const Case kWords[] = {
    {{"ifconfig", "-x"}, E::none, "", "ifconfig: -x: no such interface"},
    {{"ifconfig", std::string(32, 'e'), "up"},
     E::none,
     "",
     "ifconfig: " + std::string(32, 'e') + ": interface name too long"},
    {{"ifconfig", "eth0:8193", "up"},
     E::none,
     "",
     "ifconfig: eth0:8193: logical interface id is outside allowed range"},
    {{"ifconfig", "eth0", "1.1.1.1", "1.1.1.2", "1.1.1.3"},
     E::none,
     "",
     "ifconfig: cannot configure more than two addresses in one command"},
    {{"ifconfig", "eth0", "mtu"}, E::none, "", "ifconfig: no argument for mtu"},
    {{"ifconfig", "eth0", "zone", "z"}, E::none, "", "ifconfig: Operation zone not supported for inet"},
    {{"ifconfig", "eth0", "inet6", "netmask", "+"}, E::none, "", "ifconfig: Operation netmask not supported for inet6"},
    {{"ifconfig", "eth0", "::1"}, E::none, "", "ifconfig: ::1: bad address"},
    {{"ifconfig", "eth0", "1.1.1.1/33"}, E::none, "", "ifconfig: Bad prefix length in 1.1.1.1/33"},
    {{"ifconfig", "eth0:1", "group", "a"}, E::none, "", "ifconfig: eth0:1: SIOCSLIFGROUPNAME: Invalid argument"},
    {{"ifconfig", "eth0:1", "addif", "1.1.1.1"}, E::none, "", "ifconfig: addif: bad physical interface name eth0:1"},
    {{"ifconfig", "eth0:1", "removeif", "1.1.1.1"},
     E::none,
     "",
     "ifconfig: removeif: bad physical interface name eth0:1"},
    {{"ifconfig", "eth0:1", "ether", "2:0:0:0:0:1"},
     E::none,
     "",
     "ifconfig: cannot change ethernet address of a logical interface"},
    {{"ifconfig", "ipmp0", "ether", "2:0:0:0:0:1"},
     E::none,
     "",
     "ifconfig: cannot dlpi_open() link \"ipmp0\": Datalink does not exist"},
    {{"ifconfig", "ipmp0", "modinsert", "m@1"},
     E::none,
     "",
     "ifconfig: ipmp0: module operations not supported on IPMP interfaces"},
    {{"ifconfig", "eth0"}, E::none, "", "ifconfig: status: SIOCGLIFFLAGS: eth0: no such interface"},
};

// The same: what in.mpathd refuses.
const Case kRefusals[] = {
    {{"ifconfig", "ipmp0", "ipmp"},
     E::already_exists,
     "Interface already exists",
     "ifconfig: cannot create IPMP interface ipmp0: Interface already exists"},
    {{"ifconfig", "ipmp0", "ipmp"},
     E::invalid_argument,
     "why",
     "ifconfig: cannot create IPMP interface ipmp0: Invalid argument provided"},
    {{"ifconfig", "eth0", "plumb"},
     E::no_such_interface,
     "eth0: no such interface",
     "ifconfig: cannot plumb eth0: Interface does not exist"},
    {{"ifconfig", "eth0", "plumb"}, E::in_use, "", "ifconfig: cannot plumb eth0: Interface already in use"},
    {{"ifconfig", "eth0", "unplumb"},
     E::no_such_interface,
     "eth0: no such interface",
     "ifconfig: cannot unplumb eth0: Interface does not exist"},
    {{"ifconfig", "ipmp0", "unplumb"},
     E::group_not_empty,
     "IPMP group is not empty",
     "ifconfig: cannot unplumb ipmp0: IPMP group is not empty"},
    {{"ifconfig", "eth0", "group", "a"},
     E::no_such_interface,
     "eth0: no such interface",
     "ifconfig: eth0: SIOCSLIFGROUPNAME: no such interface"},
    {{"ifconfig", "ipmp0", "group", "a"},
     E::already_exists,
     "already exists",
     "ifconfig: ipmp0: SIOCSLIFGROUPNAME: already exists"},
    {{"ifconfig", "ipmp0", "group", ""},
     E::invalid_argument,
     "Invalid argument",
     "ifconfig: ipmp0: SIOCSLIFGROUPNAME: Invalid argument"},
    {{"ifconfig", "eth0", "group", "a"},
     E::not_supported,
     "eth0: needs ARP and multicast",
     "ifconfig: eth0: SIOCSLIFGROUPNAME: Operation not supported (eth0: needs ARP and multicast)"},
    {{"ifconfig", "eth0", "group", "a"},
     E::address_managed,
     "eth0 has data addresses managed by a DHCP client",
     "ifconfig: cannot join IPMP group a: eth0 has data addresses managed by a DHCP client"},
    {{"ifconfig", "eth0", "1.1.1.1"},
     E::in_use,
     "1.1.1.1 is in use on this host already",
     "ifconfig: SIOCSLIFADDR: eth0: Device or resource busy (1.1.1.1 is in use on this host already)"},
    {{"ifconfig", "eth0:2", "netmask", "255.0.0.0"},
     E::no_such_interface,
     "eth0:2: no such interface",
     "ifconfig: SIOCSLIFNETMASK: eth0:2: no such interface"},
    {{"ifconfig", "eth0", "addif", "1.1.1.1"},
     E::address_managed,
     "why",
     "ifconfig: addif: eth0: Cannot assign requested address (why)"},
    {{"ifconfig", "eth0", "removeif", "1.1.1.1"},
     E::invalid_argument,
     "cannot remove interface: eth0",
     "ifconfig: removeif: cannot remove interface: eth0"},
    {{"ifconfig", "eth0", "removeif", "1.1.1.1"},
     E::no_such_interface,
     "eth0: no such interface",
     "ifconfig: removeif: eth0: no such interface"},
    {{"ifconfig", "eth0", "-deprecated"},
     E::invalid_argument,
     "Invalid argument",
     "ifconfig: setifflags: SIOCSLIFFLAGS: eth0: Invalid argument"},
    {{"ifconfig", "ipmp0", "standby"},
     E::invalid_argument,
     "Invalid argument",
     "ifconfig: setifflags: SIOCSLIFFLAGS: ipmp0: Invalid argument"},
    {{"ifconfig", "ipmp0", "-arp"},
     E::invalid_argument,
     "Invalid argument",
     "ifconfig: setifflags: SIOCSLIFFLAGS: ipmp0: Invalid argument"},
    {{"ifconfig", "eth0", "usesrc", "lo"},
     E::invalid_argument,
     "it is in a group, or standby",
     "ifconfig: SIOCSLIFUSESRC: eth0: Invalid argument (it is in a group, or standby)"},
    {{"ifconfig", "eth0", "mtu", "9"},
     E::kernel_refused,
     "cannot set the MTU of eth0: Invalid argument",
     "ifconfig: SIOCSLIFMTU: eth0: cannot set the MTU of eth0: Invalid argument"},
    {{"ifconfig", "eth0", "metric", "1"},
     E::no_such_interface,
     "eth0: no such interface",
     "ifconfig: SIOCSLIFMETRIC: eth0: no such interface"},
    {{"ifconfig", "eth0", "inet6", "token", "::1"},
     E::no_such_interface,
     "eth0: no such interface",
     "ifconfig: SIOCSLIFTOKEN: eth0: no such interface"},
};

// Detaching and attaching, section 5; arp and route, section 7, where no kernel is needed.
const Case kOthers[] = {
    {{"ipmp", "detach", "eth0"},
     E::minimum_redundancy,
     "Device consumers prohibit offline(eth0): why",
     "ipmp: IP: Device consumers prohibit offline(eth0): why"},
    {{"ipmp", "detach", "eth0"},
     E::kernel_refused,
     "Failed to unplumb the device(eth0): why",
     "ipmp: IP: Failed to unplumb the device(eth0): why"},
    {{"ipmp", "attach", "nosuch0"}, E::none, "", "ipmp: IP: No such device(nosuch0)"},
    {{"arp", "no/such.host"}, E::none, "", "arp: no/such.host: unknown host"},
    {{"arp", "-s", "192.0.2.77", "2:0:0:0:0:1", "soon"}, E::none, "", "arp: unknown keyword 'soon'"},
    {{"route", "add", "10.0.0.0/8", "1.1.1.1", "-ifp", "nosuch0"}, E::none, "", "route: nosuch0: no such interface"},
};

class ErrorTexts : public ToolsTest {
  protected:
    void SetUp() override {
        ToolsTest::SetUp();
        Status status;
        status.plumbed = {{.name = "ipmp0", .index = 5, .group_name = "ops"}};
        status.plumbed[0].inet.emplace().logicals = {{.flags = 0x8001000843, .address = *parse_ip("192.0.2.1")}};
        serve(status);
    }
    // How often the daemon was asked; that attach waits in the end, whatever came before, does not count.
    std::size_t asked() {
        Requests requests = daemon_->requests();
        std::erase_if(requests, [](const std::string& text) { return text.starts_with("AwaitAddresses"); });
        return requests.size();
    }
    template <std::size_t N>
    void expect_texts(const Case (&cases)[N]) {
        for (const Case& each : cases) {
            refuse(each.answer, each.because);
            std::size_t before = asked();
            expect_failure(each.words, each.text);
            EXPECT_EQ(asked() > before, each.answer != E::none) << each.text;
        }
    }
};

TEST_F(ErrorTexts, R_CMD_2_OfIfMpadm) { expect_texts(kOffline); }
TEST_F(ErrorTexts, R_CMD_1_OfIfconfigsGrammar) { expect_texts(kWords); }
TEST_F(ErrorTexts, R_CMD_1_OfIfconfigsRefusals) { expect_texts(kRefusals); }
TEST_F(ErrorTexts, R_DYN_4_R_CMD_3_R_CMD_4_OfTheOthers) { expect_texts(kOthers); }

TEST_F(StartingTest, R_CMD_2_IfMpadmWithoutADaemon) {
    install("exit 3");
    for (auto [option, attempt] : {std::pair{"-d", "offline"}, std::pair{"-r", "undo-offline"}}) {
        EXPECT_EQ(run({"if_mpadm", option, "lo"}, tools_).err,
                  std::string("if_mpadm: fatal: cannot ") + attempt + " lo: cannot contact in.mpathd\n");
    }
}

TEST_F(ErrorTexts, R_CMD_1_R_CMD_4_WhoMayNotIsTold) {
    if (getuid() != 0) GTEST_SKIP() << "needs root to be somebody else";
    fs::permissions(top_, fs::perms(0755));
    user_ = 65534;
    expect_failure({"ifconfig", "eth0", "up"}, "ifconfig: setifflags: SIOCSLIFFLAGS: eth0: permission denied");
    expect_failure({"ifconfig", "eth0", "plumb"}, "ifconfig: cannot plumb eth0: Permission denied");
    expect_failure({"ifconfig", "eth0", "unplumb"}, "ifconfig: cannot unplumb eth0: Permission denied");
    expect_failure({"ifconfig", "ipmp1", "ipmp"}, "ifconfig: cannot create IPMP interface ipmp1: Permission denied");
    expect_failure({"route", "add", "10.0.0.0/8", "127.0.0.1", "-blackhole"},
                   "add net 10.0.0.0/8: gateway 127.0.0.1: insufficient privileges");
}

TEST(RouteEndings, R_CMD_4_AreThoseOfTheOriginal) {
    EXPECT_EQ(route_ending(ESRCH), "not in table");
    EXPECT_EQ(route_ending(ENOENT), "not in table");
    EXPECT_EQ(route_ending(EBUSY), "entry in use");
    EXPECT_EQ(route_ending(EEXIST), "entry exists");
    EXPECT_EQ(route_ending(ENOBUFS), "routing table overflow");
    EXPECT_EQ(route_ending(EPERM), "insufficient privileges");
    EXPECT_EQ(route_ending(EINVAL), "Invalid argument");
}

}  // namespace
}  // namespace ipmp
