// Of import.hpp: an Aggregate as hostname files (hostname.if(5)), or as stanzas for ifupdown (README.Debian).
#include <algorithm>

#include "tools/boot_files.hpp"
#include "tools/import.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

std::string text_of(const Prefix& prefix) { return to_string(prefix.address) + "/" + std::to_string(prefix.length); }

std::vector<Prefix> of_family(const Aggregate& aggregate, Family family) {
    std::vector<Prefix> prefixes;
    for (const Prefix& prefix : aggregate.addresses) {
        if (prefix.address.family == family) prefixes.push_back(prefix);
    }
    return prefixes;
}

bool uses(const Aggregate& aggregate, Family family) {
    bool leases = family == Family::ipv4 ? aggregate.dhcp4 : aggregate.dhcp6;
    return leases || !of_family(aggregate, family).empty();
}

// IPv4 as well if nothing is known of addresses.
std::vector<Family> families_of(const Aggregate& aggregate) {
    if (!uses(aggregate, Family::ipv6)) return {Family::ipv4};
    if (!uses(aggregate, Family::ipv4)) return {Family::ipv6};
    return {Family::ipv4, Family::ipv6};
}

bool is_standby(const std::vector<std::string>& standbys, const std::string& nic) {
    return std::find(standbys.begin(), standbys.end(), nic) != standbys.end();
}

std::string policy_name(const Aggregate& aggregate) {
    return wire::kSpreadPolicyNames[static_cast<std::size_t>(policy_for(aggregate))];
}

void write_file(const Aggregate& aggregate, Family family, const std::string& interface, const std::string& content,
                Imported& made) {
    std::string prefix = hostname_prefix(family);
    bool has_name = interface_of(prefix + interface, prefix).value().operator bool();
    if (has_name)
        made.files.push_back({"/etc/" + prefix + interface, content});
    else
        made.remarks.push_back(aggregate.name + ": " + interface +
                               " needs another name: hostname files end in a digit");
}

// Of the IPMP interface. Several lines, so that nothing is implied.
std::string group_content(const Aggregate& aggregate, Family family, bool is_first) {
    bool has_policy = is_first && policy_for(aggregate) != SpreadPolicy::flow;
    std::string content = has_policy ? "ipmp policy " + policy_name(aggregate) + "\n" : "ipmp\n";
    bool added = false;
    for (const Prefix& prefix : of_family(aggregate, family)) {
        content += (added ? "addif " : "") + text_of(prefix) + " up\n";
        added = true;
    }
    return added ? content : content + "\n";
}

}  // namespace

void write_hostname_files(const Aggregate& aggregate, const std::string& ipmp_interface, Imported& made) {
    std::vector<Family> families = families_of(aggregate);
    for (Family family : families) {
        std::string content = group_content(aggregate, family, family == families[0]);
        write_file(aggregate, family, ipmp_interface, content, made);
    }
    if (aggregate.dhcp4) made.files.push_back({"/etc/" + kDhcpPrefix + ipmp_interface, ""});
    std::vector<std::string> standbys = standbys_of(aggregate);
    for (const std::string& nic : aggregate.nics) {
        for (Family family : families) {
            bool is_first = family == families[0];
            std::string words = "group " + ipmp_interface;
            if (is_first && is_standby(standbys, nic)) words += " standby";
            if (is_first && aggregate.mtu_bytes) words += " mtu " + std::to_string(*aggregate.mtu_bytes);
            write_file(aggregate, family, nic, words + "\n", made);
        }
    }
    std::string routers;
    for (const IpAddress& gateway : aggregate.gateways) {
        if (gateway.family == Family::ipv4)
            routers += to_string(gateway) + "\n";
        else
            made.remarks.push_back(aggregate.name + ": after boot: ip -6 route add default via " + to_string(gateway) +
                                   " dev " + ipmp_interface);
    }
    if (routers.empty()) return;
    auto is_there = [](const ImportText& file) { return file.name == "/etc/defaultrouter"; };
    auto present = std::find_if(made.files.begin(), made.files.end(), is_there);
    if (present == made.files.end())
        made.files.push_back({"/etc/defaultrouter", routers});
    else
        present->content += routers;
}

std::string ifupdown_stanzas(const Aggregate& aggregate, const std::string& ipmp_interface) {
    std::string text = "auto";
    for (const std::string& nic : aggregate.nics) text += " " + nic;
    text += " " + ipmp_interface + "\n";
    auto stanza = [&](const std::string& interface, Family family, const char* method) {
        text += "iface " + interface + (family == Family::ipv4 ? " inet " : " inet6 ") + method + "\n    ipmp-group " +
                ipmp_interface + "\n";
    };
    std::vector<Family> families = families_of(aggregate);
    std::vector<std::string> standbys = standbys_of(aggregate);
    for (const std::string& nic : aggregate.nics) {
        for (Family family : families) {
            stanza(nic, family, "manual");
            if (is_standby(standbys, nic)) text += "    ipmp-standby yes\n";
            bool has_mtu = aggregate.mtu_bytes && family == families[0];
            if (has_mtu)
                text += "    pre-up ip link set " + nic + " mtu " + std::to_string(*aggregate.mtu_bytes) + "\n";
        }
    }
    bool has_policy = policy_for(aggregate) != SpreadPolicy::flow;
    for (Family family : families) {
        std::vector<Prefix> prefixes = of_family(aggregate, family);
        bool leases = family == Family::ipv4 && aggregate.dhcp4;
        if (prefixes.empty() || leases) stanza(ipmp_interface, family, "manual");
        if (leases) text += "    up ipmp ifconfig " + ipmp_interface + " dhcp start\n";
        for (std::size_t i = 0; i < prefixes.size(); ++i) {
            stanza(ipmp_interface, family, "static");
            text += "    address " + text_of(prefixes[i]) + "\n";
            for (const IpAddress& gateway : aggregate.gateways) {
                bool belongs = i == 0 && gateway.family == family;
                if (belongs) text += "    gateway " + to_string(gateway) + "\n";
            }
        }
        if (has_policy && family == families[0])
            text += "    up ipmp policy " + ipmp_interface + " " + policy_name(aggregate) + "\n";
    }
    return text;
}

}  // namespace ipmp
