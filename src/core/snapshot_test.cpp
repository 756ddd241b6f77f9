// The flag words and stubs that ifconfig shows, computed from the State of a group in each of its situations.
// Expected words are those of the reference's samples.
#include "core/snapshot.hpp"

#include <gtest/gtest.h>

namespace ipmp {
namespace {

class Snapshot : public testing::Test {
  protected:
    Snapshot() {
        Group& group = state_.groups["ipmp0"];
        group = {.interface = "ipmp0", .name = "ops", .health = GroupHealth::ok};
        group.upper = {5};
        group.families[0].plumbed = true;
        Interface& nic = state_.interfaces["under0"];
        nic = {.name = "under0", .index = {3}, .group = "ipmp0", .mtu_bytes = 9000, .admin_up = true, .carrier = true};
        nic.families[0].plumbed = true;
        kernel_.links[{3}] = {.index = {3}, .name = "under0", .ethernet = true, .multicast = true};
    }
    Group& group() { return state_.groups.at("ipmp0"); }
    Interface& nic() { return state_.interfaces.at("under0"); }
    static LogicalAddress address(const char* text, bool up, std::uint32_t number = 0) {
        return {.number = number, .address = *parse_ip(text), .prefix_length = 24, .up = up};
    }
    void test_address() {
        LogicalAddress logical = address("192.168.10.20", true);
        logical.no_failover = logical.deprecated = true;
        nic().families[0].addresses = {logical};
    }
    const PlumbedFamily& shown(const std::string& name, Family family = Family::ipv4) {
        status_ = snapshot_of(state_, kernel_, AddressIndex(kernel_));
        for (const PlumbedInterface& plumbed : status_.plumbed) {
            if (plumbed.name == name && family_of(plumbed, family)) return *family_of(plumbed, family);
        }
        ADD_FAILURE() << name << " is not shown";
        static const PlumbedFamily none{0, {{}}};
        return none;
    }
    std::uint64_t flags(const std::string& name, Family family = Family::ipv4) {
        return shown(name, family).logicals.front().flags;
    }

