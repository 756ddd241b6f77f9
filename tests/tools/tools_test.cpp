// ipmpstat, if_mpadm and ipmp: documented texts and exit codes, and how tools find and start the daemon.
#include "tools_fixture.hpp"

namespace ipmp {
namespace {

Status sample() {
    Status status;
    status.groups = {{"ipmp0", "ops", GroupHealth::ok, {}, {"eth0", "eth1"}, {}, {}}};
    status.interfaces = {{"eth0", 2, true, "ipmp0"}};
    status.addresses = {{*parse_ip("2001:db8::1"), true, "ipmp0", "eth0", {"eth0", "eth1"}}};
    status.targets = {{"eth0"}};
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

// The reference's acceptance 3: a wrong field is told first, though there is no daemon either.
TEST_F(ToolsTest, IpmpstatErrors_R_STA_3) {
    // The field list is judged before the daemon is looked for.
    expect_failure({"ipmpstat", "-gP", "-o", "x"}, "ipmpstat: unknown output field: `x'");
    expect_failure({"ipmpstat", "-gP"}, "ipmpstat: output fields must be specified in parsable mode");
    expect_failure({"ipmpstat", "-gPo", "all"}, "ipmpstat: output field `all' invalid in parsable mode");
    expect_failure({"ipmpstat", "-ga"}, "ipmpstat: only one output format may be specified");
    expect_failure({"ipmpstat", "-g"}, "ipmpstat: cannot contact in.mpathd(1M) -- is IPMP in use?");
    EXPECT_EQ(run({"ipmpstat"}).err.substr(0, 58), "usage: ipmpstat [-n] [-o field[,...] [-P]] -a|-g|-i|-p|-t\n");
    for (const char* wrong : {"extra", "-x", "-h"}) {
        Ran ran = run({"ipmpstat", "-g", wrong});
        EXPECT_EQ(ran.exit_code, 1);
        EXPECT_EQ(ran.err.substr(0, 16), "usage: ipmpstat ") << wrong;
    }
    expect_failure({"ipmpstat", "-gg"}, "ipmpstat: only one output format may be specified");
    expect_failure({"ipmpstat", "-gPo", "x,,y"}, "ipmpstat: unknown output fields: `x' `y'");
    expect_failure({"ipmpstat", "-gPo", "ALL"}, "ipmpstat: unknown output field: `ALL'");
    expect_failure({"ipmpstat", "-go", "x"}, "ipmpstat: no valid output fields");
    expect_failure({"ipmpstat", "-go", ""}, "ipmpstat: no valid output fields");
    expect_failure({"ipmpstat", "-gPo", ""}, "ipmpstat: output fields must be specified in parsable mode");
    EXPECT_EQ(run({"ipmpstat", "--help"}).exit_code, 0);
    serve(sample());
    expect_failure({"ipmpstat", "-p"}, "ipmpstat: probe-based failure detection is disabled");
    Ran ran = run({"ipmpstat", "-go", "group,x"});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.err, "ipmpstat: warning: ignoring unknown output field: `x'\n");
    EXPECT_EQ(ran.out, "GROUP\nipmp0\n");
}

// The reference's acceptance 4, as scripts meet it: stdout is a file.
TEST_F(ToolsTest, IpmpstatRepeatsItsHeaderInAFile_R_STA_3) {
    Status status;
    for (int i = 0; i < 60; ++i) status.interfaces.push_back({"eth" + std::to_string(i)});
    serve(status);
    std::istringstream lines(run({"ipmpstat", "-i"}).out);
    std::vector<int> headers;
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (line.starts_with("INTERFACE")) headers.push_back(number);
    }
    EXPECT_EQ(headers, (std::vector<int>{1, 25, 49}));
    EXPECT_EQ(number, 63);
}

TEST_F(ToolsTest, NothingToShowIsSuccess_R_STA_1) {
    serve();
    Ran ran = run({"ipmpstat", "-i"});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.out + ran.err, "");
}

