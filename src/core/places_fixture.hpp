// For tests of what lives in which network namespace: a group of one NIC with its IPMP interface, all of it in the
// host's at first.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/commands.hpp"
#include "core/isolation.hpp"
#include "core/observe.hpp"
#include "core/planner.hpp"

namespace ipmp {

class PlacesFixture : public testing::Test {
  protected:
    PlacesFixture(InterfaceIndex upper_index, InterfaceIndex lower_index, InterfaceIndex nic_index) {
        Group& group = state_.groups["ipmp0"];
        group = {.interface = "ipmp0", .name = "g", .lower_name = "ipmpl0"};
        group.upper = upper_index, group.lower = lower_index;
        group.families[0].plumbed = true;
        Interface& nic = state_.interfaces["a"];
        nic = {.name = "a", .index = nic_index, .group = "ipmp0", .admin_up = true, .carrier = true};
        nic.families[0].plumbed = true;
        nic.saved_settings = {{"ipv4/conf/*/rp_filter", "1"}};
        link(nic_index, "a").settings = nic.saved_settings;
        LinkState& upper = link(upper_index, "ipmp0");
        upper.alias = kIpmpLinkAlias;
        upper.settings = {{"ipv6/conf/*/accept_dad", "0"}};
        LinkState& lower = link(lower_index, "ipmpl0");
        lower.alias = kLowerLinkAlias;
        lower.settings = {{"ipv4/conf/*/forwarding", "0"}};
        upper.peer = lower_index, lower.peer = upper_index;
    }
    LinkState& link(InterfaceIndex index, const std::string& name) {
        LinkState& made = kernel_.links[index];
        made = {.index = index, .name = name, .mtu_bytes = 1500, .ethernet = true, .multicast = true, .admin_up = true};
        return made;
    }
    void observe() {
        file_observation(state_, kernel_, {});
        judge_places(state_, kernel_);
    }
    CommandReply run(const Command& command) {
        std::vector<Action> log;
        CommandContext context{state_, kernel_, host_, orders_, {}, log};
        CommandReply reply = carry_out(command, context);
        judge_places(state_, kernel_);
        return reply;
    }
    std::vector<KernelOp> planned() const { return plan(state_, kernel_, AddressIndex(kernel_), {}); }
    bool planned(const KernelOp& op) const {
        auto ops = planned();
        return std::find(ops.begin(), ops.end(), op) != ops.end();
    }
    // Operations about a link but `but`.
    bool anything_about(InterfaceIndex index, const KernelOp& but) const {
        auto ops = planned();
        return std::any_of(ops.begin(), ops.end(), [&](const KernelOp& op) {
            return op != but && std::visit([&](const auto& one) {
                if constexpr (requires { one.link; }) return one.link == index;
                else return false;
            }, op);
        });
    }

    const std::string host_ = "host";
    State state_;
    KernelState kernel_;
    OneTimeOrders orders_;
};

}  // namespace ipmp
