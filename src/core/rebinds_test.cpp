// Who is asked after a rebind, from where, how often, and what is told about it (design D5, R-SPR-4).
#include "core/rebinds.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "core/only.hpp"

namespace ipmp {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr InterfaceIndex kUpper{10};
constexpr const char* kGroup = "ipmp0";
const Nic kA{{1}, {{2, 0, 0, 0, 0, 1}}}, kB{{2}, {{2, 0, 0, 0, 0, 2}}}, kC{{3}, {{2, 0, 0, 0, 0, 3}}};
const MacAddress kUpperMac{{2, 0, 0, 0, 0, 0xa}};
const IpAddress k4 = *parse_ip("192.0.2.1"), k4b = *parse_ip("192.0.2.2"), k6 = *parse_ip("2001:db8::1");

MacAddress mac(int number) {
    return {{2, 9, 0, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}};
}
Peer peer4(int number) { return {*parse_ip(fmt::format("192.0.2.{}", number)), mac(number)}; }
Peer peer6(int number) { return {*parse_ip(fmt::format("2001:db8::9:{:x}", number)), mac(number)}; }

class RebindTest : public testing::Test {
  protected:
    RebindTest() {
        GroupImage& group = image_[kGroup];
        group.upper = kUpper;
        group.upper_mac = kUpperMac;
        for (const Nic& nic : {kA, kB, kC}) group.members[nic.index] = nic.mac;
        for (const auto& [name, nic] : {std::pair{"a", kA}, {"b", kB}, {"c", kC}}) {
            state_.interfaces[name] = {.name = name, .index = nic.index, .group = kGroup, .mac = nic.mac};
        }
        for (const IpAddress& address : {k4, k4b, k6}) put_on_upper(address, address.family == Family::ipv4 ? 24 : 64);
    }
    void put_on_upper(const IpAddress& address, std::uint8_t prefix_length) {
        kernel_.addresses.push_back({.link = kUpper, .address = address, .prefix_length = prefix_length});
    }
    void bind(const IpAddress& address, const Nic& nic) {
        image_.at(kGroup).addresses[address] = {AddressKind::data, nic};
    }
    std::vector<Action> step(const Event& event = Tick{}) {
        std::vector<Action> actions;
        if (std::holds_alternative<Tick>(event))
            rebinds_.update(event, image_, kernel_, now_, actions);
        else
            rebinds_.serve(event, image_, kernel_, now_, actions);
        for (const Action& action : actions) {
            if (auto* log = std::get_if<Log>(&action)) lines_.push_back(log->text);
        }
        return actions;
    }
    std::vector<AskPeer> asked(const Event& event = Tick{}) { return only<AskPeer>(step(event)); }
    std::vector<AskPeer> found(const IpAddress& address, const std::vector<Peer>& peers) {
        PeersFound event{kGroup, {}};
        for (const Peer& peer : peers) event.found.push_back({address, peer});
        return asked(event);
    }
    std::vector<AskPeer> answer(const IpAddress& address, const Peer& peer, const Nic& nic) {
        return asked(PeerAnswered{address, peer.address, nic.index});
    }
    // Bound first to kA, moved to kB now.
    void rebind(const IpAddress& address = k4) {
        bind(address, kA);
        step();
        bind(address, kB);
        step();
    }
    // Runs by deadlines only; when each question came after `now_`.
    std::vector<Duration> run() {
        Instant start = now_;
        std::vector<Duration> times;
        auto next = [&] {
            auto due = rebinds_.deadline();
            note_earlier(due, rebinds_.conclusion_due());
            return due;
        };
        while (auto due = next()) {
            EXPECT_GT(*due, now_) << "a busy loop";
            now_ = *due;
            for (std::size_t count = asked().size(); count > 0; --count) times.push_back(now_ - start);
        }
        return times;
    }
    RebindStatus result(const IpAddress& address = k4) {
        Status status;
        status.addresses = {{.address = address, .group = kGroup, .inbound = "", .outbound = {}, .rebind = {}}};
        rebinds_.describe(state_, status);
        EXPECT_TRUE(status.addresses[0].rebind.has_value());
        return status.addresses[0].rebind.value_or(RebindStatus{});
    }

