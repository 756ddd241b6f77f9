#include "shell/netlink_filters.hpp"

#include <optional>
#include <string>
#include <vector>

#include "wire/rtnetlink_encode.hpp"

namespace ipmp {

namespace {

// By which a filter is known as ours whatever daemon made it (is_ipmp_filter); `tc` shows it.
std::string name_of(Filter filter) { return filter == Filter::spread ? "ipmp_spread" : "ipmp_steer"; }

// Takes off all filters of ours on one hook but the one at `kept`.
Result<void> detach_others(NetlinkSocket& socket, InterfaceIndex link, bool egress,
                           const std::optional<FilterPlace>& kept) {
    std::vector<FilterPlace> places;
    auto read = socket.read(encode_dump_filters(link, egress), [&](MessageBytes message) {
        auto filter = decode_filter(message);
        if (filter && is_ipmp_filter(*filter)) places.push_back({filter->priority, filter->handle, egress});
    });
    // EINVAL: there is no qdisc to hold a filter. EINTR: changed meanwhile, which ends in another plan.
    int unread = read ? 0 : read.error().error_number;
    if (!read && unread != ENODEV && unread != EINVAL && unread != EINTR) return read;
    for (const FilterPlace& place : places) {
        if (place == kept) continue;
        auto removed = socket.change(encode_remove_filter(link, place));
        int error = removed ? 0 : removed.error().error_number;
        if (error != 0 && error != ENOENT && error != ENODEV && error != EINVAL)
            return removed.error().within("detaching");
    }
    return {};
}

}  // namespace

Result<void> attach_filter(NetlinkSocket& socket, const FilterPrograms& programs, const AttachFilter& op) {
    UniqueFd program = programs.find(op.ipmp_interface, op.filter);
    if (!program) return system_error("program of " + op.ipmp_interface + " is not loaded", ENOENT);
    auto added = socket.change(encode_add_clsact(op.link));
    if (!added && added.error().error_number != EEXIST) return added.error().within("adding the clsact qdisc");
    auto put = socket.change(encode_put_filter(op.link, op.place, program.get(), name_of(op.filter)));
    if (!put) return put.error().within("attaching");
    return detach_others(socket, op.link, op.place.egress, op.place);
}

Result<void> detach_filter(NetlinkSocket& socket, const DetachFilter& op) {
    auto inbound = detach_others(socket, op.link, false, {});
    auto outbound = detach_others(socket, op.link, true, {});
    return inbound ? outbound : inbound;
}

}  // namespace ipmp
