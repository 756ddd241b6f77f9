#include "sim/fake_kernel.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ipmp::sim {

namespace {

Settings default_settings() {
    return {
        {"ipv4/conf/*/rp_filter", "1"},           {"ipv4/conf/*/arp_ignore", "0"},
        {"ipv4/conf/*/arp_announce", "0"},        {"ipv4/conf/*/promote_secondaries", "0"},
        {"ipv4/conf/*/arp_evict_nocarrier", "1"}, {"ipv6/conf/*/ndisc_evict_nocarrier", "1"},
        {"ipv6/conf/*/keep_addr_on_down", "0"},   {"ipv6/conf/*/accept_dad", "1"},
        {"ipv6/conf/*/accept_ra", "1"},           {"ipv6/conf/*/autoconf", "1"},
        {"ipv6/conf/*/use_oif_addrs_only", "0"},  {kAllMulticast, "0"},
        {"ipv4/conf/*/forwarding", "0"},          {"ipv6/conf/*/forwarding", "0"},
        {"ipv4/neigh/*/retrans_time_ms", "1000"}, {"ipv6/neigh/*/retrans_time_ms", "1000"},
        {"ipv6/conf/*/disable_ipv6", "0"},
    };
}

// The address IPv6 gives a link by itself.
AddressState own_link_local(const LinkState& link) {
    AddressState own{.link = link.index, .prefix_length = 64, .scope_link = true};
    own.address.family = Family::ipv6;
    own.address.bytes = {0xfe, 0x80};
    std::copy(link.mac.bytes.begin(), link.mac.bytes.end(), own.address.bytes.begin() + 10);
    return own;
}

bool same_subnet(const AddressState& a, const AddressState& b) {
    return a.link == b.link && a.prefix_length == b.prefix_length && a.address.family == b.address.family &&
           network_of(a.address, a.prefix_length) == network_of(b.address, b.prefix_length);
}

}  // namespace

LinkState* FakeKernel::link(InterfaceIndex index) {
    auto found = truth_.links.find(index);
    return found == truth_.links.end() ? nullptr : &found->second;
}

LinkState& FakeKernel::make_link(const std::string& name, const MacAddress& mac, Place place) {
    InterfaceIndex index{next_index_++, place};
    LinkState& made = truth_.links[index];
    made = {.index = index, .name = name, .mac = mac, .mtu_bytes = 1500, .ethernet = true, .multicast = true};
    made.settings = default_settings();
    cable_[index] = true;
    return made;
}

InterfaceIndex FakeKernel::add_nic(const std::string& name, const MacAddress& mac, std::uint32_t counted) {
    if (find(name)) return {};
    LinkState& nic = make_link(name, mac);
    nic.carrier_changes = counted;
    changed();
    return nic.index;
}

void FakeKernel::remove_link(InterfaceIndex index) {
    LinkState* gone = link(index);
    if (!gone) return;
    InterfaceIndex peer = gone->peer;
    truth_.links.erase(index);
    cable_.erase(index);
    filter_daemon_.erase(index);
    std::erase_if(truth_.addresses, [&](const AddressState& address) { return address.link == index; });
    std::erase_if(truth_.routes, [&](const RouteState& route) { return route.link == index; });
    std::erase_if(truth_.neighbours, [&](const NeighbourEntry& entry) { return entry.link == index; });
    changed();
    if (LinkState* other = link(peer); other && other->peer == index) remove_link(peer);
}

void FakeKernel::rename(InterfaceIndex index, const std::string& name) {
    LinkState* renamed = link(index);
    if (!renamed || find(name)) return;
    renamed->name = name;
    changed();
}

void FakeKernel::plug(InterfaceIndex index, bool cable) {
    LinkState* plugged = link(index);
    if (!plugged) return;
    cable_[index] = cable;
    update_carrier(*plugged);
}

// A veth has carrier while both ends are up, anything else while it is up with a cable in it.
void FakeKernel::update_carrier(LinkState& changing) {
    const LinkState* peer = link(changing.peer);
    bool carrier = changing.admin_up && (changing.peer ? peer && peer->admin_up : cable_[changing.index]);
    if (carrier == (changing.carrier || changing.starting)) return;
    changing.starting = carrier && slow_ && !changing.peer;
    changing.carrier = carrier && !changing.starting;
    ++changing.carrier_changes;
    carrier_changes_.push_back({changing.index, carrier, changing.carrier_changes});
    changed();
}

