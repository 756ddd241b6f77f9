// Of import.hpp: files of sections and keys, of systemd-networkd and of NetworkManager. What a file says of a name may
// depend on others (a port names its bond by UUID, a .network its bond by [Match]), so bonds are read before the rest.
#include <algorithm>

#include "tools/boot_files.hpp"
#include "tools/ifconfig_words.hpp"
#include "tools/import.hpp"

namespace ipmp {

namespace {

struct Entry {
    std::size_t line = 0;
    std::string section, key, value;
};

struct Keyfile {
    const ImportText* text = nullptr;
    std::vector<Entry> entries;

    std::string value(std::string_view section, std::string_view key) const {
        std::string found;
        for (const Entry& entry : entries) {
            if (entry.section == section && entry.key == key) found = entry.value;
        }
        return found;
    }
    // Of the first of `keys` that is there.
    std::string value(std::string_view section, std::initializer_list<std::string_view> keys) const {
        for (std::string_view key : keys) {
            std::string found = value(section, key);
            if (!found.empty()) return found;
        }
        return "";
    }
};

std::string trimmed(std::string_view text) {
    std::size_t begin = text.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return "";
    return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

Result<Keyfile> parse_keyfile(const ImportText& text) {
    Keyfile file{&text, {}};
    std::string section;
    std::size_t number = 0, next = 0;
    while (next < text.content.size()) {
        std::size_t end = std::min(text.content.find('\n', next), text.content.size());
        std::string line = trimmed(std::string_view(text.content).substr(next, end - next));
        next = end + 1;
        ++number;
        if (line.empty() || line[0] == '#' || line[0] == ';') continue;
        if (line[0] == '[') {
            if (line.back() != ']') return import_error(text, number, line + ": the section does not end");
            section = line.substr(1, line.size() - 2);
            continue;
        }
        std::size_t equals = line.find('=');
        if (equals == std::string::npos || section.empty()) {
            return import_error(text, number, line + ": neither a section nor KEY=VALUE in one");
        }
        file.entries.push_back({number, section, trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1))});
    }
    return file;
}

Result<std::vector<Keyfile>> parse_all(const std::vector<ImportText>& texts) {
    std::vector<Keyfile> files;
    for (const ImportText& text : texts) {
        auto file = parse_keyfile(text);
        if (!file) return file.error();
        files.push_back(*std::move(file));
    }
    return files;
}

Error bad_value(const Keyfile& file, const Entry& entry, const char* what) {
    return import_error(*file.text, entry.line, entry.key + "=" + entry.value + ": " + what);
}

// ---- systemd-networkd -------------------------------------------------------------------------------------------

// Keys of [Bond] as the driver names them.
const std::map<std::string, std::string>& networkd_options() {
    static const std::map<std::string, std::string> kNames{{"Mode", "mode"},
                                                           {"TransmitHashPolicy", "xmit_hash_policy"},
                                                           {"LACPTransmitRate", "lacp_rate"},
                                                           {"MIIMonitorSec", "miimon"},
                                                           {"UpDelaySec", "updelay"},
                                                           {"DownDelaySec", "downdelay"},
                                                           {"GratuitousARP", "num_grat_arp"},
                                                           {"PrimaryReselectPolicy", "primary_reselect"},
                                                           {"ARPIntervalSec", "arp_interval"},
                                                           {"ARPIPTargets", "arp_ip_target"},
                                                           {"ARPValidate", "arp_validate"},
                                                           {"ARPAllTargets", "arp_all_targets"},
                                                           {"FailOverMACPolicy", "fail_over_mac"},
                                                           {"MinLinks", "min_links"},
                                                           {"AdSelect", "ad_select"},
                                                           {"AdActorSystem", "ad_actor_system"},
                                                           {"AdActorSystemPriority", "ad_actor_sys_prio"},
                                                           {"AdUserPortKey", "ad_user_port_key"},
                                                           {"AllSlavesActive", "all_slaves_active"},
                                                           {"ResendIGMP", "resend_igmp"},
                                                           {"PacketsPerSlave", "packets_per_slave"},
                                                           {"LearnPacketIntervalSec", "lp_interval"},
                                                           {"DynamicTransmitLoadBalancing", "tlb_dynamic_lb"}};
    return kNames;
}

Result<void> take_mtu(const Keyfile& file, const Entry& entry, Aggregate& bond) {
    bond.mtu_bytes = parse_whole(entry.value);
    if (!bond.mtu_bytes) return bad_value(file, entry, "not an MTU");
    return {};
}

Result<void> take_netdev(const Keyfile& file, ImportModel& model) {
    std::string kind = file.value("NetDev", "Kind"), name = file.value("NetDev", "Name");
    if (kind != "bond") return {};
    if (name.empty()) return Error{file.text->name + ": Name= is missing"};
    Aggregate& bond = model.named(name);
    for (const Entry& entry : file.entries) {
        if (entry.section == "NetDev" && entry.key == "MTUBytes") {
            if (auto taken = take_mtu(file, entry, bond); !taken) return taken;
        }
        bond.has_mac = bond.has_mac || (entry.section == "NetDev" && entry.key == "MACAddress");
        if (entry.section != "Bond") continue;
        auto known = networkd_options().find(entry.key);
        if (known != networkd_options().end())
            bond.options[known->second] = entry.value;
        else
            bond.remarks.push_back(printable(entry.key) + "=: not known, ignoring it");
    }
    return {};
}

bool has_pattern(const std::string& name) { return name.find_first_of("*?[!") != std::string::npos; }

void take_ports(const Keyfile& file, const std::string& bond, ImportModel& model) {
    std::vector<std::string> nics = words_of(file.value("Match", "Name"));
    if (nics.empty()) model.remarks.push_back(file.text->name + ": has ports of " + bond + " but no [Match] Name=");
    for (const std::string& nic : nics) {
        if (has_pattern(nic))
            model.remarks.push_back(file.text->name + ": Name=" + nic + ": name these NICs by hand");
        else
            model.port_of[nic] = bond;
        std::string primary = file.value("Network", "PrimarySlave");
        if (primary == "yes" || primary == "true" || primary == "1") model.primary_of[bond] = nic;
    }
}

// An address is not asked for whether it is one of the host's: `Peer=` and routes are left to people.
Result<void> take_network(const Keyfile& file, Aggregate& bond) {
    for (const Entry& entry : file.entries) {
        bool of_network = entry.section == "Network";
        bool is_address = entry.key == "Address" && (of_network || entry.section == "Address");
        bool is_gateway = entry.key == "Gateway" && (of_network || entry.section == "Route");
        if (is_address && !take_address(entry.value, {}, bond)) return bad_value(file, entry, "not an address");
        bool default_route = file.value("Route", "Destination").empty() || of_network;
        if (is_gateway && default_route && !entry.value.starts_with('_') && !take_gateway(entry.value, bond)) {
            return bad_value(file, entry, "not an address");
        }
        if (entry.section == "Route" && entry.key == "Destination") {
            bond.remarks.push_back("the route to " + printable(entry.value) + " is to be taken over by hand");
        }
        bool both = entry.value == "yes" || entry.value == "true";
        if (of_network && entry.key == "DHCP") {
            bond.dhcp4 = both || entry.value == "ipv4";
            bond.dhcp6 = both || entry.value == "ipv6";
        }
        if (entry.section == "Link" && entry.key == "MTUBytes") {
            if (auto taken = take_mtu(file, entry, bond); !taken) return taken;
        }
        if (!of_network) continue;
        if (entry.key == "VLAN") {
            bond.remarks.push_back(printable(entry.value) +
                                   ": VLANs go below: make one of each NIC, and a group of these");
        }
        if (entry.key == "Bridge") bond.remarks.push_back("an IPMP interface cannot be a port of a bridge");
        if (entry.key == "DNS" || entry.key == "Domains") {
            bond.remarks.push_back(printable(entry.key + "=" + entry.value) + " belongs in /etc/resolv.conf");
        }
    }
    return {};
}

// ---- NetworkManager ---------------------------------------------------------------------------------------------

// By any of the names that a port may use.
using Names = std::map<std::string, std::string>;

std::vector<std::string> at_marks(const std::string& text) { return words_of(text, ",; \t"); }

Result<void> take_nm_addresses(const Keyfile& file, const std::string& section, Aggregate& bond) {
    for (const Entry& entry : file.entries) {
        if (entry.section != section) continue;
        bool numbered = entry.key.starts_with("address") && entry.key != "address-data";
        bool is_route =
            entry.key.starts_with("route") && entry.key.size() > 5 && entry.key[5] >= '0' && entry.key[5] <= '9';
        std::vector<std::string> parts = at_marks(entry.value);
        for (std::size_t i = 0; numbered && i < parts.size(); ++i) {
            // "addressN=A/n,GATEWAY" once was, "addresses=A/n;A/n" never had one
            bool is_gateway = i > 0 && parts[i].find('/') == std::string::npos;
            bool taken = is_gateway ? take_gateway(parts[i], bond) : take_address(parts[i], {}, bond);
            if (!taken) return bad_value(file, entry, "not an address");
        }
        if (entry.key == "gateway" && !take_gateway(entry.value, bond)) return bad_value(file, entry, "not an address");
        if (is_route)
            bond.remarks.push_back("the route \"" + printable(entry.value) + "\" is to be taken over by hand");
        bool names = entry.key == "dns" || entry.key == "dns-search";
        if (names && !parts.empty()) {
            bond.remarks.push_back(printable(entry.key + "=" + entry.value) + " belongs in /etc/resolv.conf");
        }
    }
    return {};
}

Result<void> take_nm_aggregate(const Keyfile& file, const std::string& type, ImportModel& model, Names& names) {
    std::string name = file.value("connection", "interface-name");
    if (name.empty()) return Error{file.text->name + ": interface-name= is missing"};
    Aggregate& bond = model.named(name);
    for (const char* key : {"id", "uuid", "interface-name"}) names[file.value("connection", key)] = name;
    std::string config = file.value("team", "config");
    if (type == "team" && !config.empty()) {
        // GKeyFile escapes line ends and backslashes.
        std::string json;
        for (std::size_t i = 0; i < config.size(); ++i) {
            bool escape = config[i] == '\\' && i + 1 < config.size();
            char next = escape ? config[++i] : config[i];
            json += escape && (next == 'n' || next == 't' || next == 's' || next == 'r') ? ' ' : next;
        }
        if (auto read = read_teamd({file.text->name, json}, name, model); !read) return read;
    } else if (type == "team") {
        std::string runner = file.value("team", "runner");
        ImportText made{file.text->name, runner.find('"') == std::string::npos && !runner.empty()
                                             ? R"({"runner":{"name":")" + runner + "\"}}"
                                             : "{}"};
        if (auto read = read_teamd(made, name, model); !read) return read;
    }
    for (const Entry& entry : file.entries) {
        bool of_nic = entry.section == "ethernet" || entry.section == "802-3-ethernet";
        if (entry.section == "bond") bond.options[entry.key] = entry.value;
        if (of_nic && entry.key == "mtu") {
            if (auto taken = take_mtu(file, entry, bond); !taken) return taken;
        }
        bond.has_mac = bond.has_mac || (of_nic && entry.key == "cloned-mac-address");
    }
    std::string mode4 = file.value("ipv4", "method"), mode6 = file.value("ipv6", "method");
    bond.dhcp4 = mode4 == "auto";
    bond.dhcp6 = mode6 == "dhcp";
    if (auto taken = take_nm_addresses(file, "ipv4", bond); !taken) return taken;
    return take_nm_addresses(file, "ipv6", bond);
}

