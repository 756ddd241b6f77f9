#include "model/kernel_op.hpp"

#include <fmt/format.h>

namespace ipmp {

namespace {

const char* filter_name(Filter filter) { return filter == Filter::spread ? "spreading" : "steering"; }

struct Describe {
    const std::map<InterfaceIndex, LinkState>& links;

    std::string operator()(const CreateIpmpLink& op) const { return fmt::format("create IPMP interface {}", op.name); }
    std::string operator()(const DeleteLink& op) const { return fmt::format("delete {}", name(op.link)); }
    std::string operator()(const OpenNamespace& op) const {
        return fmt::format("open network namespace {}", op.name);
    }
    std::string operator()(const MoveLink& op) const {
        const char* whose = op.to == Place::host ? "back to its" : "to the members'";
        if (is_application(op.to)) whose = "to its application's";
        return fmt::format("move {} {} network namespace", name(op.link), whose);
    }
    std::string operator()(const RenameLink& op) const {
        return fmt::format("rename {} to {}", name(op.link), op.name);
    }
    std::string operator()(const SetLinkUp& op) const {
        return fmt::format("set {} {}", name(op.link), op.up ? "up" : "down");
    }
    std::string operator()(const SetLinkMtu& op) const {
        return fmt::format("set MTU of {} to {}", name(op.link), op.mtu_bytes);
    }
    std::string operator()(const SetLinkGso& op) const {
        return fmt::format("set GSO limits of {} to {} bytes and {} segments", name(op.link), op.gso_bytes,
                           op.gso_segments);
    }
    std::string operator()(const SetLinkMac& op) const {
        return fmt::format("set MAC address of {} to {}", name(op.link), to_string(op.mac));
    }
    std::string operator()(const SetLinkArp& op) const {
        return fmt::format("switch ARP of {} {}", name(op.link), op.arp ? "on" : "off");
    }
    std::string operator()(const AddAddress& op) const {
        return fmt::format("add address {}/{} to {}", to_string(op.address), op.prefix_length, name(op.link));
    }
    std::string operator()(const RemoveAddress& op) const {
        return fmt::format("remove address {}/{} from {}", to_string(op.address), op.prefix_length, name(op.link));
    }
    std::string operator()(const AddRule& op) const {
        return fmt::format("add rule from {} lookup {}", to_string(op.rule.source), op.rule.table);
    }
    std::string operator()(const RemoveRule& op) const {
        return fmt::format("remove rule from {} lookup {}", to_string(op.rule.source), op.rule.table);
    }
    std::string operator()(const AddRoute& op) const { return route("add", op.route); }
    std::string operator()(const RemoveRoute& op) const { return route("remove", op.route); }
    std::string operator()(const MoveRoutes& op) const {
        return fmt::format("move routes from {} to {}", name(op.from), name(op.to));
    }
    std::string operator()(const RestoreRoutes& op) const {
        return fmt::format("restore routes of {}", name(op.link));
    }
    std::string operator()(const MoveNeighbour& op) const {
        return fmt::format("move {} entry {} from {} to {}", op.entry.mac ? "neighbour" : "proxy",
                           to_string(op.entry.address), name(op.entry.link), name(op.to));
    }
    std::string operator()(const SetIpv6Token& op) const {
        return fmt::format("set IPv6 token of {} to that of {}", name(op.link), to_string(op.token));
    }
    std::string operator()(const SetRouteSources& op) const {
        return fmt::format("let routes of {} use the source {}", name(op.link),
                           op.source ? to_string(*op.source) : "that is usual");
    }
    std::string operator()(const WriteSetting& op) const {
        return fmt::format("set {} of {} to {}", op.name, name(op.link), op.value);
    }
    std::string operator()(const AttachFilter& op) const {
        return fmt::format("attach {} filter of {} to {}", filter_name(op.filter), op.ipmp_interface, name(op.link));
    }
    std::string operator()(const DetachFilter& op) const { return fmt::format("detach filter from {}", name(op.link)); }

    std::string route(const char* verb, const RouteState& r) const {
        return fmt::format("{} route {}/{} on {} in table {}", verb, to_string(r.network), r.prefix_length,
                           name(r.link), r.table);
    }
    std::string name(InterfaceIndex link) const {
        auto found = links.find(link);
        return found == links.end() ? fmt::format("interface {}", link.value) : found->second.name;
    }
};

}  // namespace

std::string describe(const KernelOp& op, const std::map<InterfaceIndex, LinkState>& links) {
    return std::visit(Describe{links}, op);
}

}  // namespace ipmp
