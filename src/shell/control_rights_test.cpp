// Who may call what (design D1): every method of the interface, as a user without rights, as one who is root in a user
// namespace of his own, as a member of the group, and as root. A method that kRights does not name fails this test.
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <set>
#include <utility>
#include <variant>

#include "shell/clock.hpp"
#include "shell/control_server_fixture.hpp"

namespace ipmp {
namespace {

enum class Right { everybody, change };

const std::map<std::string, Right> kRights{
    {"Ping", Right::everybody},         {"GetStatus", Right::everybody},      {"GetCounters", Right::everybody},
    {"WatchStatus", Right::everybody},  {"WatchProbes", Right::change},       {"CreateIpmp", Right::change},
    {"Plumb", Right::change},           {"Unplumb", Right::change},           {"SetGroup", Right::change},
    {"SetAddress", Right::change},      {"SetNetmask", Right::change},        {"AddLogical", Right::change},
    {"RemoveLogical", Right::change},   {"SetFlags", Right::change},          {"AwaitAddresses", Right::change},
    {"SetStandby", Right::change},      {"SetOffline", Right::change},        {"UndoOffline", Right::change},
    {"Detach", Right::change},          {"UndoDetach", Right::change},        {"SetPolicy", Right::change},
    {"ExpectMember", Right::change},    {"SetNamespace", Right::change},
    {"SetRouter", Right::change},       {"SetIsolate", Right::change},        {"SetMtu", Right::change},
    {"SetMetric", Right::change},       {"SetEther", Right::change},          {"SetArp", Right::change},
    {"SetFailed", Right::change},       {"SetToken", Right::change},          {"SetRouteSource", Right::change},
    {"ControlDhcp", Right::change},     {"ReportDhcp", Right::change},        {"Stop", Right::change},
};

std::string method_of(const std::string& request) {
    const std::string key = "\"method\":\"org.ipmp.Mpathd.";
    std::size_t start = request.find(key);
    if (start == std::string::npos) return "";
    start += key.size();
    return request.substr(start, request.find('"', start) - start);
}

// What an empty value lacks of being a valid request.
std::string completed(std::string request) {
    for (auto [lacking, whole] : {std::pair{"\"interface\":\"\"", "\"interface\":\"eth0\""},
                                  {"\"news\":\"bound\"", "\"news\":\"refused\""},
                                  {"\"token\":\"0.0.0.0\"", "\"token\":\"::1\""}}) {
        if (std::size_t at = request.find(lacking); at != std::string::npos)
            request.replace(at, std::string_view(lacking).size(), whole);
    }
    return request;
}

// Every request the protocol can make, by method: one of each alternative.
template <typename Variant, std::size_t... index>
void add_requests(std::map<std::string, std::string>& requests, std::index_sequence<index...>) {
    for (const std::string& request :
         {encode_request(Variant(std::in_place_index<index>))...}) {
        if (std::string method = method_of(request); !method.empty()) requests[method] = completed(request);
    }
}

std::map<std::string, std::string> all_requests() {
    std::map<std::string, std::string> requests;
    add_requests<Command>(requests, std::make_index_sequence<std::variant_size_v<Command>>());
    add_requests<Query>(requests, std::make_index_sequence<std::variant_size_v<Query>>());
    return requests;
}

// What the daemon says that it can do.
std::set<std::string> methods_of_the_interface() {
    std::set<std::string> methods;
    std::string text = encode_description_reply("org.ipmp.Mpathd");
    const std::string word = "\\nmethod ";
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
        std::size_t start = at + word.size();
        methods.insert(text.substr(start, text.find('(', start) - start));
    }
    return methods;
}

// Runs in a child that takes its part first; each request has a connection of its own. Reports a letter for each: "n"
// permission denied, "y" anything else that the server answers or does not need to, "?" no connection.
class ControlRights : public ControlServerTest {
  protected:
    void SetUp() override {
        if (getuid() != 0) GTEST_SKIP() << "needs root to take other users' credentials";
        group* daemons = getgrnam("daemon");
        ASSERT_TRUE(daemons);
        right_ = daemons->gr_gid;
        listen("daemon");
    }

