// The helper processes: what they do when asked, what they refuse, and what becomes of the daemon without them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <optional>
#include <stdexcept>

#include "shell/namespace_helper.hpp"
#include "shell/program_helper.hpp"

namespace ipmp {
namespace {

using Outcome = HelperProcess::Outcome;

HelperProcess helper_that(const HelperProcess::Serve& serve) {
    auto helper = HelperProcess::start("test-helper", [] {}, serve);
    if (!helper) throw std::runtime_error(helper.error().text);
    return *std::move(helper);
}

ino_t inode(int fd) {
    struct stat info {};
    return ::fstat(fd, &info) == 0 ? info.st_ino : 0;
}

TEST(HelperProcess, AnswersWithNumbersErrorsAndDescriptors) {
    HelperProcess helper = helper_that([](const HelperRequest& request, const auto& fds) -> Result<Outcome> {
        if (request.kind == 1) return Error{"it is forbidden", EACCES};
        Outcome outcome{.number = request.option + 1, .fd = {}};
        if (!fds.empty()) outcome.fd.reset(::dup(fds[0].get()));
        return outcome;
    });
    auto number = helper.ask({.option = 41}, {});
    ASSERT_TRUE(number);
    EXPECT_EQ(number->number, 42);
    EXPECT_FALSE(number->fd);
    auto refused = helper.ask({.kind = 1}, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().text, "it is forbidden");
    EXPECT_EQ(refused.error().error_number, EACCES);
    UniqueFd file(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    auto returned = helper.ask({}, {file.get()});
    ASSERT_TRUE(returned && returned->fd);
    EXPECT_EQ(inode(returned->fd.get()), inode(file.get()));
    EXPECT_TRUE(::fcntl(returned->fd.get(), F_GETFD) & FD_CLOEXEC);
}

TEST(HelperProcess, OneThatHasEndedFailsAtOnceAndForGood) {
    HelperProcess helper = helper_that([](const HelperRequest&, const auto&) -> Result<Outcome> { ::_exit(0); });
    for (int time = 0; time < 3; ++time) {
        auto outcome = helper.ask({}, {});
        ASSERT_FALSE(outcome);
        EXPECT_NE(outcome.error().text.find("test-helper: it has ended or hangs"), std::string::npos);
    }
}

TEST(HelperProcess, EndsWithTheDaemonAndIsDeafToItsSignals) {
    HelperProcess helper = helper_that([](const HelperRequest&, const auto&) -> Result<Outcome> {
        ::raise(SIGTERM);
        ::raise(SIGINT);
        return Outcome{.number = ::getpid(), .fd = {}};
    });
    auto outcome = helper.ask({}, {});
    ASSERT_TRUE(outcome);
    pid_t pid = outcome->number;
    { HelperProcess gone = std::move(helper); }
    EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);  // it hears that nobody is left
}

class NamespaceHelperTest : public testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root for a network namespace";
        home_.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
        auto started = NamespaceHelper::start("/nonexistent/pin");
        ASSERT_TRUE(started) << started.error().text;
        helper_.emplace(*std::move(started));
        ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
        elsewhere_.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
        ASSERT_EQ(::setns(home_.get(), CLONE_NEWNET), 0);
    }
    static ino_t namespace_of(const UniqueFd& socket) {
        UniqueFd its_namespace(::ioctl(socket.get(), SIOCGSKNS));
        return inode(its_namespace.get());
    }
    UniqueFd home_, elsewhere_;
    std::optional<NamespaceHelper> helper_;
};

TEST_F(NamespaceHelperTest, R_VIS_1_OpensThingsElsewhereAndComesHome) {
    for (UniqueFd* wanted : {&elsewhere_, &home_, &elsewhere_}) {
        for (Opening what : {Opening::rtnetlink, Opening::frames, Opening::echo_ipv4, Opening::echo_ipv6,
                             Opening::links, Opening::ipv6}) {
            auto socket = helper_->open(wanted->get(), what);
            ASSERT_TRUE(socket) << socket.error().text;
            EXPECT_EQ(namespace_of(*socket), inode(wanted->get()));
        }
        for (Opening what : {Opening::settings_ipv4, Opening::settings_ipv6, Opening::memberships_ipv4,
                             Opening::memberships_ipv6, Opening::sysfs}) {
            auto file = helper_->open(wanted->get(), what);
            EXPECT_TRUE(file) << file.error().text;
        }
    }
}

