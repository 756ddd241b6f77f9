#include "tools/boot_plan.hpp"

#include <algorithm>

#include "model/interface_flags.hpp"
#include "tools/ifconfig_grammar.hpp"

namespace ipmp {

namespace {

const char* name_of(Family family) { return family == Family::ipv4 ? "IPv4" : "IPv6"; }

std::string base_of(const std::string& interface) { return interface.substr(0, interface.find(':')); }

bool is_ipmp(const PlumbedInterface& plumbed) {
    for (Family family : kFamilies) {
        const auto& half = family_of(plumbed, family);
        if (half && !half->logicals.empty() && (half->logicals[0].flags & flag::kIpmp)) return true;
    }
    return false;
}

const PlumbedInterface* ipmp_interface_of(const Status& status, const std::string& group) {
    for (const PlumbedInterface& plumbed : status.plumbed) {
        if (!group.empty() && plumbed.group_name == group && is_ipmp(plumbed)) return &plumbed;
    }
    return nullptr;
}

// `eth0:1` is plumbed if that logical interface exists.
bool is_plumbed(const Status& status, const std::string& interface, Family family) {
    const PlumbedInterface* plumbed = find_plumbed(status, base_of(interface));
    if (!plumbed || !family_of(*plumbed, family)) return false;
    std::size_t colon = interface.find(':');
    if (colon == std::string::npos) return true;
    const auto& logicals = family_of(*plumbed, family)->logicals;
    return std::any_of(logicals.begin(), logicals.end(), [&](const LogicalStatus& logical) {
        return std::to_string(logical.number) == interface.substr(colon + 1);
    });
}

// The files of both families name one group, that of the IPv6 file if it names one.
std::string group_in_files(const BootFiles& files, const std::string& interface) {
    for (Family family : {Family::ipv6, Family::ipv4}) {
        auto file = files.hostname[index_of(family)].find(interface);
        if (file == files.hostname[index_of(family)].end()) continue;
        std::string group = group_of(file->second, family);
        if (!group.empty()) return group;
    }
    return "";
}

// Its last word about that.
bool is_standby(const HostnameFile& file, Family family) {
    bool standby = false;
    for (const Words& words : file.lines) {
        auto parsed = parse_line(words, family);
        for (std::size_t i = 0; parsed && i < parsed->steps.size(); ++i) {
            Word word = parsed->steps[i].word;
            if (word == Word::standby || word == Word::no_standby) standby = word == Word::standby;
        }
    }
    return standby;
}

bool has_address(const PlumbedInterface* plumbed, const IpAddress& address) {
    if (!plumbed || !family_of(*plumbed, address.family)) return false;
    const auto& logicals = family_of(*plumbed, address.family)->logicals;
    return std::any_of(logicals.begin(), logicals.end(),
                       [&](const LogicalStatus& logical) { return logical.address == address; });
}

class Planner {
  public:
    Planner(const BootInput& input, const Status& status) : input_(input), status_(status) {}

    // The address of `set` is where a line for `interface` would put it.
    bool is_there(const AddressSet& set, const std::string& interface, Family family) const {
        auto address = set.address.empty() ? std::nullopt : input_.resolve(set.address, family);
        if (!address || address->is_zero()) return false;
        const PlumbedInterface* own = find_plumbed(status_, base_of(interface));
        std::string group = own ? own->group_name : "";
        for (const std::string& name : {group, group_in_files(input_.files, base_of(interface))}) {
            if (has_address(ipmp_interface_of(status_, name), *address)) return true;
        }
        return has_address(own, *address);
    }

