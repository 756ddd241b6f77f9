// Indices answer as the plain questions do, whatever state they are made of.
#include "core/roster.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/address_index.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

// `nics` in turns in each of `groups`, in none, and missing.
State crowd(std::uint32_t groups, std::uint32_t nics) {
    State state;
    for (std::uint32_t number = 0; number < groups; ++number) {
        std::string name = fmt::format("ipmp{}", number);
        state.groups[name].interface = name;
    }
    for (std::uint32_t number = 0; number < nics; ++number) {
        std::string name = fmt::format("eth{}", number);
        Interface& nic = state.interfaces[name];
        nic.name = name;
        if (number % 7 != 6) nic.index = {nics - number, number % 5 == 0 ? Place::members : Place::host};
        if (std::uint32_t turn = number % (groups + 1); turn < groups) nic.group = fmt::format("ipmp{}", turn);
    }
    return state;
}

TEST(Roster, HasTheMembersOfEachGroupInNaturalOrder) {
    State state = crowd(11, 200);
    GroupMembers members(state.interfaces);
    MembersByGroup<Interface> changeable(state.interfaces);
    for (const auto& [name, group] : state.groups) {
        EXPECT_GT(members.of(group).size(), 10u) << name;
        EXPECT_EQ(members.of(group), members_of(std::as_const(state), group)) << name;
        EXPECT_EQ(changeable.of(group), members_of(state, group)) << name;
    }
    EXPECT_TRUE(members.of(Group{.interface = "ipmp99"}).empty());
    EXPECT_EQ(members.of(Group{}), members_of(std::as_const(state), Group{})) << "those of no group";
}

TEST(Roster, FindsInterfacesByTheirLinks) {
    State state = crowd(3, 50);
    InterfacesByLink<Interface> links(state.interfaces);
    for (Place place : {Place::host, Place::members}) {
        for (std::uint32_t value = 0; value < 60; ++value) {
            InterfaceIndex link{value, place};
            EXPECT_EQ(links.find(link), find_interface(state, link)) << value;
        }
    }
}

TEST(AddressIndex, TellsAllWhoHoldAnAddress) {
    KernelState kernel;
    IpAddress shared{Family::ipv4, {10, 0, 0, 1}}, single{Family::ipv4, {10, 0, 0, 2}};
    IpAddress none{Family::ipv6, {10, 0, 0, 1}};
    kernel.addresses = {{.link = {3}, .address = shared}, {.link = {1}, .address = single},
                        {.link = {2}, .address = shared, .prefix_length = 24},
                        {.link = {2}, .address = shared, .prefix_length = 32}};
    AddressIndex index(kernel);
    ASSERT_EQ(index.holders_of(shared).size(), 3u);
    EXPECT_EQ(index.holders_of(shared)[0], &kernel.addresses[2]);
    EXPECT_EQ(index.holders_of(shared)[1], &kernel.addresses[3]);
    EXPECT_EQ(index.holders_of(shared)[2], &kernel.addresses[0]);
    EXPECT_EQ(index.holders_of(single).size(), 1u);
    EXPECT_TRUE(index.holders_of(none).empty());
    EXPECT_EQ(index.find({2}, shared).size(), 2u);
    EXPECT_TRUE(index.contains({1}, single));
    EXPECT_FALSE(index.contains({1}, shared));
    EXPECT_EQ(index.on({2}).size(), 2u);
}

TEST(AddressIndex, AWalkFindsWhatASearchFinds) {
    KernelState kernel;
    auto nth = [](int number) {
        return *parse_ip("10.0." + std::to_string(number / 200) + "." + std::to_string(number % 200));
    };
    for (int number = 0; number < 1000; number += 2) {
        kernel.addresses.push_back({.link = {1}, .address = nth(number)});
        if (number % 3 == 0) kernel.addresses.push_back({.link = {2}, .address = nth(number)});
    }
    AddressIndex index(kernel);
    for (int step : {1, 2, 3, 7, 50, 400}) {  // whom it asks for next is near, or far
        AddressIndex::Walk first(index), second(index);
        for (int number = 0; number < 1000; number += step) {
            ASSERT_EQ(first.contains({1}, nth(number)), index.contains({1}, nth(number))) << number;
            ASSERT_EQ(second.contains({2}, nth(number)), index.contains({2}, nth(number))) << number;
            ASSERT_EQ(first.contains({1}, nth(number)), index.contains({1}, nth(number))) << "asked again";
        }
        EXPECT_FALSE(first.contains({1}, *parse_ip("2001:db8::1"))) << "past all";
    }
}

}  // namespace

}  // namespace ipmp
