// Of import.hpp: /etc/network/interfaces as ifupdown and ifenslave read it.
#include <algorithm>

#include "tools/ifconfig_words.hpp"
#include "tools/import.hpp"

namespace ipmp {

namespace {

// A line joined with those it continues on; comments are lines of their own.
struct Line {
    std::size_t number = 0;
    std::vector<std::string> words;
};

std::vector<Line> lines_of(const std::string& content) {
    std::vector<Line> lines;
    std::size_t number = 0, next = 0;
    bool continues = false;
    while (next < content.size()) {
        std::size_t end = std::min(content.find('\n', next), content.size());
        std::string text = content.substr(next, end - next);
        next = end + 1;
        ++number;
        std::vector<std::string> words = words_of(text);
        if (!continues && (words.empty() || words[0].starts_with('#'))) continue;
        bool goes_on = text.ends_with('\\');
        if (goes_on && !words.empty()) {
            words.back().pop_back();
            if (words.back().empty()) words.pop_back();
        }
        if (!continues) lines.push_back({number, {}});
        lines.back().words.insert(lines.back().words.end(), words.begin(), words.end());
        continues = goes_on;
    }
    std::erase_if(lines, [](const Line& line) { return line.words.empty(); });
    return lines;
}

struct Option {
    std::size_t line = 0;
    std::string name;  // with - in place of _
    std::vector<std::string> values;
};

struct Stanza {
    std::size_t line = 0;
    std::string interface, family, method;
    std::vector<Option> options;

