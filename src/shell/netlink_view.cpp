#include "shell/netlink_view.hpp"

#include "model/places.hpp"
#include "shell/log.hpp"
#include "wire/rtnetlink_encode.hpp"

namespace ipmp {

Result<NetlinkView> NetlinkView::open(const NetworkPlaces& places, Place place, int receive_buffer_bytes) {
    // Subscribe first: what changes during the first read is then seen as a hint.
    auto hints = places.open_in(place, Opening::rtnetlink);
    if (!hints) return hints.error();
    auto monitor = NetlinkMonitor::open(*std::move(hints), receive_buffer_bytes);
    if (!monitor) return monitor.error();
    auto requests = places.open_in(place, Opening::rtnetlink);
    if (!requests) return requests.error();
    auto socket = NetlinkSocket::open(*std::move(requests));
    if (!socket) return socket.error();
    auto files = NamespaceFiles::open(places, place);
    if (!files) return files.error();
    return NetlinkView(place, *std::move(monitor), *std::move(socket), *std::move(files));
}

NetlinkMonitor::Hints NetlinkView::take_hints() {
    auto hints = monitor_.drain(managed_, scope());
    if (hints.overrun) {
        every_link_ = true;
        hints.links.clear();
        for (const auto& [index, link] : known_.links) hints.links.push_back(index);
    }
    for (InterfaceIndex& link : hints.links) link.place = place_;
    return hints;
}

void NetlinkView::manage(const std::vector<ManagedLink>& links) {
    managed_.clear();
    route_sources_.clear();
    for (const ManagedLink& link : links) {
        if (link.link.place != place_) continue;
        InterfaceIndex here{link.link.value};
        managed_[here] = link;
        if (link.route_sources) route_sources_[here] = *link.route_sources;
    }
    watch_routes();
}

// From now on also other people's routes on members and IPMP interfaces are of interest.
void NetlinkView::watch_routes() {
    RouteLinks links;
    for (const auto& [index, link] : known_.links) {
        if (is_member_link(link, managed_)) links.members.push_back(index);
        else if (can_have_targets(link, managed_)) links.uppers.push_back(index);
    }
    auto result = monitor_.watch_routes_of(links);
    if (!result) log_error(result.error().text);
}

Result<KernelState> NetlinkView::read(const FilterPrograms& programs) {
    auto state = read_kernel_state(socket_, files_, programs, managed_, scope(), refused_);
    if (!state) return state;
    auto counted = count_other_sources(socket_, route_sources_, *state);
    if (!counted) return counted.error();
    every_link_ = false;
    read_again_ = state->addresses != known_.addresses && !refused_.empty();  // a gateway may be within reach now
    if (read_again_) refused_.clear();
    known_ = *state;
    return state;
}

bool NetlinkView::has_silent_change() {
    if (managed_.empty()) return false;
    if (!route_sources_.empty()) return true;  // changes of routes are told of members' only
    auto neighbours = read_neighbour_entries(socket_, known_.links, managed_);
    if (neighbours && *neighbours != known_.neighbours) return true;
    for (const auto& [index, managed] : managed_) {
        if (managed.tracked_only) continue;
        auto link = known_.links.find(index);
        if (link == known_.links.end()) continue;
        if (read_settings(files_, managed.settings, link->second.name) != link->second.settings) return true;
        auto fresh = read_link(socket_, link->second.name);  // GSO limits are changed without a notification, too
        if (fresh && link_differs(*fresh, known_)) return true;
    }
    return false;
}

Result<void> NetlinkView::apply(const FilterPrograms& programs, const KernelOp& op, const OtherNamespace& other) {
    return apply_kernel_op(socket_, files_, programs, refused_, seen_from_inside(op), other);
}

bool NetlinkView::has_links() {
    bool found = false;
    auto read = socket_.read(encode_dump_links(), [&](MessageBytes message) {
        auto link = decode_link(message);
        found |= link && link->ethernet && !link->immovable;
    });
    return found || !read;
}

}  // namespace ipmp
