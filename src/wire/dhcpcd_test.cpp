// What dhcpcd is told, and what it tells (R-DHC-1, R-DHC-5, R-DHC-6).
#include "wire/dhcpcd.hpp"

#include <gtest/gtest.h>

namespace ipmp {
namespace {

using Environment = std::map<std::string, std::string>;

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

DhcpcdSettings settings() {
    return {.client = {{"ipmp0", 1}, Family::ipv4},
            .run = 77,
            .iaid = 5,
            .broadcast = true,
            .duid = "00:04:aa",
            .script = "/usr/lib/inet/ipmp-dhcp-client",
            .environment = {{"IPMP_ROOT", "/a b"}}};
}

// As dhcpcd's script finds it.
Environment told(Environment more) {
    Environment environment{
        {"ipmp_interface", "ipmp0"}, {"ipmp_number", "1"}, {"ipmp_family", "inet"}, {"ipmp_run", "77"}};
    environment.merge(more);
    return environment;
}

Environment bound(const std::string& reason) {
    return told({{"reason", reason},
                 {"new_ip_address", "192.0.2.100"},
                 {"new_subnet_cidr", "24"},
                 {"new_broadcast_address", "192.0.2.255"},
                 {"new_routers", "192.0.2.1 192.0.2.2"},
                 {"new_dhcp_lease_time", "120"},
                 {"new_dhcp_renewal_time", "60"}});
}

ReportDhcp decode(const Environment& environment) {
    auto report = decode_dhcpcd_report(environment);
    EXPECT_TRUE(report && *report) << (report ? "nothing" : report.error().text);
    return report && *report ? **report : ReportDhcp{};
}

TEST(Dhcpcd, R_DHC_1_TheSettingsNameClientAndBroadcastAndConfigureNothing) {
    std::string text = *encode_dhcpcd_settings(settings());
    for (const char* line : {"persistent", "nolink", "noarp", "timeout 0", "ipv4only", "broadcast", "duid 00:04:aa",
                             "interface ipmp0", "iaid 5", "env IPMP_ROOT=/a b", "env ipmp_interface=ipmp0",
                             "env ipmp_number=1", "env ipmp_run=77", "script /usr/lib/inet/ipmp-dhcp-client"}) {
        EXPECT_TRUE(has_line(text, line)) << line;
    }
    EXPECT_LT(text.find("\nduid "), text.find("\ninterface "));
    EXPECT_GT(text.find("\niaid "), text.find("\ninterface "));
    DhcpcdSettings member = settings();
    member.broadcast = false;
    EXPECT_FALSE(has_line(*encode_dhcpcd_settings(member), "broadcast"));
    member.client.logical.interface = "a\nb";
    EXPECT_FALSE(encode_dhcpcd_settings(member));
}

TEST(Dhcpcd, R_DHC_5_SettingsForIpv6AskForOneAddressWithoutWaitingForAdvertisements) {
    DhcpcdSettings six = settings();
    six.client.family = Family::ipv6;
    std::string text = *encode_dhcpcd_settings(six);
    for (const char* line : {"ipv6only", "noipv6rs", "ia_na", "env ipmp_family=inet6"}) {
        EXPECT_TRUE(has_line(text, line)) << line;
    }
    EXPECT_FALSE(has_line(text, "broadcast"));
    six.inform = true;
    text = *encode_dhcpcd_settings(six);
    EXPECT_TRUE(has_line(text, "inform6") && !has_line(text, "ia_na"));
    six.client_id = "00:01";
    EXPECT_TRUE(has_line(*encode_dhcpcd_settings(six), "duid 00:01"));
    DhcpcdSettings four = settings();
    four.inform = true;
    four.inform_address = parse_ip("192.0.2.7");
    four.inform_prefix_length = 24;
    EXPECT_TRUE(has_line(*encode_dhcpcd_settings(four), "inform 192.0.2.7/24"));
}

TEST(Dhcpcd, R_DHC_6_ClientIdOfTheDefaultsFile) {
    const char* text = "# CLIENT_ID=no\n CLIENT_ID = 0x0102ff \neth1.CLIENT_ID=\"ab\"\nPARAM=1\n.v6.CLIENT_ID=0x0003\n";
    EXPECT_EQ(client_id_of(text, "eth0", Family::ipv4), "01:02:ff");
    EXPECT_EQ(client_id_of(text, "eth1", Family::ipv4), "61:62");
    EXPECT_EQ(client_id_of(text, "eth1", Family::ipv6), "00:03");
    EXPECT_EQ(client_id_of("CLIENT_ID=0xzz", "eth0", Family::ipv4), "");
    EXPECT_EQ(client_id_of("", "eth0", Family::ipv4), "");
    EXPECT_EQ(client_id_of("eth1.CLIENT_ID=x\nCLIENT_ID=y", "eth1", Family::ipv4), "78");
    DhcpcdSettings with = settings();
    with.client_id = "01:02:ff";
    EXPECT_TRUE(has_line(*encode_dhcpcd_settings(with), "clientid 01:02:ff"));
}

TEST(Dhcpcd, R_DHC_1_NameServersAreReadAndNothingElse) {
    Environment environment = bound("BOUND");
    environment["new_domain_name_servers"] = "192.0.2.53 fe80::1 0.0.0.0 nonsense 192.0.2.54";
    environment["new_domain_name"] = "example.org";
    EXPECT_EQ(decode(environment).names,
              (NameService{{*parse_ip("192.0.2.53"), *parse_ip("192.0.2.54")}, {"example.org"}}));
    environment["new_domain_search"] = "a.example b.example;rm $(x) \nnameserver";
    EXPECT_EQ(decode(environment).names.domains, (std::vector<std::string>{"a.example"}));
    environment["new_domain_name_servers"].assign(5000, '1');
    for (int i = 0; i < 100; ++i) environment["new_domain_name_servers"] += " 10.0.0." + std::to_string(i);
    EXPECT_EQ(decode(environment).names.servers.size(), 8u);
    EXPECT_TRUE(decode(bound("BOUND")).names.empty());
    Environment six = told({{"reason", "BOUND6"}, {"new_dhcp6_ia_na1_ia_addr1", "2001:db8::100"},
                            {"new_dhcp6_name_servers", "2001:db8::53 192.0.2.53"},
                            {"new_dhcp6_domain_search", "example.org"}});
    six["ipmp_family"] = "inet6";
    EXPECT_EQ(decode(six).names, (NameService{{*parse_ip("2001:db8::53")}, {"example.org"}}));
    std::string asked = *encode_dhcpcd_settings(settings());
    EXPECT_TRUE(has_line(asked, "option domain_name_servers, domain_name, domain_search"));
}

TEST(Dhcpcd, EveryWayToALeaseIsReported) {
    for (const char* reason : {"BOUND", "RENEW", "REBIND", "REBOOT"}) {
        ReportDhcp report = decode(bound(reason));
        EXPECT_EQ(report.logical, (LogicalName{"ipmp0", 1}));
        EXPECT_EQ(report.run, 77u);
        EXPECT_EQ(report.news, DhcpNews::bound);
        EXPECT_EQ(report.address, parse_ip("192.0.2.100"));
        EXPECT_EQ(report.prefix_length, 24);
        EXPECT_EQ(report.broadcast, parse_ip("192.0.2.255"));
        EXPECT_EQ(report.lease_s, 120u);
        EXPECT_EQ(report.renewal_s, 60u);
        EXPECT_EQ(report.routes, (std::vector<DhcpRoute>{{IpAddress{}, 0, *parse_ip("192.0.2.1")}}));
    }
    Environment endless = bound("BOUND");
    endless["new_dhcp_lease_time"] = "4294967295";
    endless.erase("new_dhcp_renewal_time");
    EXPECT_FALSE(decode(endless).lease_s);
    EXPECT_FALSE(decode(endless).renewal_s);
    Environment half = bound("BOUND");
    half.erase("new_dhcp_renewal_time");
    EXPECT_EQ(decode(half).renewal_s, 60u);
}

TEST(Dhcpcd, StaticRoutesGoBeforeRouters) {
    Environment environment = bound("BOUND");
    environment["new_classless_static_routes"] =
        "10.0.0.0/8 192.0.2.3 bad/8 192.0.2.3 0.0.0.0/0 0.0.0.0 1.2.3.4/33 1.1.1.1";
    EXPECT_EQ(decode(environment).routes, (std::vector<DhcpRoute>{{*parse_ip("10.0.0.0"), 8, *parse_ip("192.0.2.3")}}));
}

TEST(Dhcpcd, R_DHC_5_ALeaseForIpv6IsOfItsFirstValidAddress) {
    Environment environment = told({{"reason", "BOUND6"},
                                    {"new_dhcp6_ia_na1_ia_addr1", "2001:db8::1"},
                                    {"new_dhcp6_ia_na1_ia_addr1_vltime", "0"},
                                    {"new_dhcp6_ia_na1_ia_addr2", "2001:db8::2"},
                                    {"new_dhcp6_ia_na1_ia_addr2_vltime", "120"},
                                    {"new_dhcp6_ia_na1_t1", "60"}});
    environment["ipmp_family"] = "inet6";
    ReportDhcp report = decode(environment);
    EXPECT_EQ(report.address, parse_ip("2001:db8::2"));
    EXPECT_EQ(report.prefix_length, 128);
    EXPECT_EQ(report.lease_s, 120u);
    EXPECT_EQ(report.renewal_s, 60u);
    environment.erase("new_dhcp6_ia_na1_ia_addr2");
    EXPECT_EQ(decode(environment).news, DhcpNews::refused);
}

TEST(Dhcpcd, OtherNewsAndWhatIsNoNews) {
    EXPECT_EQ(decode(told({{"reason", "NAK"}})).news, DhcpNews::refused);
    EXPECT_EQ(decode(told({{"reason", "INFORM"}})).news, DhcpNews::informed);
    for (const char* reason : {"PREINIT", "EXPIRE", "STOP", "CARRIER", "BOUND6", ""}) {
        auto report = decode_dhcpcd_report(told({{"reason", reason}}));
        EXPECT_TRUE(report && !*report) << reason;
    }
    Environment damaged = bound("BOUND");
    damaged["new_ip_address"] = "224.0.0.1";
    EXPECT_EQ(decode(damaged).news, DhcpNews::refused);
    Environment foreign = bound("BOUND");
    foreign.erase("ipmp_run");
    EXPECT_FALSE(decode_dhcpcd_report(foreign));
}

}  // namespace
}  // namespace ipmp
