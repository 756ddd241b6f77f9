#include "shell/netlink_sources.hpp"

#include <algorithm>
#include <vector>

#include "wire/rtnetlink_routes.hpp"

namespace ipmp {

namespace {

Result<std::vector<SourceChange>> read_changes(NetlinkSocket& socket, const SetRouteSources& wanted) {
    std::vector<SourceChange> changes;
    auto result = socket.read(encode_dump_routes(wanted.family, wanted.link), [&](MessageBytes message) {
        if (auto change = decode_source_change(message, wanted)) changes.push_back(*std::move(change));
    });
    if (!result && result.error().error_number != ENODEV) return result.error().within("reading routes");
    return changes;
}

Result<std::vector<IpAddress>> read_own_addresses(NetlinkSocket& socket, const SetRouteSources& wanted) {
    std::vector<IpAddress> own;
    auto result = socket.read(encode_dump_addresses(wanted.family), [&](MessageBytes message) {
        auto address = decode_address(message);
        if (address && address->link == wanted.link) own.push_back(address->address);
    });
    if (!result) return result.error().within("reading addresses");
    return own;
}

}  // namespace

Result<void> count_other_sources(NetlinkSocket& socket, const RouteSources& sources, KernelState& state) {
    for (const auto& [index, by_family] : sources) {
        auto link = state.links.find(index);
        if (link == state.links.end()) continue;
        for (Family family : kFamilies) {
            if (!by_family[index_of(family)]) continue;
            auto changes = read_changes(socket, {index, family, by_family[index_of(family)]});
            if (!changes) return changes.error();
            link->second.other_sources[index_of(family)] = static_cast<std::uint32_t>(changes->size());
        }
    }
    return {};
}

Result<void> set_route_sources(NetlinkSocket& socket, const SetRouteSources& op) {
    auto changes = read_changes(socket, op);
    if (!changes) return changes.error();
    std::vector<IpAddress> own;
    if (!op.source) {  // sources that are the NIC's own were never ours
        auto read = read_own_addresses(socket, op);
        if (!read) return read.error();
        own = *std::move(read);
    }
    Result<void> outcome;
    for (const SourceChange& change : *changes) {
        bool is_own = change.source && std::find(own.begin(), own.end(), *change.source) != own.end();
        if (is_own) continue;
        auto changed = socket.change(change.replace);
        bool vanished = !changed && changed.error().error_number == ENOENT;
        if (!changed && !vanished && outcome) outcome = changed.error().within(change.text);
    }
    return outcome;
}

}  // namespace ipmp
