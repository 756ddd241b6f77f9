// Of import.hpp: what options of bonding and teaming become, and what cannot be kept.
#include <algorithm>

#include "tools/boot_files.hpp"
#include "tools/import.hpp"

namespace ipmp {

namespace {

// The driver takes numbers as well.
std::string mode_of(const Aggregate& aggregate) {
    static const char* const kModes[] = {"balance-rr", "active-backup", "balance-xor", "broadcast",
                                         "802.3ad",    "balance-tlb",   "balance-alb"};
    auto found = aggregate.options.find("mode");
    if (found == aggregate.options.end() || found->second.empty()) return kModes[0];
    const std::string& mode = found->second;
    bool is_number = mode.size() == 1 && mode[0] >= '0' && mode[0] <= '6';
    return is_number ? kModes[mode[0] - '0'] : mode;
}

std::string option(const Aggregate& aggregate, const std::string& name) {
    auto found = aggregate.options.find(name);
    return found == aggregate.options.end() ? "" : found->second;
}

bool is_hashed(const std::string& mode) { return mode == "balance-xor" || mode == "802.3ad"; }

bool by_ports(const Aggregate& aggregate) {
    std::string hash = option(aggregate, "xmit_hash_policy");
    return hash == "layer3+4" || hash == "encap3+4" || hash == "1" || hash == "4";
}

const char* kSwitch = "the ports of the switch must not be aggregated any more: plain ports of one VLAN";

std::vector<std::string> about_mode(const Aggregate& aggregate, const std::string& mode) {
    const std::string inbound = "what comes in for one data address comes by one NIC: more data addresses spread it";
    if (mode == "active-backup") {
        std::vector<std::string> remarks{
            "one NIC at a time, as before: the others are standby; without that word all carry "
            "traffic"};
        bool returns = !option(aggregate, "primary").empty() && option(aggregate, "primary_reselect") != "failure" &&
                       option(aggregate, "primary_reselect") != "2";
        if (!returns) {
            remarks.emplace_back(
                "traffic returns to a repaired NIC unless /etc/default/mpathd says FAILBACK=no, which is how "
                "it was");
        }
        return remarks;
    }
    if (mode == "802.3ad") {
        return {"LACP has no equivalent and is not needed; " + std::string(kSwitch), inbound};
    }
    if (mode == "balance-rr") {
        return {"a flow uses one NIC: frames of one flow are not dealt out to all; " + std::string(kSwitch), inbound};
    }
    if (mode == "balance-xor") return {kSwitch, inbound};
    if (mode == "broadcast") return {"nothing sends each frame by every NIC; " + std::string(kSwitch), inbound};
    if (mode == "balance-tlb" || mode == "balance-alb") return {"flows are spread whatever the load of a NIC", inbound};
    if (mode == "random") return {"a flow uses one NIC, not any at random", inbound};
    return {"mode " + printable(mode) + ": not known; flows are spread over all NICs"};
}

// What is to be said of an option; empty: it is taken over, or does not matter.
std::string about_option(const std::string& name, const std::string& value) {
    static const std::map<std::string, std::string> kTexts{
        {"mode", ""},
        {"primary", ""},
        {"primary_reselect", ""},
        {"xmit_hash_policy", ""},
        {"miimon", ""},
        {"use_carrier", ""},
        {"num_grat_arp", ""},
        {"num_unsol_na", ""},
        {"peer_notif_delay", ""},
        {"resend_igmp", ""},
        {"lp_interval", ""},
        {"fail_over_mac", "no equivalent: each NIC keeps its own MAC"},
        {"updelay",
         "no equivalent: a NIC is used when its link is up; one that flaps waits (LINK_UPS_PER_MINUTE in "
         "/etc/default/mpathd)"},
        {"downdelay", "no equivalent: a lost link is acted upon at once"},
        {"arp_ip_target",
         "probes choose their targets, or host routes name them (in.mpathd(8)), and need a test address on "
         "each NIC: ipmp member add NIC group GROUP test-address ADDRESS/LENGTH"},
        {"arp_interval", "see FAILURE_DETECTION_TIME in /etc/default/mpathd"},
        {"arp_validate", ""},
        {"arp_all_targets", "no equivalent: one target that answers is enough"},
        {"arp_missed_max", "see FAILURE_DETECTION_TIME in /etc/default/mpathd"},
        {"min_links", "no equivalent: a group works as long as one NIC does"},
        {"all_slaves_active", "no equivalent"},
        {"packets_per_slave", "no equivalent"},
        {"tlb_dynamic_lb", "no equivalent"},
        {"active_slave", ""},
        {"lacp_rate", "no equivalent, as there is no LACP"},
        {"lacp_active", "no equivalent, as there is no LACP"}};
    bool is_off = value == "0" || value == "none" || value == "no" || value == "false";
    if (is_off) return "";
    if (name.starts_with("ad_")) return "no equivalent, as there is no LACP";
    auto found = kTexts.find(name);
    return found == kTexts.end() ? "not known, ignoring it" : found->second;
}

}  // namespace

SpreadPolicy policy_for(const Aggregate& aggregate) {
    std::string mode = mode_of(aggregate);
    if (!is_hashed(mode)) return SpreadPolicy::flow;
    return by_ports(aggregate) ? SpreadPolicy::tuple : SpreadPolicy::destination;
}

std::vector<std::string> standbys_of(const Aggregate& aggregate) {
    if (mode_of(aggregate) != "active-backup" || aggregate.nics.empty()) return {};
    // "eth0 eth1": ifenslave takes several, the first that is there counts.
    std::vector<std::string> wanted = words_of(option(aggregate, "primary"));
    std::string primary = aggregate.nics[0];
    for (auto name = wanted.rbegin(); name != wanted.rend(); ++name) {
        bool is_port = std::find(aggregate.nics.begin(), aggregate.nics.end(), *name) != aggregate.nics.end();
        if (is_port) primary = *name;
    }
    std::vector<std::string> standbys;
    for (const std::string& nic : aggregate.nics) {
        if (nic != primary) standbys.push_back(nic);
    }
    return standbys;
}

std::vector<std::string> remarks_on(const Aggregate& aggregate, const std::string& ipmp_interface) {
    std::vector<std::string> texts = about_mode(aggregate, mode_of(aggregate));
    std::string hash = option(aggregate, "xmit_hash_policy");
    bool coarser = is_hashed(mode_of(aggregate)) && !by_ports(aggregate);
    if (coarser)
        texts.push_back("spread by " + (hash.empty() ? "layer2" : printable(hash)) + ": policy destination is nearest");
    for (const auto& [name, value] : aggregate.options) {
        std::string text = about_option(name, value);
        if (!text.empty()) texts.push_back(printable(name) + ": " + text);
    }
    if (aggregate.has_mac) {
        texts.emplace_back(
            "its MAC has no equivalent: each NIC keeps its own, and all must be permitted where frames are "
            "filtered by MAC");
    }
    if (aggregate.dhcp6) texts.push_back("DHCPv6: ipmp ifconfig " + ipmp_interface + " inet6 dhcp start");
    if (aggregate.nics.empty()) texts.emplace_back("its ports are not described: add NICs by hand");
    if (aggregate.nics.size() == 1) texts.emplace_back("it has one port: nothing can take over");
    texts.insert(texts.end(), aggregate.remarks.begin(), aggregate.remarks.end());
    texts.push_back("what names " + aggregate.name + " (routes, packet filters, services) is to name " +
                    ipmp_interface);
    for (std::string& text : texts) text = aggregate.name + ": " + printable(std::move(text));
    return texts;
}

}  // namespace ipmp
