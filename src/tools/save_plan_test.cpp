// What `ipmp save` writes for which state, and which files it leaves alone (R-DYN-1).
#include "tools/save_plan.hpp"

#include <gtest/gtest.h>

#include "model/interface_flags.hpp"
#include "tools/hostname_file.hpp"

namespace ipmp {
namespace {

LogicalStatus logical(std::uint32_t number, const char* address, std::uint8_t length, std::uint64_t flags) {
    LogicalStatus made{.number = number, .flags = flags, .address = *parse_ip(address), .prefix_length = length};
    made.broadcast = broadcast_of(made.address, length);
    return made;
}

class Saving : public testing::Test {
  protected:
    Saving() {
        constexpr std::uint64_t k4 = flag::kIpmp | flag::kIpv4, k6 = flag::kIpmp | flag::kIpv6;
        PlumbedInterface ipmp{.name = "ipmp0", .group_name = "my ops"};
        ipmp.inet = PlumbedFamily{1500, {logical(0, "192.0.2.1", 24, k4 | flag::kUp), logical(2, "192.0.2.2", 24, k4)}};
        ipmp.inet->logicals[1].broadcast = *parse_ip("192.0.2.99");
        ipmp.inet6 = PlumbedFamily{1500,
                                   {logical(0, "2001:db8::1", 64, k6 | flag::kDuplicate | flag::kDeprecated),
                                    logical(1, "fe80::1", 64, k6 | flag::kUp),
                                    logical(2, "2001:db8::7", 64, k6 | flag::kUp | flag::kAutoconfigured)}};
        PlumbedInterface nic{.name = "eth0", .group_name = "my ops"};
        constexpr std::uint64_t kTest = flag::kNoFailover | flag::kDeprecated | flag::kStandby | flag::kInactive;
        nic.inet = PlumbedFamily{1500, {logical(0, "192.0.2.20", 24, kTest | flag::kOffline)}};
        nic.inet6 = PlumbedFamily{1500, {logical(0, "fe80::2", 64, kTest | flag::kUp)}};
        PlumbedInterface other{.name = "eth1"};
        other.inet = PlumbedFamily{1500, {logical(0, "198.51.100.1", 24, flag::kUp | flag::kIpv4)}};
        input_.status.plumbed = {ipmp, nic, other};
        input_.links = {"ipmp0", "eth0", "eth1"};
    }
    std::string content(const std::string& name) {
        auto files = plan_save(input_).files;
        auto found = files.find(name);
        if (found == files.end()) return "(untouched)";
        return found->second.value_or("(removed)");
    }
    SaveInput input_;
};

TEST_F(Saving, R_DYN_1_R_GRP_15_GroupsAndTheirMembers) {
    EXPECT_EQ(content("hostname.ipmp0"),
              "ipmp group my\\ ops\n192.0.2.1/24 up\naddif 192.0.2.2/24 broadcast 192.0.2.99\n");
    EXPECT_EQ(content("hostname6.ipmp0"), "ipmp group my\\ ops\n2001:db8::1/64 deprecated up\n");
    EXPECT_EQ(content("hostname.eth0"), "group my\\ ops standby\n192.0.2.20/24 -failover up\n");
    EXPECT_EQ(content("hostname6.eth0"), "group my\\ ops standby\n-failover up\n");
    EXPECT_EQ(group_of(parse_hostname_file(content("hostname.eth0")), Family::ipv4), "my ops");
    EXPECT_EQ(content("hostname.eth1"), "(untouched)") << "it is not ours";
    EXPECT_TRUE(plan_save(input_).warnings.empty());
}

TEST_F(Saving, R_DYN_1_ADefaultRouteWithoutAPlaceInTheFilesIsWarnedOf) {
    input_.default_routes = {{*parse_ip("192.0.2.254"), "ipmp0"}, {*parse_ip("2001:db8::fe"), "ipmp0"},
                             {*parse_ip("198.51.100.254"), "eth1"}};
    input_.default_routers = {"2001:db8:0::fe"};
    EXPECT_EQ(plan_save(input_).warnings,
              std::vector<std::string>{
                  "the default route by 192.0.2.254 is not saved: it belongs in /etc/defaultrouter"})
        << "one has its place, another is by an interface that is not ours";
    input_.default_routers = {"router"};
    EXPECT_TRUE(plan_save(input_).warnings.empty()) << "a name may stand for it";
}

TEST_F(Saving, R_DYN_1_NothingIsImpliedInWhatIsWritten) {
    input_.status.plumbed[1].inet->logicals = {logical(0, "0.0.0.0", 0, 0)};
    EXPECT_EQ(content("hostname.eth0"), "group my\\ ops\n\n");
    for (const auto& [name, text] : plan_save(input_).files) EXPECT_FALSE(parse_hostname_file(*text).one_line) << name;
    auto& first = input_.status.plumbed[0].inet6->logicals[0];
    first.flags &= ~flag::kDuplicate;
    EXPECT_EQ(content("hostname6.ipmp0"), "ipmp group my\\ ops\naddif 2001:db8::1/64 deprecated\n")
        << "a first one would be brought up";
}

TEST_F(Saving, R_DYN_1_WhoIsNamedOrHasAFileIsSavedToo) {
    input_.named = {"eth1"};
    EXPECT_EQ(content("hostname.eth1"), "198.51.100.1/24 up\n\n");
    input_.named.clear();
    input_.present["hostname6.eth1"] = "token ::1/64\n";
    EXPECT_EQ(content("hostname.eth1"), "198.51.100.1/24 up\n\n");
    EXPECT_EQ(content("hostname6.eth1"), "(removed)") << "it is not plumbed for IPv6";
}

TEST_F(Saving, R_DYN_2_FilesOfMissingNicsAreKept) {
    input_.present = {{"hostname.eth7", "group ops 192.0.2.7/24\n"}, {"hostname.ipmp1", "ipmp\n"}};
    EXPECT_EQ(content("hostname.eth7"), "(untouched)");
    EXPECT_EQ(content("hostname.ipmp1"), "(removed)") << "that group is no more";
    EXPECT_EQ(plan_save(input_).warnings, (std::vector<std::string>{"hostname.eth7: kept, as eth7 is missing"}));
}

TEST_F(Saving, R_DYN_1_WhatIsSavedAlreadyIsNotWrittenAgain) {
    for (const auto& [name, text] : plan_save(input_).files) input_.present[name] = *text;
    EXPECT_TRUE(plan_save(input_).files.empty());
}

TEST_F(Saving, R_DYN_1_LeasesAreAskedForAgain) {
    input_.status.plumbed[0].inet->logicals[0].flags |= flag::kDhcp;
    EXPECT_EQ(content("dhcp.ipmp0"), "");
    EXPECT_EQ(content("hostname.ipmp0"), "ipmp group my\\ ops\nup\naddif 192.0.2.2/24 broadcast 192.0.2.99\n");
    input_.present["dhcp.ipmp0"] = "primary\n";
    EXPECT_EQ(content("dhcp.ipmp0"), "(untouched)");
    input_.present["dhcp.eth0"] = "";
    EXPECT_EQ(content("dhcp.eth0"), "(removed)");
}

// Words of ours, in the files of both families, as whatever else is of the interface.
TEST_F(Saving, R_DYN_1_R_VIS_1_PolicyAndIsolation) {
    input_.status.groups = {{.interface = "ipmp0", .name = "my ops", .policy = SpreadPolicy::source, .isolate = true}};
    std::string first = "ipmp group my\\ ops policy source isolate\n";
    EXPECT_EQ(content("hostname.ipmp0").substr(0, first.size()), first);
    EXPECT_EQ(content("hostname6.ipmp0").substr(0, first.size()), first);
    EXPECT_EQ(content("hostname.eth0"), "group my\\ ops standby\n192.0.2.20/24 -failover up\n");
}

TEST_F(Saving, R_DYN_1_WhatCannotBeSavedIsTold) {
    input_.status.plumbed[1].name = "uplink";
    EXPECT_EQ(plan_save(input_).warnings,
              (std::vector<std::string>{"uplink: cannot be saved, as names in hostname files end in a digit"}));
}

}  // namespace
}  // namespace ipmp
