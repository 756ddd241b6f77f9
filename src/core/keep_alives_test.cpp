// Each NIC that data addresses are bound to is heard at its switch port, however quiet it is.
#include "core/keep_alives.hpp"

#include <gtest/gtest.h>

namespace ipmp {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr InterfaceIndex kUpper{10};
const Nic kA{{1}, {{2, 0, 0, 0, 0, 1}}}, kB{{2}, {{2, 0, 0, 0, 0, 2}}};
const IpAddress k1 = *parse_ip("192.0.2.1"), k2 = *parse_ip("192.0.2.2"), k6 = *parse_ip("2001:db8::1");

class KeepAlive : public testing::Test {
  protected:
    KeepAlive() { image_["ipmp0"].upper = kUpper; }
    void bind(const IpAddress& address, const Nic& nic) {
        image_["ipmp0"].addresses[address] = {AddressKind::data, nic};
        kernel_.addresses.push_back({.link = kUpper, .address = address});
    }
    std::vector<Announce> update() {
        std::vector<Action> actions;
        keep_alives_.update(image_, AddressIndex(kernel_), now_, actions);
        std::vector<Announce> made;
        for (const Action& action : actions) made.push_back(std::get<Announce>(action));
        return made;
    }
    std::vector<std::pair<Instant, Announce>> run(Duration time) {
        Instant end = now_ + time;
        std::vector<std::pair<Instant, Announce>> made;
        for (;;) {
            for (const Announce& announce : update()) made.emplace_back(now_, announce);
            auto due = keep_alives_.deadline();
            if (!due || *due > end) break;
            EXPECT_GT(*due, now_);
            now_ = *due;
        }
        now_ = end;
        return made;
    }
    KeepAlives keep_alives_;
    DataplaneImage image_;
    KernelState kernel_;
    Instant now_{std::chrono::hours(1)};
};

TEST_F(KeepAlive, EachBoundNicWithinTwoMinutesNeverTwoAtATime_L11_3) {
    bind(k1, kA);
    bind(k2, kB);
    std::map<InterfaceIndex, Instant> last{{kA.index, now_}, {kB.index, now_}};
    Instant previous;
    auto made = run(std::chrono::hours(1));
    EXPECT_GE(made.size(), 2u * 30);
    for (const auto& [at, announce] : made) {
        EXPECT_LE(at - last.at(announce.nic.index), seconds(120));
        EXPECT_GE(at - previous, KeepAlives::kApart);
        last.at(announce.nic.index) = previous = at;
    }
}

TEST_F(KeepAlive, AddressesTakeTurnsWhateverTheirFamily_L11_3) {
    bind(k1, kA);
    bind(k2, kA);
    bind(k6, kA);
    auto made = run(seconds(440));
    ASSERT_EQ(made.size(), 4u);
    for (std::size_t turn = 0; const IpAddress& address : {k1, k2, k6, k1}) {
        EXPECT_EQ(made[turn++].second, (Announce{address, kA}));
    }
}

TEST_F(KeepAlive, ManyNicsStayApart_L11_3) {
    for (std::uint8_t number = 1; number <= 200; ++number) {
        bind(IpAddress{Family::ipv4, {192, 0, 2, number}}, Nic{{number}, {{2, 0, 0, 0, 0, number}}});
    }
    auto made = run(seconds(600));
    ASSERT_GE(made.size(), 1000u);
    for (std::size_t n = 1; n < made.size(); ++n) EXPECT_GE(made[n].first - made[n - 1].first, KeepAlives::kApart);
}

TEST_F(KeepAlive, WhoHasNoAddressOrNoneInTheKernelIsQuiet_L11_3) {
    bind(k1, Nic{});
    image_["ipmp0"].addresses[k2] = {AddressKind::own, kB};
    image_["ipmp0"].addresses[k6] = {AddressKind::data, kB};  // not in the kernel yet
    EXPECT_TRUE(run(seconds(600)).empty());
    bind(k1, kA);
    run(seconds(60));
    bind(k1, kB);
    auto made = run(seconds(200));
    ASSERT_EQ(made.size(), 1u);
    EXPECT_EQ(made[0].second, (Announce{k1, kB}));
}

}  // namespace

}  // namespace ipmp
