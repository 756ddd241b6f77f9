#include "tools/check_gather.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <set>

#include "base/natural_order.hpp"
#include "tools/daemon_client.hpp"
#include "tools/link_test.hpp"
#include "tools/namespace_visit.hpp"
#include "tools/netlink_client.hpp"
#include "wire/rtnetlink_decode.hpp"
#include "wire/rtnetlink_encode.hpp"

namespace ipmp {

namespace {

// The first line of a file; empty: it cannot be read.
std::string line_of(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// What a file of the kernel says; 0: it cannot be read.
int number_of(const std::string& path) {
    std::string line = line_of(path);
    int number = 0;
    std::from_chars(line.data(), line.data() + line.size(), number);
    return number;
}

std::string setting(const std::string& family, const std::string& link, const char* name) {
    return "/proc/sys/net/" + family + "/conf/" + link + "/" + name;
}

using Links = std::map<std::string, LinkState>;

Result<Links> links_here() {
    auto kernel = NetlinkClient::open();
    if (!kernel) return kernel.error();
    Links links;
    auto read = kernel->read(encode_dump_links(), [&](MessageBytes message) {
        if (auto link = decode_link(message)) links[link->name] = std::move(*link);
    });
    if (!read) return read.error().within("cannot list links");
    return links;
}

// Who else configures a link, as they note down themselves.
std::string manager_of(const LinkState& link) {
    std::string number = std::to_string(link.index.value);
    std::ifstream networkd("/run/systemd/netif/links/" + number);
    for (std::string line; std::getline(networkd, line);) {
        if (line == "ADMIN_STATE=configured" || line == "ADMIN_STATE=configuring") return "systemd-networkd";
    }
    std::ifstream manager("/run/NetworkManager/devices/" + number);
    for (std::string line; std::getline(manager, line);) {
        if (line == "managed=true" || line == "managed=full") return "NetworkManager";
    }
    return "";
}

NicFacts facts_of(const std::string& name, const std::string& group, const Links& links, bool at_home) {
    NicFacts facts{.name = name, .group = group};
    auto found = links.find(name);
    if (found == links.end()) return facts;
    facts.link = found->second;
    for (const auto& [other, link] : links) {
        if (facts.link->master && link.index == facts.link->master) facts.master = other;
    }
    if (at_home) facts.manager = manager_of(*facts.link);
    facts.rp_filter = number_of(setting("ipv4", name, "rp_filter"));
    facts.rp_filter_all = number_of(setting("ipv4", "all", "rp_filter"));
    facts.ipv6_disabled = number_of(setting("ipv6", name, "disable_ipv6")) == 1;
    return facts;
}

// Other links of the host that could be on the same wire: not those on top of one, nor ours.
std::vector<std::string> bystanders_of(const Links& links, const std::vector<NicFacts>& nics) {
    std::set<InterfaceIndex> checked;
    for (const NicFacts& nic : nics) {
        if (nic.link) checked.insert(nic.link->index);
    }
    std::vector<std::string> names;
    for (const auto& [name, link] : links) {
        bool works = link.ethernet && link.admin_up && link.carrier && !link.master;
        bool related = checked.contains(link.index) || (link.peer && checked.contains(link.peer));
        bool bridging = std::any_of(nics.begin(), nics.end(), [&link = link](const NicFacts& nic) {
            return nic.link && nic.link->master == link.index;
        });
        bool ours = link.alias == kIpmpLinkAlias || link.alias == kLowerLinkAlias;
        if (works && !related && !bridging && !ours) names.push_back(name);
    }
    return names;
}

struct Wanted {
    std::map<std::string, std::string, NaturalLess> group_of;  // NIC -> IPMP interface, or empty
    std::set<std::string> isolated;                            // IPMP interfaces
};

Result<Wanted> wanted_of(const std::optional<Status>& status, const std::vector<std::string>& names) {
    Wanted wanted;
    std::map<std::string, std::string> known;
    std::set<std::string> groups, asked(names.begin(), names.end()), asked_groups;
    for (const GroupStatus& group : status ? status->groups : std::vector<GroupStatus>()) {
        groups.insert({group.interface, group.name});
        if (asked.contains(group.interface) || asked.contains(group.name)) asked_groups.insert(group.interface);
        if (group.isolate) wanted.isolated.insert(group.interface);
    }
    for (const InterfaceStatus& nic : status ? status->interfaces : std::vector<InterfaceStatus>()) {
        known[nic.name] = nic.group;
        bool named = names.empty() || asked_groups.contains(nic.group);
        if (named && !nic.group.empty()) wanted.group_of[nic.name] = nic.group;
    }
    for (const std::string& name : asked) {
        if (!groups.contains(name)) wanted.group_of[name] = known.contains(name) ? known[name] : "";
    }
    if (wanted.group_of.empty()) {
        return Error{names.empty() ? "there is no group yet: name the interfaces that are to be in one"
                                   : "the group has no interfaces"};
    }
    return wanted;
}

void look_at_daemon(const Paths& paths, CheckFacts& facts) {
    auto client = DaemonClient::connect(paths);
    if (!client) return;
    auto status = client->status();
    if (!status) return;
    facts.status = *std::move(status);
    if (auto counters = client->counters()) facts.counters = *std::move(counters);
}

void look_at_host(CheckFacts& facts) {
    std::string most = line_of("/proc/sys/net/ipv4/neigh/default/gc_thresh3");
    if (!most.empty()) facts.most_neighbours = std::strtoull(most.c_str(), nullptr, 10);
    if (auto kernel = NetlinkClient::open()) {
        auto read = kernel->read(encode_dump_table_neighbours(Family::ipv4), [&](MessageBytes message) {
            facts.neighbours += decode_table_neighbour(message) ? 1 : 0;
        });
        if (!read) facts.neighbours = 0;  // ignoring: only a nearly full table is told of
    }
    std::string vendor = line_of("/sys/class/dmi/id/sys_vendor");
    for (const char* known : {"QEMU", "VMware", "Amazon", "Google", "Microsoft", "Xen", "innotek", "OpenStack"}) {
        if (vendor.find(known) != std::string::npos) facts.machine = vendor;
    }
}

// The NICs of one network namespace, and who listens there.
Result<void> look_at_place(const Wanted& wanted, bool isolated, CheckFacts& facts, LinkTest& test,
                           const std::function<void(const std::string&)>& say) {
    auto links = links_here();
    if (!links) return links.error();
    std::string problem;
    auto add = [&](const LinkState& link, bool sends) {
        auto added = test.add(link.name, link.index, link.mac, sends);
        if (!added) problem = added.error().text;
    };
    for (const auto& [name, group] : wanted.group_of) {
        if (wanted.isolated.contains(group) != isolated) continue;
        say("looking at " + name);
        facts.nics.push_back(facts_of(name, group, *links, !isolated));
        const auto& link = facts.nics.back().link;
        if (link && link->ethernet && link->admin_up && link->carrier) add(*link, true);
    }
    if (!isolated) {
        facts.bystanders = bystanders_of(*links, facts.nics);
        for (const std::string& name : facts.bystanders) add(links->at(name), false);
    }
    if (!problem.empty()) facts.link_test.problem = problem;
    return {};
}

}  // namespace

Result<CheckFacts> gather_check_facts(const Paths& paths, const std::vector<std::string>& names,
                                      const std::function<void(const std::string&)>& say) {
    CheckFacts facts;
    look_at_daemon(paths, facts);
    auto wanted = wanted_of(facts.status, names);
    if (!wanted) return wanted.error();
    LinkTest test;
    if (auto looked = look_at_place(*wanted, false, facts, test, say); !looked) return looked.error();
    bool any_isolated = std::any_of(wanted->group_of.begin(), wanted->group_of.end(),
                                    [&](const auto& entry) { return wanted->isolated.contains(entry.second); });
    if (any_isolated) {
        auto visit = NamespaceVisit::begin(paths.members_namespace());
        if (!visit) return visit.error();
        if (auto looked = look_at_place(*wanted, true, facts, test, say); !looked) return looked.error();
    }
    look_at_host(facts);
    if (facts.link_test.problem.empty()) {
        say("sending frames between the interfaces");
        facts.link_test = test.run();
    }
    return facts;
}

}  // namespace ipmp
