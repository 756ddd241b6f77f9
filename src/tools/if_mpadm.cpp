// if_mpadm: takes an underlying interface out of use for maintenance, and back (R-CMD-2). The daemon decides and
// carries out; here are the documented texts.

#include <net/if.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "model/paths.hpp"
#include "tools/daemon_client.hpp"
#include "tools/if_mpadm_grammar.hpp"

namespace ipmp {
namespace {

int fatal(const std::string& text) {
    std::fprintf(stderr, "if_mpadm: fatal: %s\n", text.c_str());
    return 1;
}

std::string refusal_text(const CommandReply& reply, const std::string& interface, bool offline) {
    std::string attempt = (offline ? "cannot offline " : "cannot undo-offline ") + interface + ": ";
    switch (reply.error) {
        case CommandError::no_such_interface:
            return "cannot get interface flags on " + interface + ": " + std::strerror(ENXIO);
        case CommandError::already_offline:
            return "interface " + interface + " is already offline";
        case CommandError::not_offline:
            return "interface " + interface + " is not offline";
        case CommandError::not_in_group:
            if (!offline) return "interface " + interface + " is not offline";
            return attempt + "not a physical interface or not in an IPMP group";
        case CommandError::minimum_redundancy:
            return attempt + "no other functioning interfaces are in its IPMP group";
        case CommandError::duplicate_hardware_address:
            return attempt + "interface has duplicate hardware address";
        case CommandError::none:
        case CommandError::already_exists:
        case CommandError::invalid_argument:
        case CommandError::not_supported:
        case CommandError::in_use:
        case CommandError::address_managed:
        case CommandError::group_not_empty:
        case CommandError::kernel_refused:
        case CommandError::no_dhcp:
        case CommandError::no_dhcp_client:
            break;
    }
    return attempt + (reply.text.empty() ? "operation failed" : reply.text);
}

// Also one that is isolated and so no interface of this network namespace, if a daemon knows it.
bool exists(const std::string& interface, const Paths& paths) {
    if (if_nametoindex(interface.c_str()) != 0) return true;
    auto client = DaemonClient::connect(paths);
    if (!client) return false;
    auto status = client->status();
    return status && std::any_of(status->plumbed.begin(), status->plumbed.end(),
                                 [&](const PlumbedInterface& plumbed) { return plumbed.name == interface; });
}

int run(int argc, char** argv) {
    auto line = parse_if_mpadm_line({argv + (argc > 0 ? 1 : 0), argv + argc});
    if (!line) {
        std::fputs("Usage: if_mpadm [-d | -r] <interface>\n", stderr);
        return 1;
    }
    const auto& [offline, interface] = *line;
    Paths paths = Paths::from_environment();
    if (!exists(interface, paths)) {
        return fatal("cannot get interface flags on " + interface + ": " + std::strerror(ENXIO));
    }
    std::string attempt = (offline ? "cannot offline " : "cannot undo-offline ") + interface + ": ";
    auto client = DaemonClient::connect_or_start(paths);
    if (!client) return fatal(attempt + "cannot contact in.mpathd");
    Command command = UndoOffline{interface};
    if (offline) command = SetOffline{interface};
    auto reply = client->call(command);
    if (!reply) return fatal(attempt + reply.error().text);
    if (reply->error != CommandError::none) return fatal(refusal_text(*reply, interface, offline));
    return 0;
}

}  // namespace
}  // namespace ipmp

int main(int argc, char** argv) { return ipmp::run(argc, argv); }
