#include "tools/route_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <net/if.h>

#include <cerrno>
#include <cstring>

#include "tools/ipmp_view.hpp"
#include "tools/netlink_client.hpp"
#include "tools/route_grammar.hpp"

namespace ipmp {

namespace {

constexpr const char* kUsage =
    "usage: route [-fnqv] add|change|delete|get [-inet|-inet6] [-net|-host] [modifiers] destination [gateway [mask]]\n"
    "       route [-nqv] flush [-inet|-inet6]\n";

}  // namespace

std::string route_ending(int error_number) {
    switch (error_number) {
        case ESRCH:
        case ENOENT:
            return "not in table";
        case EBUSY:
            return "entry in use";
        case EEXIST:
            return "entry exists";
        case ENOBUFS:
        case ENOSPC:
            return "routing table overflow";
        case EPERM:
        case EACCES:
            return "insufficient privileges";
        default:
            return std::strerror(error_number);
    }
}

namespace {

ToolRun complaint(const std::string& text) { return {1, "", "route: " + text + "\n"}; }

std::string name_of(InterfaceIndex link) {
    char name[IF_NAMESIZE] = "";
    return if_indextoname(link.value, name) ? name : std::to_string(link.value);
}

// "add net 10.0.0.0: gateway 192.0.2.254"
std::string heading(const RouteLine& line) {
    std::string text = fmt::format("{} {} {}", line.verb_text, line.is_net ? "net" : "host", line.destination_text);
    if (!line.gateway_text.empty()) text += ": gateway " + line.gateway_text;
    return text;
}

// The interface the line names, in one way or another; empty: none.
Result<std::string> named_interface(const RouteLine& line, const IpmpView& view) {
    auto with_address = [&](const IpAddress& address) -> Result<std::string> {
        auto own = view.find(address);
        if (!own) return Error{to_string(address) + ": no such interface"};
        return own->interface;
    };
    std::string name = line.interface.substr(0, line.interface.find(':'));  // of a logical one: its interface
    if (name.empty() && line.interface_address) return with_address(*line.interface_address);
    if (name.empty() && line.by_interface) {
        auto address = parse_ip(line.gateway_text);
        if (address) return with_address(*address);
        name = line.gateway_text;
    }
    if (!name.empty() && if_nametoindex(name.c_str()) == 0) return Error{name + ": no such interface"};
    return name;
}

ToolRun alter(RouteLine line, NetlinkClient& kernel, const IpmpView& view) {
    auto named = named_interface(line, view);
    if (!named) return complaint(named.error().text);
    auto failed = [&](int error_number) {
        return ToolRun{1, "", heading(line) + ": " + route_ending(error_number) + "\n"};
    };
    if (!named->empty()) {
        bool is_member = !view.group_of(*named).empty();
        if (is_member && line.verb != RouteVerb::add) return failed(EINVAL);
        line.route.link = InterfaceIndex{if_nametoindex(view.seen_as(*named).c_str())};
    }
    NetlinkRequest request = line.verb == RouteVerb::add      ? encode_add(line.route)
                             : line.verb == RouteVerb::change ? encode_change(line.route)
                                                              : encode_delete(line.route);
    auto changed = kernel.change(request);
    if (!changed) return failed(changed.error().error_number);
    return {0, line.quiet ? "" : heading(line) + "\n", ""};
}

std::string mask_text(Family family, std::uint8_t prefix_length) {
    IpAddress ones{family, {}};
    ones.bytes.fill(0xff);
    IpAddress mask = network_of(ones, prefix_length);
    std::fill(mask.bytes.begin() + static_cast<std::ptrdiff_t>(mask.size_bytes()), mask.bytes.end(), std::uint8_t{0});
    return to_string(mask);
}

ToolRun get(const RouteLine& line, NetlinkClient& kernel) {
    std::optional<TableRoute> route;
    auto read = kernel.read(encode_look_up(line.route.destination),
                            [&](MessageBytes bytes) { route = decode_table_route(bytes); });
    if (!read) return {1, "", heading(line) + ": " + route_ending(read.error().error_number) + "\n"};
    if (!route) return {1, "", heading(line) + ": not in table\n"};
    std::vector<const char*> flags{"UP"};
    if (route->gateway) flags.push_back("GATEWAY");
    if (route->prefix_length == bits_of(line.family)) flags.push_back("HOST");
    if (route->kind == RouteKind::unreachable) flags.push_back("REJECT");
    if (route->kind == RouteKind::blackhole) flags.push_back("BLACKHOLE");
    flags.push_back("DONE");
    if (route->by_hand) flags.push_back("STATIC");
    bool is_default = route->prefix_length == 0;
    ToolRun run;
    run.out += "   route to: " + line.destination_text + "\n";
    run.out += "destination: " + (is_default ? "default" : to_string(route->destination)) + "\n";
    run.out += "       mask: " + (is_default ? "default" : mask_text(line.family, route->prefix_length)) + "\n";
    if (route->gateway) run.out += "    gateway: " + to_string(*route->gateway) + "\n";
    if (route->link) run.out += "  interface: " + name_of(*route->link) + "\n";
    if (route->source) run.out += "     source: " + to_string(*route->source) + "\n";
    run.out += fmt::format("      flags: <{}>\n", fmt::join(flags, ","));
    return run;
}

// All routes of the main table that lead over a gateway go.
ToolRun flush(const RouteLine& line, NetlinkClient& kernel) {
    std::vector<TableRoute> routes;
    auto read = kernel.read(encode_dump_all_routes(line.family), [&](MessageBytes bytes) {
        auto route = decode_table_route(bytes);
        if (route && route->gateway && route->in_main_table) routes.push_back(*route);
    });
    if (!read) return complaint("flush: " + route_ending(read.error().error_number));
    ToolRun run;
    for (TableRoute& route : routes) {
        std::string destination = route.prefix_length == 0 ? "default" : to_string(route.destination);
        route.mtu_bytes.reset();
        auto removed = kernel.change(encode_delete(route));
        if (!removed) {
            run.err += fmt::format("delete {}: gateway {}: {}\n", destination, to_string(*route.gateway),
                                   route_ending(removed.error().error_number));
            run.exit_code = 1;
        } else if (!line.quiet) {
            run.out += fmt::format("{:<20} {:<20} done\n", destination, to_string(*route.gateway));
        }
    }
    return run;
}

}  // namespace

ToolRun run_route(const std::vector<std::string>& words) {
    auto line = parse_route_line(words);
    if (!line) return line.error().text.empty() ? ToolRun{1, "", kUsage} : complaint(line.error().text);
    auto kernel = NetlinkClient::open();
    if (!kernel) return complaint(kernel.error().text);
    if (line->verb == RouteVerb::flush) return flush(*line, *kernel);
    ToolRun flushed;
    if (line->flush_first) flushed = flush(*line, *kernel);
    if (flushed.exit_code != 0) return flushed;
    ToolRun run;
    if (line->verb == RouteVerb::get) {
        run = get(*line, *kernel);
    } else {
        auto view = IpmpView::read();
        run = view ? alter(*std::move(line), *kernel, *view) : complaint(view.error().text);
    }
    run.out.insert(0, flushed.out);
    return run;
}

}  // namespace ipmp
