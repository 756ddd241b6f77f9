#include "tools/ifconfig_command.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/ifconfig_dhcp.hpp"
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

Error plumbing_failure(Error error) {
    if (error.error_number == EPERM) error.text = "Permission denied";
    return error;
}

}  // namespace

Result<Daemon*> CommandLine::client() {
    if (!daemon_) {
        auto connected = DaemonClient::connect_or_start(Paths::from_environment());
        if (!connected) return connected.error();
        daemon_ = &client_.emplace(std::move(*connected));
    }
    return daemon_;
}

// One request; a failure reads "CONTEXT: REASON".
Result<void> CommandLine::request(const std::string& context, const Command& command, Words words) {
    auto daemon = client();
    if (!daemon) return daemon.error().within(context);
    auto reply = (*daemon)->call(command);
    if (!reply && words == Words::of_plumbing) return plumbing_failure(reply.error()).within(context);
    if (!reply) return reply.error().within(context);
    if (reply->error == CommandError::none) return {};
    return Error{context + ": " + (words == Words::usual ? reason_of(*reply) : plumbing_reason_of(*reply))};
}

// "ACTION: NAME: REASON"
Result<void> CommandLine::apply(const std::string& action, const Command& command) {
    return request(action + ": " + to_string(current_), command);
}

// "ACTION NAME: REASON"
Result<void> CommandLine::plumbing(const std::string& action, const Command& command) {
    return request(action + " " + to_string(current_), command, Words::of_plumbing);
}

Result<void> CommandLine::flag(SetFlags flags) {
    flags.logical = current_;
    flags.family = family_;
    if (addresses_ == Addresses::unawaited) flags.unawaited = true;
    return apply("setifflags: SIOCSLIFFLAGS", flags);
}

Result<PlumbedInterface> CommandLine::present_interface() {
    auto daemon = client();
    if (!daemon) return daemon.error();
    auto status = (*daemon)->status();
    if (!status) return status.error();
    for (PlumbedInterface& plumbed : status->plumbed) {
        if (plumbed.name == physical_) return std::move(plumbed);
    }
    return Error{"no such interface"};
}

Result<std::optional<AddressWord>> CommandLine::present_address() {
    if (last_address_) return last_address_;
    auto plumbed = present_interface();
    if (!plumbed) return plumbed.error();
    const std::optional<PlumbedFamily>& family = family_of(*plumbed, family_);
    if (!family) return Error{"no such interface"};
    for (const LogicalStatus& logical : family->logicals) {
        bool found = logical.number == current_.number && !logical.address.is_zero();
        if (found) return std::optional(AddressWord{logical.address, logical.prefix_length});
    }
    return std::optional<AddressWord>();
}

// A logical interface of an IPMP interface is plumbed by this word as well.
Result<void> CommandLine::create_ipmp() {
    if (current_.number != 0) return plumb();
    auto index = wanted_index();
    if (!index) return index.error();
    if (auto daemon = client(); !daemon) return daemon.error().within("cannot ping in.mpathd");
    return plumbing("cannot create IPMP interface", CreateIpmp{physical_, family_, *index});
}

// That it is plumbed already is told, but no failure: the next words still run.
Result<void> CommandLine::plumb() {
    auto daemon = client();
    if (!daemon) return daemon.error().within("cannot plumb " + to_string(current_));
    auto reply = (*daemon)->call(Plumb{physical_, family_, current_.number});
    if (!reply) return plumbing_failure(reply.error()).within("cannot plumb " + to_string(current_));
    if (reply->error == CommandError::none) return {};
    Error refusal{"cannot plumb " + to_string(current_) + ": " + plumbing_reason_of(*reply)};
    if (reply->error != CommandError::already_exists) return refusal;
    output_.err += "ifconfig: " + refusal.text + "\n";
    return {};
}

Result<void> CommandLine::group(const std::string& name) {
    std::string context = to_string(current_) + ": SIOCSLIFGROUPNAME: ";
    if (current_.number != 0) return Error{context + std::strerror(EINVAL)};
    if (name.size() > wire::kMaxGroupNameBytes) return Error{context + "group name too long"};
    if (!name.empty() && !wire::is_group_name(name)) return Error{context + std::strerror(EINVAL)};
    auto daemon = client();
    if (!daemon) return daemon.error().within("cannot ping in.mpathd");
    auto reply = (*daemon)->call(SetGroup{physical_, family_, name});
    if (!reply) return Error{context + reply.error().text};
    if (reply->error == CommandError::address_managed) {
        return Error{"cannot join IPMP group " + name + ": " + reply->text};
    }
    if (reply->error != CommandError::none) return Error{context + reason_of(*reply)};
    if (name.empty() || addresses_ == Addresses::unawaited) return {};
    for (const std::string& line : stranded_by_join(physical_)) output_.err += "ifconfig: warning: " + line + "\n";
    return {};
}

