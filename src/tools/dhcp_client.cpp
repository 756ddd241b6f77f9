// ipmp-dhcp-client: runs dhcpcd for in.mpathd, and is the script that dhcpcd calls. Not for people.
//
// in.mpathd starts it once for each DHCP client, with arguments. It makes a mount namespace, in which dhcpcd finds a
// /run and a lease directory of its own: dhcpcd knows its clients by interface name, on the whole host, and neither
// two clients of one interface nor one beside the administrator's own would do. Then it waits, passes signals on, and
// ends with everything dhcpcd started; also when in.mpathd ends, however that happens. Leases and the host's DUID stay
// in /var/lib/ipmp, so that a server knows the client again.
//
// dhcpcd starts it without arguments when there are news. They go to in.mpathd over the control socket, and dhcpcd
// waits for the answer, which comes when the address is there: it wants to find it, or its renewals are not heard.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "model/paths.hpp"
#include "tools/daemon_client.hpp"
#include "wire/dhcpcd.hpp"
#include "wire/names.hpp"

extern char** environ;

namespace ipmp {
namespace {

constexpr const char* kDhcpcd = "/usr/sbin/dhcpcd";
constexpr const char* kDhcpcdLeases = "/var/lib/dhcpcd";
constexpr const char* kConfiguration = "/run/dhcpcd.conf";
constexpr const char* kAddressMode = "ipmp_addr_gen_mode";
constexpr int kCannotRun = 127;  // shell/dhcp_clients knows it
constexpr std::chrono::seconds kPatience{5};

int fail(const std::string& text, int status = 1) {
    std::fprintf(stderr, "%s\n", text.c_str());
    return status;
}

std::string read_text(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Result<void> write_text(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::trunc);
    file << text << std::flush;
    if (!file) return system_error("cannot write " + path);
    return {};
}

// ---- The script -----------------------------------------------------------------------------------------------

std::string address_mode_path(const std::string& interface) {
    return "/proc/sys/net/ipv6/conf/" + interface + "/addr_gen_mode";
}

// dhcpcd means to make IPv6 link-local addresses itself and forbids it to the kernel; here the kernel goes on.
void restore_address_mode(const std::string& interface, const std::string& wanted) {
    std::string path = address_mode_path(interface);
    if (wanted.empty() || read_text(path) == wanted + "\n") return;
    if (auto written = write_text(path, wanted); !written) fail(written.error().text + ", ignoring");
}

int tell() {
    std::map<std::string, std::string> environment;
    for (char** entry = environ; *entry; ++entry) {
        std::string text = *entry;
        std::size_t equals = text.find('=');
        if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
    }
    restore_address_mode(environment["interface"], environment[kAddressMode]);
    auto report = decode_dhcpcd_report(environment);
    if (!report) return fail(report.error().text);
    if (!*report) return 0;
    auto daemon = DaemonClient::connect(Paths::from_environment());
    if (!daemon) return fail(daemon.error().text);
    auto reply = daemon->call(**report);
    if (!reply) return fail(reply.error().text);
    return reply->error == CommandError::none ? 0 : fail(reply->text);
}

// ---- The client -----------------------------------------------------------------------------------------------

template <class T>
std::optional<T> number_of(std::string_view text) {
    T number{};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return {};
    return number;
}

// PARENT INTERFACE NUMBER FAMILY RUN IAID [broadcast] [inform[=ADDRESS/LENGTH]]
Result<DhcpcdSettings> parse(const std::vector<std::string>& words) {
    Error wrong{"ipmp-dhcp-client is started by in.mpathd only"};
    if (words.size() < 6) return wrong;
    auto number = number_of<std::uint32_t>(words[2]);
    auto family = wire::parse_family(words[3]);
    auto run = number_of<std::uint64_t>(words[4]);
    auto iaid = number_of<std::uint32_t>(words[5]);
    if (!wire::is_interface_name(words[1]) || !number || !family || !run || !iaid) return wrong;
    DhcpcdSettings settings{.client = {{words[1], *number}, *family}, .run = *run, .iaid = *iaid};
    for (std::size_t i = 6; i < words.size(); ++i) {
        std::string option = words[i].substr(0, words[i].find('='));
        if (option == "broadcast") settings.broadcast = true;
        if (option != "inform") continue;
        settings.inform = true;
        std::size_t equals = words[i].find('='), slash = words[i].find('/');
        if (equals == std::string::npos || slash == std::string::npos) continue;
        settings.inform_address = parse_ip(words[i].substr(equals + 1, slash - equals - 1));
        settings.inform_prefix_length = number_of<std::uint8_t>(words[i].substr(slash + 1)).value_or(0);
    }
    return settings;
}

std::string self() {
    std::array<char, 4096> buffer{};
    ssize_t length = ::readlink("/proc/self/exe", buffer.data(), buffer.size() - 1);
    return length > 0 ? std::string(buffer.data(), static_cast<std::size_t>(length)) : "";
}

// The host's, made once (RFC 6355: a UUID); whoever comes first makes it.
Result<std::string> host_duid(const std::string& directory) {
    std::string path = directory + "/duid";
    std::string present = read_text(path);
    while (!present.empty() && present.back() == '\n') present.pop_back();
    if (!present.empty()) return present;
    std::array<std::uint8_t, 16> uuid{};
    if (::getrandom(uuid.data(), uuid.size(), 0) != static_cast<ssize_t>(uuid.size())) {
        return system_error("cannot make a DUID");
    }
    uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | 0x40);
    uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80);
    std::string duid = "00:04";
    for (std::uint8_t byte : uuid) {
        std::array<char, 4> text{};
        std::snprintf(text.data(), text.size(), ":%02x", byte);
        duid += text.data();
    }
    std::string draft = path + "." + std::to_string(::getpid());
    if (auto written = write_text(draft, duid + "\n"); !written) return written.error();
    int linked = ::link(draft.c_str(), path.c_str());
    int error = errno;
    ::unlink(draft.c_str());
    if (linked == 0) return duid;
    if (error == EEXIST) return host_duid(directory);
    return system_error("cannot write " + path, error);
}

