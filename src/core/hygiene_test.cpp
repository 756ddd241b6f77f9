// What is said of questionable configurations, when, and that it is said once (R-DET-11, R-DET-15).
#include "core/hygiene.hpp"

#include <gtest/gtest.h>

namespace ipmp {

namespace {

using std::chrono::milliseconds;
using Said = std::vector<std::string>;

class HygieneTest : public testing::Test {
  protected:
    HygieneTest() {
        Group& group = state_.groups["ipmp0"];
        group = {.interface = "ipmp0", .name = "g"};
        group.upper = {100};
        for (const char* name : {"a", "b", "c"}) {
            Interface& made = state_.interfaces[name];
            made = {.name = name, .index = {static_cast<std::uint32_t>(name[0])}, .group = "ipmp0", .admin_up = true,
                    .carrier = true, .probe = ProbeHealth::ok};
            made.families[0].plumbed = true;
        }
    }
    Interface& nic(const std::string& name) { return state_.interfaces.at(name); }
    void set_test_address(const std::string& name, const char* text) {
        IpAddress address = *parse_ip(text);
        nic(name).families[index_of(address.family)].addresses.push_back(
            {.address = address, .prefix_length = 24, .up = true, .no_failover = true});
        kernel_.addresses.push_back({.link = nic(name).index, .address = address, .prefix_length = 24});
    }
    void probe(const std::string& name, bool on) {
        nic(name).probe = on ? ProbeHealth::unknown : ProbeHealth::disabled;
    }
    Said look(Duration later = {}) {
        now_ += later;
        std::vector<Action> log;
        hygiene_.update(state_, AddressIndex(kernel_), now_, log);
        Said said;
        for (const Action& action : log) {
            const char* severities[] = {"ERR ", "INFO ", "DEBUG "};
            said.push_back(severities[static_cast<int>(std::get<Log>(action).severity)] + std::get<Log>(action).text);
        }
        return said;
    }
    // Everything wrong has been there for long enough; nothing else is left to be told later.
    Said look_after_grace() {
        EXPECT_EQ(look(), Said{});
        EXPECT_EQ(look(Hygiene::kGrace - milliseconds(1)), Said{});
        EXPECT_EQ(hygiene_.deadline(), now_ + milliseconds(1));
        Said said = look(milliseconds(1));
        EXPECT_EQ(hygiene_.deadline(), std::nullopt);
        EXPECT_EQ(look(std::chrono::hours(1)), Said{});
        return said;
    }
    bool spoilt(const std::string& name, const AddressState& seen) { return spoils(state_, nic(name), seen); }

