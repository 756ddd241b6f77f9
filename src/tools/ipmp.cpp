// ipmp: what Linux needs beside the tools of Solaris. Shows everything at once (as tables or as JSON), ends the daemon,
// and starts the Solaris tools whose names other packages have.

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "base/program_path.hpp"
#include "model/paths.hpp"
#include "render/status_table.hpp"
#include "tools/boot.hpp"
#include "tools/completion.hpp"
#include "tools/check.hpp"
#include "tools/daemon_client.hpp"
#include "tools/import_run.hpp"
#include "tools/ipmp_grammar.hpp"
#include "tools/native_run.hpp"
#include "tools/monitor.hpp"
#include "tools/save.hpp"
#include "tools/status_json.hpp"
#include "tools/status_lookup.hpp"
#include "tools/top.hpp"
#include "tools/wait_online.hpp"
#include "tools/why.hpp"
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

// What is about one group, as JSON: as the verbs of `ipmp group` have it. `change`: as `group set` takes it; empty: it
// is to be shown.
int as_json(DaemonClient& client, const std::string& ipmp_interface, const std::vector<std::string>& change) {
    std::vector<std::string> words{"group", change.empty() ? "show" : "set"};
    if (!ipmp_interface.empty()) words.push_back(ipmp_interface);
    words.insert(words.end(), change.begin(), change.end());
    words.emplace_back("-j");
    return print(run_native(words, &client), "ipmp");
}

int policy(const IpmpLine& line) {
    auto client = DaemonClient::connect(Paths::from_environment());
    if (!client) return fail("cannot contact in.mpathd -- is IPMP in use?");
    auto name_of_policy = [](auto& group) { return wire::kSpreadPolicyNames[static_cast<std::size_t>(group.policy)]; };
    if (line.as_json) {
        std::vector<std::string> change;
        if (line.policy) change = {"policy", wire::kSpreadPolicyNames[static_cast<std::size_t>(*line.policy)]};
        return as_json(*client, line.ipmp_interface, change);
    }
    if (!line.policy) return show_group(*client, line.ipmp_interface, name_of_policy);
    auto reply = client->call(SetPolicy{line.ipmp_interface, *line.policy});
    if (!reply) return fail("cannot set the policy of " + line.ipmp_interface + ": " + reply.error().text);
    if (reply->error != CommandError::none) return fail(line.ipmp_interface + ": " + reply->text);
    return 0;
}

int show_namespaces(DaemonClient& client, const std::string& ipmp_interface) {
    auto status = client.status();
    if (!status) return fail("cannot get the status: " + status.error().text);
    bool is_one = ipmp_interface.empty();
    for (const GroupStatus& group : status->groups) {
        if (group.interface.empty() || (!ipmp_interface.empty() && group.interface != ipmp_interface)) continue;
        is_one = true;
        std::printf("%s %s%s\n", group.interface.c_str(),
                    group.network_namespace.empty() ? "-" : group.network_namespace.c_str(),
                    group.namespace_missing ? " (missing)" : "");
    }
    if (!is_one) return fail(ipmp_interface + ": not an IPMP interface");
    return std::fflush(stdout) == 0 ? 0 : fail("cannot write the answer");
}

// Members in a network namespace of their own: shown, or turned on or off.
int isolate(const IpmpLine& line) {
    auto client = DaemonClient::connect(Paths::from_environment());
    if (!client) return fail("cannot contact in.mpathd -- is IPMP in use?");
    auto describe = [](auto& group) { return group.isolate ? "on" : "off"; };
    if (line.as_json) {
        std::vector<std::string> change;
        if (line.isolate) change = {"isolate", *line.isolate ? "on" : "off"};
        if (line.isolate && line.force) change.emplace_back("-f");
        return as_json(*client, line.ipmp_interface, change);
    }
    if (!line.isolate) return show_group(*client, line.ipmp_interface, describe);
    auto reply = client->call(SetIsolate{line.ipmp_interface, *line.isolate, line.force});
    if (!reply) return fail("cannot isolate " + line.ipmp_interface + ": " + reply.error().text);
    if (reply->error != CommandError::none) return fail(line.ipmp_interface + ": " + reply->text);
    return 0;
}

// The network namespace in which an application has an IPMP interface: shown, of all that have one, or changed.
int place(const IpmpLine& line) {
    auto client = DaemonClient::connect(Paths::from_environment());
    if (!client) return fail("cannot contact in.mpathd -- is IPMP in use?");
    if (!line.network_namespace && line.as_json) return as_json(*client, line.ipmp_interface, {});
    if (!line.network_namespace) return show_namespaces(*client, line.ipmp_interface);
    bool changed = false;
    if (line.as_json) {
        auto before = client->status();
        if (!before) return fail("cannot get the status: " + before.error().text);
        const GroupStatus* group = group_called(*before, line.ipmp_interface);
        changed = !group || group->network_namespace != *line.network_namespace;
    }
    auto reply = client->call(SetNamespace{line.ipmp_interface, *line.network_namespace});
    if (!reply) return fail("cannot move " + line.ipmp_interface + ": " + reply.error().text);
    if (reply->error != CommandError::none) return fail(line.ipmp_interface + ": " + reply->text);
    if (!line.as_json) return 0;
    return print({0, json_line({{"changed", changed}}), ""}, "ipmp");
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
    std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    auto line = parse_ipmp_line(words);
    if (!line) return fail(line.error().text);
    switch (line->verb) {
        case IpmpVerb::help:
            std::fputs(line->help.c_str(), stdout);
            return 0;
        case IpmpVerb::status:
            return show_status(line->as_json);
        case IpmpVerb::stop:
            return stop(line->purge);
        case IpmpVerb::policy:
            return policy(*line);
        case IpmpVerb::isolate:
            return isolate(*line);
        case IpmpVerb::place:
            return place(*line);
        case IpmpVerb::boot:
            return boot();
        case IpmpVerb::attach:
            return attach(line->nics);
        case IpmpVerb::detach:
            return detach(line->nics, line->force, line->dry_run);
        case IpmpVerb::save:
            return save(line->nics, line->as_json);
        case IpmpVerb::wait_online:
            return wait_online(line->group, line->timeout_s);
        case IpmpVerb::native:
            return print(run_native(words), "ipmp");
        case IpmpVerb::import_files:
            return print(run_import({words.begin() + 1, words.end()}), "ipmp");
        case IpmpVerb::complete:
            return print({0, complete_now({words.begin() + 1, words.end()}), ""}, "ipmp");
        case IpmpVerb::monitor:
            return monitor(line->as_json);
        case IpmpVerb::why:
            return why(line->subject);
        case IpmpVerb::check:
            return check(line->nics, line->as_json);
        case IpmpVerb::top:
            return top(line->once);
        case IpmpVerb::other_tool:
            return become(argv + 1);
    }
    return 1;
}

}  // namespace
}  // namespace ipmp

int main(int argc, char** argv) { return ipmp::run(argc, argv); }
