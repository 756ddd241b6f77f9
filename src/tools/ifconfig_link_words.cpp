// Of ifconfig_command.hpp: which word does what, and the words about the interface as a whole.
#include <cerrno>
#include <cstring>

#include "model/interface_flags.hpp"
#include "render/ifconfig_text.hpp"
#include "tools/ifconfig_command.hpp"
#include "tools/ifconfig_dhcp.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

Error bad_number(const std::string& action, const LogicalName& name, const std::string& text) {
    return {action + ": " + to_string(name) + ": " + std::strerror(EINVAL) + " (" + text + ": not a number)"};
}

bool is_ipmp(const PlumbedInterface& interface) {
    for (const std::optional<PlumbedFamily>& family : {interface.inet, interface.inet6}) {
        if (family && !family->logicals.empty() && (family->logicals[0].flags & flag::kIpmp)) return true;
    }
    return false;
}

}  // namespace

Result<void> CommandLine::mtu(const std::string& text) {
    auto number = parse_whole(text);
    if (!number) return bad_number("SIOCSLIFMTU", current_, text);
    return apply("SIOCSLIFMTU", SetMtu{physical_, family_, *number});
}

Result<void> CommandLine::metric(const std::string& text) {
    auto number = parse_whole(text);
    if (!number) return bad_number("SIOCSLIFMETRIC", current_, text);
    return apply("SIOCSLIFMETRIC", SetMetric{physical_, family_, *number});
}

// The index an `ipmp` word is to create its interface with: Linux gives it once and for all.
Result<std::uint32_t> CommandLine::wanted_index() const {
    for (const Step& step : line_.steps) {
        if (step.word != Word::index) continue;
        auto number = parse_whole(step.arguments[0]);
        if (!number || *number == 0) return bad_number("SIOCSLIFINDEX", current_, step.arguments[0]);
        return *number;
    }
    return 0u;
}

Result<void> CommandLine::index(const std::string& text) {
    auto number = parse_whole(text);
    if (!number) return bad_number("SIOCSLIFINDEX", current_, text);
    std::string context = "SIOCSLIFINDEX: " + to_string(current_);
    auto present = present_interface();
    if (!present) return present.error().within(context);
    if (present->index == *number) return {};
    return Error{context + ": " + std::strerror(ENOTSUP)};
}

Result<void> CommandLine::ether(const std::vector<std::string>& arguments) {
    if (current_.number != 0) return Error{"cannot change ethernet address of a logical interface"};
    auto present = present_interface();
    if (!present) return present.error().within("ether: " + physical_);
    if (is_ipmp(*present)) return Error{"cannot dlpi_open() link \"" + physical_ + "\": Datalink does not exist"};
    if (arguments.empty()) {
        if (present->mac) output_.out += "\tether " + ether_text(*present->mac) + "\n";
        return {};
    }
    auto mac = parse_mac(arguments[0]);
    if (!mac) return Error{arguments[0] + ": bad address"};
    return apply("ether", SetEther{physical_, *mac});
}

Result<void> CommandLine::usesrc(const std::string& text) {
    SetRouteSource command{physical_, family_, {}};
    if (text != "none") {
        command.source = parse_logical_name(text);
        if (!command.source || !wire::is_interface_name(command.source->interface)) {
            return Error{"SIOCSLIFUSESRC: " + text + ": no such interface"};
        }
    }
    return apply("SIOCSLIFUSESRC", command);
}

Result<void> CommandLine::token(const std::string& text) {
    auto word = parse_address_word(text, family_);
    if (!word) return word.error();
    return apply("SIOCSLIFTOKEN", SetToken{physical_, word->address});
}

Result<void> CommandLine::policy(const std::string& name) {
    auto policy = wire::parse_name<SpreadPolicy>(name);
    if (policy) return apply("policy", SetPolicy{physical_, *policy});
    return Error{"policy: " + to_string(current_) + ": " + std::strerror(EINVAL) + " (" + name +
                 ": not one of flow, tuple, destination, source)"};
}

Result<void> CommandLine::isolate(bool isolate) { return apply("isolate", SetIsolate{physical_, isolate, false}); }

// Streams modules are not of this world.
Result<void> CommandLine::modules(const Step& step) {
    auto present = present_interface();
    if (!present) return present.error().within(step.text + ": " + to_string(current_));
    if (is_ipmp(*present)) {
        return Error{to_string(current_) + ": module operations not supported on IPMP interfaces"};
    }
    return Error{"Operation " + step.text + " not supported for " + (family_ == Family::ipv4 ? "inet" : "inet6")};
}

