// Duplicate address detection, step by step: when the link is asked, what a claim does to an address, when a duplicate
// comes back (R-ADR-6, R2.6, R2.7, R2.11, R2.12, R5.10).
#include "core/duplicates.hpp"

#include <gtest/gtest.h>

#include "core/image.hpp"
#include "core/placement.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr InterfaceIndex kUpper{10}, kLower{11}, kA{1}, kB{2};
const IpAddress k4 = *parse_ip("192.0.2.1"), k6 = *parse_ip("2001:db8::1"), kSlow = *parse_ip("169.254.7.7");
const MacAddress kStranger{{2, 9, 9, 9, 9, 9}};

// A group of two NICs, and the part of an engine's step around core/duplicates.
class DuplicateAddress : public testing::Test {
  protected:
    DuplicateAddress() {
        for (InterfaceIndex index : {kUpper, kLower}) kernel_.links[index].index = index;
        Group& group = state_.groups["ipmp0"];
        group.interface = "ipmp0";
        group.mac = MacAddress{{2, 0, 0, 0, 0, 10}};
        group.upper = kUpper;
        group.lower = kLower;
        for (InterfaceIndex index : {kA, kB}) {
            std::string name = index == kA ? "a" : "b";
            Interface& nic = state_.interfaces[name];
            nic = {.name = name, .index = index, .group = "ipmp0"};
            nic.mac.bytes[5] = static_cast<std::uint8_t>(index.value);
            nic.families[0].plumbed = nic.families[1].plumbed = true;
            link(name, true);
        }
    }
    void link(const std::string& name, bool up) {
        Interface& nic = state_.interfaces.at(name);
        nic.admin_up = nic.carrier = up;
        nic.failed = !up;
    }
    LogicalAddress& add(const IpAddress& address, Uniqueness uniqueness = Uniqueness::tentative) {
        auto& all = state_.groups.at("ipmp0").families[index_of(address.family)].addresses;
        all.push_back({.number = 1, .address = address, .up = true, .uniqueness = uniqueness});
        return all.back();
    }
    Uniqueness how(const IpAddress& address) {
        return find_up(state_.groups.at("ipmp0").families[index_of(address.family)].addresses, address)->uniqueness;
    }
    void claim(const IpAddress& address, bool probing = false, const MacAddress& mac = kStranger) {
        duplicates_.file_claim({address, mac, kA, probing}, state_, kernel_, now_, actions_);
        step();
    }
    void step() {
        duplicates_.reconsider(state_, config_, now_);
        Group& group = state_.groups.at("ipmp0");
        for (Family which : kFamilies) {
            GroupFamily& family = group.families[index_of(which)];
            std::vector<InterfaceIndex> active_now;
            std::vector<IpAddress> bound;
            for (const Interface* member : members_of(state_, group)) {
                if (active_for(*member, which)) active_now.push_back(member->index);
            }
            for (const LogicalAddress& logical : family.addresses) {
                if (wants_binding(logical)) bound.push_back(logical.address);
            }
            update_active(family, active_now);
            update_bindings(family, bound, group.next_sequence);
        }
        duplicates_.update(state_, image_of(state_, kernel_, AddressIndex(kernel_)), config_, Scope::everybody(), now_,
                           actions_);
    }
    // Runs by deadlines only, `time` long.
    void advance(Duration time) {
        Instant end = now_ + time;
        for (auto due = duplicates_.deadline(); due && *due <= end; due = duplicates_.deadline()) {
            ASSERT_GE(*due, now_) << "a deadline in the past";
            now_ = *due;
            step();
            ASSERT_NE(duplicates_.deadline(), due) << "a deadline that stays";
        }
        now_ = end;
    }
    // When each probe is sent, in milliseconds from now, and when the series is over.
    std::vector<int> series(const IpAddress& address) {
        Instant start = now_;
        std::vector<int> times;
        auto since = [&] { return static_cast<int>((now_ - start) / milliseconds(1)); };
        step();
        while (how(address) == Uniqueness::tentative || how(address) == Uniqueness::optimistic) {
            for (std::size_t count = taken<ProbeAddress>().size(); count > 0; --count) times.push_back(since());
            if (!duplicates_.deadline()) return times;
            now_ = *duplicates_.deadline();
            step();
        }
        times.push_back(since());
        return times;
    }
    template <typename Kind>
    std::vector<Kind> taken() {
        std::vector<Kind> made;
        for (const Action& action : actions_) {
            if (const Kind* one = std::get_if<Kind>(&action)) made.push_back(*one);
        }
        std::erase_if(actions_, [](const Action& action) { return std::holds_alternative<Kind>(action); });
        return made;
    }

