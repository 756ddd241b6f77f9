// Who is watched without a group, and how that looks (R-DET-12).
#include "core/anonymous_group.hpp"

#include <gtest/gtest.h>

#include "core/snapshot.hpp"

namespace ipmp {

namespace {

class AnonymousGroup : public testing::Test {
  protected:
    AnonymousGroup() {
        config_.track_only_groups = false;
        for (const char* name : {"a", "b"}) {
            Interface& made = state_.interfaces[name];
            made = {.name = name, .index = {static_cast<std::uint32_t>(name[0])}, .admin_up = true, .carrier = true};
            made.families[0].plumbed = true;
            link(name) = {.index = made.index, .name = name, .ethernet = true, .multicast = true, .admin_up = true};
        }
    }
    Interface& nic(const std::string& name) { return state_.interfaces.at(name); }
    LinkState& link(const std::string& name) { return kernel_.links[nic(name).index]; }
    bool tracked(const std::string& name) {
        update_anonymous_group(state_, kernel_, config_);
        return nic(name).tracked;
    }
    Status described() {
        Status status = snapshot_of(state_, kernel_, AddressIndex(kernel_));
        describe_anonymous_group(state_, status);
        return status;
    }
    State state_;
    KernelState kernel_;
    Config config_;
};

TEST_F(AnonymousGroup, R_DET_12_IsEmptyByDefault) {
    config_ = Config{};
    EXPECT_FALSE(tracked("a"));
}

TEST_F(AnonymousGroup, R_DET_12_HasWhatIpUsesAndNoGroup) {
    EXPECT_TRUE(tracked("a"));
    nic("a").group = "ipmp0";
    EXPECT_FALSE(tracked("a"));
    EXPECT_TRUE(tracked("b"));
}

TEST_F(AnonymousGroup, R_DET_12_LeavesOutWhatCannotBeWatched) {
    link("a").multicast = false;
    EXPECT_FALSE(tracked("a"));
    link("a").multicast = true;
    EXPECT_TRUE(tracked("a"));
    nic("a").families[0].plumbed = false;
    EXPECT_FALSE(tracked("a"));
    nic("a").families[1].plumbed = true;
    EXPECT_TRUE(tracked("a"));
    kernel_.links.erase(nic("a").index);
    EXPECT_FALSE(tracked("a"));
}

TEST_F(AnonymousGroup, R_DET_12_LeavesOutPortsButNotThoseOfAVrf) {
    link("a").master = {50};
    EXPECT_FALSE(tracked("a"));
    kernel_.links[{50}] = {.index = {50}, .name = "br0", .kind = "bridge"};
    EXPECT_FALSE(tracked("a"));
    kernel_.links[{50}].kind = "vrf";
    EXPECT_TRUE(tracked("a"));
}

TEST_F(AnonymousGroup, R_DET_12_WhoWasNeverUpIsNotInItAndWhoGoesDownStays) {
    nic("a").admin_up = false;
    EXPECT_FALSE(tracked("a"));
    nic("a").admin_up = true;
    EXPECT_TRUE(tracked("a"));
    nic("a").admin_up = false;
    EXPECT_TRUE(tracked("a"));
}

TEST_F(AnonymousGroup, R_DET_12_WhoIsWatchedNoLongerHasNoFlagsLeft) {
    EXPECT_TRUE(tracked("a"));
    nic("a").failed = nic("a").probe_failed = true;
    nic("a").link_ups = {Instant{}};
    config_.track_only_groups = true;
    EXPECT_FALSE(tracked("a"));
    EXPECT_FALSE(nic("a").failed || nic("a").probe_failed);
    EXPECT_TRUE(nic("a").link_ups.empty());
}

TEST_F(AnonymousGroup, R_DET_12_R_STA_1_IsShownWithoutNamesAndAlwaysOk) {
    nic("b").failed = true;
    update_anonymous_group(state_, kernel_, config_);
    Status status = described();
    ASSERT_EQ(status.groups.size(), 1u);
    GroupStatus expected{.interface = "", .name = "", .state = GroupHealth::ok, .active = {"a"}, .unusable = {"b"}};
    EXPECT_EQ(status.groups[0], expected);
    ASSERT_EQ(status.interfaces.size(), 2u);
    EXPECT_EQ(status.interfaces[0].name, "a");
    EXPECT_EQ(status.interfaces[0].group, "");
    EXPECT_TRUE(status.interfaces[0].active);
    EXPECT_FALSE(status.interfaces[0].multicast4 || status.interfaces[0].multicast6);
    EXPECT_EQ(status.interfaces[1].state, InterfaceHealth::failed);
    EXPECT_FALSE(status.interfaces[1].active);
    EXPECT_TRUE(status.addresses.empty());
}

TEST_F(AnonymousGroup, R_DET_12_IsShownWithoutInterfacesToo) {
    Status status = described();
    ASSERT_EQ(status.groups.size(), 1u);
    EXPECT_EQ(status.groups[0].state, GroupHealth::ok);
    EXPECT_TRUE(status.interfaces.empty());
}

}  // namespace

}  // namespace ipmp