    Rebinds rebinds_;
    State state_;
    DataplaneImage image_;
    KernelState kernel_;
    Instant now_{std::chrono::hours(1)};
    std::vector<std::string> lines_;
};

TEST_F(RebindTest, OneSearchForAllAddressesThatMovedNoneForAFirstBinding_R_SPR_4) {
    bind(k4, kA);
    bind(k4b, kA);
    bind(k6, kB);
    EXPECT_TRUE(step().empty());
    bind(k4, kB);
    bind(k4b, kC);
    EXPECT_EQ(only<FindPeers>(step()), (std::vector<FindPeers>{{kGroup, kUpper, {k4, k4b}}}));
    EXPECT_TRUE(step().empty());
    Nic other_mac = kB;
    other_mac.mac.bytes[5] = 0x22;
    bind(k6, other_mac);
    EXPECT_EQ(only<FindPeers>(step()), (std::vector<FindPeers>{{kGroup, kUpper, {k6}}}));
}

TEST_F(RebindTest, APeerIsAskedAtOnceThenWithDoublingPausesThenCountsAsSilent_R_SPR_4) {
    rebind();
    EXPECT_EQ(found(k4, {peer4(9)}), (std::vector<AskPeer>{{k4, kB, peer4(9)}}));
    EXPECT_EQ(run(), (std::vector<Duration>{milliseconds(20), milliseconds(60), milliseconds(140), milliseconds(300),
                                            milliseconds(620), milliseconds(1260)}));
    RebindStatus expected{"b", 3600000, 1, 0, 1, 0};
    EXPECT_EQ(result(), expected);
    EXPECT_EQ(lines_, std::vector<std::string>{"ipmp0: 0 peers moved in 0 ms, 1 silent"});
}

TEST_F(RebindTest, AnAnswerEndsTheQuestionsToThatPeerAlone_R_SPR_4) {
    rebind(k6);
    EXPECT_EQ(found(k6, {peer6(1), peer6(2)}).size(), 2u);
    now_ += std::chrono::microseconds(2500);
    answer(k6, peer6(1), kB);
    now_ += milliseconds(20);
    EXPECT_EQ(asked(), (std::vector<AskPeer>{{k6, kB, peer6(2)}}));
    now_ += milliseconds(2);
    answer(k6, peer6(2), kB);
    answer(k6, peer6(2), kB);  // once is enough
    EXPECT_TRUE(run().empty());
    RebindStatus expected{"b", 3600000, 2, 2, 0, 25};
    EXPECT_EQ(result(k6), expected);
    EXPECT_EQ(lines_, std::vector<std::string>{"ipmp0: 2 peers moved in 25 ms, 0 silent"});
}

TEST_F(RebindTest, OnlyAnAnswerAtTheBoundNicCounts_R_SPR_4) {
    rebind();
    found(k4, {peer4(9)});
    answer(k4, peer4(9), kA);
    answer(k4b, peer4(9), kB);
    answer(k4, peer4(8), kB);
    answer(k4, peer4(9), Nic{});
    EXPECT_EQ(result().peers_moved, 0u);
    EXPECT_EQ(run().size(), 6u);
}

TEST_F(RebindTest, ALateAnswerStillCounts_R_SPR_4) {
    rebind();
    found(k4, {peer4(9)});
    run();
    answer(k4, peer4(9), kB);
    EXPECT_EQ(result().peers_moved, 1u);
    EXPECT_EQ(result().peers_silent, 0u);
}

TEST_F(RebindTest, TheNextRebindAsksAllAnewFromTheNewNicOnly_R_SPR_4) {
    rebind();
    found(k4, {peer4(7), peer4(8)});
    answer(k4, peer4(7), kB);
    now_ += milliseconds(30);
    asked();
    bind(k4, kC);
    EXPECT_EQ(asked(), (std::vector<AskPeer>{{k4, kC, peer4(7)}, {k4, kC, peer4(8)}}));
    EXPECT_EQ(found(k4, {peer4(8), peer4(9)}), (std::vector<AskPeer>{{k4, kC, peer4(9)}}));
    EXPECT_TRUE(answer(k4, peer4(7), kB).empty());  // an answer to the former question
    EXPECT_EQ(result().peers_moved, 0u);
    for (int number : {7, 8, 9}) answer(k4, peer4(number), kC);
    EXPECT_TRUE(run().empty());
    RebindStatus expected{"c", 3600030, 3, 3, 0, 0};
    EXPECT_EQ(result(), expected);
}

TEST_F(RebindTest, AfterAMinuteOnlyThoseFoundAnewAreAsked_R_SPR_4) {
    rebind();
    found(k4, {peer4(9)});
    answer(k4, peer4(9), kB);
    now_ += seconds(61);
    EXPECT_TRUE(found(k4, {peer4(8)}).empty());  // too late to tell anybody of that rebind
    bind(k4, kC);
    EXPECT_TRUE(asked().empty());
    EXPECT_EQ(found(k4, {peer4(9)}).size(), 1u);
}

TEST_F(RebindTest, ThoseSilentLastTimeAreNotAskedUnlessFoundAgain_R_SPR_4) {
    rebind();
    found(k4, {peer4(9)});
    run();
    bind(k4, kC);
    EXPECT_TRUE(asked().empty());
    EXPECT_EQ(found(k4, {peer4(9)}).size(), 1u);
}

TEST_F(RebindTest, NobodySpeaksForAnAddressThatIsUnboundOrGone_R_SPR_4) {
    rebind();
    found(k4, {peer4(9)});
    bind(k4, Nic{});
    step();
    EXPECT_TRUE(found(k4, {peer4(8)}).empty());
    EXPECT_TRUE(run().empty());
    bind(k4, kB);  // peers may have given it up meanwhile
    auto actions = step();
    EXPECT_EQ(only<FindPeers>(actions).size(), 1u);
    EXPECT_EQ(only<AskPeer>(actions), (std::vector<AskPeer>{{k4, kB, peer4(9)}}));
    image_.at(kGroup).addresses.erase(k4);
    step();
    EXPECT_TRUE(run().empty());
    bind(k4, kA);
    EXPECT_TRUE(step().empty()) << "a first binding again";
}

TEST_F(RebindTest, OnlyHostsOfTheLinkThatAreNotWeAreAsked_R_SPR_4) {
    image_.at(kGroup).addresses[*parse_ip("192.0.2.20")] = {AddressKind::own, kA};
    bind(k6, kA);
    rebind();
    std::vector<Peer> refused{
        {*parse_ip("198.51.100.9"), mac(1)}, {*parse_ip("192.0.2.0"), mac(1)},    {*parse_ip("192.0.2.255"), mac(1)},
        {*parse_ip("0.0.0.0"), mac(1)},      {*parse_ip("224.0.0.1"), mac(1)},    {k4b, mac(1)},
        {*parse_ip("192.0.2.20"), mac(1)},   {*parse_ip("192.0.2.7"), kC.mac},    {*parse_ip("192.0.2.7"), kUpperMac},
        {*parse_ip("192.0.2.7"), {}},        {*parse_ip("192.0.2.7"), mac(0x100)}, {peer6(9)}};
    refused[10].mac.bytes[0] = 1;
    EXPECT_TRUE(found(k4, refused).empty());
    put_on_upper(*parse_ip("198.51.100.1"), 24);  // another network on the same link
    EXPECT_EQ(found(k4, {refused[0]}).size(), 1u);
    EXPECT_TRUE(found(k4b, {peer4(9)}).empty()) << "it did not move";
    bind(k6, kB);
    step();
    EXPECT_EQ(found(k6, {peer6(9), {*parse_ip("fe80::9"), mac(9)}, {k6, mac(9)}, {*parse_ip("ff02::1"), mac(9)},
                         {*parse_ip("::"), mac(9)}}).size(), 2u);
}

TEST_F(RebindTest, ANewMacOfAPeerMeansToAskThere_R_SPR_4) {
    rebind();
    found(k4, {peer4(9)});
    Peer moved = peer4(9);
    moved.mac = mac(99);
    EXPECT_EQ(found(k4, {moved}), (std::vector<AskPeer>{{k4, kB, moved}}));
    now_ += milliseconds(20);
    EXPECT_EQ(asked(), (std::vector<AskPeer>{{k4, kB, moved}}));
    answer(k4, moved, kB);
    EXPECT_TRUE(found(k4, {moved}).empty());
    EXPECT_EQ(found(k4, {peer4(9)}).size(), 1u);
    EXPECT_EQ(result().peers_asked, 1u);
    EXPECT_EQ(result().peers_moved, 0u);
}

TEST_F(RebindTest, AtMost64FramesAMillisecondAnd256PeersPerAddress_R_SPR_4) {
    kernel_.addresses.clear();
    put_on_upper(k4, 16);
    rebind();
    PeersFound event{kGroup, {}};
    for (int number = 0; number < 300; ++number) {
        event.found.push_back({k4, {*parse_ip(fmt::format("192.0.{}.{}", 3 + number / 200, 1 + number % 200)),
                                    mac(number)}});
    }
    EXPECT_EQ(asked(event).size(), 64u);
    EXPECT_TRUE(asked().empty());
    EXPECT_EQ(rebinds_.deadline(), now_ + milliseconds(1));
    auto times = run();
    EXPECT_EQ(times.size(), 256u * 7 - 64);
    std::map<Duration, int> per_step;
    for (Duration time : times) ++per_step[time];
    for (const auto& [time, count] : per_step) EXPECT_LE(count, 64);
    EXPECT_EQ(result().peers_asked, 256u);
    EXPECT_EQ(result().peers_silent, 256u);
    EXPECT_EQ(lines_, std::vector<std::string>{"ipmp0: 0 peers moved in 0 ms, 256 silent, 44 not asked: too many"});
}

TEST_F(RebindTest, ARoundIsOneLineAndNoneIfNobodyWasAsked) {
    bind(k4b, kA);
    rebind();
    now_ += milliseconds(500);
    bind(k4b, kC);
    step();
    run();
    EXPECT_TRUE(lines_.empty());
    bind(k4, kA);
    bind(k4b, kB);
    step();
    found(k4, {peer4(9)});
    found(k4b, {peer4(9), peer4(8)});
    for (const auto& [address, number, nic] : {std::tuple{k4, 9, kA}, {k4b, 9, kB}, {k4b, 8, kB}}) {
        answer(address, peer4(number), nic);
    }
    run();
    EXPECT_EQ(lines_, std::vector<std::string>{"ipmp0: 3 peers moved in 0 ms, 0 silent"});
}

TEST_F(RebindTest, ARestartedDaemonTakesAnotherNicForARebind_R_SPR_4) {
    state_.groups[kGroup].families[0].bindings = {{k4, kA.index, 1}, {k4b, kB.index, 2}};
    rebinds_.resume(state_);
    bind(k4, kA);
    bind(k4b, kA);
    EXPECT_EQ(only<FindPeers>(step()), (std::vector<FindPeers>{{kGroup, kUpper, {k4b}}}));
}

}  // namespace

}  // namespace ipmp
