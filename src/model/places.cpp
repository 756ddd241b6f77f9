#include "model/places.hpp"

#include <iterator>
#include <set>
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

// Removes links, and what belongs to them.
template <typename Condition>
void remove_links(KernelState& state, Condition condition) {
    std::set<InterfaceIndex> removed;
    for (const auto& [index, link] : state.links) {
        if (condition(link)) removed.insert(index);
    }
    if (removed.empty()) return;
    std::erase_if(state.links, [&](const auto& entry) { return removed.contains(entry.first); });
    auto is_removed = [&](const auto& entry) { return removed.contains(entry.link); };
    std::erase_if(state.addresses, is_removed);
    std::erase_if(state.routes, is_removed);
    std::erase_if(state.target_routes, is_removed);
    std::erase_if(state.neighbours, is_removed);
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
    if (is_application(place)) {  // what else is there is its own business
        remove_links(view, [](const LinkState& link) { return link.alias != kIpmpLinkAlias; });
        view.rules.clear();
    }
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
}

void join_views(KernelState& whole, const NamespaceNumbers& numbers) {
    for (auto& [index, link] : whole.links) {
        bool is_ours = link.alias == kIpmpLinkAlias || link.alias == kLowerLinkAlias;
        auto place = numbers.find({index.place, link.peer_namespace});
        if (!is_ours || link.peer_elsewhere == 0 || place == numbers.end()) continue;
        InterfaceIndex peer{link.peer_elsewhere, place->second};
        if (whole.links.contains(peer)) link.peer = peer;
    }
    remove_links(whole, [](const LinkState& link) { return is_application(link.index.place) && !link.peer; });
}

}  // namespace ipmp
