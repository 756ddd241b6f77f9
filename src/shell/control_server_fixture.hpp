// A control server inside a test, with canned answers, and peers of it. For control_server_test and its like.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/paths.hpp"
#include "shell/control_server.hpp"

namespace ipmp {

inline constexpr int kPatienceMs = 10000;

inline Status sample_status() {
    Status status;
    status.groups.push_back({"ipmp0", "ops"});
    return status;
}

// A server with canned answers and a peer or more; nothing blocks longer than kPatienceMs.
class ControlServerTest : public testing::Test {
  protected:
    UniqueFd connect_pair(bool may_change) {
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        auto created = ControlServer::serve(UniqueFd(ends[0]), may_change);
        EXPECT_TRUE(created);
        server_ = std::move(*created);
        return UniqueFd(ends[1]);
    }

    void listen(const char* group = "no-such-group-here") {
        char name[] = "/tmp/control_server_test.XXXXXX";
        ASSERT_TRUE(mkdtemp(name));
        directory_name_ = name;
        ASSERT_EQ(chmod(name, 0755), 0);
        directory_.reset(open(name, O_PATH | O_DIRECTORY | O_CLOEXEC));
        auto created = ControlServer::listen(directory_.get(), group);
        ASSERT_TRUE(created) << created.error().text;
        server_ = std::move(*created);
    }

    void TearDown() override {
        if (directory_name_.empty()) return;
        unlink((directory_name_ + "/" + Paths::socket_name).c_str());
        rmdir(directory_name_.c_str());
    }

    UniqueFd connect() const {
        UniqueFd connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        (directory_name_ + "/" + Paths::socket_name).copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return connection;
    }

    // Serves until the server is idle.
    void settle() {
        pollfd wait{server_->event_fd(), POLLIN, 0};
        for (int rounds = 0; poll(&wait, 1, 0) == 1; ++rounds) {
            ASSERT_LT(rounds, 1000) << "the server never comes to rest";
            auto commands = server_->dispatch(answers_);
            commands_.insert(commands_.end(), commands.begin(), commands.end());
        }
    }

    void send_all(const UniqueFd& peer, std::string_view bytes) {
        while (!bytes.empty()) {
            ssize_t count = send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0) {
                ASSERT_EQ(errno, EAGAIN);
                settle();
                ASSERT_FALSE(HasFatalFailure());
                continue;
            }
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    // The next message to `peer`, without its NUL; "closed" if the server hung up. Serves meanwhile.
    std::string receive(const UniqueFd& peer) {
        std::string& buffer = received_[peer.get()];
        while (buffer.find('\0') == std::string::npos) {
            settle();
            if (HasFatalFailure()) return "busy";
            pollfd wait[2] = {{peer.get(), POLLIN, 0}, {server_->event_fd(), POLLIN, 0}};
            if (poll(wait, 2, kPatienceMs) <= 0) return "nothing";
            if (!wait[0].revents) continue;
            char bytes[65536];
            ssize_t count = recv(peer.get(), bytes, sizeof bytes, 0);
            if (count <= 0) return "closed";
            buffer.append(bytes, static_cast<std::size_t>(count));
        }
        std::size_t end = buffer.find('\0');
        std::string message = buffer.substr(0, end);
        buffer.erase(0, end + 1);
        return message;
    }

    std::string without_nul(std::string message) { return message.substr(0, message.size() - 1); }

    std::unique_ptr<ControlServer> server_;
    ControlServer::Answers answers_{[this] { return ++status_calls_, sample_status(); },
                                    [] {
                                        return Counters{{"a", 7}};
                                    }};
    std::vector<CommandReceived> commands_;
    int status_calls_ = 0;
    std::map<int, std::string> received_;
    std::string directory_name_;
    UniqueFd directory_;
};

}  // namespace ipmp
