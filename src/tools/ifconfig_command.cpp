#include "tools/ifconfig_command.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tools/stranded_rules.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

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
            case CommandError::no_dhcp:
            case CommandError::no_dhcp_client:
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

}  // namespace

Result<DaemonClient*> CommandLine::client() {
    if (!client_) {
        auto connected = DaemonClient::connect_or_start(Paths::from_environment());
        if (!connected) return connected.error();
        client_.emplace(std::move(*connected));
    }
    return &*client_;
}

Result<CommandReply> CommandLine::call(const Command& command) {
    auto daemon = client();
    if (!daemon) return daemon.error();
    return (*daemon)->call(command);
}

// One request whose failure reads "ACTION: NAME: REASON".
Result<void> CommandLine::apply(const std::string& action, const Command& command) {
    auto reply = call(command);
    std::string context = action + ": " + to_string(current_) + ": ";
    if (!reply) return Error{context + reply.error().text};
    if (reply->error != CommandError::none) return Error{context + reason_of(*reply)};
    return {};
}

Result<void> CommandLine::flag(SetFlags flags) {
    flags.logical = current_;
    flags.family = family_;
    return apply("setifflags: SIOCSLIFFLAGS", flags);
}

Result<std::string> CommandLine::argument(const std::string& word) {
    if (next_ == words_.size()) return Error{"no argument for " + word};
    return words_[next_++];
}

// The netmask holds for every address of an IPv4 command, also for those before it; and a command that names too many
// addresses is refused before it does anything.
Result<void> CommandLine::pre_scan() {
    int addresses = 0;
    for (std::size_t i = 0; i < words_.size() && !is_unsupported_word(words_[i]); ++i) {
        const std::string& word = words_[i];
        if (!takes_argument(word)) {
            if (!is_plain_word(word)) ++addresses;
        } else if (++i < words_.size()) {
            if (word == "addif") addresses = 1;
            if (word == "set") ++addresses;
            if (word == "netmask" && words_[i] != "+" && family_ == Family::ipv4) {
                netmask_length_ = parse_netmask(words_[i]);
                if (!netmask_length_) return Error{words_[i] + ": bad address"};
            }
        }
        if (addresses > 2) return Error{"cannot configure more than two addresses in one command"};
    }
    return {};
}

// One request whose failure reads "ACTION NAME: REASON".
Result<void> CommandLine::plumbing(const std::string& action, const Command& command) {
    auto reply = call(command);
    std::string context = action + " " + to_string(current_) + ": ";
    if (!reply) return Error{context + reply.error().text};
    if (reply->error != CommandError::none) return Error{context + plumbing_reason_of(*reply)};
    return {};
}

// A logical interface of an IPMP interface is plumbed by this word as well.
Result<void> CommandLine::create_ipmp() {
    if (current_.number != 0) return plumb();
    return plumbing("cannot create IPMP interface", CreateIpmp{physical_, family_});
}

Result<void> CommandLine::plumb() {
    auto reply = call(Plumb{physical_, family_, current_.number});
    std::string context = "cannot plumb " + to_string(current_) + ": ";
    if (!reply) return Error{context + reply.error().text};
    if (reply->error == CommandError::already_exists) {  // told, but no failure: the next words still run
        std::fprintf(stderr, "ifconfig: %s%s\n", context.c_str(), plumbing_reason_of(*reply).c_str());
        return {};
    }
    if (reply->error != CommandError::none) return Error{context + plumbing_reason_of(*reply)};
    return {};
}

Result<void> CommandLine::group(const std::string& name) {
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
    if (name.empty()) return {};
    for (const std::string& line : stranded_by_join(physical_)) {
        std::fprintf(stderr, "ifconfig: warning: %s\n", line.c_str());
    }
    return {};
}

Result<void> CommandLine::set_address(const std::string& text) {
    auto word = parse_address_word(text, family_);
    if (!word) return word.error();
    if (address_was_set_) {
        return Error{"SIOCSLIFDSTADDR: " + to_string(current_) + ": " + std::strerror(EINVAL) + " (" + text +
                     ": not a point-to-point interface)"};
    }
    if (!word->prefix_length) word->prefix_length = netmask_length_;
    Outcome set = apply("SIOCSLIFADDR", SetAddress{current_, word->address, word->prefix_length, broadcast_});
    if (!set) return set;
    broadcast_.reset();
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
Result<void> CommandLine::netmask(const std::string& mask) {
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

// The address `current_` has got already.
Result<AddressWord> CommandLine::present_address() {
    if (last_address_) return *last_address_;
    auto daemon = client();
    if (!daemon) return daemon.error();
    auto status = (*daemon)->status();
    if (!status) return status.error();
    for (const PlumbedInterface& plumbed : status->plumbed) {
        const std::optional<PlumbedFamily>& family = family_of(plumbed, family_);
        if (plumbed.name != current_.interface || !family) continue;
        for (const LogicalStatus& logical : family->logicals) {
            bool found = logical.number == current_.number && !logical.address.is_zero();
            if (found) return AddressWord{logical.address, logical.prefix_length};
        }
    }
    return Error{"has no address"};
}

// `+` asks for the one that follows from address and mask, which an address gets by itself.
Result<void> CommandLine::broadcast(const std::string& text) {
    if (family_ != Family::ipv4) return Error{"Operation broadcast not supported for inet6"};
    std::optional<IpAddress> wanted;
    if (text != "+") {
        auto word = parse_address_word(text, family_);
        if (!word) return word.error();
        wanted = word->address;
    }
    if (!last_address_ && address_follows()) {  // it takes this one with it
        broadcast_ = wanted;
        return {};
    }
    if (last_address_ && !wanted) return {};
    auto present = present_address();
    if (!present) return Error{"broadcast: " + to_string(current_) + ": " + present.error().text};
    return apply("SIOCSLIFBRDADDR", SetAddress{current_, present->address, present->prefix_length, wanted});
}

Result<void> CommandLine::add_logical(const std::string& text) {
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

Result<void> CommandLine::remove_logical(const std::string& text) {
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
std::optional<Result<void>> CommandLine::flag_word(const std::string& word) {
    if (word == "up") return flag({.up = true});
    if (word == "down") return flag({.up = false});
    if (word == "-failover") return flag({.no_failover = true});
    if (word == "failover") return flag({.no_failover = false});
    if (word == "deprecated") return flag({.deprecated = true});
    if (word == "-deprecated") return flag({.deprecated = false});
    if (word == "standby") return apply("setifflags: SIOCSLIFFLAGS", SetStandby{physical_, true});
    if (word == "-standby") return apply("setifflags: SIOCSLIFFLAGS", SetStandby{physical_, false});
    if (word == "router") return apply("setifflags: SIOCSLIFFLAGS", SetRouter{physical_, family_, true});
    if (word == "-router") return apply("setifflags: SIOCSLIFFLAGS", SetRouter{physical_, family_, false});
    return {};
}

Result<void> CommandLine::word(const std::string& word) {
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
    if (word == "unplumb") return plumbing("cannot unplumb", Unplumb{physical_, family_, current_.number});
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

Result<void> CommandLine::run() {
    if (auto scanned = pre_scan(); !scanned) return scanned;
    while (next_ < words_.size()) {
        std::string next = words_[next_++];
        if (auto outcome = word(next); !outcome) return outcome;
    }
    return {};
}

}  // namespace ipmp