void FakeKernel::lose_addresses_of_down_link(const LinkState& down) {
    bool keeps = down.settings.at("ipv6/conf/*/keep_addr_on_down") == "1";
    std::erase_if(truth_.addresses, [&](const AddressState& address) {
        return address.link == down.index && address.address.family == Family::ipv6 &&
               (!keeps || address.address.is_link_local());
    });
    std::erase_if(truth_.routes, [&](const RouteState& route) { return route.link == down.index; });
}

void FakeKernel::set_admin_up(InterfaceIndex index, bool up) {
    LinkState* changing = link(index);
    if (!changing || changing->admin_up == up) return;
    changing->admin_up = up;
    if (!up) lose_addresses_of_down_link(*changing);
    if (up && changing->alias != kLowerLinkAlias) add_address(own_link_local(*changing));
    update_carrier(*changing);
    if (LinkState* peer = link(changing->peer)) update_carrier(*peer);
    changed();
}

void FakeKernel::set_mtu(InterfaceIndex index, std::uint32_t mtu_bytes) {
    LinkState* changing = link(index);
    if (!changing || changing->mtu_bytes == mtu_bytes) return;
    changing->mtu_bytes = mtu_bytes;
    changed();
}

void FakeKernel::set_mac(InterfaceIndex index, const MacAddress& mac) {
    LinkState* changing = link(index);
    if (!changing || changing->mac == mac) return;
    changing->mac = mac;
    changed();
}

void FakeKernel::write_setting(InterfaceIndex index, const std::string& name, const std::string& value) {
    LinkState* changing = link(index);
    if (!changing || changing->settings[name] == value) return;
    changing->settings[name] = value;
    changed();
}

void FakeKernel::detach_filter(InterfaceIndex index) {
    LinkState* changing = link(index);
    if (!changing || changing->filter == Filter::none) return;
    changing->filter = Filter::none;
    changing->filter_group.clear();
    changing->filter_place = {};
    changed();
}

void FakeKernel::add_address(const AddressState& address) {
    if (!link(address.link)) return;
    for (AddressState& present : truth_.addresses) {
        if (present.key() != address.key()) continue;
        bool was_deprecated = std::exchange(present.deprecated, address.deprecated);
        bool was_finite = std::exchange(present.finite_lifetime, address.finite_lifetime);
        if (was_deprecated != address.deprecated || was_finite != address.finite_lifetime) changed();
        return;
    }
    truth_.addresses.push_back(address);
    changed();
}

// Without promotion the secondaries of a subnet go with its primary, as the kernel has it by default.
void FakeKernel::remove_address(InterfaceIndex index, const IpAddress& address, std::uint8_t prefix_length) {
    AddressState wanted{.link = index, .address = address, .prefix_length = prefix_length};
    auto& all = truth_.addresses;
    auto found = std::find_if(all.begin(), all.end(), [&](const auto& seen) { return seen.key() == wanted.key(); });
    if (found == all.end()) return;
    AddressState removed = *found;
    auto first = std::find_if(all.begin(), all.end(), [&](const auto& seen) { return same_subnet(seen, removed); });
    bool is_primary = first == found && address.family == Family::ipv4;
    all.erase(found);
    const LinkState* owner = link(index);
    if (is_primary && owner && owner->settings.at("ipv4/conf/*/promote_secondaries") != "1") {
        std::erase_if(all, [&](const AddressState& other) { return same_subnet(other, removed); });
    }
    changed();
}

void FakeKernel::flush_rules() {
    truth_.rules.clear();
    changed();
}

void FakeKernel::flush_routes() {
    truth_.routes.clear();
    changed();
}

int FakeKernel::create_ipmp(const CreateIpmpLink& op) {
    if (find(op.name) || find(op.lower_name)) {
        const LinkState* upper = link(find(op.name));
        const LinkState* lower = link(find(op.lower_name));
        return upper && lower && upper->peer == lower->index && lower->index.place == op.lower_place &&
                       upper->index.place == op.upper_place ? 0 : EEXIST;
    }
    if (!is_there(op.upper_place)) return ENOENT;
    InterfaceIndex upper = make_link(op.name, op.mac, op.upper_place).index;
    InterfaceIndex lower = make_link(op.lower_name, op.lower_mac, op.lower_place).index;
    truth_.links[upper].alias = kIpmpLinkAlias;
    truth_.links[lower].alias = kLowerLinkAlias;
    truth_.links[upper].peer = lower;
    truth_.links[lower].peer = upper;
    truth_.links[upper].kind = truth_.links[lower].kind = "veth";
    truth_.links[lower].no_arp = true;
    changed();
    return 0;
}

