// DHCP clients as processes: started, told, reaped (R-DHC-1). A shell script stands in for ipmp-dhcp-client.
#include "shell/dhcp_clients.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <optional>

namespace ipmp {
namespace {

const DhcpKey kClient{{"ipmp0", 1}, Family::ipv4};

class DhcpClientsTest : public testing::Test {
  protected:
    // `text`: what the script does.
    DhcpClients clients_of(const std::string& text) {
        char name[] = "/tmp/ipmp-dhcp-clients-XXXXXX";
        EXPECT_TRUE(::mkdtemp(name));
        directory_ = name;
        std::string script = directory_ + "/client";
        std::ofstream(script) << "#!/bin/sh\n" << text << "\n";
        EXPECT_EQ(::chmod(script.c_str(), 0700), 0);
        return clients_running(script);
    }
    DhcpClients clients_running(const std::string& program) {
        auto helper = ProgramHelper::start({.attach = "", .dhcp_client = program, .resolvconf = ""});
        EXPECT_TRUE(helper);
        helper_.emplace(*std::move(helper));
        auto clients = DhcpClients::create(*helper_, places_);
        EXPECT_TRUE(clients);
        return std::move(*clients);
    }
    ~DhcpClientsTest() override {
        ::unlink((directory_ + "/client").c_str());
        ::rmdir(directory_.c_str());
    }
    static std::vector<DhcpClientEnded> await_end(DhcpClients& clients) {
        for (int round = 0; round < 1000; ++round) {
            pollfd wait{clients.event_fd(), POLLIN, 0};
            if (::poll(&wait, 1, 10000) != 1) return {};
            auto events = clients.take_events();
            if (!events.empty()) return events;
        }
        return {};
    }

    std::optional<ProgramHelper> helper_;
    NetworkPlaces places_ = std::move(*NetworkPlaces::open("/nonexistent/pin"));
    std::string directory_;
};

TEST_F(DhcpClientsTest, AClientIsToldWhatItIsForAndItsEndIsReported) {
    DhcpClients clients = clients_of("shift; echo first; echo \"$*\"; exit 3");
    clients.start({.client = kClient, .run = 77, .iaid = 5, .broadcast = true});
    auto ends = await_end(clients);
    ASSERT_EQ(ends.size(), 1u);
    EXPECT_EQ(ends[0].client, kClient);
    EXPECT_EQ(ends[0].run, 77u);
    EXPECT_FALSE(ends[0].cannot_run);
    EXPECT_EQ(ends[0].text, "ipmp0 1 inet 77 5 broadcast");
    EXPECT_TRUE(clients.take_events().empty());
    clients.start({.client = kClient, .inform = true, .address = *parse_ip("192.0.2.7"), .prefix_length = 24});
    ends = await_end(clients);
    ASSERT_EQ(ends.size(), 1u);
    EXPECT_EQ(ends[0].text, "ipmp0 1 inet 0 0 inform=192.0.2.7/24");
}

TEST_F(DhcpClientsTest, SignalsReachTheClientAndASecondOneTakesThePlaceOfTheFirst) {
    DhcpClients clients = clients_of(
        "trap 'echo renew' USR1; trap 'echo release; exit 0' ALRM; trap 'echo end; exit 1' TERM\n"
        "kill -USR1 $$; while kill -0 $PPID; do sleep 0.01; done");
    clients.start({.client = kClient, .run = 1});
    clients.start({.client = kClient, .run = 2});
    auto ends = await_end(clients);
    ASSERT_EQ(ends.size(), 1u);
    EXPECT_EQ(ends[0].run, 1u);
    clients.signal({kClient, DhcpSignal::release});
    ends = await_end(clients);
    ASSERT_EQ(ends.size(), 1u);
    EXPECT_EQ(ends[0].run, 2u);
}

// What it prints wakes us just before it ends: between two questions whether it has.
TEST_F(DhcpClientsTest, EveryEndIsReportedOnce) {
    DhcpClients clients = clients_of("echo going");
    for (std::uint64_t run = 0; run < 200; ++run) {
        clients.start({.client = kClient, .run = run});
        auto ends = await_end(clients);
        ASSERT_EQ(ends.size(), 1u) << run;
        EXPECT_EQ(ends[0].run, run);
    }
}

TEST_F(DhcpClientsTest, WhatCannotRunSaysSo) {
    DhcpClients clients = clients_of("echo install it; exit 127");
    clients.start({.client = kClient});
    auto ends = await_end(clients);
    ASSERT_EQ(ends.size(), 1u);
    EXPECT_TRUE(ends[0].cannot_run);
    EXPECT_EQ(ends[0].text, "install it");
    DhcpClients missing = clients_running("/nonexistent/program");
    missing.start({.client = kClient});
    ends = missing.take_events();
    ASSERT_EQ(ends.size(), 1u);
    EXPECT_NE(ends[0].text.find("/nonexistent/program"), std::string::npos);
}

}  // namespace
}  // namespace ipmp
