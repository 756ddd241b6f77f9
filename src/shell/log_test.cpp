// A log that does not take messages holds nobody up, and says afterwards how many it missed.
#include "shell/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

#include "base/unique_fd.hpp"

namespace ipmp {
namespace {

class Logging : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/log_test.XXXXXX";
        ASSERT_TRUE(mkdtemp(name));
        directory_ = name;
        path_ = directory_ / "log";
    }
    void TearDown() override {
        log_to_stderr();
        std::filesystem::remove_all(directory_);
    }

    UniqueFd make_syslogd() const {
        std::filesystem::remove(path_);
        UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        path_.string().copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return fd;
    }

    static std::vector<std::string> received(const UniqueFd& fd) {
        std::vector<std::string> lines;
        std::array<char, 8192> buffer;
        for (ssize_t size; (size = ::recv(fd.get(), buffer.data(), buffer.size(), 0)) >= 0;)
            lines.emplace_back(buffer.data(), static_cast<std::size_t>(size));
        return lines;
    }

    std::filesystem::path directory_, path_;
};

bool ends_with(const std::string& line, const std::string& end) { return line.ends_with("]: " + end); }

TEST_F(Logging, TellsSyslogInItsFormat) {
    UniqueFd syslogd = make_syslogd();
    log_to_syslog(path_);
    log_error("one");
    log_info("two");
    auto lines = received(syslogd);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_TRUE(lines[0].starts_with("<27>") && ends_with(lines[0], "one")) << lines[0];
    EXPECT_TRUE(lines[1].starts_with("<30>") && ends_with(lines[1], "two")) << lines[1];
    EXPECT_EQ(lines[0].substr(19, 12), " in.mpathd[" + std::to_string(::getpid()).substr(0, 1)) << lines[0];
}

TEST_F(Logging, WaitsForNoSyslogThatStandsStill) {
    UniqueFd syslogd = make_syslogd();
    log_to_syslog(path_);
    constexpr std::size_t kMessages = 2000;
    for (std::size_t i = 0; i < kMessages; ++i) log_info("m");
    auto taken = received(syslogd).size();
    EXPECT_GT(taken, 0u);
    ASSERT_LT(taken, kMessages);
    log_info("last");
    auto lines = received(syslogd);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_TRUE(ends_with(lines[0], std::to_string(kMessages - taken) + " messages were lost, as nobody took them"));
    EXPECT_TRUE(ends_with(lines[1], "last"));
}

TEST_F(Logging, FindsASyslogThatComesLateOrComesBack) {
    log_to_syslog(path_);
    log_error("nobody hears this");
    UniqueFd syslogd = make_syslogd();
    log_error("first");
    auto lines = received(syslogd);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_TRUE(ends_with(lines[0], "1 messages were lost, as nobody took them"));
    syslogd = make_syslogd();  // another one
    log_error("second");
    lines = received(syslogd);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_TRUE(ends_with(lines[0], "second"));
}

TEST_F(Logging, WaitsForNoReaderOfStandardError) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    UniqueFd reader(ends[0]), writer(ends[1]), former(::dup(STDERR_FILENO));
    ::dup2(writer.get(), STDERR_FILENO);
    log_to_stderr();
    constexpr int kMessages = 50;
    const std::string text(3000, 'x');  // 150,000 bytes: a pipe takes 65,536
    for (int i = 0; i < kMessages; ++i) log_info(text);
    ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
    std::array<char, 8192> buffer;
    std::string taken, after;
    for (ssize_t size; (size = ::read(reader.get(), buffer.data(), buffer.size())) > 0;)
        taken.append(buffer.data(), static_cast<std::size_t>(size));
    log_info("last");
    for (ssize_t size; (size = ::read(reader.get(), buffer.data(), buffer.size())) > 0;)
        after.append(buffer.data(), static_cast<std::size_t>(size));
    ::dup2(former.get(), STDERR_FILENO);
    auto lines = static_cast<int>(std::ranges::count(taken, '\n'));
    EXPECT_GT(lines, 0);
    EXPECT_EQ(after, "in.mpathd: " + std::to_string(kMessages - lines) +
                         " messages were lost, as nobody took them\nin.mpathd: last\n");
}

}  // namespace
}  // namespace ipmp
