// The timing of announcements (R2.8, R2.9, R-SPR-4).
#include "core/announcements.hpp"

#include <gtest/gtest.h>

#include <map>

#include "core/image.hpp"

namespace ipmp {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr InterfaceIndex kUpper{10};
const Nic kA{{1}, {{2, 0, 0, 0, 0, 1}}}, kB{{2}, {{2, 0, 0, 0, 0, 2}}};
const IpAddress k4{Family::ipv4, {192, 0, 2, 1}}, k6{Family::ipv6, {0x20, 0x01, 0x0d, 0xb8}};

class AnnouncementSeries : public testing::Test {
  protected:
    void bind(const IpAddress& address, const Nic& nic) {
        image_["ipmp0"].upper = kUpper;
        image_["ipmp0"].addresses[address] = {AddressKind::data, nic};
    }
    void put_on_upper(const IpAddress& address) { kernel_.addresses.push_back({.link = kUpper, .address = address}); }
    std::vector<Announce> update(const Scope& scope = Scope::everybody()) {
        std::vector<Action> actions;
        state_.groups["ipmp0"];
        DataplaneImage changed;
        announcements_.follow(announceable(state_, image_, changed), kernel_, AddressIndex(kernel_), scope, now_);
        announcements_.send(per_second_, now_, actions);
        std::vector<Announce> made;
        for (const Action& action : actions) made.push_back(std::get<Announce>(action));
        return made;
    }
    // A former daemon has bound k4 to kA.
    void restart() {
        State restored;
        restored.interfaces["a"] = {.name = "a", .index = kA.index, .mac = kA.mac};
        restored.groups["ipmp0"].families[0].bindings = {{k4, kA.index, 1}};
        bind(k4, kA);
        announcements_.resume(restored);
    }
    // Runs by deadlines only; when each announcement came after `now_`.
    std::vector<Duration> run() {
        Instant start = now_;
        std::vector<Duration> times;
        for (std::size_t count = update().size(); count > 0; --count) times.push_back(Duration::zero());
        while (auto due = announcements_.deadline()) {
            now_ = *due;
            for (std::size_t count = update().size(); count > 0; --count) times.push_back(now_ - start);
        }
        return times;
    }
    Announcements announcements_;
    std::uint32_t per_second_ = 2000;
    State state_;
    DataplaneImage image_;
    KernelState kernel_;
    Instant now_{std::chrono::hours(1)};
};

TEST_F(AnnouncementSeries, FiveForIpv4TwoSecondsApartTheFirstAtOnce) {
    bind(k4, kA);
    put_on_upper(k4);
    EXPECT_EQ(run(), (std::vector<Duration>{seconds(0), seconds(2), seconds(4), seconds(6), seconds(8)}));
    EXPECT_TRUE(update().empty());
}

TEST_F(AnnouncementSeries, ThreeForIpv6) {
    bind(k6, kA);
    put_on_upper(k6);
    EXPECT_EQ(run().size(), 3u);
}

TEST_F(AnnouncementSeries, ARebindCancelsTheOldSeries) {
    bind(k4, kA);
    put_on_upper(k4);
    EXPECT_EQ(update(), (std::vector<Announce>{{k4, kA}}));
    now_ += milliseconds(100);
    bind(k4, kB);
    EXPECT_EQ(update(), (std::vector<Announce>{{k4, kB}}));
    EXPECT_EQ(announcements_.deadline(), now_ + seconds(2));
    now_ += seconds(2);
    EXPECT_EQ(update(), (std::vector<Announce>{{k4, kB}}));
}

// A lost link is followed for its own group first; the Tick that follows is about all.
TEST_F(AnnouncementSeries, D9_WhatHappenedInOtherGroupsWaitsForAStepAboutThem) {
    constexpr InterfaceIndex kOtherUpper{20};
    state_.groups["ipmp1"];
    image_["ipmp1"].upper = kOtherUpper;
    image_["ipmp1"].addresses[k6] = {AddressKind::data, kA};
    kernel_.addresses.push_back({.link = kOtherUpper, .address = k6});
    bind(k4, kA);
    put_on_upper(k4);
    EXPECT_EQ(update().size(), 2u);
    bind(k4, kB);
    image_["ipmp1"].addresses[k6].nic = kB;
    const Scope first_group({"ipmp0"});
    EXPECT_EQ(update(first_group), (std::vector<Announce>{{k4, kB}}));
    EXPECT_EQ(update(), (std::vector<Announce>{{k6, kB}}));
    image_.erase("ipmp1");
    EXPECT_TRUE(update(first_group).empty());
    now_ += seconds(2);
    EXPECT_EQ(update(), (std::vector<Announce>{{k4, kB}})) << "what is gone is announced no more";
}

TEST_F(AnnouncementSeries, ANewMacIsNews) {
    bind(k4, kA);
    put_on_upper(k4);
    run();
    Nic changed = kA;
    changed.mac.bytes[5] = 9;
    bind(k4, changed);
    EXPECT_EQ(update(), (std::vector<Announce>{{k4, changed}}));
}

TEST_F(AnnouncementSeries, UnboundAndAbsentAddressesAreNotAnnounced) {
    bind(k4, Nic{});
    put_on_upper(k4);
    bind(k6, kA);
    EXPECT_TRUE(update().empty());
    EXPECT_FALSE(announcements_.deadline().has_value());
    put_on_upper(k6);
    EXPECT_EQ(update(), (std::vector<Announce>{{k6, kA}}));
}

TEST_F(AnnouncementSeries, R_ADR_6_NothingIsAnnouncedBeforeItIsKnownToBeOurs) {
    auto& addresses = state_.groups["ipmp0"].families[0].addresses;
    addresses = {{.address = k4, .up = true, .uniqueness = Uniqueness::optimistic}};
    bind(k4, kA);
    put_on_upper(k4);
    EXPECT_TRUE(update().empty());
    EXPECT_FALSE(announcements_.deadline().has_value());
    addresses[0].uniqueness = Uniqueness::settled;
    EXPECT_EQ(run().size(), 5u);
    addresses[0].uniqueness = Uniqueness::optimistic;  // all NICs were lost, and the same is back
    EXPECT_TRUE(update().empty());
    addresses[0].uniqueness = Uniqueness::settled;
    EXPECT_EQ(run().size(), 5u);
}

TEST_F(AnnouncementSeries, ARestartRepeatsOnceWhatMayHaveBeenCutShort) {
    restart();
    put_on_upper(k4);
    EXPECT_EQ(run(), std::vector<Duration>{seconds(2)});
}

TEST_F(AnnouncementSeries, AfterARestartWhatIsNotThereYetIsNewsLater) {
    restart();
    EXPECT_TRUE(update().empty());
    put_on_upper(k4);
    EXPECT_EQ(update(), (std::vector<Announce>{{k4, kA}}));
}

TEST_F(AnnouncementSeries, WhatEndsLeavesTheOthersAlone) {
    auto nth = [](std::uint8_t n) { return IpAddress{Family::ipv4, {192, 0, 2, n}}; };
    std::vector<std::string> groups{"a", "ipmp0", "ipmp1"};
    for (std::uint8_t n = 1; n <= 9; ++n) {  // three of each group
        put_on_upper(nth(n));
        const std::string& group = groups[n % 3];
        state_.groups[group];
        image_[group].upper = kUpper;
        image_[group].addresses[nth(n)] = {AddressKind::data, kA};
    }
    EXPECT_EQ(run().size(), 9u * Announcements::kRepeats4);
    image_["a"].addresses.erase(nth(6));
    image_["ipmp1"].addresses.erase(nth(2));
    image_["ipmp1"].addresses.erase(nth(8));
    EXPECT_TRUE(update().empty());
    image_.erase("ipmp0");
    EXPECT_TRUE(update().empty());
    image_["ipmp1"].addresses[nth(5)].nic = kB;
    image_["a"].addresses[nth(6)] = {AddressKind::data, kA};
    EXPECT_EQ(update(), (std::vector<Announce>{{nth(6), kA}, {nth(5), kB}}));
    image_.clear();
    EXPECT_TRUE(update().empty());
    EXPECT_FALSE(announcements_.deadline());
}

class ManyAddresses : public AnnouncementSeries {
  protected:
    static IpAddress nth(std::uint32_t n) {
        return {Family::ipv6, {0x20, 1, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)}};
    }
    void put_all_on_upper(std::uint32_t count) {
        for (std::uint32_t n = 0; n < count; ++n) put_on_upper(nth(n));
    }
    void bind_all(std::uint32_t count, const Nic& nic) {
        for (std::uint32_t n = 0; n < count; ++n) bind(nth(n), nic);
    }
    // Each step looks at all of them, and there is one for every two sent: sanitized, four times as many take a minute.
    static constexpr std::uint32_t kMany = 512;
};

