// The samples of the reference ("Status display"), byte for byte.
#include "render/ifconfig_text.hpp"

#include <gtest/gtest.h>

namespace ipmp {
namespace {

LogicalStatus logical(std::uint64_t flags, const char* address, std::uint8_t prefix_length, std::uint32_t number = 0) {
    IpAddress ip = *parse_ip(address);
    LogicalStatus status{.number = number, .flags = flags, .address = ip, .prefix_length = prefix_length};
    if (!ip.is_zero()) status.broadcast = broadcast_of(ip, prefix_length);
    return status;
}

PlumbedInterface interface(const char* name, std::uint32_t index, std::uint32_t mtu_bytes,
                           std::vector<LogicalStatus> logicals) {
    bool ipv4 = logicals.front().address.family == Family::ipv4;
    PlumbedInterface result{.name = name, .index = index, .group_name = "ipmp0"};
    (ipv4 ? result.inet : result.inet6) = PlumbedFamily{mtu_bytes, std::move(logicals)};
    return result;
}

std::string shown(const PlumbedInterface& only, bool with_ether = false) {
    DisplayChoice choice;
    choice.families = {Family::ipv4, Family::ipv6};
    choice.with_ether = with_ether;
    return ifconfig_text(std::vector{only}, choice);
}

TEST(IfconfigText, R_CMD_1_AGroupWithTwoDataAddresses) {
    EXPECT_EQ(shown(interface("ipmp0", 5, 1500, {logical(0x8001000843, "192.168.10.10", 24),
                                                 logical(0x8001000843, "192.168.10.15", 24, 1)})),
              "ipmp0: flags=8001000843<UP,BROADCAST,RUNNING,MULTICAST,IPv4,IPMP> mtu 1500 index 5\n"
              "\tinet 192.168.10.10 netmask ffffff00 broadcast 192.168.10.255\n"
              "\tgroupname ipmp0\n"
              "ipmp0:1: flags=8001000843<UP,BROADCAST,RUNNING,MULTICAST,IPv4,IPMP> mtu 1500 index 5\n"
              "\tinet 192.168.10.15 netmask ffffff00 broadcast 192.168.10.255\n");
}

TEST(IfconfigText, R_CMD_1_AnEmptyGroup) {
    EXPECT_EQ(shown(interface("ipmp0", 5, 68, {logical(0x8011000802, "0.0.0.0", 0)})),
              "ipmp0: flags=8011000802<BROADCAST,MULTICAST,IPv4,FAILED,IPMP> mtu 68 index 5\n"
              "\tinet 0.0.0.0 netmask 0 \n"
              "\tgroupname ipmp0\n");
}

TEST(IfconfigText, R_CMD_1_AGroupWhoseMembersFailed) {
    EXPECT_EQ(shown(interface("ipmp0", 5, 1500, {logical(0x8011000803, "192.168.10.10", 24)})),
              "ipmp0: flags=8011000803<UP,BROADCAST,MULTICAST,IPv4,FAILED,IPMP> mtu 1500 index 5\n"
              "\tinet 192.168.10.10 netmask ffffff00 broadcast 192.168.10.255\n"
              "\tgroupname ipmp0\n");
}

TEST(IfconfigText, R_CMD_1_TheIpv6Side) {
    EXPECT_EQ(shown(interface("ipmp0", 5, 1500, {logical(0x8002000841, "2001:db8::10", 64)})),
              "ipmp0: flags=8002000841<UP,RUNNING,MULTICAST,IPv6,IPMP> mtu 1500 index 5\n"
              "\tinet6 2001:db8::10/64 \n"
              "\tgroupname ipmp0\n");
}

TEST(IfconfigText, R_CMD_1_AMemberWithDataOnly) {
    EXPECT_EQ(shown(interface("under0", 3, 1500, {logical(0x1000843, "0.0.0.0", 8)})),
              "under0: flags=1000843<UP,BROADCAST,RUNNING,MULTICAST,IPv4> mtu 1500 index 3\n"
              "\tinet 0.0.0.0 netmask ff000000 \n"
              "\tgroupname ipmp0\n");
}

TEST(IfconfigText, R_CMD_1_AMemberWithATestAddressAndItsEther) {
    PlumbedInterface under0 = interface("under0", 3, 1500, {logical(0x9040843, "192.168.10.20", 24)});
    under0.mac = MacAddress{{8, 0, 0x20, 0xb9, 0x19, 0xfa}};
    std::string without =
        "under0: flags=9040843<UP,BROADCAST,RUNNING,MULTICAST,DEPRECATED,IPv4,NOFAILOVER> mtu 1500 index 3\n"
        "\tinet 192.168.10.20 netmask ffffff00 broadcast 192.168.10.255\n"
        "\tgroupname ipmp0\n";
    EXPECT_EQ(shown(under0), without);
    EXPECT_EQ(shown(under0, true), without + "\tether 8:0:20:b9:19:fa\n");
}

TEST(IfconfigText, R_CMD_1_AnIdleStandby) {
    EXPECT_EQ(shown(interface("under2", 6, 1500, {logical(0x69040843, "192.168.10.22", 24)})),
              "under2: flags=69040843<UP,BROADCAST,RUNNING,MULTICAST,DEPRECATED,IPv4,NOFAILOVER,STANDBY,INACTIVE> "
              "mtu 1500 index 6\n"
              "\tinet 192.168.10.22 netmask ffffff00 broadcast 192.168.10.255\n"
              "\tgroupname ipmp0\n");
}

TEST(IfconfigText, R_CMD_1_FlagWords) {
    EXPECT_EQ(flags_text(0x29040843),
              "29040843<UP,BROADCAST,RUNNING,MULTICAST,DEPRECATED,IPv4,NOFAILOVER,STANDBY>");
    EXPECT_EQ(flags_text(0x19040803), "19040803<UP,BROADCAST,MULTICAST,DEPRECATED,IPv4,NOFAILOVER,FAILED>");
    EXPECT_EQ(flags_text(0x89040842), "89040842<BROADCAST,RUNNING,MULTICAST,DEPRECATED,IPv4,NOFAILOVER,OFFLINE>");
    EXPECT_EQ(flags_text(0xa040841), "a040841<UP,RUNNING,MULTICAST,DEPRECATED,IPv6,NOFAILOVER>");
    EXPECT_EQ(flags_text(0x8001004843), "8001004843<UP,BROADCAST,RUNNING,MULTICAST,DHCP,IPv4,IPMP>");
    EXPECT_EQ(flags_text(0x8002080841), "8002080841<UP,RUNNING,MULTICAST,ADDRCONF,IPv6,IPMP>");
    EXPECT_EQ(flags_text(0x41000843), "41000843<UP,BROADCAST,RUNNING,MULTICAST,IPv4,INACTIVE>");
    EXPECT_EQ(flags_text(0x2001000849), "2001000849<UP,LOOPBACK,RUNNING,MULTICAST,IPv4,VIRTUAL>");
    EXPECT_EQ(flags_text(0), "0<>");
}

TEST(IfconfigText, R_CMD_1_AllIpv4BlocksComeBeforeIpv6AndFiltersApply) {
    PlumbedInterface eth0 = interface("eth0", 2, 1500, {logical(0x1000842, "0.0.0.0", 0)});
    eth0.inet6 = PlumbedFamily{1500, {logical(0x2000841, "fe80::1", 64)}};
    PlumbedInterface eth1 = interface("eth1", 3, 1500, {logical(0x1004843, "192.0.2.1", 24),
                                                        logical(0x1000843, "192.0.2.2", 24, 1)});
    std::vector<PlumbedInterface> all{eth0, eth1};
    auto names = [&](const DisplayChoice& choice) {
        std::string text = ifconfig_text(all, choice), result;
        for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
            if (text[at] != '\t') result += text.substr(at, text.find(": flags", at) - at) + " ";
        }
        return result;
    };
    std::vector<Family> both{Family::ipv4, Family::ipv6};
    EXPECT_EQ(names({.families = both}), "eth0 eth1 eth1:1 eth0 ");
    EXPECT_EQ(names({.families = {Family::ipv6}}), "eth0 ");
    EXPECT_EQ(names({.families = both, .only_up = true}), "eth1 eth1:1 eth0 ");
    EXPECT_EQ(names({.families = both, .only_down = true}), "eth0 ");
    EXPECT_EQ(names({.families = both, .without_dhcp = true}), "eth0 eth1:1 eth0 ");
    EXPECT_EQ(names({.interface = "eth1", .families = both}), "eth1 eth1:1 ");
    EXPECT_EQ(names({.interface = "eth1", .number = 1, .families = both}), "eth1:1 ");
    EXPECT_EQ(names({.interface = "eth", .families = both}), "");
}

}  // namespace
}  // namespace ipmp