    State state_;
    KernelState kernel_;
    Config config_;
    Duplicates duplicates_;
    Instant now_{std::chrono::hours(1)};
    std::vector<Action> actions_;
};

// Each time within 20 % of its sum.
void expect_times(const std::vector<int>& times, const std::vector<int>& wanted) {
    ASSERT_EQ(times.size(), wanted.size());
    for (std::size_t i = 0; i < times.size(); ++i) {
        EXPECT_GE(times[i], wanted[i] * 8 / 10) << "number " << i;
        EXPECT_LE(times[i], wanted[i] * 12 / 10) << "number " << i;
    }
}

TEST_F(DuplicateAddress, R_ADR_6_ThreeProbesBeforeFirstUse) {
    add(k4);
    expect_times(series(k4), {100, 250, 400, 550});
    EXPECT_EQ(how(k4), Uniqueness::settled);
    EXPECT_FALSE(duplicates_.deadline().has_value());
}

TEST_F(DuplicateAddress, R_ADR_6_Ipv6IsAskedForWithoutDelay) {
    add(k6);
    expect_times(series(k6), {0, 150, 300, 450});
}

TEST_F(DuplicateAddress, R_ADR_6_SelfAssignedAddressesAreAskedForSlowly) {
    add(kSlow);
    expect_times(series(kSlow), {1000, 2500, 4000, 5500});
}

TEST_F(DuplicateAddress, R_ADR_6_TimesDifferFromAddressToAddress) {
    std::set<Duration> delays;
    for (std::uint8_t host = 1; host < 50; ++host) {
        duplicates_ = {};
        state_.groups.at("ipmp0").families = {};
        add(IpAddress{Family::ipv4, {192, 0, 2, host}});
        step();
        delays.insert(*duplicates_.deadline() - now_);
    }
    EXPECT_GT(delays.size(), 20u);
}

TEST_F(DuplicateAddress, R_ADR_6_ProbesLeaveByTheBoundNic) {
    add(k4);
    step();
    advance(milliseconds(200));
    EXPECT_EQ(taken<ProbeAddress>(), (std::vector<ProbeAddress>{{k4, {kA, state_.interfaces.at("a").mac}}}));
}

TEST_F(DuplicateAddress, R_ADR_6_ASeriesWaitsWhileAStepIsAboutAnotherGroup) {
    add(k6);
    step();
    now_ = duplicates_.deadline().value();
    duplicates_.update(state_, {}, config_, Scope({"ipmp1"}), now_, actions_);
    EXPECT_EQ(duplicates_.deadline(), now_);
}

TEST_F(DuplicateAddress, R_ADR_6_AnotherNicBeginsTheSeriesAnew) {
    add(k4);
    step();
    advance(milliseconds(300));
    taken<ProbeAddress>();
    link("a", false);
    expect_times(series(k4), {100, 250, 400, 550});
}

TEST_F(DuplicateAddress, R_ADR_6_WithoutProbesNothingIsAsked) {
    config_.duplicate_address_probes = 0;
    add(k4);
    EXPECT_EQ(series(k4), std::vector<int>{0});
    EXPECT_TRUE(actions_.empty());
}

TEST_F(DuplicateAddress, R_ADR_6_WhoeverClaimsOrAsksDuringDetectionHasIt) {
    for (bool probing : {false, true}) {
        duplicates_ = {};
        state_.groups.at("ipmp0").families = {};
        add(k4);
        step();
        advance(milliseconds(200));
        claim(k4, probing);
        EXPECT_EQ(how(k4), Uniqueness::duplicate);
        EXPECT_TRUE(state_.groups.at("ipmp0").families[0].bindings.empty());
        auto lines = taken<Log>();
        ASSERT_EQ(lines.size(), 1u);
        EXPECT_EQ(lines[0].text,
                  "192.0.2.1 of ipmp0 is a duplicate address: 02:09:09:09:09:09 uses it; disabled, and "
                  "tried again every 300 s");
    }
}