    State state_;
    KernelState kernel_;
    Status status_;
};

// The reference's acceptance 7.
TEST_F(Snapshot, R_STA_1_OneNomineeHasTheFlagsMAndB) {
    nic().families[1].plumbed = true;
    for (bool nominee4 : {false, true}) {
        for (bool nominee6 : {false, true}) {
            group().families[0].nominee = {nominee4 ? 3u : 0u};
            group().families[1].nominee = {nominee6 ? 3u : 9u};
            InterfaceStatus status = snapshot_of(state_, kernel_, AddressIndex(kernel_)).interfaces.at(0);
            EXPECT_EQ(status.multicast4, nominee4);
            EXPECT_EQ(status.broadcast4, nominee4);
            EXPECT_EQ(status.multicast6, nominee6);
        }
    }
}

TEST_F(Snapshot, R_STA_1_AWorkingGroup) {
    group().families[0].addresses = {address("192.168.10.10", true), address("192.168.10.15", false, 3)};
    const PlumbedFamily& ipv4 = shown("ipmp0");
    EXPECT_EQ(ipv4.mtu_bytes, 9000u);
    ASSERT_EQ(ipv4.logicals.size(), 2u);
    EXPECT_EQ(ipv4.logicals[0].flags, 0x8001000843u);
    EXPECT_EQ(ipv4.logicals[1].flags, 0x8001000842u);
    EXPECT_EQ(ipv4.logicals[1].number, 3u);
    EXPECT_EQ(status_.plumbed[0].group_name, "ops");
    EXPECT_EQ(status_.plumbed[0].index, 5u);
    EXPECT_FALSE(status_.plumbed[0].inet6);
    EXPECT_FALSE(status_.plumbed[0].mac);
    EXPECT_EQ(status_.plumbed[1].group_name, "ops");
}

TEST_F(Snapshot, R_GRP_9_MtuFailedAndRunningOfAnEmptyGroup) {
    state_.interfaces.clear();
    group().health = GroupHealth::failed;
    group().families[1].plumbed = true;
    EXPECT_EQ(shown("ipmp0").mtu_bytes, 68u);
    EXPECT_EQ(shown("ipmp0", Family::ipv6).mtu_bytes, 1280u);
    EXPECT_EQ(flags("ipmp0"), 0x8011000802u);
    EXPECT_EQ(flags("ipmp0", Family::ipv6), 0x8012000800u);
    EXPECT_EQ(shown("ipmp0").logicals[0].prefix_length, 0);
    EXPECT_TRUE(shown("ipmp0", Family::ipv6).logicals[0].address == IpAddress{Family::ipv6});
}

TEST_F(Snapshot, R_STA_1_AFailedGroupKeepsItsAddressesUp) {
    group().families[0].addresses = {address("192.168.10.10", true)};
    group().health = GroupHealth::failed;
    nic().failed = true;
    nic().carrier = false;
    EXPECT_EQ(flags("ipmp0"), 0x8011000803u);
}

TEST_F(Snapshot, R_STA_1_MembersInEverySituation) {
    EXPECT_EQ(flags("under0"), 0x1000843u);
    EXPECT_EQ(shown("under0").logicals[0].prefix_length, 8) << "the stub of an UP interface is of class A";
    nic().inactive = true;  // repaired, with FAILBACK=no
    EXPECT_EQ(flags("under0"), 0x41000843u);
    test_address();
    nic().standby = true;
    EXPECT_EQ(flags("under0"), 0x69040843u);
    nic().inactive = false;
    EXPECT_EQ(flags("under0"), 0x29040843u);
    nic().standby = false;
    EXPECT_EQ(flags("under0"), 0x9040843u);
    nic().failed = true;
    EXPECT_EQ(flags("under0"), 0x19040843u);
    nic().carrier = false;
    EXPECT_EQ(flags("under0"), 0x19040803u);
    nic().failed = false;
    nic().carrier = true;
    nic().offline = true;
    EXPECT_EQ(flags("under0"), 0x89040842u);
    nic().families[0].addresses.clear();
    nic().offline = nic().admin_up = nic().carrier = false;
    EXPECT_EQ(flags("under0"), 0x1000802u);
    EXPECT_EQ(shown("under0").logicals[0].prefix_length, 0);
}

TEST_F(Snapshot, R_ADR_4_Ipv6AddressesOfAMember) {
    nic().families[1].plumbed = true;
    LogicalAddress link_local = address("fe80::1", true);
    nic().families[1].addresses = {link_local};
    EXPECT_EQ(flags("under0", Family::ipv6), 0x2000841u);
    nic().families[1].addresses[0].no_failover = nic().families[1].addresses[0].deprecated = true;
    EXPECT_EQ(flags("under0", Family::ipv6), 0xa040841u);
}

TEST_F(Snapshot, R_STA_1_LeasesAndAutoconfiguredAddresses) {
    group().families[0].addresses = {address("192.168.10.10", true)};
    group().families[1].plumbed = true;
    group().families[1].addresses = {address("2001:db8::1", true)};
    kernel_.addresses = {{.link = {5}, .address = *parse_ip("192.168.10.10"), .finite_lifetime = true},
                         {.link = {5}, .address = *parse_ip("2001:db8::1"), .finite_lifetime = true}};
    EXPECT_EQ(flags("ipmp0"), 0x8001004843u);
    EXPECT_EQ(flags("ipmp0", Family::ipv6), 0x8002080841u);
}

TEST_F(Snapshot, R_STA_1_LinksThatAreNoneOfOursButNoLowerEnds) {
    kernel_.links[{1}] = {.index = {1}, .name = "lo", .mtu_bytes = 65536, .admin_up = true, .carrier = true};
    kernel_.addresses = {{.link = {1}, .address = *parse_ip("127.0.0.1"), .prefix_length = 8}};
    kernel_.links[{6}] = {.index = {6}, .name = "ipmpl0", .alias = kLowerLinkAlias, .ethernet = true, .admin_up = true};
    kernel_.links[{7}] = {.index = {7}, .name = "tun0", .admin_up = true};
    EXPECT_EQ(flags("lo"), 0x2001000849u);
    EXPECT_EQ(shown("lo").mtu_bytes, 65536u);
    ASSERT_EQ(status_.plumbed.size(), 3u);
    EXPECT_EQ(status_.plumbed[0].name, "ipmp0");
    EXPECT_EQ(status_.plumbed[1].name, "lo");
    EXPECT_EQ(status_.plumbed[2].name, "under0");
}

TEST_F(Snapshot, OnlyWhatIsPlumbedAndThereIsShown) {
    nic().families[0].plumbed = false;
    EXPECT_EQ(snapshot_of(state_, kernel_, AddressIndex(kernel_)).plumbed.size(), 1u);
    nic().families[0].plumbed = true;
    nic().index = {};
    EXPECT_EQ(snapshot_of(state_, kernel_, AddressIndex(kernel_)).plumbed.size(), 1u);
}

TEST_F(Snapshot, R_CMD_3_ProxiedAddressesShowWhereTheyAreBound) {
    group().families[0].proxies = {{*parse_ip("192.168.10.50"), {3}, 1}, {*parse_ip("192.168.10.51"), {}, 2}};
    nic().index = {3};
    std::vector<ProxyStatus> proxies = snapshot_of(state_, kernel_, AddressIndex(kernel_)).proxies;
    EXPECT_EQ(proxies, (std::vector<ProxyStatus>{{*parse_ip("192.168.10.50"), "ipmp0", "under0"},
                                                 {*parse_ip("192.168.10.51"), "ipmp0", ""}}));
}

TEST_F(Snapshot, R_STA_1_ZeroAddressesOfAGroupMakeOneRow) {
    group().families[0].addresses = {address("0.0.0.0", false, 2), address("0.0.0.0", false, 4)};
    EXPECT_EQ(snapshot_of(state_, kernel_, AddressIndex(kernel_)).addresses.size(), 1u);
    EXPECT_EQ(shown("ipmp0").logicals.size(), 3u);
}

TEST_F(Snapshot, R_STA_1_WhoIsStillStartingIsUnknown) {
    nic().starting_until = Instant{std::chrono::seconds(3)};
    InterfaceStatus status = snapshot_of(state_, kernel_, AddressIndex(kernel_)).interfaces.at(0);
    EXPECT_EQ(status.state, InterfaceHealth::unknown);
    EXPECT_EQ(status.link, LinkHealth::unknown);
}

}  // namespace
}  // namespace ipmp
