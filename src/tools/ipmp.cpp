// ipmp: what Linux needs beside the tools of Solaris. Shows everything at once (as tables or as JSON), ends the daemon,
// and starts the Solaris tools whose names other packages have.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "base/program_path.hpp"
#include "model/paths.hpp"
#include "render/status_table.hpp"
#include "tools/boot.hpp"
#include "tools/daemon_client.hpp"
#include "tools/save.hpp"
#include "tools/wait_online.hpp"
#include "wire/names.hpp"
#include "wire/status_codec.hpp"

namespace ipmp {
namespace {

int fail(const std::string& text) {
    std::fflush(stdout);
    std::fprintf(stderr, "ipmp: %s\n", text.c_str());
    return 1;
}

std::string table_of(View view, const Status& status) {
    std::vector<Column> all = columns_of(view);
    FieldChoice choice = default_fields(all);
    std::vector<Column> columns;
    for (std::size_t index : choice.indices) columns.push_back(all[index]);
    TablePrinter printer(columns, std::numeric_limits<std::size_t>::max());
    std::string text;
    auto numeric = [](const IpAddress& address) { return to_string(address); };
    for (const Row& row : rows_of(view, status, choice.indices, numeric)) text += printer.print(row);
    return text;
}

int show_status(bool as_json) {
    auto client = DaemonClient::connect(Paths::from_environment());
    if (!client) return fail("cannot contact in.mpathd -- is IPMP in use?");
    auto status = client->status();
    if (!status) return fail("cannot get the status: " + status.error().text);
    std::string text;
    if (as_json) {
        text = status_to_json(*status).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    } else {
        for (View view : {View::groups, View::interfaces, View::addresses}) {
            std::string table = table_of(view, *status);
            text += (text.empty() || table.empty() ? "" : "\n") + table;
        }
    }
    std::fputs(text.c_str(), stdout);
    return std::fflush(stdout) == 0 ? 0 : fail("cannot write the status");
}

// Members come home first: what their group gives back to one of them, routes above all, has to be where it is.
Result<void> end_isolation(DaemonClient& client) {
    auto status = client.status();
    if (!status) return status.error();
    for (const GroupStatus& group : status->groups) {
        if (!group.isolate) continue;
        auto reply = client.call(SetIsolate{group.interface, false, true});
        if (!reply) return reply.error();
        if (reply->error != CommandError::none) return Error{group.interface + ": " + reply->text};
    }
    return {};
}

int stop(bool purge) {
    auto client = DaemonClient::connect(Paths::from_environment());
    if (!client) return fail("cannot contact in.mpathd -- is IPMP in use?");
    if (auto ended = purge ? end_isolation(*client) : Result<void>(); !ended) {
        return fail("cannot end isolation: " + ended.error().text);
    }
    auto reply = client->call(Stop{purge});
    if (!reply) return fail("cannot stop in.mpathd: " + reply.error().text);
    if (reply->error != CommandError::none) return fail("cannot stop in.mpathd: " + reply->text);
    auto ended = client->wait_for_end();
    return ended ? 0 : fail(ended.error().text);
}

template <typename Describe>
int show_group(DaemonClient& client, const std::string& ipmp_interface, Describe describe) {
    auto status = client.status();
    if (!status) return fail("cannot get the status: " + status.error().text);
    for (const GroupStatus& group : status->groups) {
        if (group.interface != ipmp_interface) continue;
        std::puts(describe(group));
        return std::fflush(stdout) == 0 ? 0 : fail("cannot write the answer");
    }
    return fail(ipmp_interface + ": not an IPMP interface");
}

int policy(const std::string& ipmp_interface, const std::string& wanted) {
    auto parsed = wire::parse_name<SpreadPolicy>(wanted);
    if (!wanted.empty() && !parsed) return fail(wanted + ": not one of flow, tuple, destination, source");
    if (!wire::is_interface_name(ipmp_interface)) return fail(ipmp_interface + ": not an IPMP interface");
    auto client = DaemonClient::connect(Paths::from_environment());
    if (!client) return fail("cannot contact in.mpathd -- is IPMP in use?");
    auto name_of_policy = [](auto& group) { return wire::kSpreadPolicyNames[static_cast<std::size_t>(group.policy)]; };
    if (!parsed) return show_group(*client, ipmp_interface, name_of_policy);
    auto reply = client->call(SetPolicy{ipmp_interface, *parsed});
    if (!reply) return fail("cannot set the policy of " + ipmp_interface + ": " + reply.error().text);
    if (reply->error != CommandError::none) return fail(ipmp_interface + ": " + reply->text);
    return 0;
}

// Members in a network namespace of their own: shown, or turned on or off.
int isolate(const std::string& ipmp_interface, const std::string& wanted, bool force) {
    if (!wanted.empty() && wanted != "on" && wanted != "off") return fail(wanted + ": neither on nor off");
    if (!wire::is_interface_name(ipmp_interface)) return fail(ipmp_interface + ": not an IPMP interface");
    auto client = DaemonClient::connect(Paths::from_environment());
    if (!client) return fail("cannot contact in.mpathd -- is IPMP in use?");
    auto describe = [](auto& group) { return group.isolate ? "on" : "off"; };
    if (wanted.empty()) return show_group(*client, ipmp_interface, describe);
    auto reply = client->call(SetIsolate{ipmp_interface, wanted == "on", force});
    if (!reply) return fail("cannot isolate " + ipmp_interface + ": " + reply.error().text);
    if (reply->error != CommandError::none) return fail(ipmp_interface + ": " + reply->text);
    return 0;
}

// Becomes the tool of that name: in the directory of this program, or where packages put it.
int become(char** arguments) {
    std::string name = arguments[0];
    for (const std::string& program : {beside_program(name), beside_program("../lib/ipmp/bin/" + name)}) {
        execv(program.c_str(), arguments);
        if (errno != ENOENT) break;
    }
    return fail("cannot start " + name + ": " + std::strerror(errno));
}

int run(int argc, char** argv) {
    // Its words are its own: they must not be read as options of ours.
    for (const char* tool : {"arp", "ifconfig", "route"}) {
        if (argc > 1 && std::strcmp(argv[1], tool) == 0) return become(argv + 1);
    }

    CLI::App app("IP network multipathing");
    app.require_subcommand(0, 1);
    bool as_json = false, purge = false;
    CLI::App* status_command = app.add_subcommand("status", "show groups, interfaces and data addresses");
    status_command->add_flag("--json", as_json, "as JSON, with everything the daemon tells");
    CLI::App* stop_command = app.add_subcommand("stop", "end in.mpathd; the groups stay and work on");
    stop_command->add_flag("--purge", purge, "before that take all groups apart");
    std::string policy_interface, wanted_policy;
    CLI::App* policy_command = app.add_subcommand("policy", "show or set how outbound traffic is spread");
    policy_command->add_option("interface", policy_interface, "IPMP interface")->required();
    policy_command->add_option("policy", wanted_policy, "flow, tuple, destination or source");
    bool force = false;  // of isolate and detach
    std::string isolate_interface, wanted_isolation;
    CLI::App* isolate_command = app.add_subcommand("isolate", "show, turn on or off: members hidden from programs");
    isolate_command->add_option("interface", isolate_interface, "IPMP interface")->required();
    isolate_command->add_option("wanted", wanted_isolation, "on or off");
    isolate_command->add_flag("-f,--force", force, "although it interrupts the group");
    CLI::App* boot_command = app.add_subcommand("boot", "configure what /etc/hostname.* and hostname6.* name");
    std::vector<std::string> nics;
    bool dry_run = false;
    CLI::App* attach_command = app.add_subcommand("attach", "configure interfaces that have been plugged in");
    attach_command->add_option("interface", nics, "underlying interfaces")->required();
    CLI::App* detach_command = app.add_subcommand("detach", "take interfaces out of use, to be unplugged together");
    detach_command->add_option("interface", nics, "underlying interfaces")->required();
    detach_command->add_flag("-f,--force", force, "even if nothing else carries the traffic on");
    detach_command->add_flag("--dry-run", dry_run, "only say what would happen");
    CLI::App* save_command = app.add_subcommand("save", "write hostname files that reproduce what is configured now");
    save_command->add_option("interface", nics, "interfaces outside groups to be saved as well");
    std::string awaited_group;
    unsigned timeout_s = 120;
    CLI::App* wait_command = app.add_subcommand("wait-online", "end when a group, or all there are, can be used");
    wait_command->add_option("group", awaited_group, "group or IPMP interface");
    wait_command->add_option("-t,--timeout", timeout_s, "seconds; 0: without end")->check(CLI::Range(0u, 1000000u));
    app.add_subcommand("arp", "arp with the grammar of Solaris");
    app.add_subcommand("ifconfig", "ifconfig with the grammar of Solaris");
    app.add_subcommand("route", "route with the grammar of Solaris");
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        std::fputs(app.help().c_str(), stdout);
        return 0;
    } catch (const CLI::ParseError& problem) {
        return fail(std::string(problem.what()) + "; see ipmp --help");
    }
    if (policy_command->parsed()) return policy(policy_interface, wanted_policy);
    if (isolate_command->parsed()) return isolate(isolate_interface, wanted_isolation, force);
    if (boot_command->parsed()) return boot();
    if (attach_command->parsed()) return attach(nics);
    if (detach_command->parsed()) return detach(nics, force, dry_run);
    if (save_command->parsed()) return save(nics);
    if (wait_command->parsed()) return wait_online(awaited_group, timeout_s);
    if (!stop_command->parsed() && !status_command->parsed()) return fail("a command is missing; see ipmp --help");
    return stop_command->parsed() ? stop(purge) : show_status(as_json);
}

}  // namespace
}  // namespace ipmp

int main(int argc, char** argv) { return ipmp::run(argc, argv); }
