// ifconfig with the Solaris grammar (R-CMD-1), as far as configuration goes: words are carried out strictly from left
// to right, each by one request to the daemon, and the first failure ends the command with what came before applied.
//
// One CommandLine per run: it knows the logical interface that words act on at the moment (`addif` moves it), and the
// address given last, which later netmask and broadcast words complete.

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "model/paths.hpp"
#include "tools/daemon_client.hpp"
#include "tools/ifconfig_words.hpp"
#include "wire/names.hpp"

namespace ipmp {
namespace {

// Ends the command: the text is for stderr.
using Outcome = Result<void>;

// A reason as ifconfig words it.
std::string reason_of(const CommandReply& reply) {
    auto known = [&]() -> std::string {
        switch (reply.error) {
            case CommandError::no_such_interface:
                return "no such interface";
            case CommandError::already_exists:
                return "already exists";
            case CommandError::invalid_argument:
                return std::strerror(EINVAL);
            case CommandError::not_supported:
                return std::strerror(ENOTSUP);
            case CommandError::in_use:
                return std::strerror(EBUSY);
            case CommandError::address_managed:
                return std::strerror(EADDRNOTAVAIL);
            case CommandError::none:
            case CommandError::group_not_empty:
            case CommandError::minimum_redundancy:
            case CommandError::not_in_group:
            case CommandError::not_offline:
            case CommandError::already_offline:
            case CommandError::duplicate_hardware_address:
            case CommandError::kernel_refused:
                break;
        }
        return reply.text;
    }();
    bool says_it_all = reply.error == CommandError::no_such_interface || reply.error == CommandError::already_exists;
    if (says_it_all || reply.text.empty() || reply.text == known) return known;
    return known + " (" + reply.text + ")";
}

// A reason as the plumbing words it.
std::string plumbing_reason_of(const CommandReply& reply) {
    if (reply.error == CommandError::no_such_interface) return "Interface does not exist";
    if (reply.error == CommandError::already_exists) return "Interface already exists";
    if (reply.error == CommandError::group_not_empty) return "IPMP group is not empty";
    if (reply.error == CommandError::invalid_argument) return "Invalid argument provided";
    if (reply.error == CommandError::in_use && reply.text.empty()) return "Interface already in use";
    return reply.text;
}

class CommandLine {
  public:
    CommandLine(LogicalName name, Family family, std::vector<std::string> words)
        : physical_(name.interface),
          named_logical_(name.number != 0),
          current_(std::move(name)),
          family_(family),
          words_(std::move(words)) {}

    // Carries out all words. An error ends it.
    Outcome run();

  private:
    Result<CommandReply> call(const Command& command);
    Outcome apply(const std::string& action, const Command& command);
    Outcome flag(SetFlags flags);
    Result<std::string> argument(const std::string& word);
    Outcome pre_scan();
    bool address_follows() const;
    Outcome word(const std::string& word);
    std::optional<Outcome> flag_word(const std::string& word);
    Outcome create_ipmp();
    Outcome plumb();
    Outcome unplumb();
    Outcome group(const std::string& name);
    Outcome set_address(const std::string& text);
    Outcome netmask(const std::string& mask);
    Outcome broadcast(const std::string& text);
    Outcome add_logical(const std::string& text);
    Outcome remove_logical(const std::string& text);

