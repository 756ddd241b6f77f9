#include "shell/netlink_views.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "shell/log.hpp"
#include "wire/rtnetlink_encode.hpp"

namespace ipmp {

Result<void> NetlinkViews::open() {
    if (auto added = add(Place::host); !added) return added;
    if (!places_.has(Place::members)) return {};
    return add(Place::members);
}

Result<void> NetlinkViews::add(Place place) {
    if (views_.contains(place)) return {};
    auto view = NetlinkView::open(places_, place, receive_buffer_bytes_);
    if (!view) return view.error();
    views_.emplace(place, *std::move(view));
    return {};
}

Result<void> NetlinkViews::ensure_members() {
    if (auto made = places_.ensure_members(); !made) return made;
    return add(Place::members);
}

void NetlinkViews::drop_members_if_empty() {
    auto members = views_.find(Place::members);
    if (members == views_.end() || members->second.has_links()) return;
    views_.erase(members);
    places_.drop_members();
}

Result<void> NetlinkViews::open_application(const std::string& name, Place place) {
    if (auto opened = places_.open_application(name, place); !opened) return opened;
    if (auto added = add(place); !added) {
        places_.drop_application(place);
        return added;
    }
    applications_[name] = place;
    refused_.erase(name);
    return {};
}

bool NetlinkViews::follow(const NamedPlaces& wanted) {
    NamedPlaces former = applications_;
    std::erase_if(applications_, [&](const auto& entry) {
        const auto& [name, place] = entry;
        auto found = wanted.find(name);
        if (found != wanted.end() && found->second == place && places_.is_current(name, place)) return false;
        views_.erase(place);
        places_.drop_application(place);
        return true;
    });
    bool changed = former != applications_;
    for (const auto& [name, place] : wanted) {
        if (applications_.contains(name)) continue;
        auto opened = open_application(name, place);
        changed |= static_cast<bool>(opened);
        bool is_news = !opened && opened.error().error_number != ENOENT && refused_.insert(name).second;
        if (is_news) log_error("cannot look into network namespace " + name + ": " + opened.error().text);
    }
    return changed;
}

bool NetlinkViews::manages_any() const {
    return std::ranges::any_of(views_, [](const auto& entry) { return entry.second.manages_any(); });
}

const LinkState* NetlinkViews::find(InterfaceIndex link) const {
    auto view = views_.find(link.place);
    if (view == views_.end()) return nullptr;
    auto found = view->second.known().links.find({link.value});
    return found == view->second.known().links.end() ? nullptr : &found->second;
}

Result<void> NetlinkViews::apply(const KernelOp& op) {
    if (auto* to_open = std::get_if<OpenNamespace>(&op)) return open_application(to_open->name, to_open->place);
    if (auto* to_move = std::get_if<MoveLink>(&op)) return move(*to_move);
    if (auto* to_restore = std::get_if<RestoreRoutes>(&op)) return restore_routes(*to_restore);
    auto* create = std::get_if<CreateIpmpLink>(&op);
    return apply_across(op, place_of(op), create ? create->lower_place : place_of(op));
}

Result<void> NetlinkViews::apply_across(const KernelOp& op, Place place, Place other_place) {
    auto view = views_.find(place), other = views_.find(other_place);
    if (view == views_.end() || other == views_.end()) return Error{"that network namespace is not there", ENOENT};
    if (place == other_place) return view->second.apply(programs_, op, {});
    UniqueFd fd = places_.descriptor(other_place);
    return view->second.apply(programs_, op, {fd.get(), &other->second.socket(), &other->second.files()});
}

// The last picture may be old; what it does not show is no IPMP interface that was to be moved.
Result<void> NetlinkViews::move(const MoveLink& op) {
    const LinkState* known = find(op.link);
    if (!known || known->alias != kIpmpLinkAlias) return apply_across(op, op.link.place, op.to);
    LinkState link = *known;
    auto routes = CarriedRoutes::read(views_.at(op.link.place).socket(), link);
    if (!routes) return routes.error();
    auto moved = apply_across(op, op.link.place, op.to);
    if (!moved && moved.error().error_number == EEXIST)
        return Error{"there is another interface " + link.name, EEXIST};
    if (moved) carried_.keep(link, *std::move(routes));
    return moved;
}

Result<void> NetlinkViews::restore_routes(const RestoreRoutes& op) {
    const LinkState* link = find(op.link);
    if (link) carried_.restore(views_.at(op.link.place).socket(), *link);
    return {};
}

// The kernel numbers a namespace in another one when it first shows a link that leads there: after the links are read.
Result<NamespaceNumbers> NetlinkViews::read_numbers() {
    NamespaceNumbers numbers;
    for (auto& [from, view] : views_) {
        for (const auto& [to, other] : views_) {
            if (from == to) continue;
            UniqueFd fd = places_.descriptor(to);
            auto note = [&numbers, at = from, place = to](MessageBytes message) {
                if (auto number = decode_namespace_id(message)) numbers[{at, *number}] = place;
            };
            auto result = view.socket().read(encode_get_namespace_id(fd.get()), note);
            if (!result) return result.error().within("reading the number of a network namespace");
        }
    }
    return numbers;
}

Result<KernelState> NetlinkViews::read() {
    KernelState whole;
    for (auto& [place, view] : views_) {
        auto part = view.read(programs_);
        if (!part) return part.error();
        add_view(whole, *std::move(part), place);
    }
    auto numbers = read_numbers();
    if (!numbers) return numbers.error();
    join_views(whole, *numbers);
    for (auto& [index, link] : whole.links) {
        if (link.alias == kIpmpLinkAlias) link.waiting_routes = carried_.count(link.name);
    }
    whole.named_places = applications_;
    return whole;
}

}  // namespace ipmp
