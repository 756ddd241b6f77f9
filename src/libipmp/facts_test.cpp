#include "libipmp/facts.hpp"

#include <gtest/gtest.h>

#include "model/interface_flags.hpp"

namespace ipmp {
namespace {

PlumbedInterface plumbed(const std::string& name, const std::string& group, std::vector<LogicalStatus> logicals) {
    PlumbedInterface interface{.name = name, .index = 7, .group_name = group};
    interface.inet = PlumbedFamily{1500, std::move(logicals)};
    return interface;
}

LogicalStatus logical(std::uint32_t number, std::uint64_t flags, const std::string& address) {
    return {number, flags, *parse_ip(address), 24, {}};
}

Status with_group() {
    Status status;
    status.groups = {{"ipmp0", "ops", GroupHealth::ok}};
    status.interfaces = {{"eth0", 7, true, "ipmp0"}};
    status.interfaces[0].state = InterfaceHealth::ok;
    status.plumbed = {plumbed("eth0", "ops", {logical(0, flag::kUp | flag::kNoFailover, "192.0.2.10")}),
                      plumbed("ipmp0", "ops", {logical(0, flag::kUp | flag::kIpmp, "192.0.2.1"),
                                               logical(1, flag::kIpmp, "192.0.2.2")})};
    return status;
}

Status without_group() {
    Status status;
    status.plumbed = {plumbed("eth0", "", {logical(0, flag::kUp, "192.0.2.1"), logical(1, flag::kUp, "192.0.2.3")})};
    return status;
}

std::vector<std::string> lines(const std::vector<Difference>& differences) {
    static const char* const kChanges[] = {"+", "-", "~"};
    static const char* const kObjects[] = {"group", "underlying", "interface", "address"};
    std::vector<std::string> result;
    for (const auto& [change, fact] : differences) {
        std::string line = std::string(kChanges[change]) + kObjects[fact.object] + " " + fact.name;
        if (fact.address) line += " " + to_string(*fact.address);
        if (!fact.state.empty()) line += " " + fact.state;
        result.push_back(line);
    }
    return result;
}

using Lines = std::vector<std::string>;

TEST(FactsTest, UnderlyingInterfacesAreForThoseWhoKnow_R_VIS_1_R_VIS_2) {
    EXPECT_EQ(lines(differences({}, facts_of(with_group(), RTAW_DEFAULT))),
              (Lines{"+group ipmp0 ok", "+interface ipmp0", "+address ipmp0 192.0.2.1"}));
    EXPECT_EQ(lines(differences({}, facts_of(with_group(), RTAW_UNDER_IPMP))),
              (Lines{"+group ipmp0 ok", "+underlying eth0 ok", "+interface eth0", "+interface ipmp0",
                     "+address eth0 192.0.2.10", "+address ipmp0 192.0.2.1"}));
}

// As routing sockets of the original show it: the addresses go, then the interface.
TEST(FactsTest, ForAnUnawareProgramJoiningIsGoingAwayAndLeavingIsComingBack_R_VIS_1) {
    Facts outside = facts_of(without_group(), RTAW_DEFAULT), inside = facts_of(with_group(), RTAW_DEFAULT);
    EXPECT_EQ(lines(differences(outside, inside)),
              (Lines{"-address eth0:1 192.0.2.3", "-address eth0 192.0.2.1", "-interface eth0", "+group ipmp0 ok",
                     "+interface ipmp0", "+address ipmp0 192.0.2.1"}));
    EXPECT_EQ(lines(differences(inside, outside)),
              (Lines{"-address ipmp0 192.0.2.1", "-interface ipmp0", "-group ipmp0 ok", "+interface eth0",
                     "+address eth0 192.0.2.1", "+address eth0:1 192.0.2.3"}));
}

TEST(FactsTest, AFailureIsAChange_R_VIS_2) {
    Status failed = with_group();
    failed.interfaces[0].state = InterfaceHealth::failed;
    failed.groups[0].state = GroupHealth::failed;
    EXPECT_EQ(lines(differences(facts_of(with_group(), RTAW_UNDER_IPMP), facts_of(failed, RTAW_UNDER_IPMP))),
              (Lines{"~group ipmp0 failed", "~underlying eth0 failed"}));
}

TEST(FactsTest, OnlyUpAddressesCount_R_VIS_2) {
    Status up = with_group();
    up.plumbed[1].inet->logicals[1].flags |= flag::kUp;
    EXPECT_EQ(lines(differences(facts_of(with_group(), RTAW_DEFAULT), facts_of(up, RTAW_DEFAULT))),
              Lines{"+address ipmp0:1 192.0.2.2"});
}

}  // namespace
}  // namespace ipmp