    char ask(const std::string& request) const {
        UniqueFd peer = connect();
        if (send(peer.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return '?';
        char bytes[4096];
        pollfd wait{peer.get(), POLLIN, 0};
        if (poll(&wait, 1, kPatienceMs) != 1) return '?';
        ssize_t count = recv(peer.get(), bytes, sizeof bytes, 0);
        if (count <= 0) return '?';
        return std::string_view(bytes, static_cast<std::size_t>(count)).find("PermissionDenied") !=
                       std::string_view::npos
                   ? 'n'
                   : 'y';
    }

    // `become`: false if it cannot. Gives what was found for each method, or nothing.
    template <typename Become>
    std::map<std::string, char> verdicts(Become become) {
        auto requests = all_requests();
        int report[2];
        EXPECT_EQ(pipe2(report, O_CLOEXEC), 0);
        pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            std::string letters;
            if (become()) {
                for (const auto& [method, request] : requests) letters += ask(request);
            }
            (void)!write(report[1], letters.data(), letters.size());
            _exit(0);
        }
        close(report[1]);
        std::string letters;
        for (bool open = true; open;) {
            pollfd wait[2] = {{report[0], POLLIN, 0}, {server_->event_fd(), POLLIN, 0}};
            if (poll(wait, 2, kPatienceMs) <= 0) break;
            settle();
            for (; !commands_.empty(); commands_.pop_back()) server_->reply({commands_.back().request, {}});
            server_->tell(ProbeReport{});  // to those that watch
            if (server_->wants_status(true)) server_->tell(sample_status());
            if (!wait[0].revents) continue;
            char bytes[256];
            ssize_t count = read(report[0], bytes, sizeof bytes);
            open = count > 0;
            if (open) letters.append(bytes, static_cast<std::size_t>(count));
        }
        close(report[0]);
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        std::map<std::string, char> verdicts;
        std::size_t i = 0;
        for (const auto& [method, request] : requests) {
            if (i < letters.size()) verdicts[method] = letters[i++];
        }
        return verdicts;
    }

    static bool take(uid_t user, gid_t primary, const std::vector<gid_t>& groups) {
        return setgroups(groups.size(), groups.data()) == 0 && setresgid(primary, primary, primary) == 0 &&
               setresuid(user, user, user) == 0;
    }

    static bool write_file(const char* path, const std::string& text) {
        UniqueFd file(open(path, O_WRONLY | O_CLOEXEC));
        return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    }

    // Root to all that he starts, with all capabilities; to everybody else the user he is.
    static bool become_root_of_a_user_namespace() {
        if (!take(65534, 65534, {})) return false;
        prctl(PR_SET_DUMPABLE, 1);  // else /proc/self is root's
        return unshare(CLONE_NEWUSER) == 0 && write_file("/proc/self/setgroups", "deny") &&
               write_file("/proc/self/uid_map", "0 65534 1") && write_file("/proc/self/gid_map", "0 65534 1") &&
               getuid() == 0 && geteuid() == 0;
    }

    static void expect_rights(const std::map<std::string, char>& verdicts, bool may_change) {
        for (const auto& [method, right] : kRights) {
            auto found = verdicts.find(method);
            ASSERT_NE(found, verdicts.end()) << method;
            EXPECT_EQ(found->second, right == Right::everybody || may_change ? 'y' : 'n') << method;
        }
    }

    gid_t right_ = 0;
};

TEST(ControlRightsTable, NamesEveryMethod_D1) {
    std::set<std::string> named, requested;
    for (const auto& [method, right] : kRights) named.insert(method);
    for (const auto& [method, request] : all_requests()) requested.insert(method);
    for (const auto& [method, request] : all_requests()) {
        auto decoded = decode_request(std::string_view(request).substr(0, request.size() - 1));
        auto* refusal = std::get_if<Refusal>(&decoded);
        EXPECT_FALSE(refusal) << request << ": " << refusal->error << " (see completed())";
    }
    EXPECT_EQ(methods_of_the_interface(), named);
    EXPECT_EQ(requested, named);
}

TEST_F(ControlRights, AUserMayAskAndChangesNothing_D1) {
    expect_rights(verdicts([&] { return take(65534, 65534, {}); }), false);
    EXPECT_TRUE(commands_.empty());
}

TEST_F(ControlRights, RootOfAUserNamespaceIsTheUserHeIs_D1) {
    auto found = verdicts(become_root_of_a_user_namespace);
    if (found.empty()) GTEST_SKIP() << "this kernel lets no user make a user namespace";
    expect_rights(found, false);
}

TEST_F(ControlRights, AMemberOfTheGroupMayChange_D1) {
    expect_rights(verdicts([&] { return take(65534, 65534, {65534, right_}); }), true);
}

TEST_F(ControlRights, RootMayChange_D1) {
    expect_rights(verdicts([&] { return take(0, 0, {}); }), true);
}

// The deciding thread has real-time priority: what users without rights make it do must not keep it from failovers.
TEST_F(ControlServerTest, QuestionsOfUsersTakeATenthOfAProcessorAtMost_D1) {
    UniqueFd peer = connect_pair(false);
    constexpr Duration kCost = std::chrono::milliseconds(3);
    constexpr int kQuestions = 10;
    answers_.status = [&] {
        Duration until = thread_cpu_time() + kCost;
        while (thread_cpu_time() < until) {}
        return sample_status();
    };
    Instant began = now();
    for (int i = 0; i < kQuestions; ++i) {
        send_all(peer, encode_request(Query{GetStatus{}}));
        EXPECT_TRUE(decode_status_reply(receive(peer))) << i;
    }
    EXPECT_GT(now() - began, CostLimit::kShare * (kCost * (kQuestions - 1) - CostLimit::kBurst));
}

TEST_F(ControlServerTest, HangingUpWhileItHasToWaitIsNoticedAtOnce_D1) {
    UniqueFd peer = connect_pair(false);
    answers_.status = [&] {
        Duration until = thread_cpu_time() + std::chrono::milliseconds(200);  // and so a pause of two seconds
        while (thread_cpu_time() < until) {}
        return sample_status();
    };
    send_all(peer, encode_request(Query{GetStatus{}}));
    EXPECT_TRUE(decode_status_reply(receive(peer)));
    send_all(peer, encode_request(Query{Ping{}}));
    settle();
    peer.reset();
    settle();
    EXPECT_EQ(server_->client_count(), 0u);
}

TEST(CostLimitTest, SpendsABurstAndThenATenth) {
    using namespace std::chrono_literals;
    CostLimit limit;
    Instant now{1000s};
    limit.spend(CostLimit::kBurst, now);
    EXPECT_FALSE(limit.is_spent());
    limit.spend(1ms, now);
    EXPECT_TRUE(limit.is_spent());
    EXPECT_EQ(limit.pause(), CostLimit::kShare * (CostLimit::kBurst / 2 + 1ms));
    now += limit.pause();
    limit.spend(Duration::zero(), now);
    EXPECT_FALSE(limit.is_spent());
    now += 1h;  // credit does not grow beyond the burst
    limit.spend(CostLimit::kBurst + 1us, now);
    EXPECT_TRUE(limit.is_spent());
}

}  // namespace
}  // namespace ipmp
