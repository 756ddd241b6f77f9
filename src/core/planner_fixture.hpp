// For tests of the planner: a group of one NIC that is nearly as wanted.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "core/planner.hpp"

namespace ipmp {

inline constexpr InterfaceIndex kUpper{10}, kLower{11}, kNic{1}, kStray{20};
inline const IpAddress kData{Family::ipv4, {192, 0, 2, 1}}, kTest{Family::ipv4, {192, 0, 2, 101}};

inline constexpr FilterPlace kPlace{kDefaultFilterPriority, 1};

class Plan : public testing::Test {
  protected:
    Plan() {
        Group& group = state_.groups["ipmp0"];
        group = {.interface = "ipmp0", .name = "g", .lower_name = "ipmpl0", .upper = kUpper, .lower = kLower};
        group.families[0].plumbed = true;
        group.families[0].active = {kNic};
        group.families[0].addresses = {
            {.number = 1, .address = kData, .prefix_length = 24, .broadcast = broadcast_of(kData, 24), .up = true}};
        Interface& nic = state_.interfaces["a"];
        nic = {.name = "a", .index = kNic, .group = "ipmp0", .mtu_bytes = 1400, .admin_up = true, .carrier = true};
        nic.families[0].plumbed = true;
        nic.saved_settings = {{"ipv4/conf/*/rp_filter", "1"}};
        link(kNic, "a", "").mtu_bytes = 1400;
        LinkState& upper = link(kUpper, "ipmp0", kIpmpLinkAlias);
        upper.settings = {{"ipv6/conf/*/accept_dad", "1"}};
        upper.carrier = true;
        LinkState& lower = link(kLower, "ipmpl0", kLowerLinkAlias);
        lower.admin_up = false;
        lower.settings = {{"ipv4/conf/*/forwarding", "0"}};
    }
    LinkState& link(InterfaceIndex index, const std::string& name, const std::string& alias) {
        LinkState& made = kernel_.links[index];
        made = {.index = index, .name = name, .alias = alias, .mtu_bytes = 1500, .ethernet = true, .admin_up = true};
        return made;
    }
    std::vector<KernelOp> planned() const { return plan(state_, kernel_, AddressIndex(kernel_), config_); }
    template <typename Op>
    std::ptrdiff_t place_of(const Op& op) const {
        auto ops = planned();
        auto found = std::find(ops.begin(), ops.end(), KernelOp{op});
        return found == ops.end() ? -1 : found - ops.begin();
    }
    // The few operations of this test's plans, as a kernel would do them.
    void carry_out(const KernelOp& op) {
        if (auto* mtu = std::get_if<SetLinkMtu>(&op)) kernel_.links.at(mtu->link).mtu_bytes = mtu->mtu_bytes;
        if (auto* mac = std::get_if<SetLinkMac>(&op)) kernel_.links.at(mac->link).mac = mac->mac;
        if (auto* up = std::get_if<SetLinkUp>(&op)) kernel_.links.at(up->link).admin_up = up->up;
        if (auto* write = std::get_if<WriteSetting>(&op)) {
            kernel_.links.at(write->link).settings[write->name] = write->value;
        }
        if (auto* attach = std::get_if<AttachFilter>(&op)) {
            kernel_.links.at(attach->link).filter = attach->filter;
            kernel_.links.at(attach->link).filter_group = attach->ipmp_interface;
            kernel_.links.at(attach->link).filter_place = attach->place;
        }
        if (auto* add = std::get_if<AddAddress>(&op)) {
            kernel_.addresses.push_back({.link = add->link,
                                         .address = add->address,
                                         .prefix_length = add->prefix_length,
                                         .broadcast = add->broadcast,
                                         .scope_link = add->scope_link});
        }
        if (auto* remove = std::get_if<RemoveAddress>(&op)) {
            std::erase_if(kernel_.addresses, [&](const AddressState& seen) {
                return seen.link == remove->link && seen.address == remove->address;
            });
        }
        if (auto* rule = std::get_if<AddRule>(&op)) kernel_.rules.push_back(rule->rule);
        if (auto* route = std::get_if<AddRoute>(&op)) kernel_.routes.push_back(route->route);
        if (auto* remove = std::get_if<DeleteLink>(&op)) kernel_.links.erase(remove->link);
    }
    State state_;
    KernelState kernel_;
    Config config_;
};

}  // namespace ipmp
