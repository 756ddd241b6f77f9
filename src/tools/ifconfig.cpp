// ifconfig with the Solaris grammar (R-CMD-1): shows interfaces (ifconfig_display.hpp) or configures one
// (ifconfig_command.hpp).

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "tools/ifconfig_command.hpp"
#include "tools/ifconfig_dhcp.hpp"
#include "tools/ifconfig_display.hpp"
#include "wire/names.hpp"

namespace ipmp {
namespace {

constexpr std::uint32_t kMaxLogicalNumber = 8192;  // ip_addrs_per_if of the original

int fail(const std::string& text) {
    std::fflush(stdout);
    std::fprintf(stderr, "ifconfig: %s\n", text.c_str());
    return 1;
}

int show(const DisplayChoice& choice) {
    auto text = display(choice);
    if (!text) return fail(text.error().text);
    std::fputs(text->c_str(), stdout);
    return std::fflush(stdout) == 0 ? 0 : fail("cannot write the status");
}

// The family of a command line that begins with its word, which is taken off.
std::optional<Family> take_family(std::vector<std::string>& words) {
    auto family = words.empty() ? std::nullopt : wire::parse_family(words[0]);
    if (family) words.erase(words.begin());
    return family;
}

// "-a" and its company: -au, -ad4, … Without an a the word counts as a name.
int run_for_all(const std::string& letters, std::vector<std::string> words) {
    if (letters.find('a') == std::string::npos) return fail(letters + ": no such interface");
    if (letters.find_first_not_of("audDXZ46vh", 1) != std::string::npos) return fail(letters + ": unknown option");
    auto has = [&](char letter) { return letters.find(letter) != std::string::npos; };
    auto family = take_family(words);
    if (!words.empty()) return fail(letters + ": configuring all interfaces at once is not supported yet");
    DisplayChoice choice;
    choice.only_up = has('u');
    choice.only_down = has('d');
    choice.without_dhcp = has('D');
    choice.with_ether = !family;
    bool all = !family && has('4') == has('6');
    if (all || family == Family::ipv4 || (!family && has('4'))) choice.families.push_back(Family::ipv4);
    if (all || family == Family::ipv6 || (!family && has('6'))) choice.families.push_back(Family::ipv6);
    return show(choice);
}

int run_for_one(const std::string& name, std::vector<std::string> words) {
    auto logical = parse_logical_name(name);
    if (logical && logical->interface.size() > wire::kMaxInterfaceNameBytes) {
        return fail(name + ": interface name too long");
    }
    if (!logical || !wire::is_interface_name(logical->interface)) return fail(name + ": no such interface");
    if (logical->number > kMaxLogicalNumber) return fail(name + ": logical interface id is outside allowed range");
    auto family = take_family(words);
    if (words.empty()) {
        DisplayChoice choice{.interface = logical->interface, .families = {family.value_or(Family::ipv4)}};
        if (name.find(':') != std::string::npos) choice.number = logical->number;
        choice.with_ether = !family;
        return show(choice);
    }
    if (words[0] == "dhcp" || words[0] == "auto-dhcp") {
        auto code = run_dhcp_words(*logical, family.value_or(Family::ipv4), {words.begin() + 1, words.end()},
                                   words[0] == "auto-dhcp");
        return code ? *code : fail(code.error().text);
    }
    auto outcome = CommandLine(std::move(*logical), family.value_or(Family::ipv4), std::move(words)).run();
    return outcome ? 0 : fail(outcome.error().text);
}

int run(int argc, char** argv) {
    std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    if (words.empty()) words = {"-a"};
    std::string name = words[0];
    words.erase(words.begin());
    return name.starts_with('-') ? run_for_all(name, std::move(words)) : run_for_one(name, std::move(words));
}

}  // namespace
}  // namespace ipmp

int main(int argc, char** argv) { return ipmp::run(argc, argv); }
