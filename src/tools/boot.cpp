#include "tools/boot.hpp"

#include <algorithm>
#include <cstdio>

#include "tools/boot_files.hpp"
#include "tools/boot_lock.hpp"
#include "tools/daemon_client.hpp"
#include "tools/ifconfig_run.hpp"
#include "tools/ifconfig_words.hpp"
#include "tools/route_run.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

void say(const std::string& text) {
    std::printf("%s\n", text.c_str());
    std::fflush(stdout);
}

// In the words of the original, which names no program.
void report(const std::string& text) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n", text.c_str());
}

void complain(const std::string& text) { report("ipmp: " + text); }

std::optional<IpAddress> resolve(const std::string& text, Family family) {
    auto word = parse_address_word(text, family);
    if (!word) return {};
    return word->address;
}

// One run of boot or attach.
class Run {
  public:
    Run(Paths paths, DaemonClient client) : paths_(std::move(paths)), client_(std::move(client)) {}

    static Result<Run> begin() {
        Paths paths = Paths::from_environment();
        auto client = DaemonClient::connect_or_start(paths);
        if (!client) return client.error();
        auto locked = lock_boot(paths);
        if (!locked) return locked.error();
        Run run(std::move(paths), std::move(*client));
        run.lock_ = std::move(*locked);
        return run;
    }

    BootInput read(const std::string& only = "") {
        BootFilesRead read = read_boot_files(paths_, only);
        for (const std::string& problem : read.problems) {
            complain(problem);
            failed_ = true;
        }
        return {std::move(read.files), kernel_link_names(), resolve};
    }

    // What cannot be learnt makes everything look as if it were not there yet.
    Status status() {
        auto status = client_.status();
        if (status) return std::move(*status);
        complain("cannot get the status: " + status.error().text);
        failed_ = true;
        return {};
    }

    DaemonClient& client() { return client_; }
    bool failed() const { return failed_; }
    void fail(const std::string& text) {
        complain(text);
        failed_ = true;
    }

    // Interfaces that failed, once each and in order.
    std::vector<std::string> carry_out(const BootStage& stage) {
        std::vector<std::string> interfaces, failed = stage.failed;
        auto note = [](std::vector<std::string>& list, const std::string& name) {
            if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
        };
        for (const BootStep& step : stage.steps) note(interfaces, step.interface);
        if (stage.is_progress && !interfaces.empty()) {
            std::string line = stage.progress + ":";
            for (const std::string& name : interfaces) line += " " + name;
            say(line + ".");
        }
        for (const BootStep& step : stage.steps) {
            if (!carry_out(step)) note(failed, step.interface);
        }
        return failed;
    }

    bool carry_out(const BootStep& step) {
        Words words{step.interface, step.family == Family::ipv4 ? "inet" : "inet6"};
        words.insert(words.end(), step.words.begin(), step.words.end());
        ToolRun outcome = run_ifconfig(std::move(words), Addresses::unawaited);
        if (outcome.exit_code == 0) return true;
        std::string file = hostname_prefix(step.family) + (step.of.empty() ? step.interface : step.of);
        complain(paths_.etc() + "/" + file + ": " + in_one_line(outcome.err));
        return false;
    }

    // Until all addresses set up may be used.
    void await_addresses() {
        auto reply = client_.call(AwaitAddresses{});
        if (!reply) return fail("cannot wait for addresses: " + reply.error().text);
        if (reply->error != CommandError::none) fail(reply->text);
    }

    // Gateways that lead everywhere else, once there is an address to reach them from.
    void add_default_routers() {
        std::string path = paths_.etc() + "/defaultrouter";
        auto content = read_small_file(path);
        if (!content && content.error().error_number == ENOENT) return;
        if (!content) return fail(path + ": " + content.error().text);
        for (const Words& words : parse_hostname_file(*content).lines) {
            if (words.empty()) continue;
            ToolRun outcome = run_route({"add", "default", words[0]});
            bool is_there = outcome.err.find("entry exists") != std::string::npos;
            if (outcome.exit_code != 0 && !is_there) fail(path + ": " + in_one_line(outcome.err));
        }
    }

  private:
    static std::string in_one_line(std::string text) {
        while (text.ends_with('\n')) text.pop_back();
        return printable(std::move(text));
    }

    Paths paths_;
    DaemonClient client_;
    UniqueFd lock_;
    bool failed_ = false;
};

