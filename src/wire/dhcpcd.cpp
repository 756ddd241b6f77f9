#include "wire/dhcpcd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "wire/names.hpp"

namespace ipmp {

namespace {

constexpr std::uint32_t kForever = 0xffffffff;
constexpr std::size_t kMostRoutes = 32;
constexpr std::size_t kMostNameServers = 8, kMostDomains = 8;
constexpr std::size_t kMostClientIdBytes = 128;

// Names under which encode_dhcpcd_settings() hands the client's name through dhcpcd to the script.
constexpr const char* kInterface = "ipmp_interface";
constexpr const char* kNumber = "ipmp_number";
constexpr const char* kFamily = "ipmp_family";
constexpr const char* kRun = "ipmp_run";

using Environment = std::map<std::string, std::string>;

bool fits_on_line(const std::string& text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return c == '\\' || c == '"' || c == '\'' || c == '#' || static_cast<unsigned char>(c) < ' ';
    });
}

std::string value_of(const Environment& environment, const std::string& name) {
    auto found = environment.find(name);
    return found == environment.end() ? "" : found->second;
}

template <class T>
std::optional<T> number_of(const std::string& text) {
    T number{};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return {};
    return number;
}

std::optional<IpAddress> address_of(const std::string& text, Family family) {
    auto address = parse_ip(text);
    bool usable = address && address->family == family && !address->is_zero() && !address->is_multicast();
    return usable ? address : std::nullopt;
}

// Nothing: without end.
std::optional<std::uint32_t> seconds_of(const Environment& environment, const std::string& name) {
    auto seconds = number_of<std::uint32_t>(value_of(environment, name));
    return seconds == kForever ? std::nullopt : seconds;
}

