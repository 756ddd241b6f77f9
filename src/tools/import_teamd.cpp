// Of import.hpp: teamd.conf, JSON; NetworkManager's keyfiles have the same in their section [team].
#include <nlohmann/json.hpp>

#include "tools/boot_files.hpp"
#include "tools/import.hpp"
#include "wire/json_archive.hpp"

namespace ipmp {

namespace {

using Json = nlohmann::json;

constexpr int kMostDepth = 16;

// Runners of teamd by what they are called as modes of bonding.
std::string mode_of(const std::string& runner) {
    static const std::map<std::string, std::string> kModes{
        {"activebackup", "active-backup"}, {"loadbalance", "balance-xor"},
        {"roundrobin", "balance-rr"},      {"lacp", "802.3ad"},
        {"broadcast", "broadcast"},        {"random", "random"}};
    auto found = kModes.find(runner);
    return found == kModes.end() ? runner : found->second;
}

std::string text_at(const Json& object, const char* key) {
    auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Flows told apart by ports are `layer3+4` to bonding.
void take_hash(const Json& runner, Aggregate& team) {
    auto hash = runner.find("tx_hash");
    if (hash == runner.end() || !hash->is_array()) return;
    bool by_ports = false;
    for (const Json& part : *hash) {
        bool is_ports = part.is_string() && (part == "l4" || part == "tcp" || part == "udp" || part == "sctp");
        by_ports = by_ports || is_ports;
    }
    team.options["xmit_hash_policy"] = by_ports ? "layer3+4" : "layer2+3";
}

void take_watch(const Json& watch, Aggregate& team) {
    std::string name = text_at(watch, "name");
    if (name == "ethtool") {
        for (const char* delay : {"delay_up", "delay_down"}) {
            if (watch.contains(delay)) team.options[delay == std::string("delay_up") ? "updelay" : "downdelay"] = "set";
        }
    } else if (name == "arp_ping" || name == "nsna_ping") {
        team.options["arp_ip_target"] = text_at(watch, "target_host");
    } else if (!name.empty()) {
        team.remarks.push_back("link_watch " + printable(name) + ": not known, ignoring it");
    }
}

Result<void> take_ports(const ImportText& text, const Json& ports, Aggregate& team) {
    if (!ports.is_object()) return Error{text.name + ": ports: not an object"};
    std::int64_t best = 0;
    bool weighs = false;
    for (const auto& [nic, port] : ports.items()) {
        team.nics.push_back(nic);
        if (!port.is_object()) continue;
        auto priority = port.find("prio");
        bool counts = priority != port.end() && priority->is_number_integer();
        if (counts && (!weighs || priority->get<std::int64_t>() > best)) {
            best = priority->get<std::int64_t>();
            weighs = true;
            team.options["primary"] = nic;
        }
        auto sticky = port.find("sticky");
        if (sticky != port.end() && sticky->is_boolean() && sticky->get<bool>()) {
            team.options["primary_reselect"] = "failure";
        }
    }
    return {};
}

}  // namespace

Result<void> read_teamd(const ImportText& text, const std::string& name, ImportModel& model) {
    auto json = wire::parse_json(text.content, kMostDepth);
    if (!json || !json->is_object()) return Error{text.name + ": not JSON"};
    std::string device = text_at(*json, "device");
    if (device.empty()) device = name;
    if (device.empty()) return Error{text.name + ": \"device\" is missing"};
    Aggregate& team = model.named(device);
    team.has_mac = team.has_mac || json->contains("hwaddr");
    auto runner = json->find("runner");
    bool has_runner = runner != json->end() && runner->is_object();
    std::string runner_name = has_runner ? text_at(*runner, "name") : "";
    team.options["mode"] = mode_of(runner_name.empty() ? "roundrobin" : runner_name);
    if (has_runner) take_hash(*runner, team);
    auto watch = json->find("link_watch");
    if (watch != json->end() && watch->is_object()) take_watch(*watch, team);
    if (watch != json->end() && watch->is_array()) {
        for (const Json& one : *watch) {
            if (one.is_object()) take_watch(one, team);
        }
    }
    auto ports = json->find("ports");
    if (ports != json->end()) {
        if (auto taken = take_ports(text, *ports, team); !taken) return taken;
    }
    bool knows_addresses = !name.empty();
    if (!knows_addresses) team.remarks.push_back("teamd.conf has no addresses: give them by hand");
    return {};
}

}  // namespace ipmp
