// Commands on addresses and their flags (reference: ifconfig grammar; R-ADR-1, R-ADR-2).
#include <algorithm>
#include <optional>

#include "core/commands_internal.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

// A logical interface to work on: its list, its link, and who owns it.
struct Place {
    std::vector<LogicalAddress>* addresses = nullptr;
    InterfaceIndex link;
    Interface* nic = nullptr;  // null on an IPMP interface
};

std::optional<Place> find_place(CommandContext& context, const std::string& interface, Family family) {
    if (Group* group = find_group(context, interface)) {
        if (!group->families[index_of(family)].plumbed) return {};
        return Place{&group->families[index_of(family)].addresses, group->upper, nullptr};
    }
    Interface* nic = find_nic(context, interface);
    if (!nic || !nic->families[index_of(family)].plumbed) return {};
    return Place{&nic->families[index_of(family)].addresses, nic->index, nic};
}

LogicalAddress* find_logical(Place& place, std::uint32_t number) {
    auto found = std::find_if(place.addresses->begin(), place.addresses->end(),
                              [&](const LogicalAddress& logical) { return logical.number == number; });
    return found == place.addresses->end() ? nullptr : &*found;
}

// The entry of logical `number`; a zeroth that is a stub is made, others must exist.
LogicalAddress* logical_entry(Place& place, std::uint32_t number, Family family) {
    if (LogicalAddress* found = find_logical(place, number)) return found;
    if (number != 0) return nullptr;
    LogicalAddress stub;
    stub.address.family = family;
    insert_logical(*place.addresses, stub);
    return find_logical(place, 0);
}

// A stub without flags says nothing: it is not kept. UP of a NIC's is not in it.
void drop_plain_stub(Place& place) {
    std::erase_if(*place.addresses, [](const LogicalAddress& logical) {
        bool has_flags = logical.no_failover || logical.deprecated || logical.is_private || logical.up;
        return logical.address.is_zero() && logical.number == 0 && !has_flags;
    });
}

bool in_use_elsewhere(const CommandContext& context, const IpAddress& address, const LogicalAddress* self) {
    auto uses = [&](const std::vector<LogicalAddress>& addresses) {
        return std::any_of(addresses.begin(), addresses.end(), [&](const LogicalAddress& logical) {
            return &logical != self && logical.address == address;
        });
    };
    std::size_t family = index_of(address.family);
    for (const auto& [name, group] : context.state.groups) {
        if (uses(group.families[family].addresses)) return true;
    }
    for (const auto& [name, interface] : context.state.interfaces) {
        if (uses(interface.families[family].addresses)) return true;
    }
    return false;
}

// No host has them, or each has them to itself; the kernel takes some on no other interface than lo.
bool is_nobodys(const IpAddress& address) {
    static const IpAddress kLoopback6 = *parse_ip("::1"), kEverybody = *parse_ip("255.255.255.255");
    bool is_loopback4 = address.family == Family::ipv4 && address.bytes[0] == 127;
    return address.is_multicast() || is_loopback4 || address == kLoopback6 || address == kEverybody;
}

CommandReply bad_new_address(const IpAddress& address, std::optional<std::uint8_t> prefix_length) {
    if (is_nobodys(address)) return failure(CommandError::invalid_argument, "Invalid argument");
    if (prefix_length && *prefix_length > bits_of(address.family)) {
        return failure(CommandError::invalid_argument, "Bad prefix length");
    }
    return success();
}

// A data address is asked for on the link before it is used (R-ADR-6).
void ask_first(LogicalAddress& logical, const Place& place, CommandContext& context) {
    bool is_data = !place.nic || (!place.nic->group.empty() && migrates(logical));
    if (!is_data) return;
    logical.uniqueness = Uniqueness::tentative;
    logical.claimant.reset();
    context.orders.awaited.insert(logical.address);
}

void set_address_up(LogicalAddress& logical, bool up, Place& place, CommandContext& context) {
    if (logical.address.is_zero() && place.nic) {  // UP of a NIC's zero stub is the NIC's admin state (design §2)
        context.orders.ops.push_back(SetLinkUp{place.link, up});
        return;
    }
    if (up && place.nic) context.orders.ops.push_back(SetLinkUp{place.link, true});
    bool is_stub = logical.address.is_zero();
    if (!up && !is_stub) doom(context, place.link, logical.address);
    bool already = logical.up && in_use(logical);
    // UP of what is up gives it no other owner: a link-local address goes with the MAC that the kernel made it of.
    if (!up || !already) logical.adopted = false;
    logical.up = up;
    if (!up || is_stub) {
        logical.uniqueness = Uniqueness::settled;
        logical.claimant.reset();
    } else if (!already) {
        ask_first(logical, place, context);
    }
}

}  // namespace

bool is_as_configured(const LogicalAddress& before, const LogicalAddress& after) {
    return before.address == after.address && before.prefix_length == after.prefix_length &&
           before.broadcast == after.broadcast && before.scope_link == after.scope_link;
}

