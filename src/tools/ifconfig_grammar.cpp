#include "tools/ifconfig_grammar.hpp"

#include <algorithm>
#include <string_view>

#include "tools/ifconfig_words.hpp"

namespace ipmp {

namespace {

enum class Arguments : std::uint8_t { none, one, one_or_none, rest };
enum class Families : std::uint8_t { both, ipv4, ipv6 };

struct Rule {
    std::string_view text;
    Word word;
    Arguments arguments = Arguments::none;
    Families families = Families::both;
};

constexpr Rule kRules[] = {
    {"set", Word::set, Arguments::one},
    {"destination", Word::destination, Arguments::one},
    {"addif", Word::addif, Arguments::one},
    {"removeif", Word::removeif, Arguments::one},
    {"netmask", Word::netmask, Arguments::one, Families::ipv4},
    {"broadcast", Word::broadcast, Arguments::one, Families::ipv4},
    {"subnet", Word::subnet, Arguments::one},
    {"plumb", Word::plumb},
    {"unplumb", Word::unplumb},
    {"ipmp", Word::ipmp},
    {"group", Word::group, Arguments::one},
    {"standby", Word::standby},
    {"-standby", Word::no_standby},
    {"router", Word::router},
    {"-router", Word::no_router},
    {"up", Word::up},
    {"down", Word::down},
    {"failover", Word::failover},
    {"-failover", Word::no_failover},
    {"deprecated", Word::deprecated},
    {"-deprecated", Word::no_deprecated},
    {"private", Word::is_private},
    {"-private", Word::no_private},
    {"mtu", Word::mtu, Arguments::one},
    {"metric", Word::metric, Arguments::one},
    {"index", Word::index, Arguments::one},
    {"ether", Word::ether, Arguments::one_or_none},
    {"usesrc", Word::usesrc, Arguments::one},
    {"token", Word::token, Arguments::one, Families::ipv6},
    {"arp", Word::arp},
    {"-arp", Word::no_arp},
    {"failed", Word::failed},
    {"-failed", Word::no_failed},
    {"policy", Word::policy, Arguments::one},
    {"isolate", Word::isolate},
    {"-isolate", Word::no_isolate},
    {"configinfo", Word::configinfo},
    {"modlist", Word::modules},
    {"modinsert", Word::modules, Arguments::one},
    {"modremove", Word::modules, Arguments::one},
    {"dhcp", Word::dhcp, Arguments::rest},
    {"auto-dhcp", Word::auto_dhcp, Arguments::rest},
    // Trailers are no more anywhere; interfaces of Linux transmit, have addresses and detect dead neighbours.
    {"trailers", Word::nothing},
    {"-trailers", Word::nothing},
    {"xmit", Word::nothing},
    {"local", Word::nothing},
    {"nud", Word::nothing},
    {"-anycast", Word::nothing},
    {"-preferred", Word::nothing},
    {"-debug", Word::nothing},
    {"-zone", Word::nothing},
    {"all-zones", Word::unsupported},
    {"anycast", Word::unsupported},
    {"auth_algs", Word::unsupported, Arguments::one},
    {"auto-revarp", Word::unsupported},
    {"debug", Word::unsupported},
    {"-encaplimit", Word::unsupported},
    {"encaplimit", Word::unsupported, Arguments::one},
    {"encr_algs", Word::unsupported, Arguments::one},
    {"encr_auth_algs", Word::unsupported, Arguments::one},
    {"-local", Word::unsupported},
    {"-nud", Word::unsupported},
    {"preferred", Word::unsupported},
    {"tdst", Word::unsupported, Arguments::one},
    {"thoplimit", Word::unsupported, Arguments::one},
    {"tsrc", Word::unsupported, Arguments::one},
    {"-xmit", Word::unsupported},
    {"zone", Word::unsupported, Arguments::one},
};

constexpr Rule kAddressRule{"", Word::address};

const Rule& rule_of(std::string_view text) {
    auto has_text = [&](const Rule& rule) { return rule.text == text; };
    auto found = std::find_if(std::begin(kRules), std::end(kRules), has_text);
    return found == std::end(kRules) ? kAddressRule : *found;
}

bool suits(const Rule& rule, Family family) {
    if (rule.word == Word::unsupported) return false;
    return rule.families == Families::both || (rule.families == Families::ipv4) == (family == Family::ipv4);
}

// Moves what belongs to the word at `next` behind it. False: its argument is missing.
bool take_arguments(const Rule& rule, const std::vector<std::string>& words, std::size_t& next, Step& step) {
    std::size_t left = words.size() - next;
    std::size_t wanted = rule.arguments == Arguments::rest ? left : rule.arguments == Arguments::none ? 0 : 1;
    if (wanted > left && rule.arguments == Arguments::one) return false;
    wanted = std::min(wanted, left);
    auto first = words.begin() + static_cast<std::ptrdiff_t>(next);
    step.arguments.assign(first, first + static_cast<std::ptrdiff_t>(wanted));
    next += wanted;
    return true;
}

}  // namespace

std::vector<std::string> ifconfig_vocabulary() {
    std::vector<std::string> words;
    for (const Rule& rule : kRules) {
        bool does_something = rule.word != Word::nothing && rule.word != Word::unsupported;
        if (does_something) words.emplace_back(rule.text);
    }
    return words;
}

Result<ParsedLine> parse_line(const std::vector<std::string>& words, Family family) {
    ParsedLine line;
    int addresses = 0;
    for (std::size_t next = 0; next < words.size() && !line.mistake;) {
        Step step{.text = words[next++]};
        const Rule& rule = rule_of(step.text);
        step.word = rule.word;
        if (!suits(rule, family)) {
            const char* name = family == Family::ipv4 ? "inet" : "inet6";
            line.mistake = Error{"Operation " + step.text + " not supported for " + name};
            break;
        }
        if (!take_arguments(rule, words, next, step)) {
            line.mistake = Error{"no argument for " + step.text};
            break;
        }
        if (step.word == Word::netmask && step.arguments[0] != "+") {
            line.netmask_length = parse_netmask(step.arguments[0]);
            if (!line.netmask_length) return Error{step.arguments[0] + ": bad address"};
        }
        if (step.word == Word::addif) addresses = 1;
        if (step.word == Word::address || step.word == Word::set) ++addresses;
        if (addresses > 2) return Error{"cannot configure more than two addresses in one command"};
        line.steps.push_back(std::move(step));
    }
    return line;
}

}  // namespace ipmp
