// Children that configure NICs: one at a time, in order, only for NICs with files (R-DYN-3).
#include "shell/attacher.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

namespace ipmp {
namespace {

namespace fs = std::filesystem;

class Attaching : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/attacher_test.XXXXXX";
        ASSERT_TRUE(mkdtemp(name));
        root_ = name;
        fs::create_directories(root_ / "etc");
        std::ofstream(root_ / "program") << "#!/bin/sh\necho $1 $2 >>" << (root_ / "ran").string()
                                         << "\necho half a line; printf 'and the rest'\n";
        fs::permissions(root_ / "program", fs::perms::owner_all);
        std::string program = (root_ / "program").string();
        auto helper = ProgramHelper::start({.attach = program, .dhcp_client = "", .resolvconf = ""});
        ASSERT_TRUE(helper) << helper.error().text;
        helper_.emplace(*std::move(helper));
        auto created = Attacher::create(Paths{root_.string()}, *helper_);
        ASSERT_TRUE(created);
        attacher_ = std::make_unique<Attacher>(std::move(*created));
    }
    void TearDown() override { fs::remove_all(root_); }

    void give_file(const std::string& name) { std::ofstream(root_ / "etc" / name) << "up\n"; }
    void run_to_the_end() {
        pollfd wait{attacher_->event_fd(), POLLIN, 0};
        while (!attacher_->idle() && poll(&wait, 1, 10000) > 0) attacher_->progress();
        EXPECT_TRUE(attacher_->idle());
    }
    std::string ran() {
        std::ifstream file(root_ / "ran");
        return {std::istreambuf_iterator<char>(file), {}};
    }

    fs::path root_;
    std::optional<ProgramHelper> helper_;
    std::unique_ptr<Attacher> attacher_;
};

TEST_F(Attaching, R_DYN_3_EachWithAFileOneAfterTheOther) {
    give_file("hostname.eth0");
    give_file("hostname6.eth1");
    give_file("dhcp.eth2");
    for (const char* nic : {"eth0", "eth1", "eth2", "eth3", "eth2"}) attacher_->attach(nic);
    run_to_the_end();
    EXPECT_EQ(ran(), "attach eth0\nattach eth1\nattach eth2\n");
    attacher_->attach("eth0");
    run_to_the_end();
    EXPECT_EQ(ran(), "attach eth0\nattach eth1\nattach eth2\nattach eth0\n");
}

TEST_F(Attaching, R_DYN_3_WhatCannotBeStartedHoldsNobodyUp) {
    give_file("hostname.eth0");
    fs::remove(root_ / "program");
    attacher_->attach("eth0");
    EXPECT_TRUE(attacher_->idle());
}

TEST_F(Attaching, R_DYN_3_NoMoreWaitThanThereIsRoomFor) {
    std::size_t count = Attacher::kMaxWaiting + 20;
    for (std::size_t i = 0; i < count; ++i) {
        give_file("hostname.e" + std::to_string(i));
        attacher_->attach("e" + std::to_string(i));
    }
    run_to_the_end();
    std::string lines = ran();
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1 + static_cast<int>(Attacher::kMaxWaiting));
}

}  // namespace
}  // namespace ipmp