// The number stays if it is free there, so that numbers alone tell nobody which link is meant.
void FakeKernel::move(const MoveLink& op) {
    LinkState* moving = link(op.link);
    if (!moving || op.link.place == op.to) return;
    set_admin_up(op.link, false);
    InterfaceIndex moved{op.link.value, op.to};
    if (link(moved)) moved.value = next_index_++;
    std::erase_if(truth_.addresses, [&](const AddressState& address) { return address.link == op.link; });
    std::erase_if(truth_.routes, [&](const RouteState& route) { return route.link == op.link; });
    std::erase_if(truth_.neighbours, [&](const NeighbourEntry& entry) { return entry.link == op.link; });
    detach_filter(op.link);
    moving->settings = default_settings();
    relocate(op.link, moved);
}

void FakeKernel::relocate(InterfaceIndex from, InterfaceIndex to) {
    auto node = truth_.links.extract(from);
    node.key() = node.mapped().index = to;
    if (LinkState* peer = link(node.mapped().peer)) peer->peer = to;
    truth_.links.insert(std::move(node));
    for (AddressState& address : truth_.addresses) {
        if (address.link == from) address.link = to;
    }
    std::erase_if(truth_.routes, [&](const RouteState& route) { return route.link == from; });
    cable_[to] = cable_[from];
    cable_.erase(from);
    changed();
}

// ---- Namespaces of applications ----------------------------------------------------------------------------------

constexpr Place kNowhere{kMostPlaces};  // those without a name

void FakeKernel::add_namespace(const std::string& name) {
    if (namespaces_.insert(name).second) changed();
}

void FakeKernel::remove_namespace(const std::string& name, bool in_use) {
    if (namespaces_.erase(name) == 0) return;
    changed();
    std::vector<InterfaceIndex> inside;
    for (const auto& [index, link] : truth_.links) {
        if (numbers_.contains(name) && index.place == numbers_.at(name)) inside.push_back(index);
    }
    for (InterfaceIndex index : inside) {
        if (in_use) relocate(index, {next_index_++, kNowhere});
        else remove_link(index);
    }
}

bool FakeKernel::is_there(Place place) const {
    if (!is_application(place)) return true;
    return std::any_of(looked_into_.begin(), looked_into_.end(), [&](const auto& entry) {
        return entry.second == place && namespaces_.contains(entry.first);
    });
}

bool FakeKernel::is_seen(Place place) const { return place != kNowhere && is_there(place); }

NamedPlaces FakeKernel::dump_named_places() const {
    NamedPlaces seen;
    for (const auto& [name, place] : looked_into_) {
        if (namespaces_.contains(name)) seen[name] = place;
    }
    return seen;
}

