#include "model/places.hpp"

#include <iterator>
#include <type_traits>
#include <utility>

namespace ipmp {

namespace {

// Hands `visit` every index of `op`, the one that says where it is carried out first.
template <typename Op, typename Visit>
void visit_indices(Op& op, Visit visit) {
    std::visit(
        [&](auto& one) {
            using Kind = std::decay_t<decltype(one)>;
            if constexpr (requires { one.link; }) visit(one.link);
            if constexpr (requires { one.from; }) visit(one.from), visit(one.to);
            if constexpr (requires { one.route; }) visit(one.route.link);
            if constexpr (requires { one.entry; }) visit(one.entry.link), visit(one.to);
            if constexpr (std::is_same_v<Kind, AddAddress>) visit(one.lifetime_from);
        },
        op);
}

bool is_pair(const LinkState& upper, const LinkState& lower) {
    return upper.alias == kIpmpLinkAlias && lower.alias == kLowerLinkAlias && upper.index.place != lower.index.place &&
           upper.peer_elsewhere == lower.index.value && lower.peer_elsewhere == upper.index.value;
}

void join_pairs(std::map<InterfaceIndex, LinkState>& links) {
    for (auto& [index, upper] : links) {
        for (auto& [other, lower] : links) {
            if (!is_pair(upper, lower)) continue;
            upper.peer = other;
            lower.peer = index;
        }
    }
}

// What else an application has in its namespace is its own business.
void keep_ours(KernelState& view) {
    std::erase_if(view.links, [](const auto& entry) { return entry.second.alias != kIpmpLinkAlias; });
    auto is_foreign = [&](const auto& entry) { return !view.links.contains(entry.link); };
    std::erase_if(view.addresses, is_foreign);
    std::erase_if(view.routes, is_foreign);
    std::erase_if(view.target_routes, is_foreign);
    std::erase_if(view.neighbours, is_foreign);
    view.rules.clear();
}

}  // namespace

Place place_of(const KernelOp& op) {
    if (auto* open = std::get_if<OpenNamespace>(&op)) return open->place;
    if (auto* create = std::get_if<CreateIpmpLink>(&op)) return create->upper_place;
    if (auto* rule = std::get_if<AddRule>(&op)) return rule->rule.place;
    if (auto* rule = std::get_if<RemoveRule>(&op)) return rule->rule.place;
    Place place = Place::host;
    bool is_first = true;
    visit_indices(op, [&](const InterfaceIndex& index) {
        if (std::exchange(is_first, false)) place = index.place;
    });
    return place;
}

KernelOp seen_from_inside(KernelOp op) {
    visit_indices(op, [](InterfaceIndex& index) { index.place = Place::host; });
    return op;
}

void add_view(KernelState& whole, KernelState view, Place place) {
    if (is_application(place)) keep_ours(view);
    for (auto& [number, link] : view.links) {
        link.index.place = place;
        if (link.peer) link.peer.place = place;
        if (link.master) link.master.place = place;
        whole.links.emplace(link.index, std::move(link));
    }
    auto take_over = [](auto& all, auto& more) { std::move(more.begin(), more.end(), std::back_inserter(all)); };
    for (AddressState& address : view.addresses) address.link.place = place;
    for (RuleState& rule : view.rules) rule.place = place;
    for (RouteState& route : view.routes) route.link.place = place;
    for (TargetRoute& route : view.target_routes) route.link.place = place;
    for (NeighbourEntry& entry : view.neighbours) entry.link.place = place;
    take_over(whole.addresses, view.addresses);
    take_over(whole.rules, view.rules);
    take_over(whole.routes, view.routes);
    take_over(whole.target_routes, view.target_routes);
    take_over(whole.neighbours, view.neighbours);
    if (place != Place::host) join_pairs(whole.links);
}

}  // namespace ipmp
