// ipmpstat: prints the daemon's status as tables. Order of checks, texts and exit codes: ipmpstat(8), R-STA-1 to -4.
// All it knows comes from one GetStatus, so that what it prints is consistent in itself; but for -p, which goes on to
// print what WatchProbes tells until it is interrupted.

#include <netdb.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "model/paths.hpp"
#include "render/probe_table.hpp"
#include "render/status_table.hpp"
#include "tools/daemon_client.hpp"
#include "tools/status_json.hpp"

namespace ipmp {
namespace {

constexpr std::size_t kDefaultScreenLines = 24;
constexpr const char* kUsage =
    "usage: ipmpstat [-n] [-o field[,...] [-P]] -a|-g|-i|-p|-t\n"
    "       ipmpstat -j -a|-g|-i|-p|-t\n"
    "\n"
    "  modes:\n"
    "    -a    IP data addresses, and the interfaces they use\n"
    "    -g    groups and their state\n"
    "    -i    underlying interfaces and their state\n"
    "    -p    probes, as they are sent and answered\n"
    "    -t    probe targets\n"
    "  options:\n"
    "    -j    as JSON, with more than the tables have; for -p a line for each\n"
    "    -n    addresses as numbers\n"
    "    -o    only these fields, in this order; all: every field\n"
    "    -P    for scripts: fields separated by colons (needs -o)\n";

struct Options {
    char mode = 0;
    bool numeric = false;
    bool parsable = false;
    bool json = false;
    std::optional<std::string> fields;
};

int fail(const std::string& text) {
    std::fflush(stdout);
    std::fprintf(stderr, "ipmpstat: %s\n", text.c_str());
    return 1;
}

int fail_with_usage() {
    std::fputs(kUsage, stderr);
    return 1;
}

// The exit code if it is to end here.
std::optional<int> parse_options(int argc, char** argv, Options& options) {
    if (argc == 2 && (std::strcmp(argv[1], "-h") == 0 || std::strcmp(argv[1], "--help") == 0)) {
        std::fputs(kUsage, stdout);
        return 0;
    }
    opterr = 0;  // the usage says it all
    for (int option; (option = getopt(argc, argv, "nagijptPLo:")) != -1;) {
        switch (option) {
            case 'L':  // the state is always live
                break;
            case 'j':
                options.json = true;
                break;
            case 'n':
                options.numeric = true;
                break;
            case 'P':
                options.parsable = true;
                break;
            case 'o':
                options.fields = optarg;
                break;
            case '?':
                return fail_with_usage();
            default:
                if (options.mode != 0) return fail("only one output format may be specified");
                options.mode = static_cast<char>(option);
        }
    }
    bool two_forms = options.json && (options.parsable || options.fields);
    if (options.mode == 0 || optind != argc || two_forms) return fail_with_usage();
    return {};
}

// The short host name of `address`, or the address itself.
std::string host_name(const IpAddress& address) {
    sockaddr_storage storage{};
    socklen_t length = 0;
    if (address.is_zero()) return to_string(address);
    if (address.family == Family::ipv4) {
        auto& ipv4 = reinterpret_cast<sockaddr_in&>(storage);
        ipv4.sin_family = AF_INET;
        std::memcpy(&ipv4.sin_addr, address.bytes.data(), sizeof ipv4.sin_addr);
        length = sizeof ipv4;
    } else {
        auto& ipv6 = reinterpret_cast<sockaddr_in6&>(storage);
        ipv6.sin6_family = AF_INET6;
        std::memcpy(&ipv6.sin6_addr, address.bytes.data(), sizeof ipv6.sin6_addr);
        length = sizeof ipv6;
    }
    char name[NI_MAXHOST];
    int failure = getnameinfo(reinterpret_cast<const sockaddr*>(&storage), length, name, sizeof name, nullptr, 0,
                              NI_NAMEREQD | NI_NOFQDN);
    if (failure != 0) return to_string(address);
    std::string text = name;
    return text.substr(0, text.find('.'));
}

std::size_t screen_lines() {
    winsize window{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_row == 0) return kDefaultScreenLines;
    return window.ws_row;
}

View view_of(char mode) {
    switch (mode) {
        case 'a':
            return View::addresses;
        case 'g':
            return View::groups;
        case 'i':
            return View::interfaces;
        default:
            return View::targets;
    }
}

// What a table is made of; JSON has more than tables have.
std::optional<std::vector<StatusList>> lists_of(const Options& options) {
    if (options.json) return {};
    switch (options.mode) {
        case 'a':
            return {{StatusList::addresses}};
        case 'g':
            return {{StatusList::groups}};
        case 't':
            return {{StatusList::targets}};
        default:
            return {{StatusList::interfaces}};
    }
}

Result<FieldChoice> fields_of(const Options& options, const std::vector<Column>& columns) {
    if (options.fields) return choose_fields(columns, *options.fields, options.parsable);
    if (options.parsable) return Error{"output fields must be specified in parsable mode"};
    return default_fields(columns);
}

// Puts rows of `columns`, narrowed to those chosen, on stdout.
class Output {
  public:
    Output(const Options& options, const FieldChoice& choice, const std::vector<Column>& columns)
        : parsable_(options.parsable), printer_(chosen(choice, columns), screen_lines()) {}

