#include "core/forwarding.hpp"

#include "core/commands_internal.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

constexpr const char* kAcceptAdvertisements = "ipv6/conf/*/accept_ra";

const std::string* setting(const LinkState& link, const char* name) {
    auto found = link.settings.find(name);
    return found == link.settings.end() ? nullptr : &found->second;
}

bool shows_forwarding(const Group& group, const LinkState& upper) {
    for (Family family : kFamilies) {
        const std::string* value = setting(upper, kForwardingSettings[index_of(family)]);
        if (value && (*value != "0") != group.forwards[index_of(family)]) return false;
    }
    return true;
}

}  // namespace

void file_forwarding(State& state, const KernelState& kernel) {
    for (auto& [name, group] : state.groups) {
        auto upper = kernel.links.find(group.upper);
        if (upper == kernel.links.end() || upper->second.settings.empty()) continue;
        bool made_anew = group.forwards_on && group.forwards_on != group.upper;
        if (made_anew && !shows_forwarding(group, upper->second)) continue;  // the planner puts it back first
        group.forwards_on = group.upper;
        for (Family family : kFamilies) {  // a kernel without the family has no such setting
            const std::string* value = setting(upper->second, kForwardingSettings[index_of(family)]);
            group.forwards[index_of(family)] = value && *value != "0";
        }
    }
}

Settings wanted_forwarding(const Group& group) {
    if (!group.forwards_on) return {};
    Settings wanted;
    for (Family family : kFamilies) {
        wanted[kForwardingSettings[index_of(family)]] = group.forwards[index_of(family)] ? "1" : "0";
    }
    return wanted;
}

void listen_as_router(Settings& wanted, const Settings& saved) {
    auto accepts = wanted.find(kAcceptAdvertisements);
    auto forwarded = saved.find(kForwardingSettings[index_of(Family::ipv6)]);
    bool was_router = forwarded != saved.end() && forwarded->second != "0";  // and so did not listen
    if (accepts != wanted.end() && accepts->second == "1" && !was_router) accepts->second = "2";
}

CommandReply set_router(const SetRouter& command, CommandContext& context) {
    InterfaceIndex link;
    if (Group* group = find_group(context, command.interface)) {
        link = group->upper;
    } else if (Interface* nic = find_nic(context, command.interface)) {
        Group* host = find_group(context, nic->group);
        link = host ? host->upper : nic->index;
    }
    if (!link) return no_such_interface(command.interface);
    const char* name = kForwardingSettings[index_of(command.family)];
    context.orders.ops.push_back(WriteSetting{link, name, command.router ? "1" : "0"});
    return success();
}

}  // namespace ipmp