TEST_F(DuplicateAddress, R_ADR_6_OurOwnMacsAreNoStrangers) {
    state_.interfaces["c"] = {.name = "c", .index = {3}, .mac = MacAddress{{2, 0, 0, 0, 0, 3}}};  // in no group
    add(k4);
    step();
    claim(k4, false, state_.interfaces.at("b").mac);
    claim(k4, false, state_.interfaces.at("c").mac);
    claim(k4, true, state_.groups.at("ipmp0").mac);
    EXPECT_EQ(how(k4), Uniqueness::tentative);
}

TEST_F(DuplicateAddress, R_ADR_6_WithoutANicItIsUsedUnaskedAndAskedForLater) {  // R2.7, R2.12
    link("a", false);
    link("b", false);
    add(k4);
    step();
    EXPECT_EQ(how(k4), Uniqueness::optimistic);
    EXPECT_FALSE(duplicates_.deadline().has_value());
    claim(k4);  // heard by a NIC that is not active: nobody has been asked
    EXPECT_EQ(how(k4), Uniqueness::optimistic);
    link("b", true);
    expect_times(series(k4), {100, 250, 400, 550});
    EXPECT_EQ(how(k4), Uniqueness::settled);
}

TEST_F(DuplicateAddress, R_ADR_6_LosingTheLastNicAsksAgainWithTheFirst) {  // assertion 12
    add(k4, Uniqueness::settled);
    step();
    link("a", false);
    step();
    EXPECT_EQ(how(k4), Uniqueness::settled) << "a rebind asks nobody (R2.6)";
    link("b", false);
    step();
    EXPECT_EQ(how(k4), Uniqueness::optimistic);
    link("a", true);
    step();
    EXPECT_TRUE(in_use(state_.groups.at("ipmp0").families[0].addresses[0]));
    claim(k4, true);
    EXPECT_EQ(how(k4), Uniqueness::optimistic) << "our stack answers who asks";
    claim(k4);
    EXPECT_EQ(how(k4), Uniqueness::duplicate);
}

TEST_F(DuplicateAddress, R_ADR_6_AdoptedAddressesAreNeitherAskedForNorTakenDown) {
    add(k4, Uniqueness::settled).adopted = true;
    step();
    for (int claims = 0; claims < 20; ++claims) {
        claim(k4);
        advance(seconds(1));
    }
    EXPECT_EQ(how(k4), Uniqueness::settled);
    EXPECT_EQ(taken<Announce>().size(), 3u);
    link("a", false);
    link("b", false);
    step();
    EXPECT_EQ(how(k4), Uniqueness::settled);
}

TEST_F(DuplicateAddress, R_ADR_6_ThreeClaimsAreContestedTheFourthHasIt) {
    add(k4, Uniqueness::settled);
    step();
    for (int claims = 1; claims <= 3; ++claims) {
        claim(k4);
        EXPECT_EQ(how(k4), Uniqueness::settled);
        EXPECT_EQ(taken<Announce>(), (std::vector<Announce>{{k4, {kA, state_.interfaces.at("a").mac}}}));
        advance(seconds(1));
    }
    claim(k4);
    EXPECT_EQ(how(k4), Uniqueness::duplicate);
    EXPECT_TRUE(taken<Announce>().empty());
    EXPECT_EQ(taken<Log>().size(), 2u) << "the first claim, and the end";
}

TEST_F(DuplicateAddress, R_ADR_6_ALeaseThatIsOursNowIsContestedOnce) {
    kernel_.addresses.push_back({.link = kUpper, .address = k4, .finite_lifetime = true});
    add(k4, Uniqueness::settled);
    step();
    claim(k4);
    EXPECT_EQ(how(k4), Uniqueness::settled);
    advance(seconds(1));
    claim(k4);
    EXPECT_EQ(how(k4), Uniqueness::duplicate);
}