TEST_F(ToolsTest, IpmpShowsEverythingAndStops) {
    serve(sample());
    EXPECT_EQ(run({"ipmp", "status"}).out,
              "GROUP       GROUPNAME   STATE     FDT       INTERFACES\n"
              "ipmp0       ops         ok        --        eth0 eth1\n"
              "\n"
              "INTERFACE   ACTIVE  GROUP       FLAGS     LINK      PROBE     STATE\n"
              "eth0        yes     ipmp0       -------   unknown   disabled  unknown\n"
              "\n"
              "ADDRESS                   STATE  GROUP       INBOUND     OUTBOUND\n"
              "2001:db8::1               up     ipmp0       eth0        eth0 eth1\n");
    auto json = nlohmann::json::parse(run({"ipmp", "status", "--json"}).out);
    EXPECT_EQ(json["groups"][0]["name"], "ops");
    EXPECT_EQ(nlohmann::json::parse(run({"ipmp", "status", "-j"}).out), json);
    refuse(CommandError::kernel_refused, "cannot delete interface 5: Device or resource busy");
    expect_failure({"ipmp", "stop", "--purge"},
                   "ipmp: cannot stop in.mpathd: cannot delete interface 5: Device or resource busy");
    EXPECT_EQ(daemon_->requests(), (Requests{R"(Stop {"purge":true})"}));
}

