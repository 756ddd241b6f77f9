#include "tools/boot.hpp"

#include <cerrno>
#include <cstdio>

#include "tools/boot_files.hpp"
#include "tools/boot_lock.hpp"
#include "tools/boot_run.hpp"
#include "tools/daemon_client.hpp"
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

// The daemon, files of this host, and nobody else at work on them.
struct Site {
    Paths paths;
    DaemonClient daemon;
    UniqueFd lock;

    static Result<Site> open() {
        Paths paths = Paths::from_environment();
        auto daemon = DaemonClient::connect_or_start(paths);
        if (!daemon) return daemon.error();
        auto lock = lock_boot(paths);
        if (!lock) return lock.error();
        return Site{std::move(paths), std::move(*daemon), std::move(*lock)};
    }
};

// Files that cannot be read leave `failed` set.
BootRun run_at(Site& site, bool& failed) {
    auto read = [&site, &failed](const std::string& only) {
        BootFilesRead found = read_boot_files(site.paths, only);
        for (const std::string& problem : found.problems) complain(problem);
        failed = failed || !found.problems.empty();
        return std::move(found.files);
    };
    return BootRun({site.daemon, site.paths.etc(), kernel_link_names, read, resolve, say, report});
}

// Gateways that lead everywhere else, once there is an address to reach them from.
void add_default_routers(BootRun& run, const Paths& paths) {
    std::string path = paths.etc() + "/defaultrouter";
    auto content = read_small_file(path);
    if (!content && content.error().error_number == ENOENT) return;
    if (!content) return run.fail(path + ": " + content.error().text);
    for (const Words& words : parse_hostname_file(*content).lines) {
        if (words.empty()) continue;
        ToolRun outcome = run_route({"add", "default", words[0]});
        bool is_there = outcome.err.find("entry exists") != std::string::npos;
        if (outcome.exit_code != 0 && !is_there) run.fail(path + ": " + in_one_line(outcome.err));
    }
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
    auto site = Site::open();
    if (!site) {
        complain(site.error().text);
        return 1;
    }
    bool failed = false;
    BootRun run = run_at(*site, failed);
    run.boot();
    add_default_routers(run, site->paths);
    return failed || run.failed() ? 1 : 0;
}

int attach(const std::vector<std::string>& nics) {
    auto site = Site::open();
    if (!site) {
        complain(site.error().text);
        return 1;
    }
    bool failed = false;
    BootRun run = run_at(*site, failed);
    for (const std::string& nic : nics) run.attach(nic);
    run.await_addresses();
    return failed || run.failed() ? 1 : 0;
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