void take_nm_port(const Keyfile& file, const Names& names, ImportModel& model) {
    std::string master = file.value("connection", {"controller", "master"});
    std::string type = file.value("connection", {"port-type", "slave-type"});
    bool is_port = !master.empty() && (type.empty() || type == "bond" || type == "team");
    if (!is_port) {
        bool is_bridge = !master.empty() && type == "bridge";
        auto on = model.aggregates.find(file.value("connection", "interface-name"));
        if (is_bridge && on != model.aggregates.end()) {
            on->second.remarks.push_back("an IPMP interface cannot be a port of a bridge");
        }
        return;
    }
    std::string nic = file.value("connection", "interface-name");
    auto found = names.find(master);
    if (nic.empty())
        model.remarks.push_back(file.text->name + ": names no interface: add this NIC by hand");
    else
        model.port_of[nic] = found == names.end() ? master : found->second;
}

void take_nm_vlan(const Keyfile& file, const Names& names, ImportModel& model) {
    auto over = names.find(file.value("vlan", "parent"));
    if (over == names.end()) return;
    std::string name = file.value("connection", {"interface-name", "id"});
    model.named(over->second)
        .remarks.push_back(printable(name) + ": VLANs go below: make one of each NIC, and a group of these");
}

}  // namespace

Result<void> read_networkd(const std::vector<ImportText>& texts, ImportModel& model) {
    auto files = parse_all(texts);
    if (!files) return files.error();
    for (const Keyfile& file : *files) {
        if (auto taken = take_netdev(file, model); !taken) return taken;
    }
    for (const Keyfile& file : *files) {
        std::string bond = file.value("Network", "Bond");
        if (!bond.empty()) take_ports(file, bond, model);
        for (const std::string& name : words_of(file.value("Match", "Name"))) {
            auto found = model.aggregates.find(name);
            if (found == model.aggregates.end()) continue;
            if (auto taken = take_network(file, found->second); !taken) return taken;
        }
    }
    return {};
}

Result<void> read_network_manager(const std::vector<ImportText>& texts, ImportModel& model) {
    auto files = parse_all(texts);
    if (!files) return files.error();
    Names names;
    for (const Keyfile& file : *files) {
        std::string type = file.value("connection", "type");
        if (type != "bond" && type != "team") continue;
        if (auto taken = take_nm_aggregate(file, type, model, names); !taken) return taken;
    }
    for (const Keyfile& file : *files) {
        take_nm_port(file, names, model);
        if (file.value("connection", "type") == "vlan") take_nm_vlan(file, names, model);
    }
    return {};
}

}  // namespace ipmp