void tell_failures(const BootStage& stage, const std::vector<std::string>& failed) {
    if (failed.empty()) return;
    std::string line = stage.failure + ":";
    for (const std::string& name : failed) line += " " + name;
    report(line);
}

// Gives `nic` back what it had, or what its files say.
bool attach_one(Run& run, const std::string& nic) {
    auto fail = [&](const std::string& text) {
        complain("IP: " + text);
        return false;
    };
    Status status = run.status();
    if (is_configured(status, nic)) {
        say(nic + ": is configured already");
        return true;
    }
    bool exists = wire::is_interface_name(nic) && kernel_link_names().contains(nic);
    if (!exists) return fail("No such device(" + printable(nic) + ")");
    auto restored = run.client().call(UndoDetach{nic});
    if (!restored) return fail("Replumb failed(" + nic + "): " + restored.error().text);
    if (restored->error == CommandError::none) {
        say(restored->detail);
        return true;
    }
    if (restored->error != CommandError::not_offline) return fail(restored->text);
    BootInput input = run.read(nic);
    bool known = input.files.hostname[0].contains(nic) || input.files.hostname[1].contains(nic) ||
                 input.files.dhcp.contains(nic);
    if (!known) return fail("Failed configuring one or more IP addresses(" + nic + "): it has no hostname file");
    bool done = true;
    for (const BootStage& stage : plan_attachment(input, nic, status)) done = run.carry_out(stage).empty() && done;
    if (!done) return fail("Failed configuring one or more IP addresses(" + nic + ")");
    say(nic + ": attached");
    return true;
}

// Without files there is no reason to start the daemon.
bool has_files() {
    BootFilesRead read = read_boot_files(Paths::from_environment());
    return !read.files.hostname[0].empty() || !read.files.hostname[1].empty() || !read.files.dhcp.empty() ||
           !read.problems.empty();
}

}  // namespace

int boot() {
    if (!has_files()) return 0;
    auto run = Run::begin();
    if (!run) {
        complain(run.error().text);
        return 1;
    }
    BootInput input = run->read();
    Missing missing;
    bool failed = false;
    std::size_t stage_number = 0;
    for (const BootStage& stage : plan_creation(input, run->status())) {
        std::vector<std::string> names = run->carry_out(stage);
        tell_failures(stage, names);
        Family family = stage_number == 0 || stage_number == 1 ? Family::ipv4 : Family::ipv6;
        missing[index_of(family)].insert(names.begin(), names.end());
        ++stage_number;
    }
    for (const BootStage& stage : plan_configuration(input, run->status(), missing)) {
        std::vector<std::string> names = run->carry_out(stage);
        tell_failures(stage, names);
        failed = failed || !names.empty();
    }
    for (Family family : kFamilies) {
        MovePlan moves = plan_moves(input, family, run->status(), missing);
        if (!moves.message.empty()) report(moves.message);
        for (const BootStep& step : moves.steps) failed = !run->carry_out(step) || failed;
    }
    BootStage dhcp = plan_dhcp(input, run->status());
    std::vector<std::string> names = run->carry_out(dhcp);
    tell_failures(dhcp, names);
    run->await_addresses();
    run->add_default_routers();
    return failed || run->failed() || !names.empty() ? 1 : 0;
}

int attach(const std::vector<std::string>& nics) {
    auto run = Run::begin();
    if (!run) {
        complain(run.error().text);
        return 1;
    }
    bool failed = false;
    for (const std::string& nic : nics) failed = !attach_one(*run, nic) || failed;
    run->await_addresses();
    return failed || run->failed() ? 1 : 0;
}

int detach(const std::vector<std::string>& nics, bool force, bool dry_run) {
    for (const std::string& nic : nics) {
        if (wire::is_interface_name(nic)) continue;
        complain("IP: No such device(" + printable(nic) + ")");
        return 1;
    }
    Paths paths = Paths::from_environment();
    auto client = DaemonClient::connect(paths);
    if (!client) {
        complain("cannot contact in.mpathd -- is IPMP in use?");
        return 1;
    }
    auto locked = lock_boot(paths);
    auto reply = locked ? client->call(Detach{nics, force, dry_run}) : locked.error();
    if (!reply || reply->error != CommandError::none) {
        complain("IP: " + (reply ? reply->text : reply.error().text));
        return 1;
    }
    say(reply->detail);
    return 0;
}

}  // namespace ipmp