    // What is left to do of a line; all of it, as it was written, if none of its addresses is there yet.
    Words words_left(const FileLine& line, const std::string& interface, Family family) const {
        auto split = split_line(line.words, family);
        // Without an address they would change the mask of one that somebody else gave the interface since.
        bool has_address = !split || split->sets.size() > 1 || !split->sets[0].address.empty();
        const Words implied = has_address ? kImpliedWords : Words{"up"};
        Words all = line.words;
        if (line.implies_up) all.insert(all.end(), implied.begin(), implied.end());
        if (!split) return all;  // ifconfig will say what is wrong with it
        auto there = [&](const AddressSet& set) { return is_there(set, interface, family); };
        if (std::none_of(split->sets.begin(), split->sets.end(), there)) return all;
        Words left = split->interface_words;
        for (std::size_t i = 0; i < split->sets.size(); ++i) {
            if (there(split->sets[i])) continue;
            Words words = words_of(split->sets[i], i == 0);
            left.insert(left.end(), words.begin(), words.end());
        }
        bool implies_up = line.implies_up && !there(split->sets.back());
        if (implies_up) left.insert(left.end(), implied.begin(), implied.end());
        return left;
    }

    void add(std::vector<BootStep>& steps, const std::string& interface, Family family, Words words) const {
        if (!words.empty()) steps.push_back({interface, family, std::move(words)});
    }

    std::vector<BootStep> configure(const std::string& interface, Family family, const HostnameFile& file) const {
        std::vector<BootStep> steps;
        if (family == Family::ipv4 && only_names_host(file) && input_.files.dhcp.contains(interface)) return steps;
        for (const FileLine& line : lines_to_run(file, family)) {
            add(steps, interface, family, words_left(line, interface, family));
        }
        return steps;
    }

    bool is_there_or_made(const std::string& interface) const {
        for (const auto& files : input_.files.hostname) {
            auto file = files.find(interface);
            if (file != files.end() && file->second.is_ipmp) return true;
        }
        // A member that is isolated is no link of this namespace.
        return input_.links.contains(base_of(interface)) || find_plumbed(status_, base_of(interface));
    }

    BootStage create(Family family) const {
        BootStage stage{.failure = std::string("Failed to create ") + name_of(family) + " IPMP interface(s)",
                        .steps = {}, .failed = {}, .is_progress = false};
        for (const auto& [interface, file] : input_.files.hostname[index_of(family)]) {
            bool wanted = file.is_ipmp && !is_plumbed(status_, interface, family);
            if (wanted) add(stage.steps, interface, family, {"ipmp"});
        }
        return stage;
    }

    BootStage plumb(Family family) const {
        BootStage stage{.failure = std::string("Failed to plumb ") + name_of(family) + " interface(s)",
                        .steps = {}, .failed = {}, .is_progress = false};
        for (const auto& [interface, file] : input_.files.hostname[index_of(family)]) {
            if (file.is_ipmp) continue;
            if (!is_there_or_made(interface)) {
                stage.failed.push_back(interface);
            } else if (!is_plumbed(status_, interface, family)) {
                add(stage.steps, interface, family, {"plumb"});
            }
        }
        return stage;
    }

    BootStage configure_all(Family family, bool ipmp, const Missing& missing) const {
        std::string kind = std::string(ipmp ? "IPMP " : "") + name_of(family);
        BootStage stage{.progress = "configuring " + kind + " interfaces",
                        .failure = "Failed to configure " + kind + " interface(s)"};
        for (const auto& [interface, file] : input_.files.hostname[index_of(family)]) {
            if (file.is_ipmp != ipmp || missing[index_of(family)].contains(interface)) continue;
            for (BootStep& step : configure(interface, family, file)) stage.steps.push_back(std::move(step));
            if (!file.problems.empty()) stage.failed.push_back(interface);
        }
        return stage;
    }

    // Sets of a missing NIC's lines that can move: those of the first sets of all lines, then those after `addif`.
    std::vector<AddressSet> movable(const HostnameFile& file, Family family) const {
        std::vector<AddressSet> first, others;
        for (const Words& words : file.lines) {
            auto split = split_line(words, family);
            if (!split) continue;
            bool implies_up = family == Family::ipv4 && file.one_line;
            if (implies_up) {
                Words& last = split->sets.back().words;
                last.insert(last.end(), kImpliedWords.begin(), kImpliedWords.end());
            }
            if (family == Family::ipv6) split->sets.front().words.push_back("up");
            for (std::size_t i = 0; i < split->sets.size(); ++i) {
                AddressSet& set = split->sets[i];
                if (set.fixed || set.address.empty()) continue;
                (i == 0 ? first : others).push_back(std::move(set));
            }
        }
        first.insert(first.end(), others.begin(), others.end());
        return first;
    }