// The settings that a directory opened there leads to are those of that namespace, for whoever looks.
TEST_F(NamespaceHelperTest, R_VIS_1_SettingsAreThoseOfTheOtherNamespace) {
    auto settings = helper_->open(elsewhere_.get(), Opening::settings_ipv4);
    ASSERT_TRUE(settings);
    auto write = [&](int directory, const char* path) {
        UniqueFd file(::openat(directory, path, O_WRONLY | O_CLOEXEC));
        return file && ::write(file.get(), "7", 1) == 1;
    };
    auto read = [&](int directory, const char* path) {
        UniqueFd file(::openat(directory, path, O_RDONLY | O_CLOEXEC));
        char c = '?';
        return file && ::read(file.get(), &c, 1) == 1 ? c : '?';
    };
    const char* setting = "conf/lo/log_martians";
    char before = read(AT_FDCWD, "/proc/sys/net/ipv4/conf/lo/log_martians");
    ASSERT_TRUE(write(settings->get(), setting));
    EXPECT_EQ(read(settings->get(), setting), '7');
    EXPECT_EQ(read(AT_FDCWD, "/proc/sys/net/ipv4/conf/lo/log_martians"), before);
}

TEST_F(NamespaceHelperTest, R_VIS_1_WhatIsNoNamespaceIsRefusedAndItGoesOn) {
    UniqueFd file(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    EXPECT_FALSE(helper_->open(file.get(), Opening::links));
    EXPECT_FALSE(helper_->open(elsewhere_.get(), static_cast<Opening>(kOpenings)));
    EXPECT_FALSE(helper_->unpin());
    EXPECT_TRUE(helper_->open(elsewhere_.get(), Opening::links));
}

class ProgramHelperTest : public testing::Test {
  protected:
    void SetUp() override {
        const std::string echo = "/bin/echo";
        auto started = ProgramHelper::start({.attach = echo, .dhcp_client = echo, .resolvconf = echo});
        ASSERT_TRUE(started);
        helper_.emplace(*std::move(started));
    }
    // What it printed, or "refused".
    std::string run(ProgramHelper::Program program, const std::vector<std::string>& words) {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        UniqueFd output(ends[0]), input(ends[1]), null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        auto pid = helper_->run(program, words, ProgramHelper::Group::own, {null.get(), input.get()});
        input.reset();
        if (!pid) return "refused";
        std::string text;
        char bytes[256];
        for (ssize_t count; (count = ::read(output.get(), bytes, sizeof bytes)) > 0;)
            text.append(bytes, static_cast<std::size_t>(count));
        int status = -1;
        EXPECT_EQ(::waitpid(*pid, &status, 0), *pid) << "it is our child";
        EXPECT_EQ(status, 0);
        return text;
    }
    std::optional<ProgramHelper> helper_;
};

TEST_F(ProgramHelperTest, StartsItsProgramsWithPlainWordsOnly) {
    using enum ProgramHelper::Program;
    EXPECT_EQ(run(attach, {"ipmp", "attach", "eth0"}), "attach eth0\n");
    EXPECT_EQ(run(attach, {"ipmp", "attach", "ätzend#0"}), "attach ätzend#0\n");
    EXPECT_EQ(run(dhcp_client, {"ipmp-dhcp-client", "1", "ipmp0", "inform=192.0.2.1/24"}),
              "1 ipmp0 inform=192.0.2.1/24\n");
    const std::vector<std::vector<std::string>> attempts{
        {},
        {"ipmp"},
        {"ipmp", "stop", "eth0"},
        {"ipmp", "attach", "eth0", "eth1"},
        {"ipmp", "attach", "-x"},
        {"ipmp", "attach", "a/b"},
        {"ipmp", "attach", ""},
        {"ipmp", "attach", "a b"},
        {"ipmp", "attach", "a\nb"},
        {"sh", "attach", "eth0"},
    };
    for (const auto& words : attempts) EXPECT_EQ(run(attach, words), "refused");
    EXPECT_EQ(run(resolvconf, {"resolvconf", "-x", "ipmp0.dhcp"}), "refused");
    EXPECT_EQ(run(resolvconf, {"resolvconf", "-a", "/ipmp0"}), "refused");
    EXPECT_EQ(run(static_cast<ProgramHelper::Program>(3), {"resolvconf", "-a", "ipmp0"}), "refused");
    EXPECT_EQ(run(dhcp_client, {"ipmp-dhcp-client", "/etc/shadow"}), "refused");
    EXPECT_EQ(run(dhcp_client, {"ipmp-dhcp-client", "../x"}), "refused");
    EXPECT_EQ(run(dhcp_client, {"ipmp-dhcp-client", std::string(2000, 'x')}), "refused");
}

}  // namespace
}  // namespace ipmp
