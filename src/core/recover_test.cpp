// A lost state file must not cost the data path (R-POL-4, design D6).
#include "core/recover.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/engine.hpp"

namespace ipmp {
namespace {

constexpr FilterPlace kPlace{kDefaultFilterPriority, 1};

KernelState running_data_path() {
    KernelState kernel;
    kernel.links[{1}] = {.index = {1}, .name = "eth0", .mtu_bytes = 1500, .ethernet = true, .multicast = true,
                         .admin_up = true, .carrier = true, .filter = Filter::outdated, .filter_place = kPlace};
    kernel.links[{2}] = {.index = {2}, .name = "eth1", .mtu_bytes = 1500, .ethernet = true, .multicast = true,
                         .admin_up = true, .carrier = true};
    kernel.links[{3}] = {.index = {3}, .name = "ipmp0", .kind = "veth", .alias = kIpmpLinkAlias, .ethernet = true,
                         .admin_up = true, .peer = {4}};
    kernel.links[{4}] = {.index = {4}, .name = "ipmpl0", .kind = "veth", .alias = kLowerLinkAlias, .ethernet = true,
                         .admin_up = true, .peer = {3}, .filter = Filter::outdated, .filter_place = kPlace};
    kernel.addresses.push_back({.link = {3}, .address = *parse_ip("192.0.2.1"), .prefix_length = 24});
    return kernel;
}

TEST(Recover, TakesOverGroupMembersAndAddresses_R_POL_4) {
    Engine engine({}, "host");
    auto outcome = engine.step(Instant{}, KernelObserved{running_data_path()});
    const Group& group = engine.state().groups.at("ipmp0");
    EXPECT_EQ(group.lower_name, "ipmpl0");
    EXPECT_EQ(engine.state().interfaces.at("eth0").group, "ipmp0");
    EXPECT_EQ(engine.state().interfaces.at("eth1").group, "");
    ASSERT_EQ(group.families[0].bindings.size(), 1u);
    EXPECT_EQ(group.families[0].bindings[0].member, InterfaceIndex{1});
    for (const Action& action : outcome.actions) {
        const auto* batch = std::get_if<ApplyKernel>(&action);
        if (!batch) continue;
        EXPECT_TRUE(std::none_of(batch->ops.begin(), batch->ops.end(), [](const KernelOp& op) {
            return std::holds_alternative<DeleteLink>(op) || std::holds_alternative<RemoveAddress>(op);
        }));
    }
}

TEST(Recover, HandlesTellWhichGroupANicIsIn_R_POL_4) {
    KernelState kernel = running_data_path();
    kernel.links[{5}] = {.index = {5}, .name = "inside", .kind = "veth", .alias = kIpmpLinkAlias, .ethernet = true,
                         .admin_up = true, .peer = {6}};
    kernel.links[{6}] = {.index = {6}, .name = "ipmpl7", .kind = "veth", .alias = kLowerLinkAlias, .ethernet = true,
                         .admin_up = true, .peer = {5}, .filter = Filter::outdated,
                         .filter_place = {kDefaultFilterPriority, 8}};
    kernel.links[{2}].filter = Filter::outdated;
    kernel.links[{2}].filter_place = {99, 8};  // another priority is none of a group's business
    kernel.links[{7}] = {.index = {7}, .name = "eth2", .mtu_bytes = 1500, .ethernet = true, .multicast = true,
                         .filter = Filter::outdated, .filter_place = {kDefaultFilterPriority, 3}};
    Engine engine({}, "host");
    engine.step(Instant{}, KernelObserved{kernel});
    EXPECT_EQ(engine.state().interfaces.at("eth0").group, "ipmp0");
    EXPECT_EQ(engine.state().interfaces.at("eth1").group, "inside");
    EXPECT_EQ(engine.state().interfaces.at("eth2").group, "") << "of a group that is gone";
}

TEST(Recover, ATestAddressStaysOneOnItsNic_R_ADR_2) {
    KernelState kernel = running_data_path();
    IpAddress test = *parse_ip("192.0.2.20");
    std::uint32_t table = kTestTableBase + 1;
    kernel.addresses.push_back({.link = {1}, .address = test, .prefix_length = 32, .scope_link = true});
    kernel.rules.push_back({.source = test, .table = table});
    kernel.rules.push_back({.source = *parse_ip("192.0.2.21"), .table = table + 1});
    kernel.routes.push_back({*parse_ip("192.0.2.0"), 24, {1}, table});
    kernel.routes.push_back({*parse_ip("198.51.100.0"), 25, {1}, table});
    Engine engine({}, "host");
    engine.step(Instant{}, KernelObserved{kernel});
    const auto& addresses = engine.state().interfaces.at("eth0").families[0].addresses;
    ASSERT_EQ(addresses.size(), 1u);
    EXPECT_EQ(addresses[0], (LogicalAddress{.address = test, .prefix_length = 24, .broadcast = broadcast_of(test, 24),
                                            .up = true, .no_failover = true, .deprecated = true}));
    EXPECT_EQ(engine.state().groups.at("ipmp0").families[0].addresses.size(), 1u);
}

TEST(Recover, ALeasedTestAddressEndsWithItsLease_R_DHC_3) {
    KernelState kernel = running_data_path();
    IpAddress test = *parse_ip("192.0.2.20");
    kernel.addresses.push_back(
        {.link = {1}, .address = test, .prefix_length = 32, .scope_link = true, .finite_lifetime = true});
    kernel.rules.push_back({.source = test, .table = kTestTableBase + 1});
    Engine engine({}, "host");
    auto outcome = engine.step(Instant{}, KernelObserved{kernel});
    auto touches = [&](const KernelOp& op) {
        const auto* add = std::get_if<AddAddress>(&op);
        const auto* remove = std::get_if<RemoveAddress>(&op);
        return (add && add->address == test) || (remove && remove->address == test);
    };
    for (const Action& action : outcome.actions) {
        const auto* batch = std::get_if<ApplyKernel>(&action);
        if (!batch) continue;
        EXPECT_TRUE(std::none_of(batch->ops.begin(), batch->ops.end(), touches));
    }
    const auto& addresses = engine.state().interfaces.at("eth0").families[0].addresses;
    EXPECT_TRUE(addresses.size() == 1 && addresses[0].no_failover);
    kernel.addresses.pop_back();
    kernel.generation = 1;
    engine.step(Instant{}, KernelObserved{kernel});
    EXPECT_TRUE(addresses.empty());
}

TEST(Recover, LeavesAKnownStateAlone) {
    State state;
    state.interfaces["eth0"].name = "eth0";
    EXPECT_TRUE(recover(state, running_data_path()).empty());
    EXPECT_TRUE(state.groups.empty());
}

}  // namespace
}  // namespace ipmp