TEST_F(ToolsTest, IpmpGrammarAndTheMissingDaemon) {
    for (const char* word : {"status", "stop"}) {
        expect_failure({"ipmp", word}, "ipmp: cannot contact in.mpathd -- is IPMP in use?");
    }
    expect_failure({"ipmp"}, "ipmp: a command is missing; see ipmp --help");
    expect_failure({"ipmp", "dance"}, "ipmp: The following argument was not expected: dance; see ipmp --help");
    Ran help = run({"ipmp", "--help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_NE(help.out.find("status"), std::string::npos);
}

TEST_F(ToolsTest, IpmpDetachAsksOnceForAll_R_DYN_4) {
    expect_failure({"ipmp", "detach", "eth0"}, "ipmp: cannot contact in.mpathd -- is IPMP in use?");
    serve();
    respond_ = [](const Command&) { return CommandReply{CommandError::none, "", "eth0: detached\neth1: detached"}; };
    Ran ran = run({"ipmp", "detach", "-f", "--dry-run", "eth1", "eth0"});
    EXPECT_EQ(ran.out, "eth0: detached\neth1: detached\n");
    EXPECT_EQ(ran.err, "");
    EXPECT_EQ(daemon_->requests(), (Requests{R"(Detach {"dry_run":true,"force":true,"interfaces":["eth1","eth0"]})"}));
    refuse(CommandError::kernel_refused, "Failed to unplumb the device(eth0): cannot set link eth0 down: why");
    expect_failure({"ipmp", "detach", "eth0"},
                   "ipmp: IP: Failed to unplumb the device(eth0): cannot set link eth0 down: why");
    expect_failure({"ipmp", "detach", "eth0", "a/b"}, "ipmp: IP: No such device(a/b)");
}

TEST_F(ToolsTest, IpmpAttachTellsWhatItCannotDo_R_DYN_5) {
    fs::create_directories(root_ / "etc");
    serve();
    expect_failure({"ipmp", "attach", "nosuch0"}, "ipmp: IP: No such device(nosuch0)");
    CommandReply undone{CommandError::not_supported, "Replumb failed(lo): lo: needs ARP and multicast", ""};
    respond_ = [&](const Command& command) {
        return std::holds_alternative<UndoDetach>(command) ? undone : CommandReply{};
    };
    expect_failure({"ipmp", "attach", "lo"}, "ipmp: IP: Replumb failed(lo): lo: needs ARP and multicast");
    undone = {CommandError::not_offline, "Device not offlined(lo)", ""};
    expect_failure({"ipmp", "attach", "lo"},
                   "ipmp: IP: Failed configuring one or more IP addresses(lo): it has no hostname file");
}

TEST_F(ToolsTest, IpmpBootAndSaveWithNothingToDo_R_DYN_1) {
    fs::create_directories(root_ / "etc");
    Ran ran = run({"ipmp", "boot"});
    EXPECT_EQ(ran.out + ran.err, "") << "and no daemon was started for that";
    EXPECT_EQ(ran.exit_code, 0);
    expect_failure({"ipmp", "save"}, "ipmp: cannot contact in.mpathd -- is IPMP in use?");
    serve();
    EXPECT_EQ(run({"ipmp", "save"}).out, "");
    expect_failure({"ipmp", "save", "nosuch0"}, "ipmp: nosuch0: no such interface");
}

TEST_F(ToolsTest, IpmpTellsAsJsonWhatGroupsAreAndWhatHasChanged) {
    Status status;
    status.groups = {{"ipmp0", "ops", GroupHealth::ok, {}, {"eth0"}, {}, {}}};
    status.groups[0].policy = SpreadPolicy::source;
    status.groups[0].network_namespace = "app";
    expect_failure({"ipmp", "policy", "ipmp0", "-j"}, "ipmp: cannot contact in.mpathd -- is IPMP in use?");
    serve(status);
    std::string shown = run({"ipmp", "group", "show", "ipmp0", "-j"}).out;
    EXPECT_EQ(nlohmann::json::parse(shown)["groups"][0]["policy"], "source");
    for (const char* verb : {"policy", "isolate", "namespace"}) {
        EXPECT_EQ(run({"ipmp", verb, "ipmp0", "-j"}).out, shown) << verb;
    }
    EXPECT_EQ(run({"ipmp", "namespace", "--json"}).out, shown);
    const std::string yes = "{\"version\":1,\"changed\":true}\n", no = "{\"version\":1,\"changed\":false}\n";
    EXPECT_EQ(run({"ipmp", "policy", "ipmp0", "source", "-j"}).out, no);
    EXPECT_EQ(run({"ipmp", "isolate", "ipmp0", "off", "-j"}).out, no);
    EXPECT_EQ(daemon_->requests(), Requests{});
    EXPECT_EQ(run({"ipmp", "policy", "ipmp0", "flow", "-j"}).out, yes);
    EXPECT_EQ(run({"ipmp", "isolate", "-j", "ipmp0", "on", "-f"}).out, yes);
    EXPECT_EQ(run({"ipmp", "namespace", "ipmp0", "app", "-j"}).out, no);
    EXPECT_EQ(run({"ipmp", "namespace", "ipmp0", "-j", "other"}).out, yes);
    EXPECT_EQ(daemon_->requests(), (Requests{R"(SetPolicy {"interface":"ipmp0","policy":"flow"})",
                                             R"(SetIsolate {"force":true,"interface":"ipmp0","isolate":true})",
                                             R"(SetNamespace {"interface":"ipmp0","network_namespace":"app"})",
                                             R"(SetNamespace {"interface":"ipmp0","network_namespace":"other"})"}));
    refuse(CommandError::kernel_refused, "why");
    expect_failure({"ipmp", "policy", "ipmp0", "flow", "-j"}, "ipmp: ipmp0: why");
}

TEST_F(ToolsTest, IpmpTellsAsJsonWhatItSaved_R_DYN_1) {
    fs::create_directories(root_ / "etc");
    Status status;
    status.plumbed = {{.name = "lo", .index = 1}, {.name = "net0", .index = 2, .inet = PlumbedFamily{1500, {}}}};
    serve(status);
    std::string etc = (root_ / "etc").string();
    nlohmann::json former = etc + "/ipmp/former";
    auto saved = nlohmann::json::parse(run({"ipmp", "save", "lo", "net0", "-j"}).out);
    nlohmann::json file{{"path", etc + "/hostname.net0"}, {"change", "written"}};
    EXPECT_EQ(saved["files"], nlohmann::json::array({file}));
    EXPECT_EQ(saved["former"], former);
    EXPECT_EQ(saved["warnings"],
              nlohmann::json::array({"lo: cannot be saved, as names in hostname files end in a digit"}));
    EXPECT_EQ(saved["version"], 1);
    auto again = nlohmann::json::parse(run({"ipmp", "save", "--json"}).out);
    EXPECT_EQ(again["files"], nlohmann::json::array());
    EXPECT_TRUE(again["former"].is_null());
    EXPECT_EQ(again["warnings"], nlohmann::json::array());
}

TEST_F(ToolsTest, IfMpadm_R_CMD_2) {
    Status status;
    status.plumbed = {{.name = "isolated0", .index = 9}};
    serve(status);
    EXPECT_EQ(run({"if_mpadm", "-d", "lo"}).exit_code, 0);
    EXPECT_EQ(run({"if_mpadm", "-r", "lo"}).exit_code, 0);
    EXPECT_EQ(daemon_->requests(), (Requests{R"(SetOffline {"interface":"lo","minimum_redundancy":1})",
                                             R"(UndoOffline {"interface":"lo"})"}));
    EXPECT_EQ(run({"if_mpadm", "-d", "isolated0"}).exit_code, 0) << "in another network namespace";
    EXPECT_EQ(run({"if_mpadm", "-r", "-d", "lo", "ignored"}).exit_code, 0) << "the last one counts";
    EXPECT_EQ(daemon_->requests().back(), R"(SetOffline {"interface":"lo","minimum_redundancy":1})");
    expect_failure({"if_mpadm"}, "Usage: if_mpadm [-d | -r] <interface>");
    expect_failure({"if_mpadm", "-x", "lo"}, "Usage: if_mpadm [-d | -r] <interface>");
    expect_failure({"if_mpadm", "-d", ""},
                   "if_mpadm: fatal: cannot get interface flags on : No such device or address");
    expect_failure({"if_mpadm", "-d", "nosuch0"},
                   "if_mpadm: fatal: cannot get interface flags on nosuch0: No such device or address");
}

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

TEST_F(StartingTest, R_CMD_1_GroupsNeedTheDaemon) {
    install("exit 3");
    std::string text =
        "ifconfig: cannot ping in.mpathd: cannot start in.mpathd: its messages are above or in the "
        "system log\n";
    EXPECT_EQ(run({"ifconfig", "ipmp0", "ipmp"}, tools_).err, text);
    EXPECT_EQ(run({"ifconfig", "eth0", "group", "a"}, tools_).err, text);
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

TEST_F(ToolsTest, IpmpstatPrintsProbesUntilTheDaemonGoes_R_STA_2) {
    if (getuid() != 0) GTEST_SKIP() << "needs the right to watch probes";
    fs::create_directories(root_ / "run/ipmp");
    UniqueFd directory(open((root_ / "run/ipmp").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto listening = ControlServer::listen(directory.get());
    ASSERT_TRUE(listening) << listening.error().text;
    Status probed = sample();
    probed.interfaces[0].probe = ProbeHealth::ok;
    std::thread tells([&] {
        pollfd wait{(*listening)->event_fd(), POLLIN, 0};
        bool asked = false;  // for the status; the next request is the subscription
        ControlServer::Answers answers{[&] { return asked = true, probed; }, [] { return Counters{}; }};
        while (!asked && poll(&wait, 1, 10000) > 0) (*listening)->dispatch(answers);
        if (poll(&wait, 1, 10000) > 0) (*listening)->dispatch(answers);
        ProbeReport report{.interface = "eth0", .id = 65535, .target = *parse_ip("fe80::1")};
        (*listening)->tell(report);
        report.answered = true;
        report.network_time = report.round_trip_time = std::chrono::microseconds(3210);
        (*listening)->tell(report);
        listening->reset();
    });
    Ran ran = run({"ipmpstat", "-pn", "-o", "interface,probe,target,rtt,netrtt"});
    tells.join();
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_EQ(ran.err, "ipmpstat: lost the connection to in.mpathd: it hung up\n");
    EXPECT_EQ(ran.out,
              "INTERFACE   PROBE  TARGET              RTT       NETRTT\n"
              "eth0        65535  fe80::1             --        --\n"
              "eth0        65535  fe80::1             3.21ms    3.21ms\n");
}

TEST_F(ToolsTest, AnybodySeesAllButProbes_R_STA_4) {
    if (getuid() != 0) GTEST_SKIP() << "needs root to be somebody else";
    Status probed = sample();
    probed.interfaces[0].probe = ProbeHealth::ok;
    serve(probed);
    fs::permissions(top_, fs::perms(0755));
    user_ = 65534;
    for (const char* mode : {"-an", "-g", "-i", "-tn"}) EXPECT_EQ(run({"ipmpstat", mode}).exit_code, 0) << mode;
    expect_failure({"ipmpstat", "-p"}, "ipmpstat: insufficient privileges for -p");
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