TEST_F(ManyAddresses, R_SPR_4_ABurstThenThePaceAndEveryAddressOnceBeforeAnyRepetition) {
    put_all_on_upper(kMany);
    bind_all(kMany, kA);
    std::vector<std::pair<Duration, Announce>> sent;
    Instant start = now_;
    for (const Announce& one : update()) sent.emplace_back(now_ - start, one);
    EXPECT_EQ(sent.size(), 64u);
    while (auto due = announcements_.deadline()) {
        EXPECT_GT(*due, now_);
        now_ = *due;
        for (const Announce& one : update()) sent.emplace_back(now_ - start, one);
    }
    ASSERT_EQ(sent.size(), 3 * kMany);
    std::map<IpAddress, int> times;
    for (std::size_t i = 0; i < kMany; ++i) ++times[sent[i].second.address];
    EXPECT_EQ(times.size(), kMany);
    for (std::size_t i = 0; i < sent.size(); ++i) {
        EXPECT_LE(static_cast<std::int64_t>(i + 1), 64 + 2000 * sent[i].first / seconds(1)) << i;
    }
    EXPECT_NEAR(static_cast<double>(sent[kMany - 1].first / milliseconds(1)), (kMany - 64) / 2, 10);
}

TEST_F(ManyAddresses, R_SPR_4_AtTwentyThousandASecondAllAreAnnouncedWithinTwoHundredMilliseconds) {
    per_second_ = 20000;
    put_all_on_upper(2048);
    bind_all(2048, kA);
    Instant start = now_;
    std::size_t count = update().size();
    while (count < 2048) {
        now_ = *announcements_.deadline();
        count += update().size();
    }
    EXPECT_LE(now_ - start, milliseconds(110));
}

TEST_F(ManyAddresses, WhatIsBoundElsewhereMeanwhileIsAnnouncedThereAlone) {
    put_all_on_upper(kMany);
    bind_all(kMany, kA);
    update();
    bind_all(kMany, kB);
    std::map<IpAddress, int> times;
    while (auto due = announcements_.deadline()) {
        now_ = *due;
        for (const Announce& one : update()) {
            EXPECT_EQ(one.nic, kB);
            ++times[one.address];
        }
    }
    EXPECT_EQ(times.size(), kMany);
    for (const auto& [address, count] : times) EXPECT_EQ(count, 3);
}

}  // namespace

}  // namespace ipmp