    const Option* find(std::initializer_list<const char*> names) const {
        for (const Option& option : options) {
            if (std::find(names.begin(), names.end(), option.name) != names.end() && !option.values.empty()) {
                return &option;
            }
        }
        return nullptr;
    }
};

bool begins_other_stanza(const std::string& word) {
    static const char* const kWords[] = {"auto", "mapping", "source", "source-directory", "rename", "template"};
    bool known = std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
    return known || word.starts_with("allow-") || word.starts_with("no-auto-") || word.starts_with("no-scripts");
}

Result<std::vector<Stanza>> stanzas_of(const ImportText& text, ImportModel& model) {
    std::vector<Stanza> stanzas;
    bool in_stanza = false;
    for (const Line& line : lines_of(text.content)) {
        const std::string& word = line.words[0];
        if (begins_other_stanza(word)) {
            in_stanza = false;
            bool is_source = word.starts_with("source");
            if (is_source) model.remarks.push_back(text.name + ": " + word + " is not followed; give these files too");
            continue;
        }
        if (word == "iface") {
            if (line.words.size() < 4)
                return import_error(text, line.number, "iface: needs a name, a family and a method");
            stanzas.push_back({line.number, line.words[1], line.words[2], line.words[3], {}});
            in_stanza = true;
            continue;
        }
        if (!in_stanza) continue;  // options of a mapping
        std::string name = word;
        std::replace(name.begin(), name.end(), '_', '-');
        stanzas.back().options.push_back({line.number, name, {line.words.begin() + 1, line.words.end()}});
    }
    return stanzas;
}

std::string joined(const std::vector<std::string>& words, const char* separator) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
    return text;
}

bool is_bond(const Stanza& stanza) {
    return std::any_of(stanza.options.begin(), stanza.options.end(), [](const Option& option) {
        bool of_bond = option.name.starts_with("bond-") && option.name != "bond-master";
        return of_bond || option.name == "slaves";
    });
}

Result<void> take_addresses(const ImportText& text, const Stanza& stanza, Aggregate& bond) {
    std::optional<std::uint8_t> length;
    if (const Option* mask = stanza.find({"netmask"})) {
        length = parse_netmask(mask->values[0]);
        auto number = parse_whole(mask->values[0]);
        if (!length && number && *number <= 128) length = static_cast<std::uint8_t>(*number);
        if (!length) return import_error(text, mask->line, mask->values[0] + ": not a netmask");
    }
    for (const Option& option : stanza.options) {
        if (option.values.empty()) continue;
        const std::string& value = option.values[0];
        if (option.name == "address" && !take_address(value, length, bond)) {
            return import_error(text, option.line, value + ": not an address");
        }
        if (option.name == "gateway" && !take_gateway(value, bond)) {
            return import_error(text, option.line, value + ": not an address");
        }
    }
    return {};
}

// Options of ifupdown itself, or of families, that mean the same to the IPMP interface or nothing.
bool is_plain(const std::string& name) {
    static const char* const kNames[] = {"address",   "netmask", "gateway",  "broadcast", "network", "mtu",
                                         "hwaddress", "slaves",  "autoconf", "accept-ra", "scope",   "dad-attempts"};
    return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

Result<void> take_bond(const ImportText& text, const Stanza& stanza, ImportModel& model) {
    Aggregate& bond = model.named(stanza.interface);
    if (auto taken = take_addresses(text, stanza, bond); !taken) return taken;
    if (stanza.method == "dhcp") (stanza.family == "inet6" ? bond.dhcp6 : bond.dhcp4) = true;
    for (const Option& option : stanza.options) {
        std::string value = joined(option.values, " ");
        if (option.name == "mtu") {
            bond.mtu_bytes = parse_whole(value);
            if (!bond.mtu_bytes) return import_error(text, option.line, value + ": not an MTU");
        }
        if (option.name == "hwaddress") bond.has_mac = true;
        bool names_ports = option.name == "bond-slaves" || option.name == "slaves";
        for (const std::string& nic : option.values) {
            if (names_ports && nic != "none") bond.nics.push_back(nic);
        }
        if (names_ports || is_plain(option.name)) continue;
        if (!option.name.starts_with("bond-")) {
            bond.remarks.push_back("\"" + option.name + " " + value + "\" is to be taken over by hand");
            continue;
        }
        std::string name = option.name.substr(5);
        std::replace(name.begin(), name.end(), '-', '_');
        bond.options[name] = joined(option.values, name == "arp_ip_target" ? "," : " ");
    }
    return {};
}

}  // namespace

Result<void> read_ifupdown(const ImportText& text, ImportModel& model) {
    model.from_ifupdown = true;
    auto stanzas = stanzas_of(text, model);
    if (!stanzas) return stanzas.error();
    for (const Stanza& stanza : *stanzas) {
        const Option* master = stanza.find({"bond-master"});
        if (master) model.port_of[stanza.interface] = master->values[0];
        const Option* primary = stanza.find({"bond-primary"});
        if (master && primary) model.primary_of[master->values[0]] = primary->values[0];
    }
    auto is_port_bond = [&](const std::string& name) {
        return std::any_of(model.port_of.begin(), model.port_of.end(), [&](auto& port) { return port.second == name; });
    };
    for (const Stanza& stanza : *stanzas) {
        bool is_port = stanza.find({"bond-master"}) != nullptr;
        bool described =
            is_bond(stanza) || is_port_bond(stanza.interface) || model.aggregates.contains(stanza.interface);
        if (is_port || !described) continue;
        if (auto taken = take_bond(text, stanza, model); !taken) return taken;
    }
    for (const Stanza& stanza : *stanzas) {
        const Option* raw = stanza.find({"vlan-raw-device", "bridge-ports"});
        std::string over = raw ? raw->values[0] : stanza.interface.substr(0, stanza.interface.find('.'));
        if (over == stanza.interface || !model.aggregates.contains(over)) continue;
        Aggregate& bond = model.aggregates[over];
        bool is_bridge = raw && raw->name == "bridge-ports";
        bond.remarks.push_back(is_bridge
                                   ? stanza.interface + ": an IPMP interface cannot be a port of a bridge"
                                   : stanza.interface + ": VLANs go below: make one of each NIC, and a group of these");
    }
    return {};
}

}  // namespace ipmp
