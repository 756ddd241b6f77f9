#include "tools/ifconfig_dhcp.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <optional>

#include "tools/ifconfig_words.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

enum ExitCode : int { kOk = 0, kFailure = 2, kBadArguments = 3, kTimeout = 4, kSystem = 6 };

constexpr std::chrono::seconds kDefaultWait{30};

enum class Question { none, status, ping };

struct DhcpWords {
    DhcpVerb verb = DhcpVerb::start;
    Question question = Question::none;
    bool primary = false;
    std::optional<std::chrono::seconds> wait = kDefaultWait;  // none: forever
};

int fail(const LogicalName& name, const std::string& text, int code) {
    std::fflush(stdout);
    std::fprintf(stderr, "ifconfig: %s: %s\n", to_string(name).c_str(), text.c_str());
    return code;
}

std::optional<std::uint32_t> parse_seconds(const std::string& text) {
    std::uint32_t seconds = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return {};
    return seconds;
}

// [wait N|forever] [primary] VERB, in any order; the last of each counts.
Result<DhcpWords> parse(const std::vector<std::string>& words) {
    DhcpWords parsed;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "primary") {
            parsed.primary = true;
        } else if (word == "status" || word == "ping") {
            parsed.question = word == "status" ? Question::status : Question::ping;
        } else if (word == "wait") {
            if (++i == words.size()) return Error{"wait: needs a number of seconds, or forever"};
            auto seconds = parse_seconds(words[i]);
            if (!seconds && words[i] != "forever") return Error{"wait " + words[i] + ": not a number of seconds"};
            parsed.wait.reset();
            if (seconds) parsed.wait = std::chrono::seconds(*seconds);
        } else if (auto verb = wire::parse_name<DhcpVerb>(word)) {
            parsed.verb = *verb;
            parsed.question = Question::none;
        } else {
            return Error{word + ": not a DHCP word"};
        }
    }
    return parsed;
}

const DhcpStatus* find_client(const Status& status, const LogicalName& name, Family family) {
    auto found = std::find_if(status.dhcp.begin(), status.dhcp.end(), [&](const DhcpStatus& client) {
        return client.interface == name.interface && client.number == name.number && client.family == family;
    });
    return found == status.dhcp.end() ? nullptr : &*found;
}

bool is_interface(const Status& status, const LogicalName& name) {
    return std::any_of(status.plumbed.begin(), status.plumbed.end(),
                       [&](const PlumbedInterface& plumbed) { return plumbed.name == name.interface; });
}

const char* word_of(DhcpPhase phase) {
    switch (phase) {
        case DhcpPhase::selecting: return "SELECTING";
        case DhcpPhase::bound: return "BOUND";
        case DhcpPhase::releasing: return "RELEASING";
        case DhcpPhase::inform_sent: return "INFORM_SENT";
        case DhcpPhase::information: return "INFORMATION";
    }
    return "?";
}

// A moment of CLOCK_MONOTONIC on the calendar.
std::string date_of(const std::optional<std::uint64_t>& at_ms) {
    if (!at_ms) return "Never";
    timespec monotonic{};
    ::clock_gettime(CLOCK_MONOTONIC, &monotonic);
    auto ahead_s = static_cast<std::int64_t>(*at_ms / 1000) - monotonic.tv_sec;
    time_t moment = ::time(nullptr) + ahead_s;
    tm calendar{};
    ::localtime_r(&moment, &calendar);
    std::array<char, 32> text{};
    return std::strftime(text.data(), text.size(), "%m/%d/%Y %H:%M", &calendar) ? text.data() : "?";
}

// Packets are counted by nobody here.
void print_status(const LogicalName& name, const DhcpStatus& client) {
    std::printf("Interface  State         Sent  Recv  Declined  Flags\n");
    std::printf("%-10s %-12s %5s %5s %9s  %s\n", to_string(name).c_str(), word_of(client.state), "--", "--", "--",
                client.primary ? "[PRIMARY]" : "");
    if (!client.address) return;
    std::printf("(Began, Expires, Renew) = (%s, %s, %s)\n", date_of(client.began_ms).c_str(),
                date_of(client.expires_ms).c_str(), date_of(client.renews_ms).c_str());
}

int answer_query(Daemon& daemon, const LogicalName& name, Family family, Question question) {
    auto status = daemon.status();
    if (!status) return fail(name, status.error().text, kSystem);
    if (!is_interface(*status, name)) return fail(name, "no such interface", kFailure);
    const DhcpStatus* client = find_client(*status, name, family);
    if (!client) return fail(name, "interface is not under DHCP control", kFailure);
    if (question == Question::status) print_status(name, *client);
    return std::fflush(stdout) == 0 ? kOk : fail(name, "cannot write the status", kSystem);
}

int explain(const LogicalName& name, const CommandReply& reply) {
    switch (reply.error) {
        case CommandError::no_such_interface:
            return fail(name, "no such interface", kFailure);
        case CommandError::no_dhcp_client:
            return fail(name, "unable to start the DHCP client: " + reply.text, kSystem);
        case CommandError::invalid_argument:
            return fail(name, reply.text, kBadArguments);
        case CommandError::kernel_refused:
            return fail(name, reply.text, kSystem);
        default:
            return fail(name, reply.text, kFailure);
    }
}

}  // namespace

Result<int> run_dhcp_words(const LogicalName& name, Family family, const std::vector<std::string>& words,
                           const DaemonSource& find_daemon) {
    auto parsed = parse(words);
    if (!parsed) return fail(name, parsed.error().text, kBadArguments);
    bool waits = !parsed->wait || parsed->wait->count() > 0;
    auto daemon = find_daemon();
    if (!daemon) return fail(name, daemon.error().text, kSystem);
    if (parsed->question != Question::none) return answer_query(**daemon, name, family, parsed->question);
    ControlDhcp command{name, family, parsed->verb, parsed->primary, waits};
    auto reply = (*daemon)->call(command, waits ? parsed->wait : Daemon::kPatience);
    if (!reply && reply.error().error_number == ETIMEDOUT) {
        return fail(name, "no answer from a DHCP server yet; it goes on trying", kTimeout);
    }
    if (!reply) return fail(name, reply.error().text, kSystem);
    return reply->error == CommandError::none ? kOk : explain(name, *reply);
}

}  // namespace ipmp
