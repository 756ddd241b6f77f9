#include "model/kernel_op.hpp"

#include <fmt/format.h>

namespace ipmp {

namespace {

const char* filter_name(Filter filter) { return filter == Filter::spread ? "spreading" : "steering"; }

struct Describe {
    std::string operator()(const CreateIpmpLink& op) const { return fmt::format("create IPMP interface {}", op.name); }
    std::string operator()(const DeleteLink& op) const { return fmt::format("delete interface {}", op.link.value); }
    std::string operator()(const SetLinkUp& op) const {
        return fmt::format("set interface {} {}", op.link.value, op.up ? "up" : "down");
    }
    std::string operator()(const SetLinkMtu& op) const {
        return fmt::format("set MTU of interface {} to {}", op.link.value, op.mtu_bytes);
    }
    std::string operator()(const AddAddress& op) const {
        return fmt::format("add address {}/{} to interface {}", to_string(op.address), op.prefix_length, op.link.value);
    }
    std::string operator()(const RemoveAddress& op) const {
        return fmt::format("remove address {}/{} from interface {}", to_string(op.address), op.prefix_length,
                           op.link.value);
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
        return fmt::format("move routes from interface {} to {}", op.from.value, op.to.value);
    }
    std::string operator()(const SetIpv6Token& op) const {
        return fmt::format("set IPv6 token of interface {} to that of {}", op.link.value, to_string(op.token));
    }
    std::string operator()(const WriteSetting& op) const {
        return fmt::format("set {} of interface {} to {}", op.name, op.link.value, op.value);
    }
    std::string operator()(const AttachFilter& op) const {
        return fmt::format("attach {} filter of {} to interface {}", filter_name(op.filter), op.ipmp_interface,
                           op.link.value);
    }
    std::string operator()(const DetachFilter& op) const {
        return fmt::format("detach filter from interface {}", op.link.value);
    }
    static std::string route(const char* verb, const RouteState& r) {
        return fmt::format("{} route {}/{} on interface {} in table {}", verb, to_string(r.network), r.prefix_length,
                           r.link.value, r.table);
    }
};

}  // namespace

std::string describe(const KernelOp& op) { return std::visit(Describe{}, op); }

}  // namespace ipmp