int FakeKernel::apply(const KernelOp& op) {
    if (auto* open = std::get_if<OpenNamespace>(&op)) {
        if (!namespaces_.contains(open->name)) return ENOENT;
        looked_into_[open->name] = numbers_[open->name] = open->place;
        return changed(), 0;
    }
    if (auto* to_move = std::get_if<MoveLink>(&op)) {
        if (const LinkState* moving = link(to_move->link); moving && moving->immovable) return EINVAL;
        return is_there(to_move->to) ? (move(*to_move), 0) : ENOENT;
    }
    if (auto result = apply_rarity(op)) return *result;
    if (auto* renamed = std::get_if<RenameLink>(&op)) return rename(renamed->link, renamed->name), 0;
    if (auto* create = std::get_if<CreateIpmpLink>(&op)) return create_ipmp(*create);
    if (auto* remove = std::get_if<DeleteLink>(&op)) return remove_link(remove->link), 0;
    if (auto* rule = std::get_if<AddRule>(&op)) {
        auto& rules = truth_.rules;
        if (std::find(rules.begin(), rules.end(), rule->rule) == rules.end()) rules.push_back(rule->rule);
        return changed(), 0;
    }
    if (auto* rule = std::get_if<RemoveRule>(&op)) return std::erase(truth_.rules, rule->rule), changed(), 0;
    if (auto* route = std::get_if<RemoveRoute>(&op)) return std::erase(truth_.routes, route->route), changed(), 0;
    if (auto* route = std::get_if<AddRoute>(&op)) {
        const LinkState* out = link(route->route.link);
        if (!out) return ENODEV;
        if (!out->admin_up) return ENETDOWN;
        auto& routes = truth_.routes;
        if (std::find(routes.begin(), routes.end(), route->route) == routes.end()) routes.push_back(route->route);
        return changed(), 0;
    }
    return std::visit(
        [&](const auto& on_link) -> int {
            using Op = std::decay_t<decltype(on_link)>;
            if constexpr (requires { on_link.link; }) {
                if (!link(on_link.link)) return ENODEV;
            }
            if constexpr (std::is_same_v<Op, SetLinkUp>) set_admin_up(on_link.link, on_link.up);
            if constexpr (std::is_same_v<Op, SetLinkMtu>) set_mtu(on_link.link, on_link.mtu_bytes);
            if constexpr (std::is_same_v<Op, SetLinkMac>) link(on_link.link)->mac = on_link.mac, changed();
            if constexpr (std::is_same_v<Op, SetLinkArp>) link(on_link.link)->no_arp = !on_link.arp, changed();
            if constexpr (std::is_same_v<Op, AddAddress>) {
                add_address({.link = on_link.link,
                             .address = on_link.address,
                             .prefix_length = on_link.prefix_length,
                             .broadcast = on_link.broadcast,
                             .scope_link = on_link.scope_link || on_link.address.is_link_local(),
                             .finite_lifetime = on_link.valid_until.has_value(),
                             .deprecated = on_link.deprecated});
                ends_.erase({on_link.link, on_link.address});
                if (on_link.valid_until) ends_[{on_link.link, on_link.address}] = *on_link.valid_until;
            }
            if constexpr (std::is_same_v<Op, RemoveAddress>) {
                remove_address(on_link.link, on_link.address, on_link.prefix_length);
            }
            if constexpr (std::is_same_v<Op, WriteSetting>) write_setting(on_link.link, on_link.name, on_link.value);
            if constexpr (std::is_same_v<Op, AttachFilter>) {
                LinkState& target = *link(on_link.link);
                target.filter = on_link.filter;
                target.filter_group = on_link.ipmp_interface;
                target.filter_place = on_link.place;
                target.filter_surplus = false;
                filter_daemon_[on_link.link] = daemon_;
                changed();
            }
            if constexpr (std::is_same_v<Op, DetachFilter>) detach_filter(on_link.link);
            return 0;
        },
        op);
}

void FakeKernel::new_daemon() { ++daemon_; }

std::map<InterfaceIndex, LinkState> FakeKernel::dump_links(const std::vector<ManagedLink>& managed) const {
    std::map<InterfaceIndex, LinkState> seen = truth_.links;
    std::erase_if(seen, [&](const auto& entry) { return !is_seen(entry.first.place); });
    for (auto& [index, shown] : seen) {
        bool is_hidden = shown.peer && truth_.links.contains(shown.peer) && !seen.contains(shown.peer);
        if (is_hidden) shown.peer_elsewhere = std::exchange(shown.peer, {}).value;
    }
    for (auto& [index, shown] : seen) {
        Settings all = std::exchange(shown.settings, {});
        for (const ManagedLink& wanted : managed) {
            if (wanted.link != index) continue;
            for (const std::string& name : wanted.settings) shown.settings[name] = all[name];
        }
        auto daemon = filter_daemon_.find(index);
        if (shown.filter != Filter::none && daemon->second != daemon_) {
            shown.filter = Filter::outdated;
            shown.filter_group.clear();
        }
    }
    return seen;
}

InterfaceIndex FakeKernel::find(const std::string& name) const {
    for (const auto& [index, candidate] : truth_.links) {
        if (candidate.name == name) return index;
    }
    return {};
}

bool FakeKernel::has_cable(InterfaceIndex index) const {
    auto found = cable_.find(index);
    return found != cable_.end() && found->second;
}

std::vector<CarrierChange> FakeKernel::take_carrier_changes() { return std::exchange(carrier_changes_, {}); }

}  // namespace ipmp::sim
