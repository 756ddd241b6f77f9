#include "libipmp/results.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <memory>

#include "model/interface_flags.hpp"

namespace ipmp {
namespace {

static_assert(IFF_DHCPRUNNING == flag::kDhcp && IFF_DEPRECATED == flag::kDeprecated && IFF_ROUTER == flag::kRouter);
static_assert(IFF_ADDRCONF == flag::kAutoconfigured && IFF_IPV4 == flag::kIpv4 && IFF_IPV6 == flag::kIpv6);
static_assert(IFF_NOFAILOVER == flag::kNoFailover && IFF_FAILED == flag::kFailed && IFF_STANDBY == flag::kStandby);
static_assert(IFF_INACTIVE == flag::kInactive && IFF_OFFLINE == flag::kOffline && IFF_DUPLICATE == flag::kDuplicate);
static_assert(IFF_IPMP == flag::kIpmp && IFF_UP == flag::kUp && IFF_RUNNING == flag::kRunning);

std::string text(const sockaddr_storage& address) {
    char buffer[INET6_ADDRSTRLEN] = "";
    const void* bits = address.ss_family == AF_INET
                           ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(address).sin_addr)
                           : &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    return inet_ntop(address.ss_family, bits, buffer, sizeof buffer);
}

std::vector<std::string> list(const char* const* names) {
    std::vector<std::string> result;
    for (; *names; ++names) result.emplace_back(*names);
    return result;
}

TEST(ResultsTest, ASnapshotIsTheStatusAsC_R_VIS_2) {
    auto status = std::make_unique<Status>();
    status->groups = {{"ipmp0", "ops", GroupHealth::degraded, 10000, {"eth0", "eth1"}, {}, {"eth2"}}};
    status->interfaces = {{.name = "eth2", .index = 4, .group = "ipmp0", .standby = true}};
    status->interfaces[0].link = LinkHealth::down;
    status->addresses = {{*parse_ip("2001:db8::1"), true, "ipmp0", "eth1", {"eth0", "eth1"}}};
    status->targets = {{"eth0", TargetMode::routes, *parse_ip("192.0.2.10"),
                        {*parse_ip("192.0.2.1"), *parse_ip("192.0.2.2")}},
                       {"eth2", TargetMode::disabled, {}, {}}};
    SnapshotResult snapshot(*status);
    status.reset();  // nothing points into it

    ASSERT_EQ(snapshot.group_count, 1u);
    const ipmp_group_t& group = *snapshot.groups[0];
    EXPECT_STREQ(group.interface, "ipmp0");
    EXPECT_STREQ(group.name, "ops");
    EXPECT_EQ(group.state, IPMP_GROUP_DEGRADED);
    EXPECT_EQ(group.failure_detection_time_ms, 10000u);
    EXPECT_EQ(list(group.active), (std::vector<std::string>{"eth0", "eth1"}));
    EXPECT_EQ(list(group.inactive), std::vector<std::string>{});
    EXPECT_EQ(list(group.unusable), std::vector<std::string>{"eth2"});

    ASSERT_EQ(snapshot.interface_count, 1u);
    EXPECT_STREQ(snapshot.interfaces[0]->name, "eth2");
    EXPECT_EQ(snapshot.interfaces[0]->index, 4u);
    EXPECT_TRUE(snapshot.interfaces[0]->standby);
    EXPECT_EQ(snapshot.interfaces[0]->link, IPMP_LINK_DOWN);

    ASSERT_EQ(snapshot.address_count, 1u);
    EXPECT_EQ(text(snapshot.addresses[0]->address), "2001:db8::1");
    EXPECT_STREQ(snapshot.addresses[0]->inbound, "eth1");
    EXPECT_EQ(list(snapshot.addresses[0]->outbound), (std::vector<std::string>{"eth0", "eth1"}));

    ASSERT_EQ(snapshot.target_count, 2u);
    const ipmp_target_t& probed = *snapshot.targets[0];
    ASSERT_EQ(probed.target_count, 2u);
    EXPECT_EQ(text(probed.targets[1]), "192.0.2.2");
    ASSERT_TRUE(probed.test_address);
    EXPECT_EQ(text(*probed.test_address), "192.0.2.10");
    EXPECT_EQ(snapshot.targets[1]->mode, IPMP_TARGETS_DISABLED);
    EXPECT_FALSE(snapshot.targets[1]->test_address);
}

TEST(ResultsTest, ListsLogicalInterfacesOfAFamily_R_VIS_2) {
    PlumbedInterface ipmp0{.name = "ipmp0", .index = 5, .group_name = "ops"};
    ipmp0.inet = PlumbedFamily{
        1500, {{0, flag::kUp, *parse_ip("192.0.2.1"), 24, {}}, {3, 0, *parse_ip("192.0.2.2"), 24, {}}}};
    ipmp0.inet6 = PlumbedFamily{1500, {{0, flag::kUp, *parse_ip("fd00::1"), 64, {}}}};
    LifsResult inet({ipmp0}, AF_INET), inet6({ipmp0}, AF_INET6), both({ipmp0}, AF_UNSPEC);
    ASSERT_EQ(inet.count, 2u);
    EXPECT_STREQ(inet.lifs[1]->name, "ipmp0:3");
    EXPECT_STREQ(inet.lifs[1]->interface, "ipmp0");
    EXPECT_EQ(text(inet.lifs[1]->address), "192.0.2.2");
    ASSERT_EQ(inet6.count, 1u);
    EXPECT_EQ(inet6.lifs[0]->prefix_length, 64);
    EXPECT_EQ(both.count, 3u);
}

}  // namespace
}  // namespace ipmp