Result<void> mount_here(const char* source, const std::string& target, const char* kind, unsigned long flags) {
    if (::mount(source, target.c_str(), kind, flags, nullptr) == 0) return {};
    return system_error("cannot mount " + target);
}

// A /run of dhcpcd's own, in which what is ours stays where it was.
Result<void> hide_run(const Paths& paths) {
    std::vector<std::pair<std::string, UniqueFd>> kept;
    for (const std::string& path : {paths.run(), paths.leases()}) {
        kept.emplace_back(path, UniqueFd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)));
        if (!kept.back().second) return system_error("cannot open " + path);
    }
    if (auto mounted = mount_here("tmpfs", "/run", "tmpfs", 0); !mounted) return mounted;
    for (const auto& [path, directory] : kept) {
        if (::access(path.c_str(), F_OK) == 0) continue;
        std::error_code error;
        std::filesystem::create_directories(path, error);
        std::string source = "/proc/self/fd/" + std::to_string(directory.get());
        if (auto mounted = mount_here(source.c_str(), path, nullptr, MS_BIND); !mounted) return mounted;
    }
    return {};
}

// Where dhcpcd looks for the lease of an interface, and where that really is.
struct LeaseFile {
    std::string link, target;
};

LeaseFile lease_file(const DhcpcdSettings& settings, const std::string& directory) {
    const DhcpKey& client = settings.client;
    bool ipv4 = client.family == Family::ipv4;
    std::string name = client.logical.interface + ":" + std::to_string(client.logical.number);
    return {std::string(kDhcpcdLeases) + "/" + client.logical.interface + (ipv4 ? ".lease" : ".lease6"),
            directory + "/" + name + (ipv4 ? ".lease" : ".lease6")};
}

Result<void> enter_private_files(const Paths& paths, const LeaseFile& lease) {
    if (::unshare(CLONE_NEWNS) != 0) return system_error("cannot make a mount namespace");
    if (auto mounted = mount_here(nullptr, "/", nullptr, MS_REC | MS_PRIVATE); !mounted) return mounted;
    if (auto hidden = hide_run(paths); !hidden) return hidden;
    if (auto mounted = mount_here("tmpfs", kDhcpcdLeases, "tmpfs", 0); !mounted) return mounted;
    if (::symlink(lease.target.c_str(), lease.link.c_str()) != 0) return system_error("cannot link " + lease.link);
    return {};
}

pid_t start_dhcpcd(const std::string& interface, const sigset_t& unblocked) {
    pid_t child = ::fork();
    if (child != 0) return child;
    ::sigprocmask(SIG_SETMASK, &unblocked, nullptr);
    ::execl(kDhcpcd, "dhcpcd", "-B", "-f", kConfiguration, "--noconfigure", interface.c_str(), nullptr);
    std::fprintf(stderr, "cannot run %s: %s\n", kDhcpcd, std::strerror(errno));
    ::_exit(kCannotRun);
}