std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    std::size_t at = 0;
    while ((at = text.find_first_not_of(' ', at)) != std::string::npos) {
        std::size_t end = std::min(text.find(' ', at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

// "10.0.0.0/8 192.0.2.1 0.0.0.0/0 192.0.2.2"
std::vector<DhcpRoute> static_routes(const std::string& text) {
    std::vector<DhcpRoute> routes;
    std::vector<std::string> words = words_of(text);
    for (std::size_t i = 0; i + 1 < words.size() && routes.size() < kMostRoutes; i += 2) {
        std::size_t slash = words[i].find('/');
        if (slash == std::string::npos) continue;
        auto network = parse_ip(words[i].substr(0, slash));
        auto length = number_of<std::uint8_t>(words[i].substr(slash + 1));
        auto gateway = address_of(words[i + 1], Family::ipv4);
        bool usable = network && network->family == Family::ipv4 && !network->is_multicast() && length &&
                      *length <= bits_of(Family::ipv4) && gateway;
        if (usable) routes.push_back({*network, *length, *gateway});
    }
    return routes;
}

// Those of RFC 3442 go before a mere router, of several of which the first is the best.
std::vector<DhcpRoute> routes_of(const Environment& environment) {
    std::string classless = value_of(environment, "new_classless_static_routes");
    if (!classless.empty()) return static_routes(classless);
    for (const std::string& router : words_of(value_of(environment, "new_routers"))) {
        if (auto gateway = address_of(router, Family::ipv4)) return {{IpAddress{}, 0, *gateway}};
    }
    return {};
}

// `domains`: variables that name domains, the first that does counts.
NameService names_of(const Environment& environment, Family family, const char* servers,
                     std::initializer_list<const char*> domains) {
    NameService names;
    for (const std::string& server : words_of(value_of(environment, servers))) {
        auto address = address_of(server, family);
        if (address && names.servers.size() < kMostNameServers) names.servers.push_back(*address);
    }
    for (const char* variable : domains) {
        for (const std::string& domain : words_of(value_of(environment, variable))) {
            bool usable = wire::is_domain_name(domain) && names.domains.size() < kMostDomains;
            if (usable) names.domains.push_back(domain);
        }
        if (!names.domains.empty()) break;
    }
    return names;
}

void read_lease(const Environment& environment, ReportDhcp& report) {
    report.address = address_of(value_of(environment, "new_ip_address"), Family::ipv4);
    report.prefix_length = number_of<std::uint8_t>(value_of(environment, "new_subnet_cidr")).value_or(0);
    if (report.prefix_length > bits_of(Family::ipv4)) report.prefix_length = 0;
    report.broadcast = address_of(value_of(environment, "new_broadcast_address"), Family::ipv4);
    report.routes = routes_of(environment);
    report.names = names_of(environment, Family::ipv4, "new_domain_name_servers",
                            {"new_domain_search", "new_domain_name"});
    report.lease_s = seconds_of(environment, "new_dhcp_lease_time");
    report.renewal_s = seconds_of(environment, "new_dhcp_renewal_time");
    if (report.lease_s && !report.renewal_s) report.renewal_s = *report.lease_s / 2;  // RFC 2131 §4.4.5
}

void read_lease6(const Environment& environment, ReportDhcp& report) {
    const std::string association = "new_dhcp6_ia_na1";
    for (int number = 1; number <= 16 && !report.address; ++number) {
        std::string name = association + fmt::format("_ia_addr{}", number);
        report.lease_s = seconds_of(environment, name + "_vltime");
        if (report.lease_s != 0) report.address = address_of(value_of(environment, name), Family::ipv6);
    }
    report.prefix_length = bits_of(Family::ipv6);  // networks are the routers' to announce
    report.renewal_s = seconds_of(environment, association + "_t1");
    report.names = names_of(environment, Family::ipv6, "new_dhcp6_name_servers", {"new_dhcp6_domain_search"});
}

std::string in_hex(std::string_view bytes) {
    std::string text;
    for (char byte : bytes.substr(0, kMostClientIdBytes)) {
        text += fmt::format("{}{:02x}", text.empty() ? "" : ":", static_cast<unsigned char>(byte));
    }
    return text;
}

std::string_view trimmed(std::string_view text) {
    std::size_t from = text.find_first_not_of(" \t\r");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

// "0x0102" is bytes, anything else is text.
std::string client_id(std::string_view value) {
    if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0]) {
        value = value.substr(1, value.size() - 2);
    }
    if (!value.starts_with("0x") && !value.starts_with("0X")) return in_hex(value);
    std::string bytes;
    for (std::size_t at = 2; at + 1 < value.size(); at += 2) {
        std::uint8_t byte = 0;
        auto [end, error] = std::from_chars(value.data() + at, value.data() + at + 2, byte, 16);
        if (error != std::errc{} || end != value.data() + at + 2) return {};
        bytes += static_cast<char>(byte);
    }
    return in_hex(bytes);
}

}  // namespace

Result<std::string> encode_dhcpcd_settings(const DhcpcdSettings& settings) {
    const DhcpKey& client = settings.client;
    bool ipv4 = client.family == Family::ipv4;
    std::string text = "persistent\nnolink\nnodelay\nnodev\nnoarp\nnoipv4ll\nnoipv6rs\ntimeout 0\n";
    text += ipv4 ? "ipv4only\n" : "ipv6only\n";
    text += fmt::format("script {}\n", settings.script);
    Environment environment = settings.environment;
    environment[kInterface] = client.logical.interface;
    environment[kNumber] = std::to_string(client.logical.number);
    environment[kFamily] = ipv4 ? "inet" : "inet6";
    environment[kRun] = std::to_string(settings.run);
    for (const auto& [name, value] : environment) {
        if (!fits_on_line(value)) return Error{"dhcpcd cannot be given the name \"" + value + "\""};
        text += fmt::format("env {}={}\n", name, value);
    }
    if (!fits_on_line(settings.script)) return Error{"dhcpcd cannot be given the name \"" + settings.script + "\""};
    bool own_duid = !ipv4 && !settings.client_id.empty();
    text += fmt::format("duid {}\n", own_duid ? settings.client_id : settings.duid);
    if (ipv4) text += "option subnet_mask, broadcast_address, routers, classless_static_routes\n";
    text += ipv4 ? "option domain_name_servers, domain_name, domain_search\n"
                 : "option dhcp6_name_servers, dhcp6_domain_search\n";
    if (ipv4 && settings.broadcast) text += "broadcast\n";
    text += fmt::format("interface {}\niaid {}\n", client.logical.interface, settings.iaid);
    if (ipv4 && !settings.client_id.empty()) text += fmt::format("clientid {}\n", settings.client_id);
    if (settings.inform && ipv4 && settings.inform_address) {
        text += fmt::format("inform {}/{}\n", to_string(*settings.inform_address), settings.inform_prefix_length);
    }
    if (!ipv4) text += settings.inform ? "inform6\n" : "ia_na\n";
    return text;
}

std::string client_id_of(std::string_view text, const std::string& interface, Family family) {
    std::string general = family == Family::ipv4 ? "CLIENT_ID" : ".v6.CLIENT_ID";
    std::string special = interface + (family == Family::ipv4 ? "." : "") + general;
    std::string found;
    bool is_special = false;
    while (!text.empty()) {
        std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        std::size_t equals = line.find('=');
        if (line.starts_with('#') || equals == std::string_view::npos) continue;
        std::string_view name = trimmed(line.substr(0, equals));
        if (name != special && (name != general || is_special)) continue;
        found = client_id(trimmed(line.substr(equals + 1)));
        is_special = name == special;
    }
    return found;
}

Result<std::optional<ReportDhcp>> decode_dhcpcd_report(const Environment& environment) {
    std::string reason = value_of(environment, "reason");
    ReportDhcp report;
    report.logical.interface = value_of(environment, kInterface);
    auto number = number_of<std::uint32_t>(value_of(environment, kNumber));
    auto run = number_of<std::uint64_t>(value_of(environment, kRun));
    auto family = wire::parse_family(value_of(environment, kFamily));
    if (!wire::is_interface_name(report.logical.interface) || !number || !run || !family) {
        return Error{"not started by in.mpathd"};
    }
    report.logical.number = *number;
    report.run = *run;
    report.family = *family;
    auto is_one_of = [&](std::initializer_list<const char*> reasons) {
        return std::find(reasons.begin(), reasons.end(), reason) != reasons.end();
    };
    bool ipv4 = report.family == Family::ipv4;
    if (ipv4 && is_one_of({"BOUND", "RENEW", "REBIND", "REBOOT"})) {
        read_lease(environment, report);
    } else if (!ipv4 && is_one_of({"BOUND6", "RENEW6", "REBIND6", "REBOOT6"})) {
        read_lease6(environment, report);
    } else if (is_one_of({"INFORM", "INFORM6"})) {
        report.news = DhcpNews::informed;
    } else if (is_one_of({"NAK"})) {
        report.news = DhcpNews::refused;
    } else {
        return std::optional<ReportDhcp>{};
    }
    if (report.news == DhcpNews::bound && !report.address) report.news = DhcpNews::refused;
    if (report.news == DhcpNews::bound) return std::optional(report);
    return std::optional(ReportDhcp{report.logical, report.family, report.run, report.news});
}

}  // namespace ipmp
