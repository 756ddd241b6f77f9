#include "tools/check_findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace ipmp {

namespace {

constexpr const char* kSeverities[] = {"ok", "hint", "warning", "problem"};

using Names = std::vector<std::string>;
using Findings = std::vector<Finding>;

std::string joined(const Names& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

bool contains(const Names& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool works(const NicFacts& nic) { return nic.link && nic.link->admin_up && nic.link->carrier; }

// Each NIC by itself.
void look_at_link(const NicFacts& nic, Findings& all) {
    if (!nic.link) {
        all.push_back({Severity::problem, "missing", nic.name, "there is no such interface here",
                       "look at its name with `ip link`"});
        return;
    }
    if (!nic.link->ethernet) {
        all.push_back({Severity::problem, "not_ethernet", nic.name, "is not an Ethernet interface",
                       "groups are made of Ethernet interfaces"});
        return;
    }
    if (!nic.link->admin_up) {
        all.push_back({Severity::problem, "down", nic.name, "is set down, so its link cannot be judged",
                       fmt::format("ip link set {} up, and check again", nic.name)});
    } else if (!nic.link->carrier) {
        all.push_back({Severity::problem, "no_carrier", nic.name, "has no carrier",
                       "look at the cable and at the port of the switch"});
    }
    if (!nic.master.empty()) {
        all.push_back({Severity::problem, "port", nic.name, fmt::format("is a port of {}", nic.master),
                       fmt::format("take it out of {}: a member of a group cannot be a port of a bridge, bond or team",
                                   nic.master)});
    }
}

void look_at_settings(const NicFacts& nic, bool needs_ipv6, Findings& all) {
    if (!nic.manager.empty()) {
        all.push_back({Severity::warning, "managed", nic.name, fmt::format("{} configures it", nic.manager),
                       fmt::format("make {} leave it alone: /usr/share/doc/ipmp/README.Debian", nic.manager)});
    }
    if (nic.ipv6_disabled && needs_ipv6) {
        all.push_back({Severity::problem, "ipv6_disabled", nic.name, "IPv6 is disabled on it, but its group has IPv6",
                       fmt::format("sysctl net.ipv6.conf.{}.disable_ipv6=0", nic.name)});
    } else if (nic.ipv6_disabled) {
        all.push_back(
            {Severity::hint, "ipv6_disabled", nic.name, "IPv6 is disabled on it", "enable it before IPv6 is plumbed"});
    }
    int effective = std::max(nic.rp_filter, nic.rp_filter_all);
    if (effective == 1 && !nic.group.empty()) {
        all.push_back({Severity::warning, "rp_filter", nic.name,
                       "reverse path filtering is strict: answers to its probes are dropped",
                       fmt::format("find out who sets net.ipv4.conf.{}.rp_filter; in.mpathd sets it to 2", nic.name)});
    } else if (effective == 1) {
        all.push_back({Severity::hint, "rp_filter", nic.name,
                       "reverse path filtering is strict; it becomes loose when it joins a group", ""});
    }
}

// What has to agree among NICs of one link.
void look_at_macs(const std::vector<NicFacts>& nics, Findings& all) {
    std::map<MacAddress, Names> by_mac;
    for (const NicFacts& nic : nics) {
        if (nic.link) by_mac[nic.link->mac].push_back(nic.name);
    }
    bool unique = true;
    for (const auto& [mac, names] : by_mac) {
        if (names.size() < 2) continue;
        unique = false;
        all.push_back({Severity::problem, "duplicate_mac", joined(names),
                       fmt::format("have the same MAC {}", to_string(mac)),
                       fmt::format("give all but one a MAC of its own: ipmp ifconfig {} ether ...", names.back())});
    }
    if (!unique || by_mac.size() < 2) return;
    all.push_back({Severity::ok, "macs", "", "every interface has a MAC of its own", ""});
}

void look_at_mtus(const std::vector<NicFacts>& nics, const std::string& group, Findings& all) {
    std::map<std::uint32_t, Names> by_mtu;
    for (const NicFacts& nic : nics) {
        if (nic.link) by_mtu[nic.link->mtu_bytes].push_back(nic.name);
    }
    if (by_mtu.size() == 1) {
        all.push_back({Severity::ok, "mtu", group, fmt::format("the MTU is {} everywhere", by_mtu.begin()->first), ""});
    }
    if (by_mtu.size() < 2) return;
    std::string text;
    for (const auto& [mtu, names] : by_mtu)
        text += fmt::format("{}{} on {}", text.empty() ? "" : ", ", mtu, joined(names));
    all.push_back({Severity::warning, "mtu_differs", group, "the MTUs differ: " + text,
                   "the group uses the least; on one link all stations must have the same"});
}

// The frames.
unsigned heard(const LinkTestFacts& test, const std::string& from, const std::string& to) {
    auto found = test.heard.find({from, to});
    return found == test.heard.end() ? 0 : found->second;
}

void look_at_paths(const LinkTestFacts& test, const Names& names, const std::string& group, Findings& all) {
    Names tested;
    for (const std::string& name : names) {
        if (contains(test.tested, name)) tested.push_back(name);
    }
    if (tested.size() < 2) {
        if (names.size() > 1) {
            all.push_back({Severity::warning, "link_untested", group,
                           "whether they share a link cannot be tested: fewer than two interfaces work", ""});
        }
        return;
    }
    bool whole = true;
    for (const std::string& to : tested) {
        Names silent, lossy;
        for (const std::string& from : tested) {
            if (from == to) continue;
            unsigned count = heard(test, from, to);
            if (count == 0)
                silent.push_back(from);
            else if (count < test.sent)
                lossy.push_back(from);
        }
        whole = whole && silent.empty() && lossy.empty();
        if (!silent.empty()) {
            all.push_back({Severity::problem, "not_heard", to, fmt::format("does not hear {}", joined(silent)),
                           "they are not on one link, or a switch between them drops broadcasts: look at the VLANs of "
                           "their ports, at port security and at port isolation"});
        }
        if (!lossy.empty()) {
            all.push_back({Severity::warning, "frames_lost", to,
                           fmt::format("hears not every frame of {}", joined(lossy)),
                           "look at error counters of the interfaces and ports: ip -s link"});
        }
    }
    if (whole) {
        all.push_back({Severity::ok, "link", group, fmt::format("{} hear each other: one link", joined(tested)), ""});
    }
}

// NICs of one link belong into one group (R-GRP-13).
void look_at_others(const CheckFacts& facts, Findings& all) {
    std::map<std::string, std::string> group_of;
    for (const NicFacts& nic : facts.nics) group_of[nic.name] = nic.group;
    std::map<std::string, Names> outside;  // listener -> heard
    for (const auto& [path, count] : facts.link_test.heard) {
        const auto& [from, to] = path;
        bool bystander = contains(facts.bystanders, to);
        bool other_group = !bystander && group_of[from] != group_of[to];
        if (bystander || other_group) outside[to].push_back(from);
    }
    for (const auto& [to, senders] : outside) {
        all.push_back({Severity::warning, "same_link", to,
                       fmt::format("is on the link of {}, but not in their group", joined(senders)),
                       "interfaces of one link belong in one group: else frames take two ways, and answers may come "
                       "by an interface that does not ask"});
    }
}

// What the daemon knows.
const InterfaceStatus* status_of(const CheckFacts& facts, const std::string& nic) {
    if (!facts.status) return nullptr;
    for (const InterfaceStatus& status : facts.status->interfaces) {
        if (status.name == nic) return &status;
    }
    return nullptr;
}

std::uint64_t counter(const CheckFacts& facts, const std::string& name) {
    auto found = facts.counters.find(name);
    return found == facts.counters.end() ? 0 : found->second;
}

void look_at_losses(const CheckFacts& facts, const std::string& nic, Findings& all) {
    constexpr std::uint64_t kEnough = 20, kLossy_percent = 5;
    for (const char* family : {"inet", "inet6"}) {
        std::string prefix = fmt::format("probes.{} {}.", nic, family);
        std::uint64_t answered = counter(facts, prefix + "answered"), lost = counter(facts, prefix + "lost");
        if (answered + lost < kEnough || lost * 100 < (answered + lost) * kLossy_percent) continue;
        all.push_back({Severity::warning, "probes_lost", nic,
                       fmt::format("{} of {} {} probes were lost", lost, answered + lost, family),
                       "watch them: ipmpstat -pn"});
    }
}

void look_at_state(const CheckFacts& facts, const InterfaceStatus& nic, Findings& all) {
    if (nic.state == InterfaceHealth::failed || nic.state == InterfaceHealth::offline) {
        bool failed = nic.state == InterfaceHealth::failed;
        all.push_back({failed ? Severity::problem : Severity::warning, failed ? "failed" : "offline", nic.name,
                       failed ? "has failed" : "is offline", "ipmp why " + nic.name});
        return;
    }
    std::size_t targets = 0;
    for (const TargetStatus& row : facts.status->targets) {
        if (row.interface == nic.name) targets += row.targets.size();
    }
    if (nic.probe == ProbeHealth::disabled) {
        all.push_back({Severity::warning, "no_test_address", nic.name,
                       "has no test address: a path that breaks behind a link that stays up is not noticed",
                       fmt::format("ipmp ifconfig {} addif ADDRESS/PREFIX -failover up", nic.name)});
    } else if (nic.probe == ProbeHealth::unknown) {
        all.push_back({Severity::problem, "no_target", nic.name, "no target answers its probes",
                       "there must be a router or another host on the link that answers pings: ipmpstat -tn"});
    } else {
        all.push_back({Severity::ok, "targets", nic.name, fmt::format("{} targets, probes are answered", targets), ""});
    }
    look_at_losses(facts, nic.name, all);
}

void look_at_group(const CheckFacts& facts, const std::string& group, const Names& names, Findings& all) {
    if (names.size() < 2) {
        all.push_back({Severity::warning, "alone", group.empty() ? joined(names) : group,
                       "there is only one interface, so nothing can take over", "add another one"});
    }
    if (!facts.status || group.empty()) return;
    std::size_t addresses = 0, active = 0;
    for (const AddressStatus& address : facts.status->addresses) {
        bool is_data = address.group == group && address.up && !address.address.is_link_local();
        if (is_data && address.address.family == Family::ipv4) ++addresses;
    }
    for (const InterfaceStatus& nic : facts.status->interfaces) active += nic.group == group && nic.active ? 1 : 0;
    if (addresses > 0 && addresses < active) {
        all.push_back({Severity::hint, "few_addresses", group,
                       fmt::format("{} IPv4 data address(es) for {} active interfaces: inbound traffic uses no more of "
                                   "them",
                                   addresses, active),
                       "add data addresses to spread it: ipmp ifconfig " + group + " addif ..."});
    }
}

void look_at_host(const CheckFacts& facts, Findings& all) {
    if (facts.most_neighbours && facts.neighbours * 5 > *facts.most_neighbours * 4) {
        all.push_back({Severity::warning, "neighbour_table", "",
                       fmt::format("{} neighbours of at most {}: when the table is full, probes are not sent",
                                   facts.neighbours, *facts.most_neighbours),
                       fmt::format("sysctl net.ipv4.neigh.default.gc_thresh3={}", *facts.most_neighbours * 4)});
    }
    std::string host = facts.machine.empty() ? "" : fmt::format(" (this is a machine of {})", facts.machine);
    all.push_back({Severity::hint, "anti_spoofing", "",
                   "cannot be seen from here: whether ports accept every data address" + host,
                   "switch off IP source guard, dynamic ARP inspection and a hypervisor's anti-spoofing for the ports, "
                   "or allow all data addresses on each"});
    all.push_back({Severity::hint, "igmp_snooping", "", "cannot be seen from here: IGMP and MLD snooping",
                   "where switches snoop, a querier must be on the link, or multicast ends after a failover"});
}

// `words` behind `lead`, in lines of at most kColumns that begin below the first word.
void append(std::string& text, const std::string& lead, const std::string& words) {
    constexpr std::size_t kColumns = 96;
    std::string line = lead;
    std::size_t end = 0;
    for (std::size_t begin = 0; begin < words.size(); begin = end + 1) {
        end = std::min(words.find(' ', begin), words.size());
        bool first = line.size() == lead.size();
        if (!first && line.size() + 1 + end - begin > kColumns) {
            text += line + "\n";
            line.assign(lead.size(), ' ');
            first = true;
        }
        line += (first ? "" : " ") + words.substr(begin, end - begin);
    }
    text += line + "\n";
}

}  // namespace

std::vector<Finding> findings_of(const CheckFacts& facts) {
    Findings all;
    std::map<std::string, std::vector<NicFacts>> groups;
    for (const NicFacts& nic : facts.nics) groups[nic.group].push_back(nic);
    for (const auto& [group, nics] : groups) {
        Names names;
        bool needs_ipv6 = false;
        if (facts.status) {
            for (const AddressStatus& address : facts.status->addresses) {
                needs_ipv6 |= !group.empty() && address.group == group && address.address.family == Family::ipv6;
            }
        }
        for (const NicFacts& nic : nics) {
            names.push_back(nic.name);
            look_at_link(nic, all);
            if (nic.link && nic.link->ethernet) look_at_settings(nic, needs_ipv6, all);
        }
        if (std::all_of(nics.begin(), nics.end(), works)) {
            all.push_back({Severity::ok, "carrier", group, joined(names) + ": carrier", ""});
        }
        look_at_macs(nics, all);
        look_at_mtus(nics, group, all);
        if (facts.link_test.done) look_at_paths(facts.link_test, names, group, all);
        look_at_group(facts, group, names, all);
        for (const std::string& name : names) {
            if (const InterfaceStatus* status = status_of(facts, name)) look_at_state(facts, *status, all);
        }
    }
    if (facts.link_test.done) {
        look_at_others(facts, all);
    } else {
        all.push_back({Severity::warning, "link_untested", "",
                       "no frames could be sent between the interfaces: " + facts.link_test.problem, "run it as root"});
    }
    look_at_host(facts, all);
    return all;
}

bool all_well(const std::vector<Finding>& findings) {
    return std::all_of(findings.begin(), findings.end(), [](const Finding& finding) {
        return finding.severity == Severity::ok || finding.severity == Severity::hint;
    });
}

std::string findings_text(const std::vector<Finding>& findings) {
    std::string text;
    for (const Finding& finding : findings) {
        std::string subject = finding.subject.empty() ? "" : finding.subject + ": ";
        append(text, fmt::format("{:<9}", kSeverities[static_cast<std::size_t>(finding.severity)]),
               subject + finding.text);
        if (!finding.advice.empty()) append(text, std::string(9, ' ') + "-> ", finding.advice);
    }
    return text;
}

nlohmann::json findings_to_json(const std::vector<Finding>& findings) {
    nlohmann::json list = nlohmann::json::array();
    for (const Finding& finding : findings) {
        list.push_back({{"severity", kSeverities[static_cast<std::size_t>(finding.severity)]},
                        {"code", finding.code},
                        {"subject", finding.subject},
                        {"text", finding.text},
                        {"advice", finding.advice}});
    }
    return {{"well", all_well(findings)}, {"findings", std::move(list)}};
}

}  // namespace ipmp
