// Views of two namespaces and the whole: nothing of one is taken for the other's, though their numbers are the same.
#include "model/places.hpp"

#include <gtest/gtest.h>

namespace ipmp {
namespace {

constexpr InterfaceIndex kThree{3}, kThreeThere{3, Place::members};
const IpAddress kAddress{Family::ipv4, {192, 0, 2, 1}};

KernelState view(const std::string& name, const std::string& alias) {
    KernelState seen;
    seen.links[kThree] = {.index = kThree, .name = name, .alias = alias, .master = {4}};
    seen.addresses = {{.link = kThree, .address = kAddress, .prefix_length = 24}};
    seen.rules = {{kAddress, 7}};
    seen.routes = {{kAddress, 24, kThree, 7}};
    seen.target_routes = {{kThree, kAddress}};
    seen.neighbours = {{kThree, kAddress, {}}};
    return seen;
}

TEST(Places, R_VIS_1_OfAnApplicationsNamespaceOnlyOurInterfacesAreSeen) {
    KernelState there = view("ipmp0", kIpmpLinkAlias), whole;
    constexpr InterfaceIndex kFour{4}, kOurs{3, Place::first_application};
    there.links[kFour] = {.index = kFour, .name = "eth0"};
    there.addresses.push_back({.link = kFour, .address = kAddress, .prefix_length = 24});
    there.routes.push_back({kAddress, 24, kFour, 7});
    there.target_routes.push_back({kFour, kAddress});
    there.neighbours.push_back({kFour, kAddress, {}});
    add_view(whole, there, Place::first_application);
    ASSERT_EQ(whole.links.size(), 1u);
    EXPECT_EQ(whole.links.begin()->first, kOurs);
    ASSERT_EQ(whole.addresses.size(), 1u);
    EXPECT_EQ(whole.addresses.front().link, kOurs);
    EXPECT_EQ(whole.routes.size(), 1u);
    EXPECT_EQ(whole.target_routes.size(), 1u);
    EXPECT_EQ(whole.neighbours.size(), 1u);
    EXPECT_TRUE(whole.rules.empty());
}

TEST(Places, ViewsKeepTheirNumbersApart) {
    KernelState whole;
    add_view(whole, view("here", ""), Place::host);
    add_view(whole, view("there", ""), Place::members);
    ASSERT_EQ(whole.links.size(), 2u);
    EXPECT_EQ(whole.links.at(kThree).name, "here");
    EXPECT_EQ(whole.links.at(kThreeThere).name, "there");
    EXPECT_EQ(whole.links.at(kThreeThere).index, kThreeThere);
    EXPECT_EQ(whole.links.at(kThreeThere).master, (InterfaceIndex{4, Place::members}));
    EXPECT_EQ(whole.links.at(kThreeThere).peer, InterfaceIndex{}) << "none stays none";
    EXPECT_EQ(whole.addresses.at(0).link, kThree);
    EXPECT_EQ(whole.addresses.at(1).link, kThreeThere);
    EXPECT_EQ(whole.rules.at(1).place, Place::members);
    EXPECT_EQ(whole.routes.at(1).link, kThreeThere);
    EXPECT_EQ(whole.target_routes.at(1).link, kThreeThere);
    EXPECT_EQ(whole.neighbours.at(1).link, kThreeThere);
}

TEST(Places, TheEndsOfOurPairFindEachOther) {
    const NamespaceNumbers numbers{{{Place::host, 4}, Place::members}, {{Place::members, 0}, Place::host}};
    KernelState host = view("ipmp0", kIpmpLinkAlias), members = view("ipmpl0", kLowerLinkAlias);
    host.links[kThree].peer_elsewhere = members.links[kThree].peer_elsewhere = 3;
    host.links[kThree].peer_namespace = 4;
    KernelState whole;
    add_view(whole, host, Place::host);
    add_view(whole, members, Place::members);
    join_views(whole, numbers);
    EXPECT_EQ(whole.links.at(kThree).peer, kThreeThere);
    EXPECT_EQ(whole.links.at(kThreeThere).peer, kThree);

    host.links[kThree].peer_namespace = 5;  // somebody in a third namespace, by chance under the same number
    KernelState other;
    add_view(other, host, Place::host);
    add_view(other, members, Place::members);
    join_views(other, numbers);
    EXPECT_EQ(other.links.at(kThree).peer, InterfaceIndex{});
}

TEST(Places, R_VIS_1_WhatAnApplicationMadeToLookLikeOursIsNone) {
    constexpr Place kApp = Place::first_application;
    constexpr InterfaceIndex kReal{3, kApp}, kFake{4, kApp};
    KernelState host = view("ipmpl0", kLowerLinkAlias), there = view("ipmp0", kIpmpLinkAlias), whole;
    host.links[kThree].peer_elsewhere = 3, host.links[kThree].peer_namespace = 1;
    there.links[kThree].peer_elsewhere = 3, there.links[kThree].peer_namespace = 0;
    there.links[{4}] = there.links[kThree];
    there.links[{4}].index = {4};
    there.links[{4}].peer_namespace = 2;  // its other end has the number of our lower end, but elsewhere
    there.addresses.push_back({.link = {4}, .address = kAddress, .prefix_length = 24});
    add_view(whole, host, Place::host);
    add_view(whole, there, kApp);
    join_views(whole, {{{Place::host, 1}, kApp}, {{kApp, 0}, Place::host}});
    EXPECT_EQ(whole.links.at(kThree).peer, kReal);
    EXPECT_EQ(whole.links.at(kReal).peer, kThree);
    EXPECT_FALSE(whole.links.contains(kFake));
    for (const AddressState& seen : whole.addresses) EXPECT_NE(seen.link, kFake);
}

TEST(Places, AnOperationBelongsWhereItsLinkIs) {
    const KernelOp on_links[] = {SetLinkMtu{kThreeThere, 1400}, MoveLink{kThreeThere, Place::host},
                                 AddAddress{.link = kThreeThere, .address = kAddress, .lifetime_from = kThreeThere},
                                 AddRoute{{kAddress, 24, kThreeThere, 7}}, MoveRoutes{kThreeThere, kThreeThere},
                                 MoveNeighbour{{kThreeThere, kAddress, {}}, kThreeThere}};
    for (const KernelOp& op : on_links) {
        EXPECT_EQ(place_of(op), Place::members) << describe(op);
        EXPECT_EQ(place_of(seen_from_inside(op)), Place::host) << describe(op);
    }
    EXPECT_EQ(place_of(AddRule{{kAddress, 7, Place::members}}), Place::members);
    EXPECT_EQ(place_of(CreateIpmpLink{.name = "ipmp0", .lower_place = Place::members}), Place::host);
    EXPECT_EQ(std::get<AddAddress>(seen_from_inside(on_links[2])).lifetime_from, kThree);
    EXPECT_EQ(std::get<MoveLink>(seen_from_inside(MoveLink{kThree, Place::members})).to, Place::members);
}

}  // namespace
}  // namespace ipmp
