#include "tools/import.hpp"

#include <algorithm>
#include <set>

#include "tools/boot_files.hpp"
#include "tools/ifconfig_words.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

constexpr std::size_t kMostNics = 127;  // what a group takes

// "bond7" becomes "ipmp7", if that is free.
std::string name_for(const std::string& aggregate, const std::set<std::string>& taken) {
    std::size_t end = aggregate.find_last_not_of("0123456789");
    std::string digits = end == std::string::npos ? "" : aggregate.substr(end + 1);
    std::string wanted = "ipmp" + (digits.size() > 3 ? "" : digits);
    for (int number = 0; digits.empty() || digits.size() > 3 || taken.contains(wanted); ++number) {
        wanted = "ipmp" + std::to_string(number);
        if (!taken.contains(wanted)) break;
    }
    return wanted;
}

Result<void> check(const Aggregate& aggregate) {
    if (!wire::is_interface_name(aggregate.name)) {
        return Error{printable(aggregate.name) + ": not the name of an interface"};
    }
    for (const std::string& nic : aggregate.nics) {
        if (!wire::is_interface_name(nic)) return Error{printable(nic) + ": not the name of an interface"};
    }
    if (aggregate.nics.size() > kMostNics) return Error{aggregate.name + ": more NICs than a group takes"};
    return {};
}

template <typename Item>
void drop_repeated(std::vector<Item>& items, bool (*same)(const Item&, const Item&)) {
    std::vector<Item> kept;
    for (const Item& item : items) {
        bool seen = std::any_of(kept.begin(), kept.end(), [&](const Item& other) { return same(item, other); });
        if (!seen) kept.push_back(item);
    }
    items = std::move(kept);
}

// Each port to its aggregate; each thing once.
void join_parts(ImportModel& model) {
    for (const auto& [nic, name] : model.port_of) {
        auto found = model.aggregates.find(name);
        if (found != model.aggregates.end())
            found->second.nics.push_back(nic);
        else
            model.remarks.push_back(printable(nic) + ": is a port of " + printable(name) + ", which no file describes");
    }
    for (const auto& [name, nic] : model.primary_of) {
        auto found = model.aggregates.find(name);
        if (found != model.aggregates.end()) found->second.options["primary"] = nic;
    }
    for (auto& [name, aggregate] : model.aggregates) {
        drop_repeated<std::string>(aggregate.nics, [](const auto& a, const auto& b) { return a == b; });
        drop_repeated<Prefix>(aggregate.addresses, [](const auto& a, const auto& b) { return a.address == b.address; });
        drop_repeated<IpAddress>(aggregate.gateways, [](const auto& a, const auto& b) { return a == b; });
    }
}

Result<void> read_all(const std::vector<ImportText>& texts, ImportModel& model) {
    std::vector<ImportText> networkd, network_manager;
    for (const ImportText& text : texts) {
        auto format = import_format_of(text);
        if (!format) {
            if (texts.size() == 1) return Error{text.name + ": no bonding or teaming configuration that is known"};
            model.remarks.push_back(text.name + ": not known, ignoring it");
            continue;
        }
        Result<void> read;
        if (format == ImportFormat::ifupdown) read = read_ifupdown(text, model);
        if (format == ImportFormat::teamd) read = read_teamd(text, "", model);
        if (format == ImportFormat::networkd) networkd.push_back(text);
        if (format == ImportFormat::network_manager) network_manager.push_back(text);
        if (!read) return read;
    }
    if (auto read = read_networkd(networkd, model); !read) return read;
    return read_network_manager(network_manager, model);
}

bool ends_with_any(const std::string& name, std::initializer_list<const char*> suffixes) {
    return std::any_of(suffixes.begin(), suffixes.end(), [&](const char* suffix) { return name.ends_with(suffix); });
}

}  // namespace

Aggregate& ImportModel::named(const std::string& name) {
    Aggregate& aggregate = aggregates[name];
    aggregate.name = name;
    return aggregate;
}

std::vector<std::string> words_of(std::string_view line, std::string_view separators) {
    std::vector<std::string> words;
    while (true) {
        std::size_t begin = line.find_first_not_of(separators);
        if (begin == std::string_view::npos) return words;
        line.remove_prefix(begin);
        std::size_t end = std::min(line.find_first_of(separators), line.size());
        words.emplace_back(line.substr(0, end));
        line.remove_prefix(end);
    }
}

Error import_error(const ImportText& text, std::size_t line, const std::string& what) {
    return {text.name + ": line " + std::to_string(line) + ": " + printable(what)};
}

bool take_address(const std::string& text, std::optional<std::uint8_t> length, Aggregate& aggregate) {
    auto address = parse_ip(text.substr(0, text.find('/')));
    if (!address) return false;
    auto word = parse_address_word(text, address->family);
    if (!word) return false;
    if (word->prefix_length) length = word->prefix_length;
    if (length && *length > bits_of(address->family)) return false;
    aggregate.addresses.push_back({*address, length.value_or(default_prefix_length(*address))});
    return true;
}

bool take_gateway(const std::string& text, Aggregate& aggregate) {
    auto address = parse_ip(text);
    if (address) aggregate.gateways.push_back(*address);
    return address.has_value();
}

std::optional<ImportFormat> import_format_of(const ImportText& text) {
    if (ends_with_any(text.name, {".netdev", ".network"})) return ImportFormat::networkd;
    if (text.name.ends_with(".nmconnection")) return ImportFormat::network_manager;
    std::size_t begin = text.content.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos) return {};
    if (text.content[begin] == '{') return ImportFormat::teamd;
    std::size_t next = 0;
    while (next < text.content.size()) {
        std::size_t end = std::min(text.content.find('\n', next), text.content.size());
        std::vector<std::string> words = words_of(std::string_view(text.content).substr(next, end - next));
        next = end + 1;
        if (words.empty()) continue;
        if (words[0] == "[connection]") return ImportFormat::network_manager;
        if (words[0] == "[NetDev]" || words[0] == "[Match]") return ImportFormat::networkd;
        bool is_stanza = words[0] == "iface" || words[0] == "auto" || words[0].starts_with("allow-");
        if (is_stanza) return ImportFormat::ifupdown;
    }
    return {};
}

Result<Imported> import_aggregates(const std::vector<ImportText>& texts, std::optional<ImportStyle> style) {
    ImportModel model;
    if (auto read = read_all(texts, model); !read) return read.error();
    join_parts(model);
    if (model.aggregates.empty())
        return Error{texts.empty() ? "no files" : texts[0].name + ": has neither bond nor team"};
    bool as_ifupdown = style ? *style == ImportStyle::ifupdown : model.from_ifupdown;
    Imported made;
    std::string stanzas;
    std::set<std::string> taken;
    for (auto& [name, aggregate] : model.aggregates) {
        if (auto checked = check(aggregate); !checked) return checked.error();
        std::string ipmp_interface = name_for(name, taken);
        taken.insert(ipmp_interface);
        if (as_ifupdown)
            stanzas += (stanzas.empty() ? "" : "\n") + ifupdown_stanzas(aggregate, ipmp_interface);
        else
            write_hostname_files(aggregate, ipmp_interface, made);
        for (std::string& remark : remarks_on(aggregate, ipmp_interface)) made.remarks.push_back(std::move(remark));
    }
    if (as_ifupdown) made.files.push_back({"/etc/network/interfaces", stanzas});
    made.remarks.insert(made.remarks.end(), model.remarks.begin(), model.remarks.end());
    return made;
}

}  // namespace ipmp
