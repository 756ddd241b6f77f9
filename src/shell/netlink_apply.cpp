#include "shell/netlink_apply.hpp"

#include <algorithm>
#include <chrono>
#include <initializer_list>

#include "base/check.hpp"
#include "shell/clock.hpp"
#include "shell/log.hpp"
#include "shell/netlink_filters.hpp"
#include "shell/netlink_sources.hpp"

namespace ipmp {

namespace {

constexpr std::int64_t kLongestLifetime = 0xfffffffe;  // one more is forever

Result<void> succeed_on(Result<void> result, std::initializer_list<int> harmless_errors) {
    if (result) return result;
    for (int error : harmless_errors) {
        if (result.error().error_number == error) return {};
    }
    return result;
}

// What concerns several network namespaces is done by NetlinkViews.
Result<void> of_all_views() {
    IPMP_CHECK(false);
    return {};
}

struct Apply {
    NetlinkSocket& socket;
    const NamespaceFiles& files;
    const FilterPrograms& programs;
    RefusedRoutes& refused;
    const OtherNamespace& other;

    Result<void> operator()(const CreateIpmpLink& op) const;
    Result<void> operator()(const OpenNamespace&) const { return of_all_views(); }
    Result<void> operator()(const RestoreRoutes&) const { return of_all_views(); }
    Result<void> operator()(const DeleteLink& op) const { return succeed_on(socket.change(encode(op)), {ENODEV}); }
    // Gone: whoever watches it will tell.
    Result<void> operator()(const MoveLink& op) const {
        return succeed_on(socket.change(encode_move(op.link, other.fd)), {ENODEV});
    }
    Result<void> operator()(const RenameLink& op) const;
    Result<void> operator()(const SetLinkUp& op) const { return socket.change(encode(op)); }
    Result<void> operator()(const SetLinkMtu& op) const { return socket.change(encode(op)); }
    Result<void> operator()(const SetLinkGso& op) const { return socket.change(encode(op)); }
    Result<void> operator()(const SetLinkMac& op) const { return socket.change(encode(op)); }
    Result<void> operator()(const SetLinkArp& op) const { return socket.change(encode(op)); }
    Result<void> operator()(const AddAddress& op) const;
    Result<void> operator()(const RemoveAddress& op) const {
        return succeed_on(socket.change(encode(op)), {EADDRNOTAVAIL, ENODEV});
    }
    Result<void> operator()(const AddRule& op) const { return succeed_on(socket.change(encode(op)), {EEXIST}); }
    Result<void> operator()(const RemoveRule& op) const { return succeed_on(socket.change(encode(op)), {ENOENT}); }
    Result<void> operator()(const AddRoute& op) const { return succeed_on(socket.change(encode(op)), {EEXIST}); }
    Result<void> operator()(const RemoveRoute& op) const {
        return succeed_on(socket.change(encode(op)), {ESRCH, ENOENT, ENODEV});
    }
    Result<void> operator()(const MoveRoutes& op) const { return move_routes(socket, files.ipv6.get(), op, refused); }
    Result<void> operator()(const MoveNeighbour& op) const;
    Result<void> operator()(const SetIpv6Token& op) const;
    Result<void> operator()(const SetRouteSources& op) const { return set_route_sources(socket, op); }
    Result<void> operator()(const WriteSetting& op) const {
        if (op.name == kAllMulticast) return socket.change(encode_set_all_multicast(op.link, op.value == "1"));
        return write_setting(files, op.link, op.name, op.value);
    }
    Result<void> operator()(const AttachFilter& op) const { return attach_filter(socket, programs, op); }
    Result<void> operator()(const DetachFilter& op) const { return detach_filter(socket, op); }

