#include "shell/control_server_fixture.hpp"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <deque>
#include <random>

namespace ipmp {
namespace {

TEST_F(ControlServerTest, AnswersQuestions) {
    UniqueFd peer = connect_pair(false);
    send_all(peer, encode_request(Query{GetStatus{}}) + encode_request(Query{GetCounters{}}) +
                       encode_request(Query{Ping{}}) + encode_request(Query{GetInfo{}}));
    auto status = decode_status_reply(receive(peer));
    ASSERT_TRUE(status);
    EXPECT_EQ(*status, sample_status());
    auto counters = decode_counters_reply(receive(peer));
    ASSERT_TRUE(counters);
    EXPECT_EQ(*counters, (Counters{{"a", 7}}));
    EXPECT_TRUE(decode_ping_reply(receive(peer)));
    EXPECT_NE(receive(peer).find("org.ipmp.Mpathd"), std::string::npos);
}

TEST_F(ControlServerTest, CommandsAreHandedOutAndAnsweredInOrder) {
    UniqueFd peer = connect_pair(true);
    send_all(peer, encode_request(Command{UndoOffline{"eth0"}}) + encode_request(Query{Ping{}}) +
                       encode_request(Command{UndoOffline{"eth1"}}));
    settle();
    ASSERT_EQ(commands_.size(), 1u);  // the next ones wait for the first answer
    server_->reply({commands_[0].request, {CommandError::not_offline, "first", ""}});
    auto first = decode_reply(receive(peer));
    ASSERT_TRUE(first);
    EXPECT_EQ(first->text, "first");
    EXPECT_EQ(receive(peer), without_nul(encode_ping_reply()));
    ASSERT_EQ(commands_.size(), 2u);
    EXPECT_EQ(std::get<UndoOffline>(commands_[1].command).interface, "eth1");
    server_->reply({commands_[1].request, {CommandError::none, "", "second"}});
    EXPECT_EQ(decode_reply(receive(peer))->detail, "second");
    server_->reply({commands_[1].request, {}});  // answered already: nobody waits
    settle();
    EXPECT_EQ(server_->client_count(), 1u);
}

TEST_F(ControlServerTest, ChangesNeedTheRight_D1) {
    UniqueFd peer = connect_pair(false);
    send_all(peer, encode_request(Command{UndoOffline{"eth0"}}) + encode_request(Query{Ping{}}));
    auto refused = decode_reply(receive(peer));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error_number, EPERM);
    EXPECT_EQ(receive(peer), without_nul(encode_ping_reply()));
    EXPECT_TRUE(commands_.empty());
}

TEST_F(ControlServerTest, OnewayRequestsGetNoReply) {
    UniqueFd peer = connect_pair(true);
    send_all(peer, std::string(R"({"method":"org.ipmp.Mpathd.GetStatus","oneway":true})") + '\0' +
                       R"({"method":"org.ipmp.Mpathd.Fly","oneway":true})" + '\0' +
                       R"({"method":"org.ipmp.Mpathd.UndoOffline","parameters":{"interface":"a"},"oneway":true})" +
                       '\0' + encode_request(Query{Ping{}}));
    EXPECT_EQ(receive(peer), without_nul(encode_ping_reply()));
    ASSERT_EQ(commands_.size(), 1u);
    server_->reply({commands_[0].request, {}});
    send_all(peer, encode_request(Query{GetCounters{}}));
    EXPECT_TRUE(decode_counters_reply(receive(peer)));
}

TEST_F(ControlServerTest, ClientThatLeftIsForgotten) {
    UniqueFd peer = connect_pair(true);
    send_all(peer, encode_request(Command{UndoOffline{"eth0"}}));
    settle();
    ASSERT_EQ(commands_.size(), 1u);
    peer.reset();
    settle();
    EXPECT_EQ(server_->client_count(), 0u);
    server_->reply({commands_[0].request, {}});
}

TEST_F(ControlServerTest, HalfClosedClientGetsItsAnswers) {
    UniqueFd peer = connect_pair(true);
    send_all(peer, encode_request(Query{Ping{}}) + encode_request(Command{UndoOffline{"eth0"}}));
    ASSERT_EQ(shutdown(peer.get(), SHUT_WR), 0);
    EXPECT_EQ(receive(peer), without_nul(encode_ping_reply()));
    ASSERT_EQ(commands_.size(), 1u);
    server_->reply({commands_[0].request, {CommandError::none, "", "done"}});
    EXPECT_EQ(decode_reply(receive(peer))->detail, "done");
    EXPECT_EQ(receive(peer), "closed");
}

TEST_F(ControlServerTest, RequestWithoutEndIsCutOff) {
    UniqueFd peer = connect_pair(true);
    send_all(peer, std::string(kMaxRequestBytes, 'x'));
    settle();
    EXPECT_EQ(server_->client_count(), 1u);
    send_all(peer, "x");
    EXPECT_EQ(receive(peer), "closed");
    EXPECT_EQ(server_->client_count(), 0u);
}

TEST_F(ControlServerTest, LongestRequestIsAnswered) {
    UniqueFd peer = connect_pair(true);
    std::string request = without_nul(encode_request(Query{Ping{}}));
    request += std::string(kMaxRequestBytes - request.size(), ' ') + '\0';
    send_all(peer, request + request);
    EXPECT_EQ(receive(peer), without_nul(encode_ping_reply()));
    EXPECT_EQ(receive(peer), without_nul(encode_ping_reply()));
}

TEST_F(ControlServerTest, HostileBytesGetErrorsOnly) {
    UniqueFd peer = connect_pair(true);
    std::mt19937 engine(3);
    for (int round = 0; round < 200; ++round) {
        std::string noise(engine() % 200, ' ');
        for (char& c : noise) c = static_cast<char>(1 + engine() % 255);
        send_all(peer, noise + '\0');
        EXPECT_NE(receive(peer).find("org.varlink.service.InvalidParameter"), std::string::npos);
    }
    EXPECT_TRUE(commands_.empty());
}

TEST_F(ControlServerTest, SlowReaderStallsOnlyItself) {
    listen();
    answers_.status = [] {
        Status big;
        big.groups.resize(3000, {"ipmp0", "a group"});
        return big;
    };
    UniqueFd slow = connect();
    std::string question = encode_request(Query{GetStatus{}});
    for (int i = 0; i < 20; ++i) send_all(slow, question);
    settle();
    UniqueFd quick = connect();
    send_all(quick, encode_request(Query{Ping{}}));
    EXPECT_EQ(receive(quick), without_nul(encode_ping_reply()));
    std::string expected = without_nul(encode_status_reply(answers_.status()));
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(receive(slow), expected) << i;
    }
}

