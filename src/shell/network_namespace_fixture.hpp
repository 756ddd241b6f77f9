// For tests that need a network of their own: each test case runs in a fresh network namespace, made by and
// only for the main thread. Needs root; skipped with a printed reason otherwise.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/unique_fd.hpp"
#include "model/ids.hpp"
#include "shell/clock.hpp"

namespace ipmp {

inline constexpr Duration kTestDeadline = std::chrono::seconds(10);  // generous: the machine may be busy

class NetworkNamespaceTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root for a network namespace";
        ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << std::strerror(errno);
    }

    // A /run of the test's own: names and pins of network namespaces are gone with its mount namespace.
    static void make_run_private() {
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
        ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
        ASSERT_EQ(::mount("tmpfs", "/run", "tmpfs", 0, nullptr), 0);
    }
    static void run(const std::string& command) {
        ASSERT_EQ(std::system(command.c_str()), 0) << command;  // NOLINT: a test's own constant
    }
    static InterfaceIndex index_of_link(const std::string& name) { return {::if_nametoindex(name.c_str())}; }
};

// A NIC whose carrier the test decides, and whose netlink messages are as late as those of a real one.
class Tap {
  public:
    explicit Tap(const std::string& name) : fd_(::open("/dev/net/tun", O_RDWR | O_CLOEXEC)) {
        ifreq request{};
        name.copy(request.ifr_name, IFNAMSIZ - 1);
        request.ifr_flags = IFF_TAP | IFF_NO_PI;
        EXPECT_EQ(::ioctl(fd_.get(), TUNSETIFF, &request), 0) << std::strerror(errno);
    }
    void set_carrier(bool up) {
        int value = up;
        EXPECT_EQ(::ioctl(fd_.get(), TUNSETCARRIER, &value), 0) << std::strerror(errno);
    }
    void remove() { fd_.reset(); }

  private:
    UniqueFd fd_;
};

}  // namespace ipmp
