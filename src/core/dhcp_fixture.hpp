// What DHCP tests share: a group of a and b, and c beside it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/dhcp.hpp"
#include "core/planner.hpp"
#include "core/predicates.hpp"

namespace ipmp {

using std::chrono::seconds;

inline constexpr InterfaceIndex kUpper{10}, kLower{11}, kA{1}, kB{2}, kC{3};
inline const IpAddress kLeased = *parse_ip("192.0.2.100"), kOther = *parse_ip("192.0.2.101"), kZero{};
inline const IpAddress kRouter = *parse_ip("192.0.2.9"), kLeased6 = *parse_ip("2001:db8::100");

// The part of an engine's step around core/dhcp.
class DhcpControl : public testing::Test {
  protected:
    DhcpControl() {
        Group& group = state_.groups["ipmp0"];
        group = {.interface = "ipmp0", .name = "ipmp0", .lower_name = "ipmpl0", .upper = kUpper, .lower = kLower};
        for (GroupFamily& family : group.families) family.plumbed = true;
        add_link(kUpper, "ipmp0");
        for (auto [index, name] : {std::pair(kA, "a"), std::pair(kB, "b"), std::pair(kC, "c")}) {
            add_link(index, name);
            Interface& nic = state_.interfaces[name];
            nic = {.name = name, .index = index, .admin_up = true, .carrier = true};
            if (index != kC) nic.group = "ipmp0";
            for (InterfaceFamily& family : nic.families) family.plumbed = true;
        }
    }
    void add_link(InterfaceIndex index, const char* name) {
        kernel_.links[index] = {.index = index, .name = name, .ethernet = true, .multicast = true, .admin_up = true};
    }

    CommandReply run(const Command& command) {
        CommandContext context = this->context();
        CommandReply reply = carry_out(command, context);
        const auto* control = std::get_if<ControlDhcp>(&command);
        bool awaits = control && control->wait && reply.error == CommandError::none;
        if (awaits && control->verb != DhcpVerb::drop) dhcp_.await({++request_, reply}, *control, state_);
        step();
        return reply;
    }
    CommandContext context() { return {state_, kernel_, host_id_, orders_, now_, log_}; }
    void step() {
        CommandContext context = this->context();
        dhcp_.reconsider(context);
        dhcp_.update(state_, kernel_, now_, actions_);
    }
    void pass(Duration duration) {
        now_ += duration;
        step();
    }
    // The kernel takes what was planned: of addresses, all that are up.
    void settle() {
        kernel_.addresses.clear();
        for (const LogicalAddress& logical : on("ipmp0")) see(kUpper, logical);
        for (const LogicalAddress& logical : on("ipmp0", Family::ipv6)) see(kUpper, logical);
        for (const auto& [name, nic] : state_.interfaces) {
            for (const LogicalAddress& logical : nic.families[0].addresses) see(nic.index, logical);
        }
        step();
    }
    void see(InterfaceIndex link, const LogicalAddress& logical) {
        if (logical.up) kernel_.addresses.push_back({.link = link, .address = logical.address});
    }

    ReportDhcp bound(const LogicalName& name, const IpAddress& address, std::optional<std::uint32_t> lease_s = 120) {
        DhcpKey key{name, address.family};
        ReportDhcp report{.logical = name, .family = address.family, .run = client(key)->run, .address = address};
        report.prefix_length = address.family == Family::ipv4 ? 24 : 128;
        if (address.family == Family::ipv4) report.routes = {{kZero, 0, kRouter}};
        report.lease_s = lease_s;
        if (lease_s) report.renewal_s = *lease_s / 2;
        return report;
    }
    void get_lease(const LogicalName& name, const IpAddress& address, std::optional<std::uint32_t> lease_s = 120) {
        ASSERT_EQ(run(ControlDhcp{name, address.family}).error, CommandError::none);
        ASSERT_EQ(run(bound(name, address, lease_s)).error, CommandError::none);
        settle();
    }

    const DhcpClient* client(const DhcpKey& key) const {
        auto found = std::find_if(state_.dhcp_clients.begin(), state_.dhcp_clients.end(),
                                  [&](const DhcpClient& other) { return other.key == key; });
        return found == state_.dhcp_clients.end() ? nullptr : &*found;
    }
    const std::vector<LogicalAddress>& on(const std::string& name, Family family = Family::ipv4) const {
        auto group = state_.groups.find(name);
        if (group != state_.groups.end()) return group->second.families[index_of(family)].addresses;
        return state_.interfaces.at(name).families[index_of(family)].addresses;
    }
    template <class T>
    std::vector<T> take() {
        std::vector<T> found;
        for (const Action& action : actions_) {
            if (const T* wanted = std::get_if<T>(&action)) found.push_back(*wanted);
        }
        std::erase_if(actions_, [](const Action& action) { return std::holds_alternative<T>(action); });
        return found;
    }
    bool is_logged(const std::string& part) const {
        return std::any_of(log_.begin(), log_.end(), [&](const Action& action) {
            const Log* line = std::get_if<Log>(&action);
            return line && line->text.find(part) != std::string::npos;
        });
    }

    State state_;
    KernelState kernel_;
    std::string host_id_ = "host";
    OneTimeOrders orders_;
    Instant now_{seconds(1000)};
    std::vector<Action> log_, actions_;
    Dhcp dhcp_;
    std::uint64_t request_ = 0;
};

inline const DhcpKey kOnGroup{{"ipmp0", 0}, Family::ipv4}, kOnA{{"a", 0}, Family::ipv4};

}  // namespace ipmp
