#include "shell/netlink_routes.hpp"

#include <linux/ipv6_route.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "shell/log.hpp"
#include "wire/rtnetlink_routes.hpp"

namespace ipmp {

namespace {

// A route may be reachable only through another one that has to move first: so many may be in line.
constexpr int kMaxPasses = 8;

struct Moves {
    std::vector<NexthopMove> nexthops;
    std::vector<RouteMove> routes;
    std::size_t count() const { return nexthops.size() + routes.size(); }
};

Result<Moves> read_moves(NetlinkSocket& socket, InterfaceIndex from, InterfaceIndex to, const RefusedRoutes& refused,
                         const NetlinkSocket::Visit& each_route = [](MessageBytes) {}) {
    Moves moves;
    auto nexthops = socket.read(encode_dump_nexthops(from), [&](MessageBytes message) {
        auto move = decode_nexthop_move(message, from, to);
        if (move && !refused.contains({from, move->text})) moves.nexthops.push_back(*std::move(move));
    });
    if (!nexthops) return nexthops.error().within("reading nexthop objects");
    for (Family family : kFamilies) {
        auto routes = socket.read(encode_dump_routes(family, from), [&](MessageBytes message) {
            each_route(message);
            auto move = decode_route_move(message, from, to);
            if (move && !refused.contains({from, move->text})) moves.routes.push_back(*std::move(move));
        });
        // ENODEV: the link is gone, and with it every route that named it.
        if (!routes && routes.error().error_number != ENODEV) return routes.error().within("reading routes");
    }
    return moves;
}

// How many routes of the whole host share the key of each route to be moved.
Result<std::map<std::string, int>> count_competitors(NetlinkSocket& socket, const std::vector<RouteMove>& moves) {
    std::map<std::string, int> counts;
    for (const RouteMove& move : moves) counts.emplace(move.key, 0);
    for (Family family : kFamilies) {
        auto result = socket.read(encode_dump_all_routes(family), [&](MessageBytes message) {
            auto key = route_key(message);
            auto found = key ? counts.find(*key) : counts.end();
            if (found != counts.end()) ++found->second;
        });
        if (!result) return result.error().within("reading all routes");
    }
    return counts;
}

Result<void> unless(Result<void> result, int harmless_error) {
    if (!result && result.error().error_number == harmless_error) return {};
    return result;
}

// rtnetlink cannot set the flags by which the kernel knows its own routes again; this can.
Result<void> add_advertised(int ipv6, const AdvertisedRoute& route, InterfaceIndex to) {
    in6_rtmsg request{};
    std::memcpy(&request.rtmsg_dst, route.network.bytes.data(), sizeof request.rtmsg_dst);
    std::memcpy(&request.rtmsg_gateway, route.gateway.bytes.data(), sizeof request.rtmsg_gateway);
    request.rtmsg_dst_len = route.prefix_length;
    request.rtmsg_metric = route.metric;
    request.rtmsg_flags = route.flags;
    request.rtmsg_info = route.expires_ticks;
    request.rtmsg_ifindex = static_cast<int>(to.value);
    if (::ioctl(ipv6, SIOCADDRT, &request) < 0 && errno != EEXIST) return system_error("kernel");
    return {};
}

Result<void> move_one(NetlinkSocket& socket, int ipv6, const RouteMove& move, InterfaceIndex to, int competitors) {
    if (move.advertised || competitors > 1) {
        auto added = move.advertised ? add_advertised(ipv6, *move.advertised, to)
                                     : unless(socket.change(move.append), EEXIST);  // its twin is there already
        if (!added) return added;
        return unless(socket.change(move.remove), ESRCH);
    }
    // ENOENT, from IPv6 or IPv4: somebody was quicker and took the route away.
    return unless(socket.change(move.replace), ENOENT);
}

struct Pass {
    int moved = 0;
    std::vector<std::pair<std::string, std::string>> failures;  // route, reason

    void note(const std::string& text, const Result<void>& result, const std::string& from, const std::string& to) {
        if (result) {
            ++moved;
            log_info(text + " of " + from + " now goes by " + to);
        } else {
            failures.emplace_back(text, result.error().text);
        }
    }
};

}  // namespace

Result<std::uint32_t> count_foreign_routes(NetlinkSocket& socket, InterfaceIndex link, const RefusedRoutes& refused,
                                           const NetlinkSocket::Visit& each_route) {
    auto moves = read_moves(socket, link, link, refused, each_route);
    if (!moves) return moves.error();
    return static_cast<std::uint32_t>(moves->count());
}

Result<void> move_routes(NetlinkSocket& socket, int ipv6, const MoveRoutes& op, RefusedRoutes& refused) {
    auto name = [&](InterfaceIndex link) {
        auto known = read_link(socket, link);
        return known ? known->name : "a vanished link";
    };
    std::string from = name(op.from), to = name(op.to);
    Pass pass;
    for (int number = 0; number < kMaxPasses; ++number) {
        auto moves = read_moves(socket, op.from, op.to, refused);
        if (!moves && moves.error().error_number == EINTR) continue;
        if (!moves) return moves.error();
        if (moves->count() == 0) return {};
        auto competitors = count_competitors(socket, moves->routes);
        if (!competitors && competitors.error().error_number == EINTR) continue;
        if (!competitors) return competitors.error();
        pass = {};
        for (const NexthopMove& move : moves->nexthops) pass.note(move.text, socket.change(move.replace), from, to);
        for (const RouteMove& move : moves->routes) {
            pass.note(move.text, move_one(socket, ipv6, move, op.to, competitors->at(move.key)), from, to);
        }
        if (pass.moved == 0) break;
    }
    for (const auto& [text, reason] : pass.failures) {
        log_error("ignoring " + text + " of " + from + ", which cannot go by " + to + ": " + reason);
        refused.insert({op.from, text});
    }
    return {};
}

}  // namespace ipmp
