// why, check, monitor and top where there is nothing to see: documented texts and exit codes.
#include "tools/status_follower.hpp"
#include "tools_fixture.hpp"

namespace ipmp {
namespace {

Status sample() {
    Status status;
    status.groups = {{"ipmp0", "ops", GroupHealth::ok, {}, {"eth0", "eth1"}, {}, {}}};
    status.interfaces = {{"eth0", 2, true, "ipmp0"}};
    return status;
}

TEST_F(ToolsTest, WhyNeedsADaemonAndAName) {
    expect_failure({"ipmp", "why", "eth0"}, "ipmp: cannot contact in.mpathd -- is IPMP in use?");
    serve(sample());
    expect_failure({"ipmp", "why", "eth9"}, "ipmp: eth9: no underlying interface, data address or group of IPMP");
    expect_failure({"ipmp", "why"}, "ipmp: name is required; see ipmp --help");
    Ran ran = run({"ipmp", "why", "eth0"});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.out.substr(0, ran.out.find('\n')), "eth0 of group ipmp0 is starting");
}

TEST_F(ToolsTest, CheckSaysWhenThereIsNothingToCheck) {
    for (bool with_daemon : {false, true}) {
        if (with_daemon) serve();
        Ran ran = run({"ipmp", "check"});
        EXPECT_EQ(ran.exit_code, 2);
        EXPECT_EQ(ran.err, "ipmp: there is no group yet: name the interfaces that are to be in one\n");
    }
    Ran ran = run({"ipmp", "check", "-j", "no-such-nic0"});
    EXPECT_EQ(ran.exit_code, 1);
    nlohmann::json answer = nlohmann::json::parse(ran.out);
    EXPECT_FALSE(answer["well"]);
    EXPECT_EQ(answer["findings"][0]["code"], "missing");
}

TEST_F(ToolsTest, TopNeedsATerminalOrADaemon) {
    expect_failure({"ipmp", "top"}, "ipmp: top needs a terminal; without one there is `ipmp top --once`");
    expect_failure({"ipmp", "top", "--once"}, "ipmp: cannot contact in.mpathd -- is IPMP in use?");
}

// One that ends has its clients hung up on before nobody listens any more.
TEST_F(ToolsTest, ADaemonIsThereOnceItHasToldItsStatus) {
    using Happened = StatusFollower::Happened;
    fs::create_directories(root_ / "run/ipmp");
    UniqueFd directory(open((root_ / "run/ipmp").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto listening = ControlServer::listen(directory.get());
    ASSERT_TRUE(listening) << listening.error().text;
    std::thread end([server = *std::move(listening)]() mutable {
        pollfd client{server->event_fd(), POLLIN, 0};
        poll(&client, 1, -1);
        server.reset();
    });
    StatusFollower follower(Paths{root_.string()});
    EXPECT_EQ(follower.take(), Happened::nothing);
    EXPECT_FALSE(follower.connected());
    EXPECT_FALSE(follower.known());
    end.join();

    serve(sample());
    EXPECT_EQ(follower.take(), Happened::connected);
    EXPECT_EQ(follower.status().groups.size(), 1u);
    EXPECT_EQ(follower.take(), Happened::nothing);
    daemon_.reset();
    EXPECT_EQ(follower.take(), Happened::lost);
    EXPECT_EQ(follower.take(), Happened::nothing);
}

}  // namespace
}  // namespace ipmp