TEST_F(ControlServerTest, StatusIsMadeOncePerDispatch) {
    UniqueFd peer = connect_pair(false);
    std::string question = encode_request(Query{GetStatus{}});
    std::string of_groups = encode_request(Query{GetStatus{{{StatusList::groups}}}});
    send_all(peer, question + question + of_groups + question);
    settle();
    EXPECT_EQ(status_calls_, 1);
}

TEST_F(ControlServerTest, OneMoreClientThanAllowedCostsTheQuietestOne) {
    listen();
    std::deque<UniqueFd> peers;
    for (std::size_t i = 0; i < ControlServer::kMaxClients; ++i) {
        peers.push_back(connect());
        settle();
    }
    send_all(peers[0], encode_request(Query{Ping{}}));
    EXPECT_EQ(receive(peers[0]), without_nul(encode_ping_reply()));
    UniqueFd late = connect();
    send_all(late, encode_request(Query{Ping{}}));
    EXPECT_EQ(receive(late), without_nul(encode_ping_reply()));
    EXPECT_EQ(server_->client_count(), ControlServer::kMaxClients);
    EXPECT_EQ(receive(peers[1]), "closed");
}

TEST_F(ControlServerTest, SocketIsOpenToAllAndReplacesAStaleOne) {
    listen();
    auto again = ControlServer::listen(directory_.get());  // as after a crash
    ASSERT_TRUE(again) << again.error().text;
    server_ = std::move(*again);
    struct stat info {};
    ASSERT_EQ(stat((directory_name_ + "/" + Paths::socket_name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0666u);
    UniqueFd peer = connect();
    send_all(peer, encode_request(Query{Ping{}}));
    EXPECT_EQ(receive(peer), without_nul(encode_ping_reply()));
}

// What a child with these credentials gets when it asks for a change: "y" a reply, "n" permission denied. All methods:
// control_rights_test.
class ControlServerRights : public ControlServerTest {
  protected:
    std::string ask_as(uid_t user, gid_t primary, std::vector<gid_t> groups) {
        int report[2];
        EXPECT_EQ(pipe2(report, O_CLOEXEC), 0);
        pid_t child = fork();
        if (child == 0) {
            bool ready = setgroups(groups.size(), groups.data()) == 0 && setresgid(primary, primary, primary) == 0 &&
                         setresuid(user, user, user) == 0;
            UniqueFd peer = connect();
            std::string request = encode_request(Command{UndoOffline{"eth0"}});
            char bytes[4096];
            ssize_t count = -1;
            if (ready && send(peer.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0) {
                count = recv(peer.get(), bytes, sizeof bytes, 0);
            }
            bool allowed = count > 0 && decode_reply({bytes, static_cast<std::size_t>(count) - 1});
            (void)!write(report[1], count <= 0 ? "?" : allowed ? "y" : "n", 1);
            _exit(0);
        }
        close(report[1]);
        std::string verdict = "none";
        while (true) {
            pollfd wait[2] = {{report[0], POLLIN, 0}, {server_->event_fd(), POLLIN, 0}};
            if (poll(wait, 2, kPatienceMs) <= 0) break;
            settle();
            if (HasFatalFailure()) break;
            for (; !commands_.empty(); commands_.pop_back()) server_->reply({commands_.back().request, {}});
            if (wait[0].revents) {
                char c = 0;
                if (read(report[0], &c, 1) == 1) verdict = c;
                break;
            }
        }
        close(report[0]);
        if (verdict == "none") kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        return verdict;
    }
};

TEST_F(ControlServerRights, FollowThePeersCredentials_D1) {
    if (getuid() != 0) GTEST_SKIP() << "needs root to take other users' credentials";
    group* daemons = getgrnam("daemon");
    ASSERT_TRUE(daemons);
    gid_t right = daemons->gr_gid;
    listen("daemon");
    EXPECT_EQ(ask_as(65534, right, {}), "y");
    std::vector<gid_t> many(100, 65534);
    many.push_back(right);
    EXPECT_EQ(ask_as(65534, 65534, many), "y");
}

}  // namespace
}  // namespace ipmp