    Result<void> finish_pair(const LinkState& upper, const LinkState& lower) const;
    static Result<void> finish_lower(NetlinkSocket& its_socket, const NamespaceFiles& its_files,
                                     const LinkState& lower);
    Result<std::optional<AddressState>> find_address(const AddAddress& op) const;
    Result<std::optional<AddressLifetime>> read_lifetime(InterfaceIndex link, const IpAddress& address) const;
};

// The pair `op` asks for, finished or not.
bool is_wanted_pair(const LinkState& upper, const LinkState& lower, const CreateIpmpLink& op) {
    bool are_peers = op.lower_place == op.upper_place ? upper.peer == lower.index
                                                      : upper.peer_elsewhere == lower.index.value &&
                                                            lower.peer_elsewhere == upper.index.value;
    return upper.kind == "veth" && are_peers && upper.mac == op.mac && lower.mac == op.lower_mac &&
           (upper.alias.empty() || upper.alias == kIpmpLinkAlias) &&
           (lower.alias.empty() || lower.alias == kLowerLinkAlias);
}

Result<void> Apply::operator()(const CreateIpmpLink& op) const {
    for (const auto& name : {op.name, op.lower_name}) {
        if (name.empty() || name.size() > kMaxLinkNameBytes)
            return Error{"name \"" + name + "\" is not of 1 to 15 characters", EINVAL};
    }
    auto created = socket.change(encode_create_pair(op, other.fd));
    if (!created && created.error().error_number != EEXIST) return created;
    auto upper = read_link(socket, op.name), lower = read_link(other.socket ? *other.socket : socket, op.lower_name);
    if (!upper || !lower || !is_wanted_pair(*upper, *lower, op)) {
        // Another link has one of the names; or, straight after creation, somebody was quicker than we.
        return created ? Result<void>(Error{"changed by another program while being created", EBUSY}) : created;
    }
    auto finished = finish_pair(*upper, *lower);
    if (!finished && created) {
        // Nothing half-made is left behind; a failure to delete it would only repeat the first one.
        static_cast<void>(socket.change(encode(DeleteLink{upper->index})));
    }
    return finished;
}

Result<void> Apply::finish_pair(const LinkState& upper, const LinkState& lower) const {
    auto finished =
        other.socket ? finish_lower(*other.socket, *other.files, lower) : finish_lower(socket, files, lower);
    if (!finished) return finished;
    return socket.change(encode_set_alias(upper.index, kIpmpLinkAlias));
}

Result<void> Apply::finish_lower(NetlinkSocket& its_socket, const NamespaceFiles& its_files,
                                 const LinkState& lower) {
    // A host without IPv6 has neither of the two, and needs neither.
    if (auto result =
            succeed_on(its_socket.change(encode_set_no_generated_addresses(lower.index)), {EAFNOSUPPORT, EOPNOTSUPP});
        !result)
        return result;
    auto disabled = write_setting(its_files, lower.index, "ipv6/conf/*/disable_ipv6", "1");
    if (auto result = succeed_on(disabled, {ENOENT}); !result) return result;
    if (auto result = its_socket.change(encode(SetLinkArp{lower.index, false})); !result) return result;
    return its_socket.change(encode_set_alias(lower.index, kLowerLinkAlias));
}

// Linux before 6.2 renames no link that is up.
Result<void> Apply::operator()(const RenameLink& op) const {
    auto renamed = socket.change(encode(op));
    if (!renamed && renamed.error().error_number == EBUSY) {
        if (auto down = socket.change(encode(SetLinkUp{op.link, false})); !down) return down;
        renamed = socket.change(encode(op));
        auto up = socket.change(encode(SetLinkUp{op.link, true}));
        if (renamed && !up) return up;
    }
    if (renamed) log_error("an interface is called " + op.name + " now, as another one has its name");
    return renamed;
}

// The same address on the same link. The kernel has an IPv6 address at most once, with whatever prefix length.
Result<std::optional<AddressState>> Apply::find_address(const AddAddress& op) const {
    std::optional<AddressState> found;
    auto result = socket.read(encode_dump_addresses(op.address.family), [&](MessageBytes message) {
        auto address = decode_address(message);
        if (!address || address->link != op.link || address->address != op.address) return;
        if (address->prefix_length == op.prefix_length || op.address.family == Family::ipv6) found = address;
    });
    if (!result && result.error().error_number != EINTR) return result.error();
    return found;
}

Result<std::optional<AddressLifetime>> Apply::read_lifetime(InterfaceIndex link, const IpAddress& address) const {
    std::optional<AddressLifetime> found;
    auto result = socket.read(encode_dump_addresses(address.family), [&](MessageBytes message) {
        auto seen = decode_address(message);
        if (seen && seen->link == link && seen->address == address) found = decode_address_lifetime(message);
    });
    if (!result && result.error().error_number != EINTR) return result.error();
    return found;
}

Result<void> Apply::operator()(const AddAddress& op) const {
    std::optional<AddressLifetime> lifetime;
    if (op.lifetime_from) {
        auto left = read_lifetime(op.lifetime_from, op.address);
        if (!left) return left.error();
        if (!*left || (*left)->valid_seconds == 0) return {};  // its time is over
        lifetime = *left;
    }
    if (op.valid_until) {
        // One second more than the lease: who takes the address away in time is the engine.
        auto left = std::chrono::ceil<std::chrono::seconds>(*op.valid_until - now()) + std::chrono::seconds(1);
        if (left.count() <= 0) return {};
        auto seconds = static_cast<std::uint32_t>(std::min<std::int64_t>(left.count(), kLongestLifetime));
        lifetime = AddressLifetime{seconds, seconds};
    }
    auto added = socket.change(encode(op, lifetime));
    if (added || added.error().error_number != EEXIST) return added;
    auto existing = find_address(op);
    if (!existing) return existing.error();
    if (*existing) {
        const AddressState& is = **existing;
        bool ipv6 = op.address.family == Family::ipv6;
        bool same = is.prefix_length == op.prefix_length && !is.tentative && !is.dad_failed &&
                    (ipv6 || (is.scope_link == op.scope_link && is.broadcast == op.broadcast));
        if (same && !lifetime && !is.finite_lifetime && is.deprecated == op.deprecated) return {};
        if (same) return socket.change(encode_replace(op, lifetime));
        // The kernel replaces neither scope, broadcast address nor prefix length, and does not stop DAD.
        if (auto removed = (*this)(RemoveAddress{op.link, is.address, is.prefix_length}); !removed) return removed;
    }
    return socket.change(encode(op, lifetime));
}

Result<void> Apply::operator()(const MoveNeighbour& op) const {
    NeighbourEntry moved = op.entry;
    moved.link = op.to;
    if (auto added = socket.change(encode_add_neighbour(moved)); !added) return added;
    return succeed_on(socket.change(encode_remove_neighbour(op.entry)), {ENOENT, ENODEV, ENXIO});
}

Result<void> Apply::operator()(const SetIpv6Token& op) const {
    if (op.replaces) return socket.change(encode(op));
    std::optional<IpAddress> present;
    auto read = socket.read(encode_get_link_in_detail(op.link),
                            [&](MessageBytes message) { present = decode_ipv6_token(message); });
    if (!read) return read;
    if (!present || !present->is_zero()) return {};          // no IPv6 here, or somebody's choice
    return succeed_on(socket.change(encode(op)), {EINVAL});  // does not listen to advertisements: none to heed it
}

}  // namespace

Result<void> apply_kernel_op(NetlinkSocket& socket, const NamespaceFiles& files, const FilterPrograms& programs,
                             RefusedRoutes& refused, const KernelOp& op, const OtherNamespace& other) {
    return std::visit(Apply{socket, files, programs, refused, other}, op);
}

}  // namespace ipmp
