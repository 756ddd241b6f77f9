#include "tools/arp_grammar.hpp"

#include "base/check.hpp"

namespace ipmp {

Result<ArpEntry> parse_arp_entry(const std::vector<std::string>& words) {
    IPMP_CHECK(words.size() >= 2);
    ArpEntry entry{.host = words[0]};
    for (std::size_t i = 2; i < words.size(); ++i) {
        bool known = words[i] == "temp" || words[i] == "pub" || words[i] == "trail" || words[i] == "permanent";
        if (!known) return Error{"unknown keyword '" + words[i] + "'"};
        entry.temporary |= words[i] == "temp";
        entry.published |= words[i] == "pub";
    }
    auto mac = parse_mac(words[1]);
    if (!mac) return Error{words[1] + ": bad hardware address"};
    entry.mac = *mac;
    return entry;
}

Result<ArpLine> parse_arp_line(const std::vector<std::string>& words) {
    const Error usage{};
    if (words.empty()) return usage;
    const std::string& option = words[0];
    if (option == "-a" || option == "-an" || option == "-na") {
        bool told_twice = words.size() == 2 && words[1] == "-n";
        if (words.size() > 1 && !told_twice) return usage;
        return ArpLine{.verb = ArpVerb::list, .numeric = option.size() == 3 || told_twice};
    }
    if (option == "-s") {
        if (words.size() < 3) return usage;
        auto entry = parse_arp_entry({words.begin() + 1, words.end()});
        if (!entry) return entry.error();
        return ArpLine{.verb = ArpVerb::set, .entry = *std::move(entry)};
    }
    if (option == "-d" || option == "-f") {
        if (words.size() != 2) return usage;
        return ArpLine{.verb = option == "-d" ? ArpVerb::remove : ArpVerb::set_all, .operand = words[1]};
    }
    if (words.size() > 1 || option.starts_with('-')) return usage;
    return ArpLine{.verb = ArpVerb::get, .operand = option};
}

}  // namespace ipmp
