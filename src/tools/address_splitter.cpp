#include "tools/address_splitter.hpp"

#include <algorithm>
#include <optional>

#include "tools/ifconfig_grammar.hpp"

namespace ipmp {

namespace {

enum class Belongs : std::uint8_t { to_address, to_interface, to_interface_only_first };

Belongs owner_of(Word word) {
    switch (word) {
        case Word::address:
        case Word::set:
        case Word::destination:
        case Word::addif:
        case Word::netmask:
        case Word::broadcast:
        case Word::subnet:
        case Word::up:
        case Word::down:
        case Word::failover:
        case Word::no_failover:
        case Word::deprecated:
        case Word::no_deprecated:
        case Word::is_private:
        case Word::no_private:
        case Word::dhcp:
        case Word::auto_dhcp:
            return Belongs::to_address;
        case Word::group:
        case Word::router:
        case Word::no_router:
        case Word::index:
        case Word::removeif:
            return Belongs::to_interface_only_first;
        case Word::plumb:
        case Word::unplumb:
        case Word::ipmp:
        case Word::standby:
        case Word::no_standby:
        case Word::mtu:
        case Word::metric:
        case Word::ether:
        case Word::usesrc:
        case Word::token:
        case Word::arp:
        case Word::no_arp:
        case Word::failed:
        case Word::no_failed:
        case Word::policy:
        case Word::isolate:
        case Word::no_isolate:
        case Word::configinfo:
        case Word::modules:
        case Word::nothing:
        case Word::unsupported:
            break;
    }
    return Belongs::to_interface;
}

void append(Words& words, const Step& step) {
    words.push_back(step.text);
    words.insert(words.end(), step.arguments.begin(), step.arguments.end());
}

void add_to(AddressSet& set, const Step& step) {
    bool gives_address = step.word == Word::address || step.word == Word::set;
    std::string address = step.word == Word::set ? step.arguments[0] : step.text;
    if (gives_address && set.address.empty()) {
        set.address = address;
    } else if (gives_address) {
        set.words.insert(set.words.end(), {"destination", address});
    } else {
        append(set.words, step);
    }
    if (step.word == Word::no_failover || step.word == Word::dhcp || step.word == Word::auto_dhcp) set.fixed = true;
    if (step.word == Word::failover) set.fixed = false;
}

bool has(const Words& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// A netmask holds for the whole line (ifconfig reads it first), so each set takes it along.
void spread_netmask(SplitLine& line) {
    std::optional<std::string> mask;
    for (const AddressSet& set : line.sets) {
        for (auto word = set.words.begin(); word != set.words.end(); ++word) {
            bool names_mask = *word == "netmask" && word + 1 != set.words.end() && word[1] != "+";
            if (names_mask) mask = word[1];
        }
    }
    if (!mask) return;
    for (AddressSet& set : line.sets) {
        bool has_length = set.address.empty() || set.address.find('/') != std::string::npos;
        if (!has_length && !has(set.words, "netmask")) set.words.insert(set.words.begin(), {"netmask", *mask});
    }
}

}  // namespace

Result<SplitLine> split_line(const Words& words, Family family) {
    auto parsed = parse_line(words, family);
    if (!parsed) return parsed.error();
    if (parsed->mistake) return *parsed->mistake;
    SplitLine line;
    line.sets.emplace_back();
    for (const Step& step : parsed->steps) {
        Belongs owner = owner_of(step.word);
        if (owner == Belongs::to_interface_only_first && line.sets.size() > 1) {
            return Error{step.text + ": not for a logical interface"};
        }
        if (step.word == Word::addif) {
            line.sets.push_back({.address = step.arguments[0]});
        } else if (owner == Belongs::to_address) {
            add_to(line.sets.back(), step);
        } else {
            append(line.interface_words, step);
        }
    }
    spread_netmask(line);
    return line;
}

Words words_of(const AddressSet& set, bool first) {
    Words words;
    if (!set.address.empty()) words = {first ? "set" : "addif", set.address};
    words.insert(words.end(), set.words.begin(), set.words.end());
    return words;
}

std::vector<Words> fixed_lines(const SplitLine& line) {
    std::vector<Words> lines;
    Words first = line.interface_words;
    const AddressSet& own = line.sets.front();
    if (own.fixed || own.address.empty()) {
        Words words = words_of(own, true);
        first.insert(first.end(), words.begin(), words.end());
    }
    if (!first.empty()) lines.push_back(std::move(first));
    for (auto set = line.sets.begin() + 1; set != line.sets.end(); ++set) {
        if (set->fixed) lines.push_back(words_of(*set, false));
    }
    return lines;
}

}  // namespace ipmp
