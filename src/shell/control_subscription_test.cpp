// WatchProbes and WatchStatus: who may, what subscribers are told, and what a slow one costs (R-STA-2, R-STA-4,
// R-VIS-2).
#include <cerrno>

#include "shell/control_server_fixture.hpp"

namespace ipmp {
namespace {

using namespace std::chrono_literals;

class ControlSubscriptionTest : public ControlServerTest {
  protected:
    void subscribe(const UniqueFd& peer) {
        send_all(peer, encode_request(Query{SubscribeToProbes{}}));
        settle();
    }

    // The n-th probe of eth0: a lost one.
    static ProbeReport probe(std::uint16_t id) {
        return {.interface = "eth0", .id = id, .target = *parse_ip("192.0.2.9"), .started = Instant(1s)};
    }

    ProbeNews news(const UniqueFd& peer) {
        std::string message = receive(peer);
        auto decoded = decode_probe_reply(message);
        EXPECT_TRUE(decoded) << message;
        return decoded ? *decoded : ProbeNews{};
    }

    // Something has been told to it that it has not yet taken.
    bool has_news(const UniqueFd& peer) {
        settle();
        pollfd wait{peer.get(), POLLIN, 0};
        return !received_[peer.get()].empty() || poll(&wait, 1, 0) == 1;
    }
};

TEST_F(ControlSubscriptionTest, TellsEveryProbeInOrder_R_STA_2) {
    UniqueFd peer = connect_pair(true);
    server_->tell(probe(0));  // before anybody listens
    subscribe(peer);
    EXPECT_FALSE(has_news(peer));
    for (std::uint16_t id : {1, 2, 3}) server_->tell(probe(id));
    for (std::uint16_t id : {1, 2, 3}) {
        std::string message = receive(peer);
        EXPECT_NE(message.find(R"("continues":true)"), std::string::npos) << message;
        auto told = decode_probe_reply(message);
        ASSERT_TRUE(told);
        EXPECT_EQ(told->probe, probe(id));
        EXPECT_EQ(told->dropped, 0u);
    }
}

TEST_F(ControlSubscriptionTest, NeedsTheRightToChange_R_STA_4) {
    UniqueFd peer = connect_pair(false);
    subscribe(peer);
    auto refused = decode_probe_reply(receive(peer));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error_number, EPERM);
    server_->tell(probe(1));
    send_all(peer, encode_request(Query{Ping{}}));  // it may ask on
    EXPECT_EQ(receive(peer), without_nul(encode_ping_reply()));
    EXPECT_FALSE(has_news(peer));
}

TEST_F(ControlSubscriptionTest, WithoutMoreItIsRefused_R_STA_2) {
    UniqueFd peer = connect_pair(true);
    send_all(peer, std::string(R"({"method":"org.ipmp.Mpathd.WatchProbes"})") + '\0');
    EXPECT_NE(receive(peer).find("org.varlink.service.ExpectedMore"), std::string::npos);
    send_all(peer, std::string(R"({"method":"org.ipmp.Mpathd.WatchProbes","more":true,"oneway":true})") + '\0');
    settle();
    server_->tell(probe(1));
    EXPECT_FALSE(has_news(peer));
}

// What is asked before is answered before; what is asked afterwards never is, and costs nothing but its bytes.
TEST_F(ControlSubscriptionTest, ASubscriberAsksNothingMore) {
    UniqueFd peer = connect_pair(true);
    send_all(peer, encode_request(Query{Ping{}}) + encode_request(Query{SubscribeToProbes{}}) +
                       encode_request(Command{UndoOffline{"eth0"}}));
    EXPECT_EQ(receive(peer), without_nul(encode_ping_reply()));
    settle();
    EXPECT_TRUE(commands_.empty());
    server_->tell(probe(7));
    EXPECT_EQ(news(peer).probe.id, 7);
}

TEST_F(ControlSubscriptionTest, ASlowReaderLosesItsOwnEventsAndIsToldHowMany_R_STA_2) {
    listen();
    UniqueFd slow = connect(), quick = connect();
    settle();
    subscribe(slow);
    subscribe(quick);
    constexpr std::uint16_t kTold = 5000;  // some 600 KiB
    for (std::uint16_t id = 0; id < kTold; ++id) {
        server_->tell(probe(id));
        ProbeNews told = news(quick);
        ASSERT_EQ(told.probe.id, id);
        ASSERT_EQ(told.dropped, 0u);
    }
    std::uint16_t read = 0;
    while (has_news(slow)) {
        ProbeNews told = news(slow);
        ASSERT_EQ(told.probe.id, read++);
        ASSERT_EQ(told.dropped, 0u);
    }
    EXPECT_GT(read, 1000);
    ASSERT_LT(read, kTold);
    server_->tell(probe(kTold));
    ProbeNews told = news(slow);
    EXPECT_EQ(told.probe.id, kTold);
    EXPECT_EQ(told.dropped, static_cast<std::uint64_t>(kTold - read));
    server_->tell(probe(kTold + 1));
    EXPECT_EQ(news(slow).dropped, 0u);
}

TEST_F(ControlSubscriptionTest, WhoHangsUpIsForgotten) {
    listen();
    UniqueFd peer = connect(), reads_on = connect(), stays = connect();
    settle();
    for (const UniqueFd* each : {&peer, &reads_on, &stays}) subscribe(*each);
    EXPECT_EQ(server_->client_count(), 3u);
    shutdown(reads_on.get(), SHUT_WR);  // says only that it will ask nothing more
    peer.reset();
    settle();
    EXPECT_EQ(server_->client_count(), 2u);
    stays.reset();
    server_->tell(probe(1));  // finds out by itself
    EXPECT_EQ(server_->client_count(), 1u);
    EXPECT_EQ(news(reads_on).probe.id, 1);
    settle();
    EXPECT_EQ(server_->client_count(), 1u);
}

class StatusSubscriptionTest : public ControlSubscriptionTest {
  protected:
    void watch(const UniqueFd& peer) {
        send_all(peer, encode_request(Query{SubscribeToStatus{}}));
        settle();
    }
    void tell(bool changed = true) {
        if (server_->wants_status(changed)) server_->tell(status_);
    }
    StatusNews status_news(const UniqueFd& peer) {
        std::string message = receive(peer);
        auto decoded = decode_status_news_reply(message);
        EXPECT_TRUE(decoded) << message;
        return decoded ? *decoded : StatusNews{};
    }

