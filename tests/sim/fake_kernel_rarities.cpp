// The kernel's rarer states and changes: leases that end, entries and routes of other programs, what drivers do.
#include <algorithm>
#include <cerrno>

#include "sim/fake_kernel.hpp"

namespace ipmp::sim {

bool FakeKernel::expire(Instant now) {
    std::uint64_t before = version_;
    for (auto end = ends_.begin(); end != ends_.end();) {
        if (end->second > now) {
            ++end;
            continue;
        }
        auto [index, address] = end->first;
        end = ends_.erase(end);
        for (int length = bits_of(address.family); length >= 0; --length) {
            remove_address(index, address, static_cast<std::uint8_t>(length));
        }
    }
    return version_ != before;
}

void FakeKernel::add_proxy(const std::string& link, const IpAddress& address) {
    add_neighbour({find(link), address, {}});
}

void FakeKernel::add_neighbour(const NeighbourEntry& entry) {
    auto& all = truth_.neighbours;
    if (!link(entry.link) || std::find(all.begin(), all.end(), entry) != all.end()) return;
    all.push_back(entry);
    changed();
}

void FakeKernel::remove_proxies() {
    truth_.neighbours.clear();
    changed();
}

void FakeKernel::add_foreign_routes(InterfaceIndex index, std::uint32_t count) {
    LinkState* named = link(index);
    if (!named || named->foreign_routes == count) return;
    named->foreign_routes = count;
    changed();
}

void FakeKernel::set_other_sources(InterfaceIndex index, std::uint32_t count) {
    LinkState* named = link(index);
    if (!named) return;
    named->other_sources = {count, count};
    changed();
}

void FakeKernel::nail_down(InterfaceIndex index, bool immovable) {
    LinkState* nailed = link(index);
    if (!nailed || index.place != Place::host) return;  // what has moved once can be moved again
    nailed->immovable = immovable;
    changed();
}

void FakeKernel::double_filter(InterfaceIndex index, std::uint16_t in_front) {
    LinkState* filtered = link(index);
    if (!filtered || filtered->filter == Filter::none) return;
    if (in_front == 0) filtered->filter_surplus = true;
    else filtered->filter_in_front = in_front;
    changed();
}

void FakeKernel::set_gso(InterfaceIndex index, std::uint32_t bytes, std::uint32_t segments) {
    LinkState* limited = link(index);
    if (!limited) return;
    limited->gso_bytes = bytes;
    limited->gso_segments = segments;
    changed();
}

std::optional<int> FakeKernel::apply_rarity(const KernelOp& op) {
    if (auto* moved = std::get_if<MoveRoutes>(&op)) return add_foreign_routes(moved->from, 0), 0;
    if (auto* sources = std::get_if<SetRouteSources>(&op)) return set_other_sources(sources->link, 0), 0;
    if (auto* gso = std::get_if<SetLinkGso>(&op)) return set_gso(gso->link, gso->gso_bytes, gso->gso_segments), 0;
    if (auto* entry = std::get_if<MoveNeighbour>(&op)) {
        if (std::erase(truth_.neighbours, entry->entry) == 0) return ENOENT;
        return add_neighbour({entry->to, entry->entry.address, entry->entry.mac}), 0;
    }
    return {};
}

void FakeKernel::let_start() {
    for (auto& [index, starting] : truth_.links) {
        if (!starting.starting) continue;
        starting.starting = false;
        starting.carrier = true;
        changed();
    }
}

void FakeKernel::set_routers(const std::vector<IpAddress>& routers) {
    routers_ = routers;
    changed();
}

std::vector<TargetRoute> FakeKernel::dump_target_routes() const {
    std::vector<TargetRoute> routes;
    for (const auto& [index, link] : truth_.links) {
        if (link.alias != kIpmpLinkAlias || !link.admin_up) continue;
        for (const IpAddress& router : routers_) routes.push_back({index, router});
    }
    return routes;
}

}  // namespace ipmp::sim
