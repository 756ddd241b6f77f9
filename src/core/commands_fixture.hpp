// For tests of commands: a group of a and b, and c beside it. A refused command changes nothing.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/commands.hpp"
#include "core/predicates.hpp"

namespace ipmp {

inline const IpAddress kOne{Family::ipv4, {192, 0, 2, 1}}, kTwo{Family::ipv4, {192, 0, 2, 2}};
inline const IpAddress kMulticast{Family::ipv4, {224, 0, 0, 1}};

class Commands : public testing::Test {
  protected:
    Commands() {
        for (const char* name : {"a", "b", "c"}) {
            Interface& nic = state_.interfaces[name];
            nic = {.name = name, .index = {static_cast<std::uint32_t>(name[0])}, .admin_up = true, .carrier = true};
            nic.families[0].plumbed = true;
            kernel_.links[nic.index] = {.index = nic.index, .name = name, .ethernet = true, .multicast = true};
        }
        EXPECT_EQ(run(CreateIpmp{"ipmp0"}), CommandError::none);
        EXPECT_EQ(run(SetGroup{"a", Family::ipv4, "ipmp0"}), CommandError::none);
        EXPECT_EQ(run(SetGroup{"b", Family::ipv4, "ipmp0"}), CommandError::none);
    }
    CommandError run(const Command& command) {
        State before = state_;
        CommandContext context{state_, kernel_, host_id_, orders_, Instant{}, log_};
        reply_ = carry_out(command, context);
        if (reply_.error != CommandError::none) {
            EXPECT_EQ(state_, before) << "a refused command changed something: " << reply_.text;
            EXPECT_NE(reply_.text, "");
        }
        return reply_.error;
    }
    Interface& nic(const std::string& name) { return state_.interfaces.at(name); }
    LinkState& link(const std::string& name) { return kernel_.links.at(nic(name).index); }
    const std::vector<LogicalAddress>& on_group() const { return state_.groups.at("ipmp0").families[0].addresses; }

    State state_;
    KernelState kernel_;
    std::string host_id_ = "host";
    OneTimeOrders orders_;
    std::vector<Action> log_;
    CommandReply reply_;
};

}  // namespace ipmp