    Status status_ = sample_status();
};

TEST_F(StatusSubscriptionTest, TellsTheWholeFirstAndThenWhatIsNew_R_VIS_2) {
    UniqueFd peer = connect_pair(false);  // everybody may
    EXPECT_FALSE(server_->wants_status(true));
    watch(peer);
    EXPECT_TRUE(server_->wants_status(false));
    tell(false);
    EXPECT_EQ(status_news(peer), (StatusNews{true, status_, {}}));
    tell();
    EXPECT_FALSE(has_news(peer)) << "nothing is new";
    EXPECT_FALSE(server_->wants_status(false));

    status_.groups[0].state = GroupHealth::ok;
    tell();
    StatusNews news = status_news(peer);
    EXPECT_FALSE(news.whole);
    EXPECT_EQ(news.present.groups, status_.groups);
    EXPECT_EQ(news.gone, Status{});
}

TEST_F(StatusSubscriptionTest, ANewcomerGetsTheWholeAndTheOthersOnlyNews_R_VIS_2) {
    listen();
    UniqueFd first = connect(), second = connect();
    settle();
    watch(first);
    tell();
    EXPECT_TRUE(status_news(first).whole);
    status_.groups[0].name = "renamed";
    watch(second);
    tell(false);
    EXPECT_EQ(status_news(second), (StatusNews{true, status_, {}}));
    EXPECT_EQ(status_news(first).present, status_);
}

TEST_F(StatusSubscriptionTest, ASlowReaderGetsTheWholeOnceItHasRead_R_VIS_2) {
    listen();
    UniqueFd slow = connect();
    settle();
    watch(slow);
    tell();
    for (int round = 0; round < 5000; ++round) {
        status_.groups[0].name = "round" + std::to_string(round) + std::string(200, '.');
        tell();
    }
    Status kept;
    int whole = 0;
    while (has_news(slow)) {
        StatusNews news = status_news(slow);
        whole += news.whole ? 1 : 0;
        apply(kept, news);
        tell(false);  // as each turn of the loop does
    }
    EXPECT_EQ(whole, 2);
    EXPECT_EQ(kept, status_);
}

}  // namespace
}  // namespace ipmp
