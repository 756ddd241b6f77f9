#include "tools/route_grammar.hpp"

#include <algorithm>

#include "tools/ifconfig_words.hpp"

namespace ipmp {

namespace {

const Error kUsage{};

struct Verb {
    std::string_view text;
    RouteVerb verb;
};
constexpr Verb kVerbs[] = {{"add", RouteVerb::add},       {"change", RouteVerb::change}, {"delete", RouteVerb::remove},
                           {"get", RouteVerb::get},       {"flush", RouteVerb::flush}};

// Modifiers that say how a route fares or is kept: Linux finds that out by itself, or has it so anyway.
constexpr std::string_view kIdleModifiers[] = {"-cloning", "-dynamic", "-static", "-lock", "-lockrest", "-proto1",
                                               "-proto2",  "-xresolve"};
constexpr std::string_view kIdleModifiersWithValue[] = {"-expire", "-gateway", "-hopcount", "-metric", "-recvpipe",
                                                        "-rtt", "-rttvar", "-secattr", "-sendpipe", "-ssthresh"};

template <typename List>
bool contains(const List& list, std::string_view text) {
    return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

// Reads the words after the verb.
class Parser {
  public:
    Parser(const std::vector<std::string>& words, std::size_t next, RouteLine& line, const HostLookUp& look_up)
        : words_(words), next_(next), line_(line), look_up_(look_up) {}

    Result<void> run() {
        while (next_ < words_.size()) {
            const std::string& word = words_[next_++];
            bool kind_word = operands_.empty() && (word == "net" || word == "host");
            auto read = word.starts_with('-') || kind_word ? modifier(word) : operand(word);
            if (!read) return read;
        }
        return conclude();
    }

  private:
    Result<void> operand(const std::string& word) {
        if (operands_.size() == 3) return kUsage;
        operands_.push_back(word);
        return {};
    }

    Result<std::string> value(const std::string& of) {
        if (next_ == words_.size()) return Error{of + ": no value"};
        return words_[next_++];
    }

    Result<void> modifier(const std::string& word) {
        if (word == "-net" || word == "net") wants_net_ = true;
        else if (word == "-host" || word == "host") wants_host_ = true;
        else if (word == "-inet") line_.family = Family::ipv4;
        else if (word == "-inet6") line_.family = Family::ipv6;
        else if (word == "-interface" || word == "-iface") line_.by_interface = true;
        else if (word == "-blackhole") line_.route.kind = RouteKind::blackhole;
        else if (word == "-reject") line_.route.kind = RouteKind::unreachable;
        else if (contains(kIdleModifiers, word)) return {};
        else return modifier_with_value(word);
        return {};
    }

    Result<void> modifier_with_value(const std::string& word) {
        bool known = word == "-netmask" || word == "-ifp" || word == "-ifa" || word == "-setsrc" || word == "-mtu" ||
                     contains(kIdleModifiersWithValue, word);
        if (!known) return Error{word + ": unknown modifier"};
        auto text = value(word);
        if (!text) return text.error();
        if (word == "-netmask") netmask_ = *text;
        if (word == "-ifp") line_.interface = *text;
        if (word == "-mtu") {
            line_.route.mtu_bytes = parse_whole(*text);
            if (!line_.route.mtu_bytes) return Error{*text + ": bad value"};
        }
        if (word == "-ifa" || word == "-setsrc") {
            auto address = look_up_(*text, line_.family);
            if (!address) return Error{*text + ": bad address"};
            (word == "-ifa" ? line_.interface_address : line_.route.source) = address;
        }
        return {};
    }

    // Once the family is known.
    Result<void> conclude() {
        line_.route.destination.family = line_.family;
        if (line_.verb == RouteVerb::flush) return operands_.empty() ? Result<void>() : kUsage;
        if (operands_.empty()) return kUsage;
        if (operands_.size() == 3) netmask_ = operands_[2];
        line_.destination_text = operands_[0];
        if (auto read = destination(); !read) return read;
        bool needs_gateway = line_.verb == RouteVerb::add || line_.verb == RouteVerb::change;
        if (operands_.size() < 2) return needs_gateway ? kUsage : Result<void>();
        line_.gateway_text = operands_[1];
        if (line_.by_interface) return {};
        auto gateway = look_up_(operands_[1], line_.family);
        if (!gateway) return Error{operands_[1] + ": bad address"};
        // An unroutable one stands for itself: `route add net D 127.0.0.1 -reject` was said that way.
        if (line_.route.kind == RouteKind::unicast) line_.route.gateway = gateway;
        return {};
    }

    Result<void> destination() {
        const std::string& text = line_.destination_text;
        TableRoute& route = line_.route;
        line_.is_net = wants_net_;
        if (text == "default") {
            line_.is_net = true;
            return {};
        }
        std::size_t slash = text.find('/');
        auto address = look_up_(text.substr(0, slash), line_.family);
        if (!address) return Error{text + ": bad address"};
        route.destination = *address;
        std::uint8_t whole = bits_of(line_.family), by_class = default_prefix_length(*address);
        route.prefix_length = whole;
        if (slash != std::string::npos) {
            auto length = parse_whole(std::string_view(text).substr(slash + 1));
            if (!length || *length > whole) return Error{text + ": bad address"};
            route.prefix_length = static_cast<std::uint8_t>(*length);
            line_.is_net = true;
        } else if (netmask_) {
            auto length = line_.family == Family::ipv4 ? parse_netmask(*netmask_) : std::nullopt;
            if (!length) return Error{*netmask_ + ": bad address"};
            route.prefix_length = *length;
            line_.is_net = true;
        } else if (!wants_host_) {
            bool without_host_part = network_of(*address, by_class) == *address && line_.family == Family::ipv4;
            line_.is_net = wants_net_ || (without_host_part && line_.verb != RouteVerb::get);
            if (line_.is_net) route.prefix_length = by_class;
        }
        if (wants_host_) {
            line_.is_net = false;
            route.prefix_length = whole;
        }
        route.destination = network_of(route.destination, route.prefix_length);
        return {};
    }

    const std::vector<std::string>& words_;
    std::size_t next_;
    RouteLine& line_;
    const HostLookUp& look_up_;
    std::vector<std::string> operands_;
    std::optional<std::string> netmask_;
    bool wants_net_ = false, wants_host_ = false;
};

}  // namespace

Result<RouteLine> parse_route_line(const std::vector<std::string>& words, const HostLookUp& look_up) {
    RouteLine line;
    std::size_t next = 0;
    for (; next < words.size() && words[next].starts_with('-'); ++next) {
        for (char letter : words[next].substr(1)) {
            if (letter == 'q') line.quiet = true;
            else if (letter == 'n') line.numeric = true;
            else if (letter == 'f') line.flush_first = true;
            else if (letter == 'p') return Error{"-p: not supported; the host's network configuration keeps routes"};
            else if (letter != 'v') return kUsage;
        }
        if (words[next].size() == 1) return kUsage;
    }
    if (next == words.size()) {
        if (!line.flush_first) return kUsage;
        line.verb = RouteVerb::flush;
        return line;
    }
    line.verb_text = words[next++];
    auto verb = std::find_if(std::begin(kVerbs), std::end(kVerbs),
                             [&](const Verb& known) { return known.text == line.verb_text; });
    if (verb == std::end(kVerbs)) return kUsage;
    line.verb = verb->verb;
    if (auto parsed = Parser(words, next, line, look_up).run(); !parsed) return parsed.error();
    return line;
}

}  // namespace ipmp