Result<void> CommandLine::configinfo() {
    std::string context = "configinfo: " + to_string(current_);
    auto present = present_interface();
    if (!present) return present.error().within(context);
    const std::optional<PlumbedFamily>& family = family_of(*present, family_);
    bool shown = false;
    for (std::size_t i = 0; family && i < family->logicals.size(); ++i) {
        const LogicalStatus& logical = family->logicals[i];
        if (named_logical_ && logical.number != current_.number) continue;
        output_.out += configinfo_text(*present, family_, logical);
        shown = true;
    }
    if (!shown) return Error{context + ": no such interface"};
    return {};
}

// Words without an argument that change one flag.
Result<void> CommandLine::carry_out_flag(Word word) {
    const std::string action = "setifflags: SIOCSLIFFLAGS";
    switch (word) {
        case Word::up:
            return flag({.up = true});
        case Word::down:
            return flag({.up = false});
        case Word::no_failover:
            return flag({.no_failover = true});
        case Word::failover:
            return flag({.no_failover = false});
        case Word::deprecated:
        case Word::no_deprecated:
            return flag({.deprecated = word == Word::deprecated});
        case Word::is_private:
        case Word::no_private:
            return flag({.is_private = word == Word::is_private});
        case Word::standby:
        case Word::no_standby:
            return apply(action, SetStandby{physical_, word == Word::standby});
        case Word::router:
        case Word::no_router:
            return apply(action, SetRouter{physical_, family_, word == Word::router});
        case Word::arp:
        case Word::no_arp:
            return apply(action, SetArp{physical_, word == Word::arp});
        case Word::failed:
        case Word::no_failed:
            return apply(action, SetFailed{physical_, word == Word::failed});
        default:
            IPMP_CHECK(false);  // carry_out knows all others
    }
}

Result<void> CommandLine::carry_out(const Step& step) {
    switch (step.word) {
        case Word::address:
            return set_address(step.text);
        case Word::set:
            return set_address(step.arguments[0]);
        case Word::destination:
            return destination(step.arguments[0]);
        case Word::addif:
            return add_logical(step.arguments[0]);
        case Word::removeif:
            return remove_logical(step.arguments[0]);
        case Word::netmask:
            return netmask(step.arguments[0]);
        case Word::broadcast:
            return broadcast(step.arguments[0]);
        case Word::subnet:
            return subnet(step.arguments[0]);
        case Word::plumb:
            return plumb();
        case Word::unplumb:
            return plumbing("cannot unplumb", Unplumb{physical_, family_, current_.number});
        case Word::ipmp:
            return create_ipmp();
        case Word::group:
            return group(step.arguments[0]);
        case Word::mtu:
            return mtu(step.arguments[0]);
        case Word::metric:
            return metric(step.arguments[0]);
        case Word::index:
            return index(step.arguments[0]);
        case Word::ether:
            return ether(step.arguments);
        case Word::usesrc:
            return usesrc(step.arguments[0]);
        case Word::token:
            return token(step.arguments[0]);
        case Word::policy:
            return policy(step.arguments[0]);
        case Word::isolate:
        case Word::no_isolate:
            return isolate(step.word == Word::isolate);
        case Word::configinfo:
            return configinfo();
        case Word::modules:
            return modules(step);
        case Word::dhcp:
        case Word::auto_dhcp: {
            auto code = run_dhcp_words(current_, family_, step.arguments, [this] { return client(); });
            if (!code) return code.error();
            exit_code_ = *code;
            return {};
        }
        case Word::nothing:
            return {};
        default:
            return carry_out_flag(step.word);
    }
}

Result<int> CommandLine::run(const std::vector<std::string>& words) {
    auto parsed = parse_line(words, family_);
    if (!parsed) return parsed.error();
    line_ = *std::move(parsed);
    while (next_ < line_.steps.size()) {
        const Step& step = line_.steps[next_++];
        if (auto outcome = carry_out(step); !outcome) return outcome.error();
    }
    if (line_.mistake) return *line_.mistake;
    if (auto outcome = default_netmask(); !outcome) return outcome.error();
    return exit_code_;
}

}  // namespace ipmp
