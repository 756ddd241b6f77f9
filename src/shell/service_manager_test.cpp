// What a service manager hears on its socket, as systemd would.
#include "shell/service_manager.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/unique_fd.hpp"
#include "shell/daemonize.hpp"

namespace ipmp {
namespace {

using std::chrono::milliseconds;

class ServiceManagerTest : public testing::Test {
  protected:
    void SetUp() override {
        socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        name_ = "@ipmp-test-" + std::to_string(::getpid());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        name_.copy(address.sun_path + 1, name_.size() - 1, 1);  // abstract: a NUL instead of the @
        auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
        ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
        ::setenv("NOTIFY_SOCKET", name_.c_str(), 1);
    }
    void TearDown() override {
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
    }

    // The next message; empty if there is none.
    std::string heard() {
        char text[256];
        ssize_t length = ::recv(socket_.get(), text, sizeof text, 0);
        return length < 0 ? "" : std::string(text, static_cast<std::size_t>(length));
    }

    static void ask_every(int limit_ms, pid_t of = ::getpid()) {
        ::setenv("WATCHDOG_USEC", std::to_string(limit_ms * 1000).c_str(), 1);
        ::setenv("WATCHDOG_PID", std::to_string(of).c_str(), 1);
    }

    UniqueFd socket_;
    std::string name_;
    Instant start_ = Instant() + std::chrono::hours(1);
};

TEST_F(ServiceManagerTest, ReadinessIsTold) {
    Readiness().ready();
    EXPECT_EQ(heard(), "READY=1");
}

TEST_F(ServiceManagerTest, ATurningLoopSaysSoThreeTimesInTheTimeItHas) {
    ask_every(3000);
    Watchdog watchdog = Watchdog::from_environment();
    watchdog.turned(start_);
    EXPECT_EQ(heard(), "WATCHDOG=1");
    EXPECT_EQ(watchdog.due(), start_ + milliseconds(1000));
    watchdog.turned(start_ + milliseconds(999));
    EXPECT_EQ(heard(), "");
    watchdog.turned(start_ + milliseconds(1000));
    EXPECT_EQ(heard(), "WATCHDOG=1");
}

TEST_F(ServiceManagerTest, NothingIsSaidUnlessThisProcessIsAsked) {
    Watchdog unasked = Watchdog::from_environment();
    ask_every(3000, ::getppid());
    Watchdog another = Watchdog::from_environment();
    for (Watchdog* watchdog : {&unasked, &another}) {
        watchdog->turned(start_);
        EXPECT_EQ(watchdog->due(), std::nullopt);
    }
    EXPECT_EQ(heard(), "");
}

TEST_F(ServiceManagerTest, AManagerThatDoesNotReadIsNotWaitedFor) {
    ask_every(3000);
    Watchdog watchdog = Watchdog::from_environment();
    for (int second = 0; second < 5000; ++second) watchdog.turned(start_ + std::chrono::seconds(second));
    EXPECT_EQ(heard(), "WATCHDOG=1");
    while (!heard().empty()) {}
    EXPECT_TRUE(tell_service_manager("STOPPING=1"));
    EXPECT_EQ(heard(), "STOPPING=1");
}

}  // namespace
}  // namespace ipmp
