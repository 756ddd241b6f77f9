// What `ipmp stop --purge` leaves: the addresses and routes of each group on one NIC.
#include "core/give_back.hpp"

#include <gtest/gtest.h>

#include "core/predicates.hpp"

namespace ipmp {
namespace {

const IpAddress kData = *parse_ip("192.0.2.1"), kDown = *parse_ip("192.0.2.2"), kTaken = *parse_ip("192.0.2.3");
const IpAddress kTest = *parse_ip("192.0.2.20"), kAdvertised = *parse_ip("2001:db8::1");
constexpr InterfaceIndex kOne{1}, kTwo{2}, kUpper{10}, kLower{11};

class GiveBack : public testing::Test {
  protected:
    GiveBack() {
        for (const char* name : {"one", "two"}) {
            Interface& nic = state_.interfaces[name];
            nic.name = name;
            nic.index = name == std::string("one") ? kOne : kTwo;
            nic.group = "ipmp0";
            nic.admin_up = nic.carrier = true;
        }
        LogicalAddress test{.number = 0, .address = kTest, .prefix_length = 24, .up = true, .no_failover = true};
        state_.interfaces["two"].families[0].addresses = {test};
        Group& group = state_.groups["ipmp0"];
        group.interface = "ipmp0";
        group.upper = kUpper;
        group.lower = kLower;
        group.families[0].nominee = kTwo;
        LogicalAddress taken{.number = 2, .address = kTaken, .prefix_length = 24, .up = true};
        taken.uniqueness = Uniqueness::duplicate;
        group.families[0].addresses = {{.number = 0, .address = kData, .prefix_length = 24, .up = true},
                                       {.number = 1, .address = kDown, .prefix_length = 24},
                                       taken};
        group.families[1].addresses = {
            {.number = 0, .address = *parse_ip("fe80::1"), .prefix_length = 64, .up = true},
            {.number = 1, .address = kAdvertised, .prefix_length = 64, .up = true, .adopted = true}};
    }

    CommandReply purge() {
        CommandContext context{state_, kernel_, host_id_, orders_, Instant{}, log_};
        return carry_out(Stop{true}, context);
    }
    std::vector<IpAddress> on(const std::string& nic) const {
        std::vector<IpAddress> all;
        for (const InterfaceFamily& family : state_.interfaces.at(nic).families) {
            for (const LogicalAddress& logical : family.addresses) all.push_back(logical.address);
        }
        return all;
    }

    State state_;
    KernelState kernel_;
    std::string host_id_ = "host";
    OneTimeOrders orders_;
    std::vector<Action> log_;
};

TEST_F(GiveBack, OneNicInheritsAddressesInUseAndThenTheRoutes) {
    ASSERT_EQ(purge().error, CommandError::none);
    EXPECT_EQ(on("one"), std::vector<IpAddress>{});
    EXPECT_EQ(on("two"), (std::vector<IpAddress>{kTest, kData, kAdvertised}));
    EXPECT_EQ(state_.interfaces["two"].families[0].addresses[1].number, 1u);
    EXPECT_TRUE(state_.groups.empty());

    AddAddress data{.link = kTwo, .address = kData, .prefix_length = 24};
    AddAddress advertised{.link = kTwo, .address = kAdvertised, .prefix_length = 64, .lifetime_from = kUpper};
    EXPECT_EQ(orders_.ops, (std::vector<KernelOp>{DetachFilter{kTwo}, data, advertised, MoveRoutes{kUpper, kTwo}}));
}

TEST_F(GiveBack, ALeasedAddressStaysForWhatIsLeftOfItsTime) {
    const Instant end = Instant{} + std::chrono::seconds(90);
    DhcpClient client{.key = {{"ipmp0", 0}, Family::ipv4}};
    client.lease = DhcpLease{.address = kData, .routes = {{*parse_ip("0.0.0.0"), 0, *parse_ip("192.0.2.254")}}};
    client.lease->expires = end;
    state_.dhcp_clients = {client};
    purge();
    EXPECT_EQ(std::get<AddAddress>(orders_.ops[1]).valid_until, end);
    const auto& route = std::get<AddRoute>(orders_.ops[2]);
    EXPECT_EQ(route.route.gateway, parse_ip("192.0.2.254"));
    EXPECT_TRUE(route.route.link == kTwo && !route.ours);
    EXPECT_TRUE(state_.interfaces["two"].families[0].addresses[1].adopted);
}

TEST_F(GiveBack, PeersAreToldOfTheNewPlace) {
    state_.interfaces["two"].mac = *parse_mac("02:00:00:00:00:02");
    purge();
    ASSERT_EQ(log_.size(), 2u);
    const Nic heir{kTwo, *parse_mac("02:00:00:00:00:02")};
    EXPECT_EQ(std::get<Announce>(log_[0]), (Announce{kData, heir}));
    EXPECT_EQ(std::get<Announce>(log_[1]), (Announce{kAdvertised, heir}));
}

TEST_F(GiveBack, WithoutANomineeItIsANicWithLinkElseAnyThatIsThere) {
    state_.groups["ipmp0"].families[0].nominee = {};
    purge();
    EXPECT_EQ(on("one"), (std::vector<IpAddress>{kData, kAdvertised}));
}

TEST_F(GiveBack, ANicWithoutLinkInheritsIfThereIsNoOther) {
    state_.groups["ipmp0"].families[0].nominee = {};
    state_.interfaces["one"].index = {};
    state_.interfaces["two"].carrier = false;
    purge();
    EXPECT_EQ(on("two"), (std::vector<IpAddress>{kTest, kData, kAdvertised}));
}

// Seed 1298: one of both was wanted, the other not, so that it was added and removed for ever.
TEST_F(GiveBack, AnAddressThatTheNicHadAlsoItselfIsThereOnce) {
    state_.interfaces["two"].families[0].addresses = {
        {.number = 0, .address = kData, .prefix_length = 32, .up = true, .no_failover = true},
        {.number = 1, .address = kTest, .prefix_length = 24}};
    purge();
    EXPECT_EQ(on("two"), (std::vector<IpAddress>{kTest, kData, kAdvertised}));
    const LogicalAddress& inherited = state_.interfaces["two"].families[0].addresses[1];
    EXPECT_TRUE(inherited.up && !inherited.no_failover);
    EXPECT_EQ(inherited.number, 2u);
}

TEST_F(GiveBack, AGroupWithoutMembersLeavesNothing) {
    state_.interfaces.clear();
    EXPECT_EQ(purge().error, CommandError::none);
    EXPECT_TRUE(orders_.ops.empty() && log_.empty());
}

TEST_F(GiveBack, ANicElsewhereGetsItsAddressesOnceItIsHome) {
    state_.interfaces["two"].index.place = Place::members;
    state_.groups["ipmp0"].families[0].nominee.place = Place::members;
    purge();
    EXPECT_EQ(on("two"), (std::vector<IpAddress>{kTest, kData, kAdvertised}));
    EXPECT_TRUE(orders_.ops.empty());
}

}  // namespace
}  // namespace ipmp