Result<void> CommandLine::set_address(const std::string& text) {
    if (address_was_set_) return destination(text);
    auto word = parse_address_word(text, family_);
    if (!word) return word.error();
    length_was_given_ = word->prefix_length.has_value();
    if (!word->prefix_length) word->prefix_length = line_.netmask_length;
    Outcome set = apply("SIOCSLIFADDR", SetAddress{current_, word->address, word->prefix_length, broadcast_});
    if (!set) return set;
    broadcast_.reset();
    address_was_set_ = true;
    last_address_ = *word;
    return {};
}

// Links of IPMP are no point-to-point links.
Result<void> CommandLine::destination(const std::string& text) {
    auto word = parse_address_word(text, family_);
    if (!word) return word.error();
    return Error{"SIOCSLIFDSTADDR: " + to_string(current_) + ": " + std::strerror(EINVAL) + " (" + text +
                 ": not a point-to-point interface)"};
}

// The next word gives an address to the current logical interface.
bool CommandLine::address_follows() const {
    if (next_ == line_.steps.size()) return false;
    const Step& step = line_.steps[next_];
    return step.word == Word::set || (step.word == Word::address && parse_ip(step.text.substr(0, step.text.find('/'))));
}

// `+` is looked up when all other words are done.
Result<void> CommandLine::netmask(const std::string& mask) {
    wants_default_netmask_ = mask == "+";
    if (wants_default_netmask_) return {};
    auto length = parse_netmask(mask);
    if (!length) return Error{mask + ": bad address"};
    if (last_address_ && last_address_->prefix_length != length) return {};  // an explicit /length beats it
    if (!last_address_ && address_follows()) return {};                      // it takes this mask with it
    return apply("SIOCSLIFNETMASK", SetNetmask{current_, family_, *length});
}

// There is no netmasks database: the default is that of the address's class. An address that this command gave has it,
// or an explicit /length, which beats it.
Result<void> CommandLine::default_netmask() {
    if (!wants_default_netmask_ || length_was_given_) return {};
    if (last_address_ && !last_address_->prefix_length) return {};  // the daemon has given it the default
    auto present = present_address();
    if (!present) return present.error().within("SIOCSLIFNETMASK: " + to_string(current_));
    if (!*present) return {};
    return apply("SIOCSLIFNETMASK", SetNetmask{current_, family_, default_prefix_length((*present)->address)});
}

// `+` asks for the one that follows from address and mask, which an address gets by itself.
Result<void> CommandLine::broadcast(const std::string& text) {
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
    std::string context = "SIOCSLIFBRDADDR: " + to_string(current_);
    auto present = present_address();
    if (!present) return present.error().within(context);
    if (!*present && !wanted) return {};
    if (!*present) return Error{context + ": has no address"};
    return request(context, SetAddress{current_, (*present)->address, (*present)->prefix_length, wanted});
}

// The network an address is in, given by one of its addresses; so its length is all that can be told.
Result<void> CommandLine::subnet(const std::string& text) {
    auto word = parse_address_word(text, family_);
    if (!word) return word.error();
    std::string context = "SIOCSLIFSUBNET: " + to_string(current_);
    auto present = present_address();
    if (!present) return present.error().within(context);
    if (!*present) return Error{context + ": has no address"};
    std::uint8_t length = word->prefix_length.value_or(default_prefix_length(word->address));
    const IpAddress& address = (*present)->address;
    if (network_of(address, length) != network_of(word->address, length)) {
        return Error{context + ": " + std::strerror(EINVAL) + " (" + to_string(address) + " is not in it)"};
    }
    return request(context, SetNetmask{current_, family_, length});
}

Result<void> CommandLine::add_logical(const std::string& text) {
    if (named_logical_) return Error{"addif: bad physical interface name " + to_string(current_)};
    auto word = parse_address_word(text, family_);
    if (!word) return word.error();
    length_was_given_ = word->prefix_length.has_value();
    if (!word->prefix_length) word->prefix_length = line_.netmask_length;
    std::string context = "addif: " + physical_;
    auto daemon = client();
    if (!daemon) return daemon.error().within(context);
    auto reply = (*daemon)->call(AddLogical{physical_, word->address, word->prefix_length});
    if (!reply) return reply.error().within(context);
    if (reply->error != CommandError::none) return Error{context + ": " + reason_of(*reply)};
    auto created = parse_logical_name(reply->detail);
    if (!created || created->interface != physical_) return Error{"addif: in.mpathd gave no name for " + text};
    output_.out += "Created new logical interface " + reply->detail + "\n";
    current_ = *created;
    address_was_set_ = true;
    last_address_ = *word;
    return {};
}

Result<void> CommandLine::remove_logical(const std::string& text) {
    if (named_logical_) return Error{"removeif: bad physical interface name " + to_string(current_)};
    auto word = parse_address_word(text, family_);
    if (!word) return word.error();
    auto daemon = client();
    if (!daemon) return daemon.error().within("removeif: " + physical_);
    auto reply = (*daemon)->call(RemoveLogical{physical_, word->address});
    if (!reply) return reply.error().within("removeif: " + physical_);
    if (reply->error == CommandError::invalid_argument) {
        return Error{"removeif: cannot remove interface: " + physical_};
    }
    if (reply->error != CommandError::none) return Error{"removeif: " + physical_ + ": " + reason_of(*reply)};
    return {};
}

}  // namespace ipmp