    void print(const Row& row) {
        printer_.resize(screen_lines());
        std::string text = parsable_ ? parsable_line(row) : printer_.print(row);
        std::fputs(text.c_str(), stdout);
    }

  private:
    static std::vector<Column> chosen(const FieldChoice& choice, const std::vector<Column>& columns) {
        std::vector<Column> result;
        for (std::size_t index : choice.indices) result.push_back(columns[index]);
        return result;
    }

    bool parsable_;
    TablePrinter printer_;
};

AddressText address_text(const Options& options) {
    if (!options.numeric) return host_name;
    return [](const IpAddress& address) { return to_string(address); };
}

void warn(const std::string& text) { std::fprintf(stderr, "ipmpstat: warning: %s\n", text.c_str()); }

Instant now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

int show_probes(const Options& options, const FieldChoice& choice, DaemonClient& client, Instant began) {
    Output output(options, choice, probe_columns());
    AddressText text = address_text(options);
    Error end = client.watch_probes([&](const ProbeNews& news) {
        if (news.dropped > 0) {
            warn("missed " + std::to_string(news.dropped) + " probes: this output is read too slowly");
        }
        if (options.json) std::fputs(json_line(probe_json(news.probe, began)).c_str(), stdout);
        else output.print(probe_row(news.probe, began, choice.indices, text));
        std::fflush(stdout);
    });
    if (end.error_number == EPERM) return fail("insufficient privileges for -p");
    return fail(end.text);
}

std::string json_of(char mode, const Status& status) {
    switch (mode) {
        case 'a':
            return json_document("addresses", addresses_json(status, Kinds::data));
        case 'g':
            return json_document("groups", groups_json(status));
        case 'i':
            return json_document("interfaces", interfaces_json(status));
        default:
            return json_document("targets", targets_json(status));
    }
}

int run(int argc, char** argv) {
    Instant began = now();
    Options options;
    if (auto exit_code = parse_options(argc, argv, options)) return *exit_code;

    std::vector<Column> columns = options.mode == 'p' ? probe_columns() : columns_of(view_of(options.mode));
    auto choice = fields_of(options, columns);
    if (!choice) return fail(choice.error().text);
    for (const std::string& warning : choice->warnings) warn(warning);

    auto client = DaemonClient::connect(Paths::from_environment());
    if (!client) return fail("cannot contact in.mpathd(1M) -- is IPMP in use?");
    auto status = client->status_of(lists_of(options));
    if (!status) return fail("cannot snapshot IPMP state: " + status.error().text);

    bool probing = std::any_of(status->interfaces.begin(), status->interfaces.end(),
                               [](const InterfaceStatus& i) { return i.probe != ProbeHealth::disabled; });
    if (options.mode == 'p' && !probing) return fail("probe-based failure detection is disabled");
    if (options.mode == 'p') return show_probes(options, *choice, *client, began);
    if (options.json) {
        std::fputs(json_of(options.mode, *status).c_str(), stdout);
    } else {
        Output output(options, *choice, columns);
        for (const Row& row : rows_of(view_of(options.mode), *status, choice->indices, address_text(options))) {
            output.print(row);
        }
    }
    if (std::fflush(stdout) != 0) return fail(std::string("cannot write: ") + std::strerror(errno));
    return 0;
}

}  // namespace
}  // namespace ipmp

int main(int argc, char** argv) { return ipmp::run(argc, argv); }