    // What an NIC of a group gets when it appears: the group has the rest.
    std::vector<BootStep> configure_member(const std::string& nic, Family family, const HostnameFile& file) const {
        std::vector<BootStep> steps;
        for (const Words& words : file.lines) {
            auto split = split_line(words, family);
            std::vector<Words> lines = split ? fixed_lines(*split) : std::vector<Words>{words};
            for (Words& line : lines) {
                bool implies_up = family == Family::ipv4 && file.one_line;
                add(steps, nic, family, words_left({std::move(line), implies_up}, nic, family));
            }
        }
        add(steps, nic, family, {"up"});
        return steps;
    }

  private:
    const BootInput& input_;
    const Status& status_;
};

// The IPMP interface of a group; one that is yet to be made has steps for that.
class GroupFinder {
  public:
    GroupFinder(const BootInput& input, const Status& status) : input_(input), status_(status) {}

    std::string find(const std::string& group, Family family, std::vector<BootStep>& steps) {
        if (const PlumbedInterface* found = ipmp_interface_of(status_, group)) {
            if (!family_of(*found, family) && made_.insert(found->name).second) {
                steps.push_back({found->name, family, {"ipmp"}});
            }
            return found->name;
        }
        auto [made, is_new] = new_.try_emplace(group, "");
        if (!is_new) return made->second;
        unsigned number = 0;
        while (taken("ipmp" + std::to_string(number))) ++number;
        made->second = "ipmp" + std::to_string(number);
        steps.push_back({made->second, family, {"ipmp", "group", group}});
        return made->second;
    }

  private:
    bool taken(const std::string& name) const {
        auto uses = [&](const PlumbedInterface& plumbed) { return plumbed.name == name || plumbed.group_name == name; };
        auto is_new = [&](const auto& entry) { return entry.second == name; };
        return input_.links.contains(name) || std::any_of(status_.plumbed.begin(), status_.plumbed.end(), uses) ||
               std::any_of(new_.begin(), new_.end(), is_new);
    }

