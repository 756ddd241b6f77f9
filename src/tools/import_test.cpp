// What is made of bonding and teaming set-ups as people have them (R-CMD-5).
#include "tools/import.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tools/hostname_file.hpp"

namespace ipmp {
namespace {

constexpr const char* kInterfaces = R"(# The loopback network interface
auto lo
iface lo inet loopback
source /etc/network/interfaces.d/*

auto bond0
iface bond0 inet static
    address 192.0.2.1/24
    gateway 192.0.2.254
    dns-nameservers 192.0.2.53
    bond-slaves eno1 eno2 \
        eno3
    bond-mode active-backup
    bond-miimon 100
    bond_downdelay 200
    bond-primary eno2
    mtu 9000
iface bond0 inet6 static
    address 2001:db8::1
    netmask 64

auto bond0.100
iface bond0.100 inet manual
    vlan-raw-device bond0
)";

constexpr const char* kPorts = R"(allow-hotplug eth0 eth1
iface eth0 inet manual
    bond-master bond7
iface eth1 inet manual
    bond-master bond7
iface bond7 inet dhcp
    bond-mode 4
    bond-xmit-hash-policy layer3+4
    bond-lacp-rate fast
)";

constexpr const char* kNetdev = R"([NetDev]
Name=bond1
Kind=bond
MACAddress=02:00:00:00:00:01

[Bond]
Mode=802.3ad
TransmitHashPolicy=layer2+3
LACPTransmitRate=fast
MIIMonitorSec=100ms
Shiny=yes
)";

constexpr const char* kBondNetwork = R"([Match]
Name=bond1

[Network]
Address=198.51.100.7/25
Address=198.51.100.8/25
Gateway=198.51.100.1
DNS=198.51.100.53
VLAN=bond1.5

[Route]
Destination=10.0.0.0/8
Gateway=198.51.100.2
)";

constexpr const char* kPortNetwork = "[Match]\nName=enp1s0 enp2s0\n\n[Network]\nBond=bond1\n";

constexpr const char* kNmBond = R"([connection]
id=Uplink
uuid=6f7ddd60-52a8-4a2b-96b0-66b3a5e4c1aa
type=bond
interface-name=nm-bond

[bond]
mode=balance-xor
arp_interval=200
arp_ip_target=192.0.2.254
arp_validate=none

[ipv4]
method=manual
address1=192.0.2.10/24,192.0.2.254
address2=192.0.2.11/24
dns=192.0.2.53;
route1=10.0.0.0/8,192.0.2.2

[ipv6]
method=disabled
)";

std::string nm_port(const std::string& nic, const std::string& master) {
    return "[connection]\nid=" + nic + "\ntype=ethernet\ninterface-name=" + nic + "\nmaster=" + master +
           "\nslave-type=bond\n";
}

constexpr const char* kTeamd = R"({
  "device": "team0",
  "hwaddr": "02:00:00:00:00:02",
  "runner": {"name": "activebackup"},
  "link_watch": {"name": "ethtool", "delay_up": 2500},
  "ports": {"em1": {"prio": -10}, "em2": {"prio": 100, "sticky": true}}
})";

Imported imported(const std::vector<ImportText>& texts, std::optional<ImportStyle> style = {}) {
    auto made = import_aggregates(texts, style);
    EXPECT_TRUE(made) << (made ? "" : made.error().text);
    return made ? *made : Imported{};
}

std::string content(const Imported& made, const std::string& name) {
    for (const ImportText& file : made.files) {
        if (file.name == name) return file.content;
    }
    ADD_FAILURE() << "no " << name;
    return "";
}

bool remarks(const Imported& made, const std::string& part) {
    return std::any_of(made.remarks.begin(), made.remarks.end(),
                       [&](const std::string& remark) { return remark.find(part) != std::string::npos; });
}

std::string mistake(const std::string& name, const std::string& text) {
    auto made = import_aggregates({{name, text}}, {});
    return made ? "" : made.error().text;
}

TEST(Import, IfupdownBecomesStanzasForIfupdown_R_CMD_5) {
    Imported made = imported({{"interfaces", kInterfaces}});
    ASSERT_EQ(made.files.size(), 1u);
    EXPECT_EQ(made.files[0].name, "/etc/network/interfaces");
    EXPECT_EQ(made.files[0].content,
              "auto eno1 eno2 eno3 ipmp0\n"
              "iface eno1 inet manual\n    ipmp-group ipmp0\n    ipmp-standby yes\n"
              "    pre-up ip link set eno1 mtu 9000\n"
              "iface eno1 inet6 manual\n    ipmp-group ipmp0\n    ipmp-standby yes\n"
              "iface eno2 inet manual\n    ipmp-group ipmp0\n    pre-up ip link set eno2 mtu 9000\n"
              "iface eno2 inet6 manual\n    ipmp-group ipmp0\n"
              "iface eno3 inet manual\n    ipmp-group ipmp0\n    ipmp-standby yes\n"
              "    pre-up ip link set eno3 mtu 9000\n"
              "iface eno3 inet6 manual\n    ipmp-group ipmp0\n    ipmp-standby yes\n"
              "iface ipmp0 inet static\n    ipmp-group ipmp0\n    address 192.0.2.1/24\n    gateway 192.0.2.254\n"
              "iface ipmp0 inet6 static\n    ipmp-group ipmp0\n    address 2001:db8::1/64\n");
    EXPECT_TRUE(remarks(made, "bond0: one NIC at a time"));
    EXPECT_TRUE(remarks(made, "bond0: downdelay: no equivalent"));
    EXPECT_TRUE(remarks(made, "bond0: \"dns-nameservers 192.0.2.53\" is to be taken over by hand"));
    EXPECT_TRUE(remarks(made, "bond0.100: VLANs go below"));
    EXPECT_TRUE(remarks(made, "source is not followed"));
    EXPECT_FALSE(remarks(made, "miimon"));
    EXPECT_FALSE(remarks(made, "FAILBACK")) << "with a primary traffic returns by default";
}

TEST(Import, TheSameBecomesHostnameFilesOnDemand_R_CMD_5) {
    Imported made = imported({{"interfaces", kInterfaces}}, ImportStyle::hostname);
    EXPECT_EQ(content(made, "/etc/hostname.ipmp0"), "ipmp\n192.0.2.1/24 up\n");
    EXPECT_EQ(content(made, "/etc/hostname6.ipmp0"), "ipmp\n2001:db8::1/64 up\n");
    EXPECT_EQ(content(made, "/etc/hostname.eno1"), "group ipmp0 standby mtu 9000\n");
    EXPECT_EQ(content(made, "/etc/hostname.eno2"), "group ipmp0 mtu 9000\n");
    EXPECT_EQ(content(made, "/etc/hostname6.eno1"), "group ipmp0\n");
    EXPECT_EQ(content(made, "/etc/defaultrouter"), "192.0.2.254\n");
    for (const ImportText& file : made.files) EXPECT_TRUE(parse_hostname_file(file.content).problems.empty());
}

TEST(Import, PortsMayNameTheirBond_R_CMD_5) {
    Imported made = imported({{"interfaces", kPorts}});
    EXPECT_EQ(made.files[0].content,
              "auto eth0 eth1 ipmp7\n"
              "iface eth0 inet manual\n    ipmp-group ipmp7\n"
              "iface eth1 inet manual\n    ipmp-group ipmp7\n"
              "iface ipmp7 inet manual\n    ipmp-group ipmp7\n    up ipmp ifconfig ipmp7 dhcp start\n"
              "    up ipmp policy ipmp7 tuple\n");
    EXPECT_TRUE(remarks(made, "bond7: LACP has no equivalent"));
    EXPECT_TRUE(remarks(made, "bond7: lacp_rate: no equivalent"));
}

TEST(Import, NetworkdIsReadOverSeveralFiles_R_CMD_5) {
    Imported made =
        imported({{"10-ports.network", kPortNetwork}, {"bond1.netdev", kNetdev}, {"b.network", kBondNetwork}});
    EXPECT_EQ(content(made, "/etc/hostname.ipmp1"),
              "ipmp policy destination\n198.51.100.7/25 up\naddif 198.51.100.8/25 up\n");
    EXPECT_EQ(content(made, "/etc/hostname.enp1s0"), "group ipmp1\n");
    EXPECT_EQ(content(made, "/etc/hostname.enp2s0"), "group ipmp1\n");
    EXPECT_EQ(content(made, "/etc/defaultrouter"), "198.51.100.1\n");
    for (const char* part : {"spread by layer2+3", "its MAC has no equivalent", "Shiny=: not known", "bond1.5: VLANs",
                             "the route to 10.0.0.0/8", "DNS=198.51.100.53 belongs"}) {
        EXPECT_TRUE(remarks(made, part)) << part;
    }
}

TEST(Import, NetworkManagerNamesPortsByUuidIdOrName_R_CMD_5) {
    Imported made = imported({{"a.nmconnection", nm_port("eth0", "6f7ddd60-52a8-4a2b-96b0-66b3a5e4c1aa")},
                              {"b.nmconnection", nm_port("eth1", "Uplink")},
                              {"c.nmconnection", kNmBond},
                              {"d.nmconnection", nm_port("eth2", "nm-bond")}});
    EXPECT_EQ(content(made, "/etc/hostname.ipmp0"),
              "ipmp policy destination\n192.0.2.10/24 up\naddif 192.0.2.11/24 up\n");
    for (const char* nic : {"eth0", "eth1", "eth2"}) {
        EXPECT_EQ(content(made, std::string("/etc/hostname.") + nic), "group ipmp0\n");
    }
    for (const char* part : {"arp_ip_target: probes choose", "arp_interval: see FAILURE_DETECTION_TIME", "the route",
                             "dns=192.0.2.53; belongs", "must not be aggregated"}) {
        EXPECT_TRUE(remarks(made, part)) << part;
    }
    EXPECT_FALSE(remarks(made, "arp_validate"));
}

TEST(Import, ATeamOfTeamdOrOfNetworkManager_R_CMD_5) {
    Imported made = imported({{"team0.conf", kTeamd}});
    EXPECT_EQ(content(made, "/etc/hostname.ipmp0"), "ipmp\n\n");
    EXPECT_EQ(content(made, "/etc/hostname.em1"), "group ipmp0 standby\n");
    EXPECT_EQ(content(made, "/etc/hostname.em2"), "group ipmp0\n");
    for (const char* part : {"team0: teamd.conf has no addresses", "FAILBACK=no", "updelay", "its MAC"}) {
        EXPECT_TRUE(remarks(made, part)) << part;
    }
    made = imported({{"t.nmconnection",
                      "[connection]\ntype=team\ninterface-name=team3\n[team]\n"
                      "config={\\n\"runner\": {\"name\": \"loadbalance\", \"tx_hash\": [\"eth\", \"ipv4\", \"tcp\"]}}\n"
                      "[ipv4]\nmethod=auto\n"},
                     {"p.nmconnection", nm_port("eth0", "team3")}});
    EXPECT_EQ(content(made, "/etc/hostname.ipmp3"), "ipmp policy tuple\n\n");
    EXPECT_EQ(content(made, "/etc/dhcp.ipmp3"), "");
}

struct ModeCase {
    const char* mode;
    const char* hash;
    const char* first_line;
    const char* remark;
};

TEST(Import, EveryModeHasItsPolicyAndRemark_R_CMD_5) {
    const ModeCase kCases[] = {
        {"0", "", "ipmp", "frames of one flow are not dealt out"},
        {"active-backup", "", "ipmp", "FAILBACK=no"},
        {"balance-xor", "layer3+4", "ipmp policy tuple", "must not be aggregated"},
        {"balance-xor", "layer2", "ipmp policy destination", "spread by layer2"},
        {"broadcast", "", "ipmp", "nothing sends each frame by every NIC"},
        {"802.3ad", "", "ipmp policy destination", "LACP has no equivalent"},
        {"balance-tlb", "", "ipmp", "whatever the load"},
        {"6", "", "ipmp", "whatever the load"},
        {"imagined", "", "ipmp", "mode imagined: not known"},
    };
    for (const ModeCase& one : kCases) {
        std::string text = "iface bond0 inet static\n address 192.0.2.1/24\n bond-slaves eth0 eth1\n bond-mode " +
                           std::string(one.mode) + "\n";
        if (*one.hash) text += " bond-xmit-hash-policy " + std::string(one.hash) + "\n";
        Imported made = imported({{"interfaces", text}}, ImportStyle::hostname);
        EXPECT_EQ(content(made, "/etc/hostname.ipmp0"), one.first_line + std::string("\n192.0.2.1/24 up\n"))
            << one.mode;
        EXPECT_TRUE(remarks(made, one.remark)) << one.mode;
    }
}

TEST(Import, NamesThatCollideAreToldApart_R_CMD_5) {
    Imported made = imported({{"interfaces",
                               "iface bond0 inet manual\n bond-slaves eth0 eth1\n"
                               "iface uplink inet manual\n bond-slaves eth2 eth3\n"
                               "iface team0 inet manual\n bond-slaves eth4 eth5\n"}},
                             ImportStyle::hostname);
    for (const char* name : {"ipmp0", "ipmp1", "ipmp2"}) content(made, "/etc/hostname." + std::string(name));
    EXPECT_TRUE(remarks(made, "what names uplink (routes, packet filters, services) is to name ipmp2"));
}

TEST(Import, BadInputIsRefusedInOneLine_R_CMD_5) {
    const std::tuple<const char*, std::string, const char*> kCases[] = {
        {"x", "", "x: no bonding or teaming configuration that is known"},
        {"x", "hello\n", "x: no bonding or teaming configuration that is known"},
        {"x", "auto lo\niface lo inet loopback\n", "x: has neither bond nor team"},
        {"x", "iface bond0\n", "x: line 1: iface: needs a name, a family and a method"},
        {"x", "iface bond0 inet static\n bond-slaves eth0\n address 192.0.2.300\n",
         "x: line 3: 192.0.2.300: not an address"},
        {"x", "iface bond0 inet static\n bond-slaves eth0\n netmask 255.0.255.0\n",
         "x: line 3: 255.0.255.0: not a netmask"},
        {"x", "iface bond0 inet static\n bond-slaves eth0\n mtu big\n", "x: line 3: big: not an MTU"},
        {"x", "iface bond/0 inet static\n bond-slaves eth0\n", "bond/0: not the name of an interface"},
        {"x", "iface bond0 inet static\n bond-slaves ../eth0\n", "../eth0: not the name of an interface"},
        {"x.netdev", "Kind=bond\n", "x.netdev: line 1: Kind=bond: neither a section nor KEY=VALUE in one"},
        {"x.netdev", "[NetDev\n", "x.netdev: line 1: [NetDev: the section does not end"},
        {"x.netdev", "[NetDev]\nKind=bond\n", "x.netdev: Name= is missing"},
        {"x.nmconnection", "[connection]\ntype=bond\n", "x.nmconnection: interface-name= is missing"},
        {"x.nmconnection", "[connection]\ntype=bond\ninterface-name=b0\n[ipv4]\naddress1=1.2.3\n",
         "x.nmconnection: line 5: address1=1.2.3: not an address"},
        {"x", "{\"device\": ", "x: not JSON"},
        {"x", "{\"runner\": {}}", "x: \"device\" is missing"},
        {"x", "{\"device\": \"team0\", \"ports\": 3}", "x: ports: not an object"},
    };
    for (const auto& [name, text, expected] : kCases) EXPECT_EQ(mistake(name, text), expected) << text;
}

}  // namespace
}  // namespace ipmp