    std::string physical_;
    bool named_logical_;  // the command names X:N
    LogicalName current_;
    Family family_;
    std::vector<std::string> words_;
    std::size_t next_ = 0;
    std::optional<std::uint8_t> netmask_length_;  // of the last `netmask` word, wherever it stands
    std::optional<AddressWord> last_address_;     // given by this command for `current_`
    bool address_was_set_ = false;
    std::optional<DaemonClient> client_;
};

Result<CommandReply> CommandLine::call(const Command& command) {
    if (!client_) {
        auto connected = DaemonClient::connect_or_start(Paths::from_environment());
        if (!connected) return connected.error();
        client_.emplace(std::move(*connected));
    }
    return client_->call(command);
}

// One request whose failure reads "ACTION: NAME: REASON".
Outcome CommandLine::apply(const std::string& action, const Command& command) {
    auto reply = call(command);
    std::string context = action + ": " + to_string(current_) + ": ";
    if (!reply) return Error{context + reply.error().text};
    if (reply->error != CommandError::none) return Error{context + reason_of(*reply)};
    return {};
}

Outcome CommandLine::flag(SetFlags flags) {
    flags.logical = current_;
    flags.family = family_;
    return apply("setifflags: SIOCSLIFFLAGS", flags);
}

Result<std::string> CommandLine::argument(const std::string& word) {
    if (next_ == words_.size()) return Error{"no argument for " + word};
    return words_[next_++];
}

// The netmask holds for every address of an IPv4 command, also for those before it.
Outcome CommandLine::pre_scan() {
    for (std::size_t i = 0; family_ == Family::ipv4 && i + 1 < words_.size(); ++i) {
        if (words_[i] != "netmask") continue;
        const std::string& mask = words_[++i];
        if (mask == "+") continue;
        netmask_length_ = parse_netmask(mask);
        if (!netmask_length_) return Error{mask + ": bad address"};
    }
    return {};
}

Outcome CommandLine::create_ipmp() {
    std::string context = "cannot create IPMP interface " + to_string(current_) + ": ";
    if (current_.number != 0) return Error{context + "logical interfaces are not supported yet"};
    auto reply = call(CreateIpmp{physical_, family_});
    if (!reply) return Error{context + reply.error().text};
    if (reply->error != CommandError::none) return Error{context + plumbing_reason_of(*reply)};
    return {};
}

Outcome CommandLine::plumb() {
    std::string context = "cannot plumb " + to_string(current_) + ": ";
    if (current_.number != 0) return Error{context + "logical interfaces are not supported yet; see addif"};
    auto reply = call(Plumb{physical_, family_});
    if (!reply) return Error{context + reply.error().text};
    if (reply->error == CommandError::already_exists) {  // told, but no failure: the next words still run
        std::fprintf(stderr, "ifconfig: %s%s\n", context.c_str(), plumbing_reason_of(*reply).c_str());
        return {};
    }
    if (reply->error != CommandError::none) return Error{context + plumbing_reason_of(*reply)};
    return {};
}

Outcome CommandLine::unplumb() {
    std::string context = "cannot unplumb " + to_string(current_) + ": ";
    if (current_.number != 0) return Error{context + "logical interfaces are not supported yet; see removeif"};
    auto reply = call(Unplumb{physical_, family_});
    if (!reply) return Error{context + reply.error().text};
    if (reply->error != CommandError::none) return Error{context + plumbing_reason_of(*reply)};
    return {};
}

Outcome CommandLine::group(const std::string& name) {
    std::string context = to_string(current_) + ": SIOCSLIFGROUPNAME: ";
    if (current_.number != 0) return Error{context + std::strerror(EINVAL)};
    if (name.size() > wire::kMaxGroupNameBytes) return Error{context + "group name too long"};
    if (!name.empty() && !wire::is_group_name(name)) return Error{context + std::strerror(EINVAL)};
    auto reply = call(SetGroup{physical_, family_, name});
    if (!reply) return Error{context + reply.error().text};
    if (reply->error == CommandError::address_managed) {
        return Error{"cannot join IPMP group " + name + ": " + reply->text};
    }
    if (reply->error != CommandError::none) return Error{context + reason_of(*reply)};
    return {};
}

Outcome CommandLine::set_address(const std::string& text) {
    if (address_was_set_) return Error{text + ": destination: not supported yet"};
    auto word = parse_address_word(text, family_);
    if (!word) return word.error();
    if (!word->prefix_length) word->prefix_length = netmask_length_;
    Outcome set = apply("SIOCSLIFADDR", SetAddress{current_, word->address, word->prefix_length, {}});
    if (!set) return set;
    address_was_set_ = true;
    last_address_ = *word;
    return {};
}

// The next word gives an address to the current logical interface.
bool CommandLine::address_follows() const {
    if (next_ == words_.size()) return false;
    const std::string& word = words_[next_];
    return word == "set" || parse_ip(word.substr(0, word.find('/')));
}

// `+` asks for the default mask: that is what an address given without a length has got already.
Outcome CommandLine::netmask(const std::string& mask) {
    if (family_ != Family::ipv4) return Error{"Operation netmask not supported for inet6"};
    if (mask == "+") {
        if (!last_address_) return Error{"netmask +: " + to_string(current_) + ": needs an address before it"};
        return {};
    }
    auto length = parse_netmask(mask);
    if (!length) return Error{mask + ": bad address"};
    if (last_address_ && last_address_->prefix_length != length) return {};  // an explicit /length beats it
    if (!last_address_ && address_follows()) return {};                      // it takes this mask with it
    return apply("SIOCSLIFNETMASK", SetNetmask{current_, family_, *length});
}

// `+` asks for the one that follows from address and mask, which the daemon sets by itself.
Outcome CommandLine::broadcast(const std::string& text) {
    if (family_ != Family::ipv4) return Error{"Operation broadcast not supported for inet6"};
    if (!last_address_) return Error{"broadcast: " + to_string(current_) + ": needs an address before it"};
    if (text == "+") return {};
    auto word = parse_address_word(text, family_);
    if (!word) return word.error();
    return apply("SIOCSLIFBRDADDR",
                 SetAddress{current_, last_address_->address, last_address_->prefix_length, word->address});
}

Outcome CommandLine::add_logical(const std::string& text) {
    if (named_logical_) return Error{"addif: bad physical interface name " + to_string(current_)};
    auto word = parse_address_word(text, family_);
    if (!word) return word.error();
    if (!word->prefix_length) word->prefix_length = netmask_length_;
    auto reply = call(AddLogical{physical_, word->address, word->prefix_length});
    if (!reply) return Error{"addif: " + physical_ + ": " + reply.error().text};
    if (reply->error != CommandError::none) return Error{"addif: " + physical_ + ": " + reason_of(*reply)};
    auto created = parse_logical_name(reply->detail);
    if (!created || created->interface != physical_) return Error{"addif: in.mpathd gave no name for " + text};
    std::printf("Created new logical interface %s\n", reply->detail.c_str());
    std::fflush(stdout);
    current_ = *created;
    address_was_set_ = true;
    last_address_ = *word;
    return {};
}

Outcome CommandLine::remove_logical(const std::string& text) {
    if (named_logical_) return Error{"removeif: bad physical interface name " + to_string(current_)};
    auto word = parse_address_word(text, family_);
    if (!word) return word.error();
    auto reply = call(RemoveLogical{physical_, word->address});
    if (!reply) return Error{"removeif: " + physical_ + ": " + reply.error().text};
    if (reply->error == CommandError::invalid_argument) {
        return Error{"removeif: cannot remove interface: " + physical_};
    }
    if (reply->error != CommandError::none) return Error{"removeif: " + physical_ + ": " + reason_of(*reply)};
    return {};
}

// Words that only change a flag. Nothing: not one of them.
std::optional<Outcome> CommandLine::flag_word(const std::string& word) {
    if (word == "up") return flag({.up = true});
    if (word == "down") return flag({.up = false});
    if (word == "-failover") return flag({.no_failover = true});
    if (word == "failover") return flag({.no_failover = false});
    if (word == "deprecated") return flag({.deprecated = true});
    if (word == "-deprecated") return flag({.deprecated = false});
    if (word == "standby") return apply("setifflags: SIOCSLIFFLAGS", SetStandby{physical_, true});
    if (word == "-standby") return apply("setifflags: SIOCSLIFFLAGS", SetStandby{physical_, false});
    return {};
}

Outcome CommandLine::word(const std::string& word) {
    using WithArgument = Outcome (CommandLine::*)(const std::string&);
    struct Entry {
        const char* word;
        WithArgument carry_out;
    };
    static constexpr Entry kWithArgument[] = {
        {"group", &CommandLine::group},       {"set", &CommandLine::set_address},
        {"netmask", &CommandLine::netmask},   {"broadcast", &CommandLine::broadcast},
        {"addif", &CommandLine::add_logical}, {"removeif", &CommandLine::remove_logical},
    };
    if (word == "ipmp") return create_ipmp();
    if (word == "plumb") return plumb();
    if (word == "unplumb") return unplumb();
    if (auto outcome = flag_word(word)) return *outcome;
    for (const Entry& entry : kWithArgument) {
        if (word != entry.word) continue;
        auto value = argument(word);
        if (!value) return value.error();
        return (this->*entry.carry_out)(*value);
    }
    if (is_unsupported_word(word)) return Error{word + ": not supported yet"};
    return set_address(word);
}

Outcome CommandLine::run() {
    if (auto scanned = pre_scan(); !scanned) return scanned;
    while (next_ < words_.size()) {
        std::string next = words_[next_++];
        if (auto outcome = word(next); !outcome) return outcome;
    }
    return {};
}

int fail(const std::string& text) {
    std::fflush(stdout);
    std::fprintf(stderr, "ifconfig: %s\n", text.c_str());
    return 1;
}

int run(int argc, char** argv) {
    constexpr const char* kNoDisplay = "status display is not available yet, see ipmpstat";
    std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    if (words.empty()) return fail(kNoDisplay);
    std::string name = words[0];
    words.erase(words.begin());
    if (name.starts_with('-')) {
        if (name.find('a') == std::string::npos) return fail(name + ": no such interface");
        return fail(words.empty() ? kNoDisplay : name + ": configuring all interfaces at once is not supported yet");
    }
    auto logical = parse_logical_name(name);
    if (logical && logical->interface.size() > wire::kMaxInterfaceNameBytes) {
        return fail(name + ": interface name too long");
    }
    if (!logical || !wire::is_interface_name(logical->interface)) return fail(name + ": no such interface");
    Family family = Family::ipv4;
    if (!words.empty() && (words[0] == "inet" || words[0] == "inet6")) {
        if (words[0] == "inet6") family = Family::ipv6;
        words.erase(words.begin());
    }
    if (words.empty()) return fail(kNoDisplay);
    auto outcome = CommandLine(std::move(*logical), family, std::move(words)).run();
    if (!outcome) return fail(outcome.error().text);
    return 0;
}

}  // namespace
}  // namespace ipmp

int main(int argc, char** argv) { return ipmp::run(argc, argv); }
