#include "tools/ipmp_grammar.hpp"

#include <CLI/CLI.hpp>

#include "tools/native_grammar.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

// The words as CLI11 reads them, before they mean anything.
struct Texts {
    std::string policy, isolate, network_namespace;
};

// What only looks.
template <class Command>
void describe_seeing(Command command, IpmpLine& line) {
    command("monitor", IpmpVerb::monitor, "show what changes, as it does, until interrupted")
        ->add_flag("-j,--json", line.as_json, "one JSON object a line");
    command("why", IpmpVerb::why, "explain the state of an interface, a data address or a group")
        ->add_option("name", line.subject, "what is to be explained")->required();
    CLI::App* check = command("check", IpmpVerb::check, "check interfaces for a group, or groups, with advice");
    check->add_option("interface", line.nics, "interfaces, or IPMP interfaces; none: all groups");
    check->add_flag("-j,--json", line.as_json, "as JSON");
    command("top", IpmpVerb::top, "show groups, probes and traffic live, until `q`")
        ->add_flag("--once", line.once, "show them once, after a second");
}

void describe(CLI::App& app, IpmpLine& line, Texts& texts) {
    app.require_subcommand(0, 1);
    auto command = [&](const char* name, IpmpVerb verb, const char* text) {
        return app.add_subcommand(name, text)->callback([&line, verb] { line.verb = verb; });
    };
    command("status", IpmpVerb::status, "show groups, interfaces and data addresses")
        ->add_flag("-j,--json", line.as_json, "as JSON, with everything the daemon tells");
    command("stop", IpmpVerb::stop, "end in.mpathd; the groups stay and work on")
        ->add_flag("--purge", line.purge, "before that take all groups apart");
    CLI::App* policy = command("policy", IpmpVerb::policy, "show or set how outbound traffic is spread");
    policy->add_option("interface", line.ipmp_interface, "IPMP interface")->required();
    policy->add_option("policy", texts.policy, "flow, tuple, destination or source");
    policy->add_flag("-j,--json", line.as_json, "as JSON");
    CLI::App* isolate = command("isolate", IpmpVerb::isolate, "show, turn on or off: members hidden from programs");
    isolate->add_option("interface", line.ipmp_interface, "IPMP interface")->required();
    isolate->add_option("wanted", texts.isolate, "on or off");
    isolate->add_flag("-f,--force", line.force, "although it interrupts the group");
    isolate->add_flag("-j,--json", line.as_json, "as JSON");
    CLI::App* place = command("namespace", IpmpVerb::place, "show or set where an IPMP interface lives");
    place->add_option("interface", line.ipmp_interface, "IPMP interface");
    place->add_option("name", texts.network_namespace, "network namespace as `ip netns` knows it; -: this one");
    place->add_flag("-j,--json", line.as_json, "as JSON");
    command("boot", IpmpVerb::boot, "configure what /etc/hostname.* and hostname6.* name");
    command("attach", IpmpVerb::attach, "configure interfaces that have been plugged in")
        ->add_option("interface", line.nics, "underlying interfaces")->required();
    CLI::App* detach = command("detach", IpmpVerb::detach, "take interfaces out of use, to be unplugged together");
    detach->add_option("interface", line.nics, "underlying interfaces")->required();
    detach->add_flag("-f,--force", line.force, "even if nothing else carries the traffic on");
    detach->add_flag("--dry-run", line.dry_run, "only say what would happen");
    CLI::App* save =
        command("save", IpmpVerb::save, "write hostname files that reproduce what is configured now");
    save->add_option("interface", line.nics, "interfaces outside groups to be saved as well");
    save->add_flag("-j,--json", line.as_json, "as JSON");
    CLI::App* wait = command("wait-online", IpmpVerb::wait_online, "end when a group, or all there are, can be used");
    wait->add_option("group", line.group, "group or IPMP interface");
    wait->add_option("-t,--timeout", line.timeout_s, "seconds; 0: without end")->check(CLI::Range(0u, 1000000u));
    command("group", IpmpVerb::native, "add, del, set or show groups");
    command("member", IpmpVerb::native, "add, del, set or show members of groups");
    command("address", IpmpVerb::native, "add, del or show data and test addresses");
    command("offline", IpmpVerb::native, "take a member out of use");
    command("online", IpmpVerb::native, "put it back");
    command("adm", IpmpVerb::native, "the same by the verbs of Solaris 11's ipadm");
    command("import", IpmpVerb::import_files, "what a bonding or teaming set-up is in terms of IPMP");
    describe_seeing(command, line);
    command("arp", IpmpVerb::other_tool, "arp with the grammar of Solaris");
    command("ifconfig", IpmpVerb::other_tool, "ifconfig with the grammar of Solaris");
    command("route", IpmpVerb::other_tool, "route with the grammar of Solaris");
}

}  // namespace

