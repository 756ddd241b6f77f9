// The pace of periodic announcements (R2.10).
#include "core/periodic_defence.hpp"

#include <gtest/gtest.h>

#include "core/image.hpp"

namespace ipmp {

namespace {

using std::chrono::hours;
using std::chrono::seconds;

const Nic kA{{1}, {{2, 0, 0, 0, 0, 1}}}, kB{{2}, {{2, 0, 0, 0, 0, 2}}};

IpAddress number(std::uint8_t host) { return {Family::ipv4, {192, 0, 2, host}}; }

class PeriodicDefenceOf : public testing::Test {
  protected:
    void bind(std::uint8_t host, const Nic& nic) {
        image_["ipmp0"].addresses[number(host)] = {AddressKind::data, nic};
        state_.groups["ipmp0"];
    }
    // Runs by deadlines only; what was announced when.
    std::vector<std::pair<Instant, Announce>> run(Duration time) {
        std::vector<std::pair<Instant, Announce>> made;
        Instant end = now_ + time;
        step(made);
        while (defence_.deadline() && *defence_.deadline() <= end) {
            EXPECT_GT(*defence_.deadline(), now_);
            now_ = *defence_.deadline();
            step(made);
        }
        now_ = end;
        return made;
    }
    void step(std::vector<std::pair<Instant, Announce>>& made) {
        std::vector<Action> actions;
        DataplaneImage changed;
        defence_.update(announceable(state_, image_, changed), now_, actions);
        for (const Action& action : actions) made.emplace_back(now_, std::get<Announce>(action));
    }
    State state_;
    DataplaneImage image_;
    PeriodicDefence defence_;
    Instant now_{hours(1)};
};

TEST_F(PeriodicDefenceOf, EveryAddressIsAnnouncedEveryFiveMinutesFromItsNic) {
    bind(1, kA);
    bind(2, kB);
    auto made = run(seconds(3000));
    int first = 0;
    for (const auto& [at, announce] : made) {
        first += announce == Announce{number(1), kA} ? 1 : 0;
        EXPECT_GT(at, Instant{hours(1)} + seconds(60)) << "the first announcements are not ours";
    }
    EXPECT_GE(first, 9);
    EXPECT_LE(first, 10);
    EXPECT_EQ(made[0].first + seconds(300), made[2].first);
    EXPECT_NE(made[0].first, made[1].first) << "different NICs, different times";
}

TEST_F(PeriodicDefenceOf, ManyAddressesTakeTurnsAtMost100AnHour) {
    for (std::uint8_t host = 1; host <= 40; ++host) bind(host, kA);
    std::map<Instant, int> batches;
    std::map<IpAddress, int> each;
    auto made = run(hours(1));
    for (const auto& [at, announce] : made) {
        ++batches[at];
        ++each[announce.address];
    }
    EXPECT_LE(made.size(), 100u);
    for (const auto& [at, size] : batches) EXPECT_LE(size, 8);
    EXPECT_EQ(each.size(), 40u) << "nobody starves";
    for (const auto& [address, times] : each) EXPECT_LE(times, 3);
}

TEST_F(PeriodicDefenceOf, ANicThatComesAndGoesSendsNoMore) {
    std::size_t count = 0;
    for (int times = 0; times < 600; ++times) {
        bind(1, times % 2 ? kA : Nic{});
        count += run(seconds(1)).size();
    }
    EXPECT_LE(count, 2u);
}

TEST_F(PeriodicDefenceOf, UnboundOtherAndQuestionableAddressesAreLeftOut) {
    bind(1, Nic{});
    image_["ipmp0"].addresses[number(2)] = {AddressKind::own, kA};
    bind(3, kA);
    state_.groups["ipmp0"].families[0].addresses = {
        {.number = 1, .address = number(3), .up = true, .uniqueness = Uniqueness::optimistic}};
    EXPECT_TRUE(run(hours(1)).empty());
    EXPECT_FALSE(defence_.deadline().has_value());
}

}  // namespace

}  // namespace ipmp