CommandReply set_address(const SetAddress& command, CommandContext& context) {
    CommandReply valid = bad_new_address(command.address, command.prefix_length);
    if (valid.error != CommandError::none) return valid;
    auto place = find_place(context, command.logical.interface, command.address.family);
    if (!place) return no_such_interface(command.logical.interface);
    LogicalAddress* logical = logical_entry(*place, command.logical.number, command.address.family);
    if (!logical) return no_such_interface(command.logical.interface);
    if (!command.address.is_zero() && in_use_elsewhere(context, command.address, logical)) {
        CommandReply reply = failure(CommandError::in_use,
                                     fmt::format("{} is in use on this host already", to_string(command.address)));
        drop_plain_stub(*place);
        return reply;
    }
    const LogicalAddress before = *logical;
    logical->address = command.address;
    logical->scope_link = false;
    logical->prefix_length = command.prefix_length.value_or(default_prefix_length(command.address));
    logical->broadcast = command.broadcast ? command.broadcast : broadcast_of(command.address, logical->prefix_length);
    logical->adopted = false;
    if (!is_as_configured(before, *logical)) doom(context, place->link, before.address);
    bool is_new = logical->address != before.address;
    if (command.address.is_zero()) logical->up = false;
    if (is_new) {
        logical->uniqueness = Uniqueness::settled;
        logical->claimant.reset();
    }
    if (is_new && logical->up) ask_first(*logical, *place, context);
    drop_plain_stub(*place);
    return success();
}

CommandReply set_netmask(const SetNetmask& command, CommandContext& context) {
    auto place = find_place(context, command.logical.interface, command.family);
    if (!place) return no_such_interface(command.logical.interface);
    if (command.prefix_length > bits_of(command.family)) {
        return failure(CommandError::invalid_argument, "Bad prefix length");
    }
    LogicalAddress* logical = find_logical(*place, command.logical.number);
    if (!logical && command.logical.number == 0) return success();  // the stub: nothing has this mask
    if (!logical) return no_such_interface(command.logical.interface);
    if (logical->prefix_length == command.prefix_length) return success();
    doom(context, place->link, logical->address);
    logical->prefix_length = command.prefix_length;
    logical->broadcast = broadcast_of(logical->address, command.prefix_length);
    logical->adopted = false;
    return success();
}

CommandReply add_logical(const AddLogical& command, CommandContext& context) {
    CommandReply valid = bad_new_address(command.address, command.prefix_length);
    if (valid.error != CommandError::none) return valid;
    auto place = find_place(context, command.interface, command.address.family);
    if (!place) return no_such_interface(command.interface);
    if (!command.address.is_zero() && in_use_elsewhere(context, command.address, nullptr)) {
        return failure(CommandError::in_use,
                       fmt::format("{} is in use on this host already", to_string(command.address)));
    }
    LogicalAddress logical;
    logical.number = free_number(*place->addresses, 1);
    logical.address = command.address;
    logical.prefix_length = command.prefix_length.value_or(default_prefix_length(command.address));
    logical.broadcast = broadcast_of(command.address, logical.prefix_length);
    insert_logical(*place->addresses, logical);
    return success(fmt::format("{}:{}", command.interface, logical.number));
}

CommandReply remove_logical(const RemoveLogical& command, CommandContext& context) {
    auto place = find_place(context, command.interface, command.address.family);
    if (!place) return no_such_interface(command.interface);
    auto found = std::find_if(place->addresses->begin(), place->addresses->end(),
                              [&](const LogicalAddress& logical) { return logical.address == command.address; });
    if (found == place->addresses->end()) return no_such_interface(command.interface);
    if (found->number == 0) {
        return failure(CommandError::invalid_argument, fmt::format("cannot remove interface: {}", command.interface));
    }
    doom(context, place->link, found->address);
    place->addresses->erase(found);
    return success();
}

CommandReply plumb_logical(const Plumb& command, CommandContext& context) {
    auto place = find_place(context, command.interface, command.family);
    if (!place) return no_such_interface(command.interface);
    if (find_logical(*place, command.number)) return failure(CommandError::already_exists, "Interface already exists");
    LogicalAddress logical{.number = command.number};
    logical.address.family = command.family;
    insert_logical(*place->addresses, logical);
    return success();
}

CommandReply unplumb_logical(const Unplumb& command, CommandContext& context) {
    auto place = find_place(context, command.interface, command.family);
    LogicalAddress* logical = place ? find_logical(*place, command.number) : nullptr;
    if (!logical) return no_such_interface(fmt::format("{}:{}", command.interface, command.number));
    doom(context, place->link, logical->address);
    std::erase_if(*place->addresses, [&](const LogicalAddress& other) { return other.number == command.number; });
    return success();
}

CommandReply set_flags(const SetFlags& command, CommandContext& context) {
    auto place = find_place(context, command.logical.interface, command.family);
    LogicalAddress* logical = place ? logical_entry(*place, command.logical.number, command.family) : nullptr;
    if (!logical) return no_such_interface(command.logical.interface);
    bool stays_test_address = command.no_failover.value_or(logical->no_failover);
    bool refused = (command.no_failover && !place->nic) || (command.deprecated == false && stays_test_address);
    if (refused) {
        drop_plain_stub(*place);
        return failure(CommandError::invalid_argument, "Invalid argument");
    }
    if (command.no_failover) {
        logical->no_failover = logical->deprecated = *command.no_failover;  // NOFAILOVER forces DEPRECATED
    }
    if (command.deprecated) logical->deprecated = *command.deprecated;
    if (command.is_private) logical->is_private = *command.is_private;
    if (command.up) set_address_up(*logical, *command.up, *place, context);
    if (command.unawaited.value_or(false)) context.orders.awaited.clear();
    if (command.no_failover || command.deprecated) logical->adopted = false;
    if (stays_test_address) logical->uniqueness = Uniqueness::settled;  // only data addresses are asked for
    drop_plain_stub(*place);
    return success();
}

}  // namespace ipmp