// Processes dhcpcd left behind come to us (PR_SET_CHILD_SUBREAPER).
void kill_rest() {
    for (int round = 0; round < 100; ++round) {
        std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
        for (pid_t child; children >> child;) ::kill(child, SIGKILL);
        if (::waitpid(-1, nullptr, 0) < 0) return;
    }
}

// Until dhcpcd has ended; its exit status. Signals that come while it is busy with a new lease dhcpcd 9.4.1 loses, one
// in five as measured; so each is sent again after a second: to end until it has, to renew once more.
int supervise(pid_t dhcpcd, const sigset_t& signals) {
    using Clock = std::chrono::steady_clock;
    std::optional<Clock::time_point> deadline;
    int again = 0;
    while (true) {
        timespec patience{.tv_sec = again ? 1 : 3600, .tv_nsec = 0};
        int signal = ::sigtimedwait(&signals, nullptr, &patience);
        int status = 0;
        for (pid_t ended; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
            if (ended == dhcpcd) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        if (signal == SIGCHLD) continue;
        bool is_timeout = signal < 0;
        if (is_timeout) signal = again;
        if (signal > 0) ::kill(dhcpcd, signal);
        bool is_end = signal == SIGTERM || signal == SIGALRM;
        again = is_end || !is_timeout ? signal : 0;
        if (is_end && !deadline) deadline = Clock::now() + kPatience;
        if (deadline && Clock::now() >= *deadline) ::kill(dhcpcd, SIGKILL);
    }
}

Result<void> prepare(DhcpcdSettings& settings, const Paths& paths, LeaseFile& lease) {
    std::error_code error;
    std::string directory = paths.leases();
    std::filesystem::create_directories(directory, error);
    if (error) return Error{"cannot make " + directory + ": " + error.message()};
    auto duid = host_duid(directory);
    if (!duid) return duid.error();
    settings.duid = *duid;
    const std::string& interface = settings.client.logical.interface;
    settings.client_id =
        client_id_of(read_text(paths.dhcp_default_file()), interface, settings.client.family);
    settings.script = self();
    settings.environment["IPMP_ROOT"] = paths.root;
    std::string mode = read_text(address_mode_path(interface));
    if (settings.client.family == Family::ipv6 && !mode.empty()) settings.environment[kAddressMode] = mode.substr(0, 1);
    auto text = encode_dhcpcd_settings(settings);
    if (!text) return text.error();
    lease = lease_file(settings, directory);
    if (auto entered = enter_private_files(paths, lease); !entered) return entered;
    return write_text(kConfiguration, *text);
}

int run(const std::vector<std::string>& words) {
    auto settings = parse(words);
    if (!settings) return fail(settings.error().text);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (std::to_string(::getppid()) != words[0]) return 1;  // ended already
    if (::access(kDhcpcd, X_OK) != 0) {
        return fail("dhcpcd is not installed: apt install dhcpcd-base", kCannotRun);
    }
    Paths paths = Paths::from_environment();
    LeaseFile lease;
    if (auto prepared = prepare(*settings, paths, lease); !prepared) return fail(prepared.error().text);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    std::signal(SIGPIPE, SIG_IGN);  // who reads what we and dhcpcd say may be gone, and then there is work left
    sigset_t signals, unblocked;
    ::sigemptyset(&unblocked);
    ::sigemptyset(&signals);
    for (int signal : {SIGTERM, SIGALRM, SIGUSR1, SIGCHLD}) ::sigaddset(&signals, signal);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    pid_t dhcpcd = start_dhcpcd(settings->client.logical.interface, unblocked);
    if (dhcpcd < 0) return fail(system_error("cannot start dhcpcd").text);
    int status = supervise(dhcpcd, signals);
    kill_rest();
    // dhcpcd removes the lease it gave back, that is the link to it.
    struct stat present {};
    if (::lstat(lease.link.c_str(), &present) != 0) ::unlink(lease.target.c_str());
    return status;
}

}  // namespace
}  // namespace ipmp

int main(int argc, char** argv) {
    if (argc <= 1) return ipmp::tell();
    return ipmp::run(std::vector<std::string>(argv + 1, argv + argc));
}