    State state_;
    KernelState kernel_;
    Hygiene hygiene_;
    Instant now_{std::chrono::hours(1)};
};

TEST_F(HygieneTest, NothingIsSaidOfAProperGroup) {
    EXPECT_EQ(look(), Said{});
    EXPECT_EQ(hygiene_.deadline(), std::nullopt);
}

TEST_F(HygieneTest, R_DET_11_NoTestAddressIsToldOnceAndAgainAfterItWasThere) {
    for (const char* name : {"a", "b", "c"}) probe(name, false);
    Said none{"INFO No test address configured on interface a; disabling probe-based failure detection on it",
              "INFO No test address configured on interface b; disabling probe-based failure detection on it",
              "INFO No test address configured on interface c; disabling probe-based failure detection on it"};
    EXPECT_EQ(look_after_grace(), none);
    for (const char* name : {"a", "b", "c"}) probe(name, true);
    EXPECT_EQ(look(),
              (Said{"INFO Test address now configured on interface a; enabling probe-based failure detection on it",
                    "INFO Test address now configured on interface b; enabling probe-based failure detection on it",
                    "INFO Test address now configured on interface c; enabling probe-based failure detection on it"}));
    for (const char* name : {"a", "b", "c"}) probe(name, false);
    EXPECT_EQ(look_after_grace(), none);
}

TEST_F(HygieneTest, R_DET_11_OneThatIsSetUpInTimeIsNoNews) {
    for (const char* name : {"a", "b", "c"}) probe(name, false);
    EXPECT_EQ(look(), Said{});
    for (const char* name : {"a", "b", "c"}) probe(name, true);
    EXPECT_EQ(look(Hygiene::kGrace - milliseconds(1)), Said{});
    EXPECT_EQ(hygiene_.deadline(), std::nullopt);
    for (const char* name : {"a", "b", "c"}) probe(name, false);
    EXPECT_EQ(look(milliseconds(1)), Said{}) << "the time starts anew";
}

TEST_F(HygieneTest, R_DET_11_MissingOrOfflineNicsAreNotLookedAtAndHaveTheirTimeAfterwards) {
    for (const char* name : {"a", "b", "c"}) probe(name, false);
    nic("a").offline = true;
    nic("b").index = {};
    EXPECT_EQ(look_after_grace(),
              (Said{"INFO No test address configured on interface c; disabling probe-based failure detection on it"}));
    nic("a").offline = false;
    EXPECT_EQ(look_after_grace(),
              (Said{"INFO No test address configured on interface a; disabling probe-based failure detection on it"}));
}

TEST_F(HygieneTest, R_DET_11_ATestAddressThatAnotherInterfaceHasIsToldAtOnce) {
    set_test_address("a", "192.0.2.20");
    set_test_address("b", "192.0.2.20");
    Said first{"ERR Test address 192.0.2.20 is not unique in group; disabling probe-based failure detection on a",
               "ERR Test address 192.0.2.20 is not unique in group; disabling probe-based failure detection on b"};
    probe("a", false);
    probe("b", false);
    EXPECT_EQ(look(), first);
    EXPECT_EQ(look(Hygiene::kGrace), (Said{"ERR IP interfaces in group g use different failure detection methods: link "
                                           "and probes on c; link only on a b"}));
    kernel_.addresses.pop_back();
    nic("b").families[0].addresses.clear();
    probe("a", true);
    EXPECT_EQ(look(),
              (Said{"ERR Test address now configured on interface a; enabling probe-based failure detection on it"}));
    EXPECT_EQ(look(Hygiene::kGrace),
              (Said{"INFO No test address configured on interface b; disabling probe-based failure detection on it"}));
    probe("b", true);
    EXPECT_EQ(look(),
              (Said{"INFO Test address now configured on interface b; enabling probe-based failure detection on it",
                    "ERR IP interfaces in group g now use the same failure detection methods"}));
}

TEST_F(HygieneTest, R_DET_11_NotToldWhileTheOtherFamilyProbes) {
    set_test_address("a", "192.0.2.20");
    set_test_address("b", "192.0.2.20");
    EXPECT_EQ(look(std::chrono::hours(1)), Said{});
}

TEST_F(HygieneTest, R_DET_11_OfTwoFamiliesIpv6IsNamed) {
    for (const char* address : {"192.0.2.20", "fe80::20"}) {
        for (const char* name : {"a", "b"}) set_test_address(name, address);
    }
    probe("a", false);
    EXPECT_EQ(look(), (Said{"ERR Test address fe80::20 is not unique in group; disabling probe-based failure detection "
                            "on a"}));
}

TEST_F(HygieneTest, R_DET_11_WhoSpoilsATestAddress) {
    AddressState ipv4{.link = {7}, .address = *parse_ip("192.0.2.20")};
    AddressState ipv6{.link = {7}, .address = *parse_ip("fe80::20")};
    EXPECT_TRUE(spoilt("a", ipv4)) << "any link of the host";
    EXPECT_FALSE(spoilt("a", ipv6)) << "another link has link-local addresses of its own";
    ipv6.link = nic("b").index;
    EXPECT_TRUE(spoilt("a", ipv6));
    nic("b").group = "ipmp1";
    EXPECT_FALSE(spoilt("a", ipv6));
    ipv6.link = {100};
    EXPECT_TRUE(spoilt("a", ipv6)) << "the IPMP interface";
    nic("a").group.clear();
    EXPECT_FALSE(spoilt("a", ipv4)) << "the anonymous group has many links";
}

TEST_F(HygieneTest, R_DET_11_UnevenPlumbingIsToldOnceAndAgainAfterItWasEven) {
    nic("a").families[1].plumbed = true;
    nic("b").families = {};
    nic("c").families[1].plumbed = true;
    Said uneven{"ERR NIC b of group g is not plumbed for IPv4 and may affect failover capability"};
    EXPECT_EQ(look_after_grace(), uneven);
    nic("b").families[0].plumbed = true;
    EXPECT_EQ(look(std::chrono::hours(1)), Said{}) << "one message for each NIC until all is well";
    nic("b").families[1].plumbed = true;
    EXPECT_EQ(look(), (Said{"ERR NIC b of group g is now plumbed as the others are"}));
    nic("b").families[1].plumbed = false;
    EXPECT_EQ(look_after_grace(),
              (Said{"ERR NIC b of group g is not plumbed for IPv6 and may affect failover capability"}));
}

TEST_F(HygieneTest, R_DET_11_WhatAMissingNicWasPlumbedForCountsForNobody) {
    nic("a").families[1].plumbed = true;
    nic("a").index = {};
    EXPECT_EQ(look(Hygiene::kGrace), Said{});
    EXPECT_EQ(look(Hygiene::kGrace), Said{});
}

TEST_F(HygieneTest, R_DET_11_WhoLeavesForTheAnonymousGroupIsComparedNoMore) {
    nic("a").families[1].plumbed = true;
    nic("c").families[1].plumbed = true;
    EXPECT_EQ(look(), Said{});
    nic("b").group.clear();
    nic("b").tracked = true;
    EXPECT_EQ(look(), Said{});
    EXPECT_EQ(hygiene_.deadline(), std::nullopt);
}

TEST_F(HygieneTest, R_DET_15_DifferentDetectionMethodsAreToldOncePerGroup) {
    probe("b", false);
    EXPECT_EQ(look_after_grace(),
              (Said{"INFO No test address configured on interface b; disabling probe-based failure detection on it",
                    "ERR IP interfaces in group g use different failure detection methods: link and probes on a c; "
                    "link only on b"}));
    nic("b").offline = true;
    EXPECT_EQ(look(), (Said{"ERR IP interfaces in group g now use the same failure detection methods"}));
}

TEST_F(HygieneTest, R_DET_12_OfTheAnonymousGroupOnlyAMissingTestAddressIsTold) {
    for (const char* name : {"a", "b", "c"}) {
        nic(name).group.clear();
        nic(name).tracked = true;
    }
    nic("a").families[1].plumbed = true;
    probe("b", false);
    EXPECT_EQ(look_after_grace(),
              (Said{"INFO No test address configured on interface b; disabling probe-based failure detection on it"}));
    nic("b").tracked = false;
    EXPECT_EQ(look(), Said{});
}

}  // namespace

}  // namespace ipmp
