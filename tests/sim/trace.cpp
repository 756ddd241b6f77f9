#include "sim/trace.hpp"

#include <fmt/format.h>

namespace ipmp::sim {

namespace {

std::string flag(const char* name, const std::optional<bool>& value) {
    return value ? fmt::format(" {}{}", *value ? "" : "-", name) : "";
}

std::string inet(Family family) { return family == Family::ipv4 ? "inet" : "inet6"; }

struct DescribeCommand {
    std::string operator()(const CreateIpmp& c) const { return fmt::format("{} {} ipmp", c.interface, inet(c.family)); }
    std::string operator()(const Plumb& c) const { return fmt::format("{} {} plumb", c.interface, inet(c.family)); }
    std::string operator()(const Unplumb& c) const { return fmt::format("{} {} unplumb", c.interface, inet(c.family)); }
    std::string operator()(const SetGroup& c) const { return fmt::format("{} group '{}'", c.interface, c.group); }
    std::string operator()(const SetAddress& c) const {
        return fmt::format("{}:{} {}/{}", c.logical.interface, c.logical.number, to_string(c.address),
                           c.prefix_length.value_or(0));
    }
    std::string operator()(const SetNetmask& c) const {
        return fmt::format("{}:{} {} netmask {}", c.logical.interface, c.logical.number, inet(c.family),
                           c.prefix_length);
    }
    std::string operator()(const AddLogical& c) const {
        return fmt::format("{} addif {}/{}", c.interface, to_string(c.address), c.prefix_length.value_or(0));
    }
    std::string operator()(const RemoveLogical& c) const {
        return fmt::format("{} removeif {}", c.interface, to_string(c.address));
    }
    std::string operator()(const SetFlags& c) const {
        return fmt::format("{}:{} {}{}{}{}{}", c.logical.interface, c.logical.number, inet(c.family), flag("up", c.up),
                           flag("nofailover", c.no_failover), flag("deprecated", c.deprecated),
                           flag("private", c.is_private));
    }
    std::string operator()(const SetStandby& c) const {
        return fmt::format("{} {}standby", c.interface, c.standby ? "" : "-");
    }
    std::string operator()(const SetOffline& c) const { return fmt::format("offline {}", c.interface); }
    std::string operator()(const UndoOffline& c) const { return fmt::format("undo offline {}", c.interface); }
    std::string operator()(const SetPolicy& c) const {
        return fmt::format("policy {} {}", c.interface, static_cast<int>(c.policy));
    }
    std::string operator()(const SetRouter& c) const {
        return fmt::format("{} {}router", c.interface, c.router ? "" : "-");
    }
    std::string operator()(const SetIsolate& c) const {
        return fmt::format("{} isolate {}{}", c.interface, c.isolate ? "on" : "off", c.force ? " -f" : "");
    }
    std::string operator()(const SetNamespace& c) const {
        return fmt::format("{} namespace {}", c.interface, c.network_namespace);
    }
    std::string operator()(const SetMtu& c) const {
        return fmt::format("{} {} mtu {}", c.interface, inet(c.family), c.mtu_bytes);
    }
    std::string operator()(const SetMetric& c) const {
        return fmt::format("{} {} metric {}", c.interface, inet(c.family), c.metric);
    }
    std::string operator()(const SetEther& c) const {
        return fmt::format("{} ether {}", c.interface, to_string(c.mac));
    }
    std::string operator()(const SetArp& c) const { return fmt::format("{} {}arp", c.interface, c.arp ? "" : "-"); }
    std::string operator()(const SetFailed& c) const {
        return fmt::format("{} {}failed", c.interface, c.failed ? "" : "-");
    }
    std::string operator()(const SetToken& c) const {
        return fmt::format("{} token {}", c.interface, to_string(c.token));
    }
    std::string operator()(const SetRouteSource& c) const {
        return fmt::format("{} {} usesrc {}", c.interface, inet(c.family), c.source ? c.source->interface : "none");
    }
    std::string operator()(const AwaitAddresses&) const { return "await addresses"; }
    std::string operator()(const Detach& c) const {
        const char* how = c.force ? " -f" : "";
        return fmt::format("detach{}{} {}", how, c.dry_run ? " dry" : "", fmt::join(c.interfaces, " "));
    }
    std::string operator()(const UndoDetach& c) const { return fmt::format("undo detach {}", c.interface); }
    std::string operator()(const ExpectMember& c) const {
        return fmt::format("expect {} in group {}{}", c.interface, c.group, c.standby ? " standby" : "");
    }
    std::string operator()(const ControlDhcp& c) const {
        return fmt::format("{}:{} {} dhcp {}", c.logical.interface, c.logical.number, inet(c.family),
                           static_cast<int>(c.verb));
    }
    std::string operator()(const ReportDhcp& c) const {
        return fmt::format("{}:{} {} dhcp news {}: {}", c.logical.interface, c.logical.number, inet(c.family),
                           static_cast<int>(c.news), c.address ? to_string(*c.address) : "");
    }
    std::string operator()(const Stop& c) const { return c.purge ? "stop --purge" : "stop"; }
};

struct DescribeEvent {
    std::string operator()(const KernelObserved& e) const {
        std::string text = fmt::format("observed generation {}:", e.state.generation);
        for (const auto& [index, link] : e.state.links) {
            text += fmt::format(" {}={}{}{}#{}", index.value, link.name, link.admin_up ? " up" : " down",
                                link.carrier ? "+" : "-", link.carrier_changes);
        }
        for (const AddressState& address : e.state.addresses) {
            text += fmt::format(" {}/{}@{}", to_string(address.address), address.prefix_length, address.link.value);
        }
        return text;
    }
    std::string operator()(const CarriersChanged& e) const {
        std::string text;
        for (const CarrierChange& change : e.links) {
            text += fmt::format("{}carrier of {} {} #{}", text.empty() ? "" : ", ", change.link.value,
                                change.up ? "up" : "down", change.carrier_changes);
        }
        return text;
    }
    std::string operator()(const LinkVanished& e) const { return fmt::format("link {} vanished", e.link.value); }
    std::string operator()(const CommandReceived& e) const {
        return fmt::format("command {}: {}", e.request, describe_command(e.command));
    }
    std::string operator()(const KernelApplied& e) const {
        return fmt::format("applied generation {}, {} failures", e.generation, e.failures.size());
    }
    std::string operator()(const ConfigChanged& e) const {
        return fmt::format("configuration: FAILBACK={}", e.config.failback ? "yes" : "no");
    }
    std::string operator()(const PeersFound& e) const {
        return fmt::format("{} peers of {} found", e.found.size(), e.ipmp_interface);
    }
    std::string operator()(const PeerAnswered& e) const {
        return fmt::format("{} answered {} at {}", to_string(e.peer), to_string(e.address), e.link.value);
    }
    std::string operator()(const AddressClaimed& e) const {
        return fmt::format("{} {} {} at {}", to_string(e.claimant), e.probing ? "asks for" : "claims",
                           to_string(e.address), e.link.value);
    }
    std::string operator()(const ProbeNotSent& e) const {
        return fmt::format("probe from {} was not sent", to_string(e.source.address));
    }
    std::string operator()(const ProbeAnswered& e) const {
        return fmt::format("{} answers a probe from {}", to_string(e.from), e.source.link.value);
    }
    std::string operator()(const DhcpClientEnded& e) const {
        return fmt::format("DHCP client of {}:{} ended", e.client.logical.interface, e.client.logical.number);
    }
    std::string operator()(const Tick&) const { return "tick"; }
};

struct DescribeAction {
    std::string operator()(const PublishImage&) const { return "publish image"; }
    std::string operator()(const Announce& a) const {
        return fmt::format("announce {} at {}", to_string(a.address), a.nic.index.value);
    }
    std::string operator()(const ProbeAddress& a) const {
        return fmt::format("probe for {} at {}", to_string(a.address), a.nic.index.value);
    }
    std::string operator()(const AskPeer& a) const {
        return fmt::format("tell {} that {} is at {}", to_string(a.peer.address), to_string(a.address),
                           a.nic.index.value);
    }
    std::string operator()(const FindPeers& a) const { return "find peers of " + a.ipmp_interface; }
    std::string operator()(const LeaveMemberships& a) const {
        return fmt::format("leave memberships at {}", a.nic.index.value);
    }
    std::string operator()(const AskMemberships& a) const {
        return fmt::format("ask for memberships on {}", a.lower.value);
    }
    std::string operator()(const ApplyKernel& a) const {
        std::string text = fmt::format("apply generation {}", a.generation);
        for (const KernelOp& op : a.ops) text += "; " + describe(op);
        return text;
    }
    std::string operator()(const Log& a) const { return "log: " + a.text; }
    std::string operator()(const Reply& a) const {
        return fmt::format("reply {}: {}", a.request, a.reply.text.empty() ? "ok" : a.reply.text);
    }
    std::string operator()(const WatchProbes& a) const { return fmt::format("probe from {}", a.sources.size()); }
    std::string operator()(const SendProbe& a) const {
        return fmt::format("probe {} from {}, sequence {}", to_string(a.target), a.source.link.value, a.sequence);
    }
    std::string operator()(const ProbeReport& a) const {
        return fmt::format("probe {} of {} {}", a.id, a.interface, a.answered ? "answered" : "lost");
    }
    std::string operator()(const AttachNic& a) const { return "attach " + a.name; }
    std::string operator()(const SetNameService& a) const {
        return fmt::format("{} name servers of {}", a.names.servers.size(), a.source);
    }
    std::string operator()(const StartDhcpClient& a) const {
        return fmt::format("start DHCP client of {}:{}", a.client.logical.interface, a.client.logical.number);
    }
    std::string operator()(const SignalDhcpClient& a) const {
        return fmt::format("signal {} to DHCP client of {}:{}", static_cast<int>(a.signal), a.client.logical.interface,
                           a.client.logical.number);
    }
    std::string operator()(const WatchCarrier& a) const { return fmt::format("watch {} carriers", a.links.size()); }
};

}  // namespace

std::string describe_command(const Command& command) { return std::visit(DescribeCommand{}, command); }
std::string describe_event(const Event& event) { return std::visit(DescribeEvent{}, event); }
std::string describe_action(const Action& action) { return std::visit(DescribeAction{}, action); }

}  // namespace ipmp::sim