TEST_F(DuplicateAddress, R_ADR_6_RareClaimsAreContestedForEver) {
    add(k4, Uniqueness::settled);
    step();
    for (int claims = 0; claims < 100; ++claims) {
        claim(k4);
        advance(milliseconds(10'100));
    }
    EXPECT_EQ(how(k4), Uniqueness::settled);
    EXPECT_EQ(taken<Announce>().size(), 100u);
    EXPECT_LE(taken<Log>().size(), 5u) << "1,010 s: said once, then counted every 300 s";
}

TEST_F(DuplicateAddress, R_ADR_6_AFloodIsNoFasterThanTheRules) {
    add(k4, Uniqueness::settled);
    step();
    Instant start = now_;
    while (how(k4) == Uniqueness::settled) {
        claim(k4);
        advance(milliseconds(1));
    }
    EXPECT_GE(now_ - start, milliseconds(1500)) << "our defence must be heard before the next claim counts";
    EXPECT_EQ(taken<Announce>().size(), 3u);
    EXPECT_EQ(taken<Log>().size(), 2u);
    for (int claims = 0; claims < 1000; ++claims) claim(k4);
    EXPECT_TRUE(actions_.empty());
}

TEST_F(DuplicateAddress, R_ADR_6_WhoOnlyAsksIsAnsweredByOurStack) {
    add(k4, Uniqueness::settled);
    step();
    for (int claims = 0; claims < 10; ++claims) claim(k4, true);
    EXPECT_EQ(how(k4), Uniqueness::settled);
    EXPECT_TRUE(actions_.empty());
}

TEST_F(DuplicateAddress, R_ADR_6_ADuplicateIsTriedAgainAfterFiveMinutes) {
    add(k4);
    step();
    claim(k4);
    taken<Log>();
    advance(seconds(299));
    EXPECT_EQ(how(k4), Uniqueness::duplicate);
    advance(seconds(2) - milliseconds(900));
    EXPECT_EQ(how(k4), Uniqueness::tentative);
    claim(k4);
    EXPECT_EQ(how(k4), Uniqueness::duplicate);
    EXPECT_TRUE(taken<Log>().empty()) << "the same host is no news";
    advance(seconds(301));
    EXPECT_EQ(how(k4), Uniqueness::settled);
    auto lines = taken<Log>();
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0].text, "192.0.2.1 of ipmp0 is no duplicate address any more, using it again");
    EXPECT_FALSE(duplicates_.deadline().has_value());
}

TEST_F(DuplicateAddress, R_ADR_6_ALinkThatComesUpIsAReasonToTryAgain) {
    add(k4);
    step();
    claim(k4);
    link("b", false);
    step();
    EXPECT_EQ(how(k4), Uniqueness::duplicate);
    link("b", true);
    step();
    EXPECT_EQ(how(k4), Uniqueness::tentative);
}

TEST_F(DuplicateAddress, R_ADR_6_NoAnswerBecauseThereIsNoLinkIsNoNews) {
    add(k4);
    step();
    claim(k4);
    advance(seconds(300));
    EXPECT_EQ(how(k4), Uniqueness::tentative);
    link("a", false);
    link("b", false);
    step();
    EXPECT_EQ(how(k4), Uniqueness::duplicate);
    advance(seconds(900));
    EXPECT_EQ(how(k4), Uniqueness::duplicate);
    link("a", true);
    step();
    EXPECT_EQ(how(k4), Uniqueness::tentative);
}

TEST_F(DuplicateAddress, R_ADR_6_ARestoredDuplicateWaitsBeforeItIsTriedAgain) {
    LogicalAddress& logical = add(k4, Uniqueness::duplicate);
    logical.claimant = kStranger;
    step();
    EXPECT_EQ(how(k4), Uniqueness::duplicate);
    advance(seconds(299));
    EXPECT_EQ(how(k4), Uniqueness::duplicate);
    advance(seconds(2));
    EXPECT_EQ(how(k4), Uniqueness::settled);
}

TEST_F(DuplicateAddress, ClaimsOfWhatIsNotOursAreNothing) {
    add(k4, Uniqueness::settled).up = false;
    add(k6, Uniqueness::settled);
    State before = state_;
    duplicates_.file_claim({k4, kStranger, kA, false}, state_, kernel_, now_, actions_);
    duplicates_.file_claim({kSlow, kStranger, kA, false}, state_, kernel_, now_, actions_);
    duplicates_.file_claim({k6, kStranger, InterfaceIndex{99}, false}, state_, kernel_, now_, actions_);
    EXPECT_EQ(state_, before);
    EXPECT_TRUE(actions_.empty());
}

}  // namespace

}  // namespace ipmp
