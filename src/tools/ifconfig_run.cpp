#include "tools/ifconfig_run.hpp"

#include <utility>

#include "model/interface_flags.hpp"
#include "tools/ifconfig_command.hpp"
#include "tools/ifconfig_display.hpp"
#include "tools/kernel_interfaces.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

constexpr std::uint32_t kMaxLogicalNumber = 8192;  // ip_addrs_per_if of the original

struct Mode {
    Addresses addresses = Addresses::awaited;
    Daemon* daemon = nullptr;
};

void fail(ToolRun& run, const std::string& text) {
    run.err += "ifconfig: " + text + "\n";
    run.exit_code = 1;
}

void show(const DisplayChoice& choice, ToolRun& run) {
    auto text = display(choice);
    if (text) run.out += *text;
    else fail(run, text.error().text);
}

// The family of a command line that begins with its word, which is taken off.
std::optional<Family> take_family(std::vector<std::string>& words) {
    auto family = words.empty() ? std::nullopt : wire::parse_family(words[0]);
    if (family) words.erase(words.begin());
    return family;
}

// Letters after -a: what they choose.
DisplayChoice choice_of(const std::string& letters, std::optional<Family> family) {
    auto has = [&](char letter) { return letters.find(letter) != std::string::npos; };
    DisplayChoice choice;
    choice.only_up = has('u');
    choice.only_down = has('d');
    choice.without_dhcp = has('D');
    choice.with_ether = !family;
    bool all = !family && has('4') == has('6');
    if (all || family == Family::ipv4 || (!family && has('4'))) choice.families.push_back(Family::ipv4);
    if (all || family == Family::ipv6 || (!family && has('6'))) choice.families.push_back(Family::ipv6);
    return choice;
}

bool can_be_configured(const PlumbedInterface& interface, const LogicalStatus& logical) {
    return interface.mac || (logical.flags & flag::kIpmp);  // not the loopback interface, nor tunnels
}

// What the words after -a apply to: what it would show; for `plumb`, every NIC there is.
Result<std::vector<LogicalName>> chosen_names(const DisplayChoice& choice, Family family, bool to_be_plumbed) {
    std::vector<LogicalName> names;
    auto interfaces = plumbed_interfaces();
    if (!interfaces) return interfaces.error();
    for (const PlumbedInterface& interface : *interfaces) {
        const std::optional<PlumbedFamily>& plumbed = family_of(interface, family);
        for (std::size_t i = 0; plumbed && !to_be_plumbed && i < plumbed->logicals.size(); ++i) {
            const LogicalStatus& logical = plumbed->logicals[i];
            bool chosen = is_chosen(logical, choice) && can_be_configured(interface, logical);
            if (chosen) names.push_back({interface.name, logical.number});
        }
    }
    if (!to_be_plumbed) return names;
    auto nics = ethernet_links();
    if (!nics) return nics.error();
    for (const std::string& nic : *nics) {
        bool plumbed_already = false;
        for (const PlumbedInterface& interface : *interfaces) {
            plumbed_already = plumbed_already || (interface.name == nic && family_of(interface, family));
        }
        if (!plumbed_already) names.push_back({nic, 0});
    }
    return names;
}

void configure(const LogicalName& name, Family family, const std::vector<std::string>& words,
               const Mode& mode, ToolRun& run) {
    auto code = CommandLine(name, family, run, mode.addresses, mode.daemon).run(words);
    if (code) run.exit_code = *code;
    else fail(run, code.error().text);
}

// "-a" and its company: -au, -ad4, … Without an a the word counts as a name.
void run_for_all(const std::string& letters, std::vector<std::string> words, const Mode& mode, ToolRun& run) {
    if (letters.find('a') == std::string::npos) return fail(run, letters + ": no such interface");
    if (letters.find_first_not_of("audDXZ46vh", 1) != std::string::npos) return fail(run, letters + ": unknown option");
    auto family = take_family(words);
    DisplayChoice choice = choice_of(letters, family);
    if (words.empty()) return show(choice, run);
    for (Family which : choice.families) {
        bool implied = choice.families.size() > 1 && which == Family::ipv6;
        if (implied) break;  // words are for IPv4 unless IPv6 is asked for
        auto names = chosen_names(choice, which, words[0] == "plumb");
        if (!names) return fail(run, names.error().text);
        for (const LogicalName& name : *names) {
            configure(name, which, words, mode, run);
            if (run.exit_code != 0) return;
        }
    }
}

void run_for_one(const std::string& name, std::vector<std::string> words, const Mode& mode, ToolRun& run) {
    auto logical = parse_logical_name(name);
    if (logical && logical->interface.size() > wire::kMaxInterfaceNameBytes) {
        return fail(run, name + ": interface name too long");
    }
    if (!logical || !wire::is_interface_name(logical->interface)) return fail(run, name + ": no such interface");
    if (logical->number > kMaxLogicalNumber) {
        return fail(run, name + ": logical interface id is outside allowed range");
    }
    auto family = take_family(words);
    if (!words.empty()) return configure(*logical, family.value_or(Family::ipv4), words, mode, run);
    DisplayChoice choice{.interface = logical->interface, .families = {family.value_or(Family::ipv4)}};
    if (name.find(':') != std::string::npos) choice.number = logical->number;
    choice.with_ether = !family;
    show(choice, run);
}

}  // namespace

ToolRun run_ifconfig(std::vector<std::string> words, Addresses addresses, Daemon* daemon) {
    ToolRun run;
    Mode mode{addresses, daemon};
    if (words.empty()) words = {"-a"};
    std::string name = words[0];
    words.erase(words.begin());
    if (name.starts_with('-')) run_for_all(name, std::move(words), mode, run);
    else run_for_one(name, std::move(words), mode, run);
    return run;
}

}  // namespace ipmp
