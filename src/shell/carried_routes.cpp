#include "shell/carried_routes.hpp"

#include <algorithm>
#include <utility>

#include "shell/log.hpp"
#include "wire/rtnetlink_encode.hpp"
#include "wire/rtnetlink_routes.hpp"

namespace ipmp {

namespace {

constexpr std::size_t kMostRoutes = 4096;  // who has more has a routing program, which learns of the move itself
constexpr int kMostPasses = 8;             // a route may be reachable only through one that comes later

}  // namespace

Result<CarriedRoutes::Messages> CarriedRoutes::read(NetlinkSocket& socket, const LinkState& link) {
    Messages messages;
    bool all = true;
    for (Family family : kFamilies) {
        auto result = socket.read(encode_dump_routes(family, link.index), [&](MessageBytes message) {
            auto move = decode_route_move(message, link.index, link.index);
            if (!move || move->advertised) return;
            all = all && messages.size() < kMostRoutes;
            if (all) messages.emplace_back(message.begin(), message.end());
        });
        // ENODEV: the link is gone, and with it every route that named it.
        if (!result && result.error().error_number != ENODEV) return result.error().within("reading routes");
    }
    if (!all) log_error("more routes of " + link.name + " than can move with it, ignoring the rest");
    return messages;
}

void CarriedRoutes::keep(const LinkState& link, Messages messages) {
    for (auto& message : messages) waiting_[link.name].push_back({link.index, std::move(message)});
}

std::uint32_t CarriedRoutes::count(const std::string& link_name) const {
    auto found = waiting_.find(link_name);
    return found == waiting_.end() ? 0 : static_cast<std::uint32_t>(found->second.size());
}

void CarriedRoutes::restore(NetlinkSocket& socket, const LinkState& link) {
    std::vector<Route> left = std::exchange(waiting_[link.name], {});
    waiting_.erase(link.name);
    for (int pass = 0; pass < kMostPasses && !left.empty(); ++pass) {
        bool is_last = pass + 1 == kMostPasses;
        std::vector<Route> refused;
        for (Route& route : left) {
            auto move = decode_route_move(route.message, route.former, link.index);
            if (!move) continue;
            auto added = socket.change(move->append);
            if (added || added.error().error_number == EEXIST) continue;
            if (is_last) log_error("ignoring " + move->text + " of " + link.name + " in its new network namespace: " +
                                   added.error().text);
            refused.push_back(std::move(route));
        }
        if (refused.size() == left.size()) pass = std::max(pass, kMostPasses - 2);  // nothing helps: say so, and end
        left = std::move(refused);
    }
}

}  // namespace ipmp
