// Runs the built tools with IPMP_ROOT set to a directory of the test, in which a fake daemon serves the control socket:
// canned status, recorded commands, replies chosen by the test. What the tools print and send is compared whole.
// It is longer than 400 lines because the documented texts of three tools are all in it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "shell/control_server.hpp"

namespace ipmp {
namespace {

namespace fs = std::filesystem;
using Requests = std::vector<std::string>;

// Serves from a thread of its own until it is destroyed.
class FakeDaemon {
  public:
    using Respond = std::function<CommandReply(const Command&)>;

    FakeDaemon(const fs::path& run, Status status, Respond respond)
        : status_(std::move(status)), respond_(std::move(respond)) {
        fs::create_directories(run);
        UniqueFd directory(open(run.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        auto listening = ControlServer::listen(directory.get());
        EXPECT_TRUE(listening) << listening.error().text;
        server_ = std::move(*listening);
        stop_.reset(eventfd(0, EFD_CLOEXEC));
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeDaemon() {
        eventfd_write(stop_.get(), 1);
        thread_.join();
    }

    // "SetGroup {"interface":…}" of every command that came.
    Requests requests() {
        std::lock_guard lock(mutex_);
        return requests_;
    }

  private:
    void serve() {
        pollfd wait[2] = {{server_->event_fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
        ControlServer::Answers answers{[this] { return status_; }, [] { return Counters{}; }};
        while (poll(wait, 2, -1) > 0 && !wait[1].revents) {
            for (const CommandReceived& received : server_->dispatch(answers)) {
                std::string text = encode_request(received.command);
                auto json = nlohmann::json::parse(text.substr(0, text.size() - 1));
                std::string method = json["method"];
                {
                    std::lock_guard lock(mutex_);
                    requests_.push_back(method.substr(method.rfind('.') + 1) + " " + json["parameters"].dump());
                }
                server_->reply({received.request, respond_(received.command)});
            }
        }
    }

    Status status_;
    Respond respond_;
    std::unique_ptr<ControlServer> server_;
    UniqueFd stop_;
    std::mutex mutex_;
    Requests requests_;
    std::thread thread_;
};

struct Ran {
    int exit_code = -1;
    std::string out, err;
};

std::string read_all(int fd) {
    std::string text;
    char bytes[4096];
    lseek(fd, 0, SEEK_SET);
    for (ssize_t count; (count = read(fd, bytes, sizeof bytes)) > 0;)
        text.append(bytes, static_cast<std::size_t>(count));
    return text;
}

class ToolsTest : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/tools_test.XXXXXX";
        ASSERT_TRUE(mkdtemp(name));
        // A root as long as users may have: longer than a socket's path may be.
        root_ = fs::path(name) / std::string(150, 'r');
        fs::create_directories(root_);
        top_ = name;
    }
    void TearDown() override {
        daemon_.reset();
        fs::remove_all(top_);
    }

    void serve(Status status = {}) {
        daemon_ = std::make_unique<FakeDaemon>(root_ / "run/ipmp", std::move(status),
                                               [this](const Command& command) { return respond_(command); });
    }

    Ran run(std::vector<std::string> words, const std::string& directory = TOOLS_DIRECTORY) {
        UniqueFd out(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        UniqueFd err(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        words[0] = directory + "/" + words[0];
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        pid_t child = fork();
        if (child == 0) {
            dup2(out.get(), 1);
            dup2(err.get(), 2);
            setenv("IPMP_ROOT", root_.c_str(), 1);
            execv(arguments[0], arguments.data());
            _exit(127);
        }
        int status = 0;
        waitpid(child, &status, 0);
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_all(out.get()), read_all(err.get())};
    }

    // The tool fails with exactly this text on stderr.
    void expect_failure(const std::vector<std::string>& words, const std::string& text) {
        Ran ran = run(words);
        EXPECT_EQ(ran.exit_code, 1) << text;
        EXPECT_EQ(ran.err, text + "\n");
        EXPECT_EQ(ran.out, "");
    }

    void refuse(CommandError error, std::string text = "") {
        respond_ = [=](const Command&) { return CommandReply{error, text, ""}; };
    }

    fs::path top_, root_;
    std::function<CommandReply(const Command&)> respond_ = [](const Command&) { return CommandReply{}; };
    std::unique_ptr<FakeDaemon> daemon_;
};

Status sample() {
    Status status;
    status.groups = {{"ipmp0", "ops", GroupHealth::ok, {}, {"eth0", "eth1"}, {}, {}}};
    status.interfaces = {{"eth0", 2, true, "ipmp0"}};
    status.addresses = {{*parse_ip("2001:db8::1"), true, "ipmp0", "eth0", {"eth0", "eth1"}}};
    return status;
}

TEST_F(ToolsTest, IpmpstatPrintsTables_R_STA_1) {
    serve(sample());
    Ran ran = run({"ipmpstat", "-g"});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.err, "");
    EXPECT_EQ(ran.out,
              "GROUP       GROUPNAME   STATE     FDT       INTERFACES\n"
              "ipmp0       ops         ok        --        eth0 eth1\n");
    EXPECT_EQ(run({"ipmpstat", "-anPo", "address,inbound"}).out, "2001\\:db8\\:\\:1:eth0\n");
    EXPECT_EQ(run({"ipmpstat", "-t"}).out,
              "INTERFACE   MODE      TESTADDR            TARGETS\n"
              "eth0        disabled  --                  --\n");
}

TEST_F(ToolsTest, IpmpstatErrors_R_STA_3) {
    // The field list is judged before the daemon is looked for.
    expect_failure({"ipmpstat", "-gP", "-o", "x"}, "ipmpstat: unknown output field: `x'");
    expect_failure({"ipmpstat", "-gP"}, "ipmpstat: output fields must be specified in parsable mode");
    expect_failure({"ipmpstat", "-gPo", "all"}, "ipmpstat: output field `all' invalid in parsable mode");
    expect_failure({"ipmpstat", "-ga"}, "ipmpstat: only one output format may be specified");
    expect_failure({"ipmpstat", "-g"}, "ipmpstat: cannot contact in.mpathd(1M) -- is IPMP in use?");
    EXPECT_EQ(run({"ipmpstat"}).err.substr(0, 58), "usage: ipmpstat [-n] [-o field[,...] [-P]] -a|-g|-i|-p|-t\n");
    EXPECT_EQ(run({"ipmpstat", "-g", "extra"}).exit_code, 1);
    EXPECT_EQ(run({"ipmpstat", "--help"}).exit_code, 0);
    serve(sample());
    expect_failure({"ipmpstat", "-p"}, "ipmpstat: probe-based failure detection is disabled");
    Ran ran = run({"ipmpstat", "-go", "group,x"});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.err, "ipmpstat: warning: ignoring unknown output field: `x'\n");
    EXPECT_EQ(ran.out, "GROUP\nipmp0\n");
}

TEST_F(ToolsTest, NothingToShowIsSuccess_R_STA_1) {
    serve();
    Ran ran = run({"ipmpstat", "-i"});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.out + ran.err, "");
}

TEST_F(ToolsTest, IfconfigSendsOneRequestPerWordInOrder_R_CMD_1) {
    serve();
    respond_ = [](const Command& command) {
        auto* added = std::get_if<AddLogical>(&command);
        return CommandReply{CommandError::none, "", added ? "ipmp0:1" : ""};
    };
    Ran ran = run({"ifconfig", "ipmp0", "ipmp", "group", "my group", "192.0.2.1/24", "netmask", "+", "broadcast", "+",
                   "up", "addif", "192.0.2.2", "-failover", "up", "removeif", "192.0.2.3"});
    EXPECT_EQ(ran.err, "");
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.out, "Created new logical interface ipmp0:1\n");
    EXPECT_EQ(daemon_->requests(),
              (Requests{R"(CreateIpmp {"family":"inet","interface":"ipmp0"})",
                        R"(SetGroup {"family":"inet","group":"my group","interface":"ipmp0"})",
                        R"(SetAddress {"address":"192.0.2.1","interface":"ipmp0","number":0,"prefix_length":24})",
                        R"(SetFlags {"family":"inet","interface":"ipmp0","number":0,"up":true})",
                        R"(AddLogical {"address":"192.0.2.2","interface":"ipmp0"})",
                        R"(SetFlags {"family":"inet","interface":"ipmp0","no_failover":true,"number":1})",
                        R"(SetFlags {"family":"inet","interface":"ipmp0","number":1,"up":true})",
                        R"(RemoveLogical {"address":"192.0.2.3","interface":"ipmp0"})"}));
}

TEST_F(ToolsTest, IfconfigOtherWords_R_CMD_1) {
    serve();
    EXPECT_EQ(run({"ifconfig", "eth0:2", "inet6", "set", "2001:db8::1/64", "deprecated", "-deprecated", "failover",
                   "down", "standby", "-standby"})
                  .err,
              "");
    EXPECT_EQ(run({"ifconfig", "eth0", "plumb", "group", "", "unplumb"}).err, "");
    EXPECT_EQ(
        daemon_->requests(),
        (Requests{R"(SetAddress {"address":"2001:db8::1","interface":"eth0","number":2,"prefix_length":64})",
                  R"(SetFlags {"deprecated":true,"family":"inet6","interface":"eth0","number":2})",
                  R"(SetFlags {"deprecated":false,"family":"inet6","interface":"eth0","number":2})",
                  R"(SetFlags {"family":"inet6","interface":"eth0","no_failover":false,"number":2})",
                  R"(SetFlags {"family":"inet6","interface":"eth0","number":2,"up":false})",
                  R"(SetStandby {"interface":"eth0","standby":true})",
                  R"(SetStandby {"interface":"eth0","standby":false})", R"(Plumb {"family":"inet","interface":"eth0"})",
                  R"(SetGroup {"family":"inet","group":"","interface":"eth0"})",
                  R"(Unplumb {"family":"inet","interface":"eth0"})"}));
}

TEST_F(ToolsTest, IfconfigNetmaskHoldsForTheWholeCommand_R_CMD_1) {
    serve();
    EXPECT_EQ(run({"ifconfig", "eth0", "10.1.2.3", "netmask", "0xffff0000", "broadcast", "10.1.0.9"}).err, "");
    EXPECT_EQ(run({"ifconfig", "eth0", "netmask", "255.255.0.0", "10.1.2.3"}).err, "");
    EXPECT_EQ(run({"ifconfig", "eth0", "10.1.2.3/8", "netmask", "255.255.0.0"}).err, "");
    EXPECT_EQ(run({"ifconfig", "eth0", "netmask", "255.255.0.0"}).err, "");
    EXPECT_EQ(daemon_->requests(),
              (Requests{R"(SetAddress {"address":"10.1.2.3","interface":"eth0","number":0,"prefix_length":16})",
                        R"(SetNetmask {"family":"inet","interface":"eth0","number":0,"prefix_length":16})",
                        R"(SetAddress {"address":"10.1.2.3","broadcast":"10.1.0.9","interface":"eth0","number":0,)"
                        R"("prefix_length":16})",
                        R"(SetAddress {"address":"10.1.2.3","interface":"eth0","number":0,"prefix_length":16})",
                        R"(SetAddress {"address":"10.1.2.3","interface":"eth0","number":0,"prefix_length":8})",
                        R"(SetNetmask {"family":"inet","interface":"eth0","number":0,"prefix_length":16})"}));
}

TEST_F(ToolsTest, IfconfigGrammarErrorsSendNothing_R_CMD_1) {
    serve();
    expect_failure({"ifconfig"}, "ifconfig: status display is not available yet, see ipmpstat");
    expect_failure({"ifconfig", "-a"}, "ifconfig: status display is not available yet, see ipmpstat");
    expect_failure({"ifconfig", "eth0", "inet6"}, "ifconfig: status display is not available yet, see ipmpstat");
    expect_failure({"ifconfig", "-x", "up"}, "ifconfig: -x: no such interface");
    expect_failure({"ifconfig", "sixteen_bytes_xx", "up"}, "ifconfig: sixteen_bytes_xx: interface name too long");
    expect_failure({"ifconfig", "a/b", "up"}, "ifconfig: a/b: no such interface");
    expect_failure({"ifconfig", "eth0:x", "up"}, "ifconfig: eth0:x: no such interface");
    expect_failure({"ifconfig", "eth0", "group"}, "ifconfig: no argument for group");
    expect_failure({"ifconfig", "eth0", "inet6", "192.0.2.1"}, "ifconfig: 192.0.2.1: bad address");
    expect_failure({"ifconfig", "eth0", "192.0.2.1/33"}, "ifconfig: Bad prefix length in 192.0.2.1/33");
    expect_failure({"ifconfig", "eth0", "netmask", "255.0.255.0"}, "ifconfig: 255.0.255.0: bad address");
    expect_failure({"ifconfig", "eth0", "inet6", "netmask", "ffff"},
                   "ifconfig: Operation netmask not supported for inet6");
    expect_failure({"ifconfig", "eth0", "mtu", "9000"}, "ifconfig: mtu: not supported yet");
    expect_failure({"ifconfig", "eth0:1", "addif", "192.0.2.1"}, "ifconfig: addif: bad physical interface name eth0:1");
    expect_failure({"ifconfig", "eth0:1", "removeif", "192.0.2.1"},
                   "ifconfig: removeif: bad physical interface name eth0:1");
    expect_failure({"ifconfig", "eth0:1", "group", "a"}, "ifconfig: eth0:1: SIOCSLIFGROUPNAME: Invalid argument");
    expect_failure({"ifconfig", "eth0", "group", std::string(32, 'g')},
                   "ifconfig: eth0: SIOCSLIFGROUPNAME: group name too long");
    EXPECT_EQ(daemon_->requests(), Requests{});
}

TEST_F(ToolsTest, IfconfigStopsAtTheFirstFailure_R_CMD_1) {
    serve();
    refuse(CommandError::no_such_interface, "eth0: no such interface");
    expect_failure({"ifconfig", "eth0", "up", "down"}, "ifconfig: setifflags: SIOCSLIFFLAGS: eth0: no such interface");
    EXPECT_EQ(daemon_->requests().size(), 1u);
}

TEST_F(ToolsTest, IfconfigWordsRefusalsAsDocumented_R_CMD_1) {
    serve();
    refuse(CommandError::group_not_empty, "whatever");
    expect_failure({"ifconfig", "ipmp0", "unplumb"}, "ifconfig: cannot unplumb ipmp0: IPMP group is not empty");
    refuse(CommandError::already_exists, "whatever");
    expect_failure({"ifconfig", "ipmp0", "ipmp"},
                   "ifconfig: cannot create IPMP interface ipmp0: Interface already exists");
    expect_failure({"ifconfig", "ipmp0", "group", "b"}, "ifconfig: ipmp0: SIOCSLIFGROUPNAME: already exists");
    refuse(CommandError::address_managed, "eth0 has data addresses managed by dhclient");
    expect_failure({"ifconfig", "eth0", "group", "b"},
                   "ifconfig: cannot join IPMP group b: eth0 has data addresses managed by dhclient");
    refuse(CommandError::not_supported, "eth0: needs ARP and multicast");
    expect_failure({"ifconfig", "eth0", "group", "b"},
                   "ifconfig: eth0: SIOCSLIFGROUPNAME: Operation not supported (eth0: needs ARP and multicast)");
    refuse(CommandError::invalid_argument, "Invalid argument");
    expect_failure({"ifconfig", "eth0", "-deprecated"}, "ifconfig: setifflags: SIOCSLIFFLAGS: eth0: Invalid argument");
    expect_failure({"ifconfig", "eth0", "removeif", "192.0.2.1"}, "ifconfig: removeif: cannot remove interface: eth0");
}

TEST_F(ToolsTest, PlumbingTwiceIsToldButNoFailure_R_CMD_1) {
    serve();
    respond_ = [](const Command& command) {
        bool plumb = std::holds_alternative<Plumb>(command);
        return CommandReply{plumb ? CommandError::already_exists : CommandError::none, "", ""};
    };
    Ran ran = run({"ifconfig", "eth0", "plumb", "up"});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.err, "ifconfig: cannot plumb eth0: Interface already exists\n");
    EXPECT_EQ(daemon_->requests().size(), 2u);
}

TEST_F(ToolsTest, IfMpadm_R_CMD_2) {
    serve();
    EXPECT_EQ(run({"if_mpadm", "-d", "lo"}).exit_code, 0);
    EXPECT_EQ(run({"if_mpadm", "-r", "lo"}).exit_code, 0);
    EXPECT_EQ(daemon_->requests(), (Requests{R"(SetOffline {"interface":"lo","minimum_redundancy":1})",
                                             R"(UndoOffline {"interface":"lo"})"}));
    expect_failure({"if_mpadm"}, "Usage: if_mpadm [-d | -r] <interface>");
    EXPECT_EQ(run({"if_mpadm", "-x", "lo"}).exit_code, 1);
    expect_failure({"if_mpadm", "-d", "nosuch0"},
                   "if_mpadm: fatal: cannot get interface flags on nosuch0: No such device or address");
    refuse(CommandError::already_offline);
    expect_failure({"if_mpadm", "-d", "lo"}, "if_mpadm: fatal: interface lo is already offline");
    refuse(CommandError::not_offline);
    expect_failure({"if_mpadm", "-r", "lo"}, "if_mpadm: fatal: interface lo is not offline");
    refuse(CommandError::not_in_group);
    expect_failure({"if_mpadm", "-d", "lo"},
                   "if_mpadm: fatal: cannot offline lo: not a physical interface or not in an IPMP group");
    refuse(CommandError::minimum_redundancy);
    expect_failure({"if_mpadm", "-d", "lo"},
                   "if_mpadm: fatal: cannot offline lo: no other functioning interfaces are in its IPMP group");
    refuse(CommandError::duplicate_hardware_address);
    expect_failure({"if_mpadm", "-r", "lo"},
                   "if_mpadm: fatal: cannot undo-offline lo: interface has duplicate hardware address");
}

// Tools in a directory of their own, beside a script that plays in.mpathd.
class StartingTest : public ToolsTest {
  protected:
    void install(const std::string& script) {
        tools_ = top_ / "bin";
        fs::create_directories(tools_);
        for (const char* tool : {"ifconfig", "ipmpstat"}) fs::copy(fs::path(TOOLS_DIRECTORY) / tool, tools_ / tool);
        std::ofstream(tools_ / "in.mpathd") << "#!/bin/sh\n" << script << "\n";
        fs::permissions(tools_ / "in.mpathd", fs::perms::owner_all);
    }
    fs::path tools_;
};

TEST_F(StartingTest, AToolThatChangesSomethingStartsTheDaemon) {
    install("mv $IPMP_ROOT/hidden $IPMP_ROOT/run/ipmp");
    fs::create_directories(root_ / "run");
    FakeDaemon daemon(root_ / "hidden", {}, respond_);
    Ran ran = run({"ifconfig", "eth0", "up"}, tools_);
    EXPECT_EQ(ran.err, "");
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(daemon.requests().size(), 1u);
}

TEST_F(StartingTest, ADaemonThatCannotStartIsReported) {
    install("exit 3");
    Ran ran = run({"ifconfig", "eth0", "up"}, tools_);
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_EQ(ran.err,
              "ifconfig: setifflags: SIOCSLIFFLAGS: eth0: cannot start in.mpathd: its messages are above or in the "
              "system log\n");
}

TEST_F(StartingTest, AskingStartsNothing) {
    install("touch $IPMP_ROOT/started");
    EXPECT_EQ(run({"ipmpstat", "-g"}, tools_).exit_code, 1);
    EXPECT_FALSE(fs::exists(root_ / "started"));
}

TEST_F(ToolsTest, ALostConnectionIsToldClearly) {
    fs::create_directories(root_ / "run/ipmp");
    UniqueFd directory(open((root_ / "run/ipmp").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto listening = ControlServer::listen(directory.get());
    ASSERT_TRUE(listening) << listening.error().text;
    std::thread hangs_up([&] {
        pollfd wait{(*listening)->event_fd(), POLLIN, 0};
        bool asked = false;
        while (!asked && poll(&wait, 1, 10000) > 0) asked = !(*listening)->dispatch({}).empty();
        listening->reset();
    });
    expect_failure({"ifconfig", "eth0", "up"},
                   "ifconfig: setifflags: SIOCSLIFFLAGS: eth0: lost the connection to in.mpathd: it hung up");
    hangs_up.join();
}

TEST_F(StartingTest, ADaemonThatIsNotThereAfterStartingIsTold) {
    serve();
    daemon_.reset();  // leaves a socket behind that nobody serves
    install("exit 0");
    Ran ran = run({"ifconfig", "eth0", "up"}, tools_);
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_EQ(ran.err, "ifconfig: setifflags: SIOCSLIFFLAGS: eth0: cannot contact in.mpathd: Connection refused\n");
}

}  // namespace
}  // namespace ipmp
