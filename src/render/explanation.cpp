#include "render/explanation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "render/decision_text.hpp"

namespace ipmp {

namespace {

using Lines = std::vector<std::string>;

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text.empty() ? "none" : text;
}

// Newest first.
std::vector<const Decision*> decisions_about(const Status& status, DecisionObject object, const std::string& name,
                                             const std::string& group) {
    std::vector<const Decision*> found;
    for (auto each = status.decisions.rbegin(); each != status.decisions.rend(); ++each) {
        bool same_group = object == DecisionObject::interface || each->group == group;
        if (each->object == object && each->name == name && same_group) found.push_back(&*each);
    }
    return found;
}

std::string ago(const Decision& decision, std::uint64_t now_ms) {
    return duration_text(now_ms - std::min(now_ms, decision.at_ms)) + " ago";
}

// The newest of one of those kinds.
const Decision* newest(const std::vector<const Decision*>& decisions, std::initializer_list<DecisionKind> kinds) {
    auto found = std::find_if(decisions.begin(), decisions.end(), [&](const Decision* decision) {
        return std::find(kinds.begin(), kinds.end(), decision->what) != kinds.end();
    });
    return found == decisions.end() ? nullptr : *found;
}

void say_since(Lines& lines, const Decision* decision, std::uint64_t now_ms) {
    if (!decision) {
        lines.push_back("  since when is not known: it was so when in.mpathd started");
        return;
    }
    lines.push_back(fmt::format("  decided {}; {}", ago(*decision, now_ms), decision_text(*decision)));
}

void say_history(Lines& lines, const std::vector<const Decision*>& decisions, const Decision* told,
                 std::uint64_t now_ms) {
    for (const Decision* decision : decisions) {
        if (decision == told) continue;
        lines.push_back(fmt::format("  {} ago {}", duration_text(now_ms - std::min(now_ms, decision->at_ms)),
                                    decision_text(*decision)));
    }
}

std::string of_group(const std::string& group) { return group.empty() ? "" : " of group " + group; }

// What detection says now, and what it waits for.
void say_findings(Lines& lines, const InterfaceStatus& nic) {
    const char* link = nic.link == LinkHealth::up ? "up" : nic.link == LinkHealth::down ? "down" : "not known yet";
    switch (nic.probe) {
        case ProbeHealth::disabled:
            lines.push_back(fmt::format("  now: link {}; no probes, as it has no test address", link));
            break;
        case ProbeHealth::unknown:
            lines.push_back(fmt::format("  now: link {}; probes wait for a target that answers", link));
            break;
        case ProbeHealth::ok:
            lines.push_back(fmt::format("  now: link {}, probes answered", link));
            break;
        case ProbeHealth::failed:
            lines.push_back(fmt::format("  now: link {}, probes not answered, or not often enough yet", link));
            break;
    }
}

void say_targets(Lines& lines, const Status& status, const std::string& nic) {
    for (const TargetStatus& row : status.targets) {
        if (row.interface != nic || !row.test_address) continue;
        Lines targets;
        for (const IpAddress& target : row.targets) targets.push_back(to_string(target));
        lines.push_back(fmt::format("  probes from {} to {}", to_string(*row.test_address), joined(targets)));
    }
}

void say_traffic(Lines& lines, const Status& status, const InterfaceStatus& nic) {
    if (!nic.active) return;
    Lines inbound;
    for (const AddressStatus& address : status.addresses) {
        if (address.inbound == nic.name) inbound.push_back(to_string(address.address));
    }
    std::string broadcasts = nic.broadcast4 || nic.multicast6 ? "; its group's broadcasts and multicasts" : "";
    lines.push_back(
        fmt::format("  carries: its share of outbound traffic; inbound for {}{}", joined(inbound), broadcasts));
}

// What an administrator can do about it.
void say_remedy(Lines& lines, const InterfaceStatus& nic, const Decision* decision) {
    auto say = [&](const std::string& text) { lines.push_back("  to do: " + text); };
    if (nic.hardware_duplicate) {
        say(fmt::format("give it a MAC of its own (ipmp ifconfig {} ether ...), then if_mpadm -r {}", nic.name,
                        nic.name));
    } else if (nic.state == InterfaceHealth::offline) {
        say(fmt::format("if_mpadm -r {} brings it back", nic.name));
    } else if (nic.state == InterfaceHealth::failed) {
        DecisionReason why = decision ? decision->why : DecisionReason::link_down;
        if (why == DecisionReason::declared)
            say(fmt::format("ipmp ifconfig {} -failed", nic.name));
        else if (why == DecisionReason::set_down)
            say(fmt::format("ip link set {} up", nic.name));
        else if (why == DecisionReason::unstable)
            say("nothing: it is repaired once its link stays up for a minute");
        else if (why == DecisionReason::missing)
            say("plug it in; it is configured when it appears");
        else if (nic.link != LinkHealth::up)
            say("look at the cable and at the port of the switch");
        else
            say("look at the path behind the link: `ipmp check` tells whether its frames arrive");
    } else if (nic.inactive && !nic.standby) {
        say("nothing: it is used when another one fails; FAILBACK=yes would use it now");
    }
}

Lines explain_interface(const Status& status, const InterfaceStatus& nic, std::uint64_t now_ms) {
    auto decisions = decisions_about(status, DecisionObject::interface, nic.name, nic.group);
    const Decision* decision = nullptr;
    std::string state;
    switch (nic.state) {
        case InterfaceHealth::failed:
            state = "has failed";
            decision = newest(decisions, {DecisionKind::failed, DecisionKind::missing});
            break;
        case InterfaceHealth::offline:
            state = "is offline";
            decision = newest(decisions, {DecisionKind::offline});
            break;
        case InterfaceHealth::unknown:
            state = nic.link == LinkHealth::unknown ? "is starting" : "works; no target has answered its probes";
            decision = newest(decisions, {DecisionKind::joined, DecisionKind::repaired});
            break;
        case InterfaceHealth::ok:
            state = nic.inactive ? "works and is inactive" : "works and is active";
            decision = newest(decisions, nic.inactive ? std::initializer_list<DecisionKind>{DecisionKind::inactive}
                                                      : std::initializer_list<DecisionKind>{
                                                            DecisionKind::active, DecisionKind::repaired,
                                                            DecisionKind::online, DecisionKind::joined});
            break;
    }
    Lines lines{fmt::format("{}{} {}", nic.name, of_group(nic.group), state)};
    say_since(lines, decision, now_ms);
    say_findings(lines, nic);
    say_targets(lines, status, nic.name);
    say_traffic(lines, status, nic);
    say_history(lines, decisions, decision, now_ms);
    say_remedy(lines, nic, decision);
    return lines;
}

void say_rebind(Lines& lines, const RebindStatus& rebind) {
    if (rebind.peers_asked == 0) return;
    lines.push_back(fmt::format("  of {} neighbours asked, {} sent to {} within {} ms, {} were silent",
                                rebind.peers_asked, rebind.peers_moved,
                                rebind.interface.empty() ? "its former interface" : rebind.interface,
                                rebind.slowest_answer_ms, rebind.peers_silent));
}

Lines explain_address(const Status& status, const AddressStatus& address, std::uint64_t now_ms) {
    std::string text = to_string(address.address);
    auto decisions = decisions_about(status, DecisionObject::address, text, address.group);
    const Decision* last = decisions.empty() ? nullptr : decisions.front();
    std::string head = text + of_group(address.group);
    Lines lines;
    if (last && last->what == DecisionKind::withdrawn && !address.up) {
        lines = {head + " is not in use: another host has it"};
    } else if (!address.up) {
        return {head + " is down: an administrator has not set it up"};
    } else if (!address.inbound.empty()) {
        lines = {fmt::format("{} is bound to {} for inbound traffic; it sends by {}", head, address.inbound,
                             joined(address.outbound))};
    } else if (last && last->what == DecisionKind::unbound) {
        lines = {head + " is bound to no interface"};
    } else {
        lines = {head + " is not in use yet: its link is being asked whether somebody has it, or no interface works"};
    }
    say_since(lines, last, now_ms);
    if (address.rebind) say_rebind(lines, *address.rebind);
    say_history(lines, decisions, last, now_ms);
    return lines;
}

Lines explain_group(const Status& status, const GroupStatus& group, std::uint64_t now_ms) {
    const char* state = group.state == GroupHealth::ok         ? "is ok: all its interfaces can be used"
                        : group.state == GroupHealth::degraded ? "is degraded: not all its interfaces can be used"
                                                               : "has failed: none of its interfaces can be used";
    auto decisions = decisions_about(status, DecisionObject::group, group.interface, group.interface);
    const Decision* last = decisions.empty() ? nullptr : decisions.front();
    Lines lines{fmt::format("{} {}", group.interface, state)};
    say_since(lines, last, now_ms);
    lines.push_back(fmt::format("  active: {}; inactive: {}; unusable: {}", joined(group.active),
                                joined(group.inactive), joined(group.unusable)));
    if (group.namespace_missing) {
        lines.push_back(fmt::format("  it waits for network namespace {}", group.network_namespace));
    }
    say_history(lines, decisions, last, now_ms);
    for (const InterfaceStatus& nic : status.interfaces) {
        bool is_unusable = std::find(group.unusable.begin(), group.unusable.end(), nic.name) != group.unusable.end();
        if (nic.group != group.interface || !is_unusable) continue;
        Lines more = explain_interface(status, nic, now_ms);
        for (std::size_t i = 0; i < std::min<std::size_t>(2, more.size()); ++i) lines.push_back("  " + more[i]);
    }
    return lines;
}

}  // namespace

std::vector<std::string> explain(const Status& status, const std::string& name, std::uint64_t now_ms) {
    for (const InterfaceStatus& nic : status.interfaces) {
        if (nic.name == name) return explain_interface(status, nic, now_ms);
    }
    for (const GroupStatus& group : status.groups) {
        bool anonymous = group.interface.empty();
        if (!anonymous && (group.interface == name || group.name == name)) {
            return explain_group(status, group, now_ms);
        }
    }
    auto address = parse_ip(name);
    Lines lines;
    for (const AddressStatus& known : status.addresses) {
        if (!address || known.address != *address || address->is_zero()) continue;
        Lines more = explain_address(status, known, now_ms);
        lines.insert(lines.end(), more.begin(), more.end());
    }
    if (!lines.empty() || !address) return lines;
    for (const TargetStatus& row : status.targets) {
        if (row.test_address == address)
            return {fmt::format("{} is the test address of {}: it stays there", name, row.interface)};
    }
    return {};
}

}  // namespace ipmp
