#include "tools/save_plan.hpp"

#include <algorithm>

#include "model/interface_flags.hpp"
#include "tools/boot_files.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

// As one word of a hostname file.
std::string escaped(const std::string& text) {
    std::string word;
    for (char c : text) {
        if (c == ' ' || c == '\t' || c == '\\') word += '\\';
        word += c;
    }
    return word;
}

bool belongs_to_others(const LogicalStatus& logical) {
    return logical.address.is_link_local() || (logical.flags & (flag::kDhcp | flag::kAutoconfigured));
}

// An address that is down only for a while counts as up.
bool is_up(const LogicalStatus& logical) {
    return logical.flags & (flag::kUp | flag::kOffline | flag::kDuplicate);
}

std::string flags_of(const LogicalStatus& logical) {
    std::string words;
    if (logical.flags & flag::kNoFailover) words += " -failover";
    if ((logical.flags & flag::kDeprecated) && !(logical.flags & flag::kNoFailover)) words += " deprecated";
    if (logical.flags & flag::kPrivate) words += " private";
    if (is_up(logical)) words += " up";
    return words;
}

std::string address_of(const LogicalStatus& logical) {
    std::string words = to_string(logical.address) + "/" + std::to_string(logical.prefix_length);
    bool usual = logical.broadcast == broadcast_of(logical.address, logical.prefix_length);
    if (logical.broadcast && !usual) words += " broadcast " + to_string(*logical.broadcast);
    return words + flags_of(logical);
}

// What belongs to the interface and not to one of its addresses.
std::string interface_line(const PlumbedInterface& plumbed, const PlumbedFamily& family, const GroupStatus* group) {
    std::uint64_t flags = family.logicals.empty() ? 0 : family.logicals[0].flags;
    bool ipmp = flags & flag::kIpmp;
    std::string line = ipmp ? "ipmp" : "";
    auto add = [&](const std::string& words) { line += (line.empty() ? "" : " ") + words; };
    if (!plumbed.group_name.empty()) add("group " + escaped(plumbed.group_name));
    if (flags & flag::kStandby) add("standby");
    if (flags & flag::kFixedMtu) add("mtu " + std::to_string(family.mtu_bytes));
    if (family.metric) add("metric " + std::to_string(family.metric));
    if (!family.route_source.empty()) add("usesrc " + family.route_source);
    if (ipmp && (flags & flag::kRouter)) add("router");
    if (!group) return line;
    const char* policy = wire::kSpreadPolicyNames[static_cast<std::size_t>(group->policy)];
    if (group->policy != SpreadPolicy::flow) add("policy " + std::string(policy));
    if (group->isolate) add("isolate");
    return line;
}

// `group`: that of an IPMP interface, or null.
std::string content_of(const PlumbedInterface& plumbed, Family which, const PlumbedFamily& family,
                       const GroupStatus* group) {
    std::vector<std::string> lines;
    std::string first = interface_line(plumbed, family, group);
    if (!first.empty()) lines.push_back(first);
    for (const LogicalStatus& logical : family.logicals) {
        bool own = logical.number == 0;
        if (logical.address.is_zero() || belongs_to_others(logical)) {
            std::string words = own ? flags_of(logical) : "";
            if (!words.empty()) lines.push_back(words.substr(1));
            continue;
        }
        // The first IPv6 address of an interface is brought up whatever its file says.
        bool added = !own || (which == Family::ipv6 && !is_up(logical));
        lines.push_back((added ? "addif " : "") + address_of(logical));
    }
    if (lines.size() == 1) lines.emplace_back();  // a blank one, so that they are several
    std::string content;
    for (const std::string& line : lines) content += line + "\n";
    return content;
}

bool by_dhcp(const PlumbedInterface& plumbed) {
    return plumbed.inet && !plumbed.inet->logicals.empty() && (plumbed.inet->logicals[0].flags & flag::kDhcp);
}

// Names may stand for any address: where there are some, nothing is said.
bool is_router(const std::set<std::string>& default_routers, const IpAddress& gateway) {
    return std::any_of(default_routers.begin(), default_routers.end(), [&](const std::string& word) {
        auto address = parse_ip(word);
        return !address || *address == gateway;
    });
}

std::vector<std::string> lost_routers(const SaveInput& input, const std::map<std::string, std::string>& wanted) {
    std::vector<std::string> warnings;
    for (const DefaultRoute& route : input.default_routes) {
        bool saved = std::any_of(kFamilies.begin(), kFamilies.end(),
                                 [&](Family family) { return wanted.contains(hostname_prefix(family) + route.link); });
        if (!saved || is_router(input.default_routers, route.gateway)) continue;
        warnings.push_back("the default route by " + to_string(route.gateway) + " is not saved: it belongs in " +
                           "/etc/defaultrouter");
    }
    return warnings;
}

}  // namespace

SavePlan plan_save(const SaveInput& input) {
    SavePlan plan;
    std::map<std::string, std::string> wanted;
    std::set<std::string> seen;
    for (const PlumbedInterface& plumbed : input.status.plumbed) {
        seen.insert(plumbed.name);
        std::set<std::string> names{hostname_prefix(Family::ipv4) + plumbed.name,
                                    hostname_prefix(Family::ipv6) + plumbed.name, kDhcpPrefix + plumbed.name};
        bool has_file = std::any_of(names.begin(), names.end(),
                                    [&](const std::string& name) { return input.present.contains(name); });
        if (plumbed.group_name.empty() && !has_file && !input.named.contains(plumbed.name)) continue;
        if (!interface_of(hostname_prefix(Family::ipv4) + plumbed.name, hostname_prefix(Family::ipv4)).value()) {
            plan.warnings.push_back(plumbed.name + ": cannot be saved, as names in hostname files end in a digit");
            continue;
        }
        auto is_its = [&](const GroupStatus& group) { return group.interface == plumbed.name; };
        auto of_groups = std::find_if(input.status.groups.begin(), input.status.groups.end(), is_its);
        const GroupStatus* group = of_groups == input.status.groups.end() ? nullptr : &*of_groups;
        for (Family family : kFamilies) {
            const auto& half = family_of(plumbed, family);
            if (half) wanted[hostname_prefix(family) + plumbed.name] = content_of(plumbed, family, *half, group);
        }
        if (!by_dhcp(plumbed)) continue;
        auto former = input.present.find(kDhcpPrefix + plumbed.name);
        wanted[kDhcpPrefix + plumbed.name] = former == input.present.end() ? "" : former->second;
    }
    for (std::string& warning : lost_routers(input, wanted)) plan.warnings.push_back(std::move(warning));
    for (const auto& [name, content] : wanted) {
        auto former = input.present.find(name);
        if (former == input.present.end() || former->second != content) plan.files[name] = content;
    }
    for (const auto& [name, content] : input.present) {
        if (wanted.contains(name)) continue;
        std::string interface = name.substr(name.find('.') + 1), nic = interface.substr(0, interface.find(':'));
        bool made_by_file = parse_hostname_file(content).is_ipmp;
        if (!made_by_file && !input.links.contains(nic) && !seen.contains(nic)) {
            plan.warnings.push_back(name + ": kept, as " + nic + " is missing");
        } else {
            plan.files[name] = std::nullopt;
        }
    }
    return plan;
}

}  // namespace ipmp