    const BootInput& input_;
    const Status& status_;
    std::map<std::string, std::string> new_;  // group -> IPMP interface
    std::set<std::string> made_;
};

}  // namespace

const PlumbedInterface* find_plumbed(const Status& status, const std::string& name) {
    for (const PlumbedInterface& plumbed : status.plumbed) {
        if (plumbed.name == name) return &plumbed;
    }
    return nullptr;
}

bool is_configured(const Status& status, const std::string& nic) {
    const PlumbedInterface* plumbed = find_plumbed(status, nic);
    if (!plumbed) return false;
    if (!plumbed->group_name.empty()) return true;
    for (Family family : kFamilies) {
        const auto& half = family_of(*plumbed, family);
        if (!half) continue;
        for (const LogicalStatus& logical : half->logicals) {
            if (!logical.address.is_zero() && !logical.address.is_link_local()) return true;
        }
    }
    return false;
}

std::vector<BootStage> plan_creation(const BootInput& input, const Status& status) {
    Planner planner(input, status);
    return {planner.create(Family::ipv4), planner.plumb(Family::ipv4), planner.plumb(Family::ipv6),
            planner.create(Family::ipv6)};
}

std::vector<BootStage> plan_configuration(const BootInput& input, const Status& status, const Missing& missing) {
    Planner planner(input, status);
    std::vector<BootStage> stages;
    for (bool ipmp : {true, false}) {
        for (Family family : kFamilies) stages.push_back(planner.configure_all(family, ipmp, missing));
    }
    return stages;
}

MovePlan plan_moves(const BootInput& input, Family family, const Status& status, const Missing& missing) {
    Planner planner(input, status);
    GroupFinder groups(input, status);
    MovePlan plan;
    std::set<std::string> named;
    for (const auto& [interface, file] : input.files.hostname[index_of(family)]) {
        if (file.is_ipmp || !missing[index_of(family)].contains(interface)) continue;
        std::string nic = base_of(interface), group = group_in_files(input.files, nic);
        std::string target = group.empty() ? "" : groups.find(group, family, plan.steps);
        if (!target.empty()) {
            for (const AddressSet& set : planner.movable(file, family)) {
                if (planner.is_there(set, nic, family)) continue;
                plan.steps.push_back({target, family, words_of(set, false), interface});
            }
        }
        if (!named.insert(nic).second) continue;
        plan.message += " " + nic;
        plan.message += target.empty() ? " (couldn't move; no alternative interface)" : " (moved to " + target + ")";
    }
    if (!plan.message.empty()) {
        plan.message = std::string("moving addresses from failed ") + name_of(family) + " interfaces:" + plan.message;
    }
    return plan;
}

std::vector<ExpectMember> plan_expectations(const BootInput& input, const Missing& missing) {
    std::map<std::string, ExpectMember, NaturalLess> expected;
    for (Family family : kFamilies) {
        for (const auto& [interface, file] : input.files.hostname[index_of(family)]) {
            std::string group = group_in_files(input.files, interface);
            bool is_nic = !file.is_ipmp && base_of(interface) == interface && !input.links.contains(interface);
            if (!is_nic || group.empty() || !missing[index_of(family)].contains(interface)) continue;
            ExpectMember& member = expected.try_emplace(interface, ExpectMember{interface, group, false, false})
                                       .first->second;
            (family == Family::ipv4 ? member.inet : member.inet6) = true;
            member.standby = member.standby || is_standby(file, family);
        }
    }
    std::vector<ExpectMember> members;
    for (auto& [interface, member] : expected) members.push_back(std::move(member));
    return members;
}

BootStage plan_dhcp(const BootInput& input, const Status& status) {
    BootStage stage{.progress = "starting DHCP on interfaces", .failure = "Failed to configure IPv4 DHCP interface(s)"};
    for (bool primary : {true, false}) {
        for (const auto& [interface, is_primary] : input.files.dhcp) {
            const PlumbedInterface* plumbed = find_plumbed(status, base_of(interface));
            bool exists = plumbed || input.links.contains(base_of(interface));
            if (is_primary != primary || !exists) continue;  // nothing is asked for in the name of who is not there
            bool runs = plumbed && plumbed->inet && !plumbed->inet->logicals.empty() &&
                        (plumbed->inet->logicals[0].flags & flag::kDhcp);
            if (runs) continue;
            Words words = primary ? Words{"auto-dhcp", "primary"} : Words{"dhcp", "start", "wait", "0"};
            stage.steps.push_back({interface, Family::ipv4, std::move(words)});
        }
    }
    return stage;
}

std::vector<BootStage> plan_attachment(const BootInput& input, const std::string& nic, const Status& status) {
    Planner planner(input, status);
    bool member = !group_in_files(input.files, nic).empty();
    BootStage plumb{.failure = "Failed configuring one or more IP addresses", .steps = {}, .failed = {},
                    .is_progress = false};
    BootStage configure = plumb;
    for (Family family : kFamilies) {
        const auto& files = input.files.hostname[index_of(family)];
        auto file = files.find(nic);
        if (file == files.end() || file->second.is_ipmp) continue;
        if (!is_plumbed(status, nic, family)) plumb.steps.push_back({nic, family, {"plumb"}});
        if (!file->second.problems.empty()) configure.failed.push_back(nic);
        std::vector<BootStep> steps = member ? planner.configure_member(nic, family, file->second)
                                             : planner.configure(nic, family, file->second);
        configure.steps.insert(configure.steps.end(), steps.begin(), steps.end());
    }
    BootInput own = input;
    std::erase_if(own.files.dhcp, [&](const auto& entry) { return entry.first != nic; });
    BootStage dhcp = plan_dhcp(own, status);
    dhcp.failure = plumb.failure;
    return {plumb, configure, dhcp};
}

}  // namespace ipmp