Result<IpmpLine> parse_ipmp_line(const std::vector<std::string>& words) {
    IpmpLine line;
    // Their words are their own: they must not be read as options of ours.
    bool is_other = !words.empty() && (words[0] == "arp" || words[0] == "ifconfig" || words[0] == "route");
    if (is_other) {
        line.verb = IpmpVerb::other_tool;
        return line;
    }
    if (is_native(words)) {
        line.verb = IpmpVerb::native;
        return line;
    }
    bool is_import = !words.empty() && words[0] == "import";
    if (is_import || (!words.empty() && words[0] == "complete")) {
        line.verb = is_import ? IpmpVerb::import_files : IpmpVerb::complete;
        return line;
    }
    Texts texts;
    CLI::App app("IP network multipathing", "ipmp");
    describe(app, line, texts);
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::CallForHelp&) {
        line.verb = IpmpVerb::help;
        line.help = app.help();
        return line;
    } catch (const CLI::ParseError& problem) {
        return Error{std::string(problem.what()) + "; see ipmp --help"};
    }
    if (line.verb == IpmpVerb::help) return Error{"a command is missing; see ipmp --help"};
    line.policy = wire::parse_name<SpreadPolicy>(texts.policy);
    if (!texts.policy.empty() && !line.policy) {
        return Error{texts.policy + ": not one of flow, tuple, destination, source"};
    }
    if (!texts.isolate.empty() && texts.isolate != "on" && texts.isolate != "off") {
        return Error{texts.isolate + ": neither on nor off"};
    }
    if (!texts.isolate.empty()) line.isolate = texts.isolate == "on";
    bool is_home = texts.network_namespace == "-" || texts.network_namespace == "host";
    if (!texts.network_namespace.empty() && !is_home && !wire::is_namespace_name(texts.network_namespace)) {
        return Error{texts.network_namespace + ": not a name of a network namespace"};
    }
    if (!texts.network_namespace.empty()) line.network_namespace = is_home ? "" : texts.network_namespace;
    bool about_group = line.verb == IpmpVerb::policy || line.verb == IpmpVerb::isolate ||
                       (line.verb == IpmpVerb::place && !line.ipmp_interface.empty());
    if (about_group && !wire::is_interface_name(line.ipmp_interface)) {
        return Error{line.ipmp_interface + ": not an IPMP interface"};
    }
    return line;
}

std::vector<IpmpCommand> ipmp_commands() {
    IpmpLine line;
    Texts texts;
    CLI::App app;
    describe(app, line, texts);
    std::vector<IpmpCommand> commands;
    for (const CLI::App* subcommand : app.get_subcommands([](CLI::App*) { return true; })) {
        IpmpCommand& command = commands.emplace_back();
        command.name = subcommand->get_name();
        for (const CLI::Option* option : subcommand->get_options()) {
            command.takes_words = command.takes_words || option->get_positional();
            if (!option->get_lnames().empty()) command.options.push_back("--" + option->get_lnames()[0]);
            else if (!option->get_snames().empty()) command.options.push_back("-" + option->get_snames()[0]);
        }
    }
    return commands;
}

}  // namespace ipmp
