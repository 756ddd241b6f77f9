#include "model/status_news.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace ipmp {
namespace {

IpAddress ip(const std::string& text) { return *parse_ip(text); }

// Each list by its name and no other.
TEST(StatusListTest, OnlyWhatIsWantedIsLeft_R_STA_1) {
    Status status;
    status.groups.resize(1);
    status.interfaces.resize(2);
    status.addresses.resize(3);
    status.targets.resize(4);
    status.plumbed.resize(5);
    status.proxies.resize(6);
    status.dhcp.resize(7);
    status.decisions.resize(8);
    auto sizes = [](const Status& of) {
        return std::vector{of.groups.size(), of.interfaces.size(), of.addresses.size(), of.targets.size(),
                           of.plumbed.size(), of.proxies.size(), of.dhcp.size(), of.decisions.size()};
    };
    for (std::size_t list = 0; list < 8; list++) {
        std::vector<std::size_t> left(8);
        left[list] = list + 1;
        EXPECT_EQ(sizes(only(status, {static_cast<StatusList>(list)})), left);
    }
    EXPECT_EQ(only(status, {}), Status{});
}

TEST(StatusNewsTest, NothingIsNewOfTheSame_R_VIS_2) {
    Status status;
    status.groups.push_back({"ipmp0", "ops"});
    status.targets.push_back({"eth0", TargetMode::routes, ip("192.0.2.10"), {ip("192.0.2.1"), ip("192.0.2.2")}});
    EXPECT_TRUE(news_between(status, status).empty());
    Status later = status;
    std::reverse(later.targets[0].targets.begin(), later.targets[0].targets.end());  // the next probe's turn
    EXPECT_TRUE(news_between(status, later).empty());
}

TEST(StatusNewsTest, TellsWhatChangedCameAndWent_R_VIS_2) {
    Status before, after;
    before.groups = {{"ipmp0", "ops"}, {"ipmp1", "lab"}};
    after.groups = {{"ipmp0", "ops", GroupHealth::ok}, {"ipmp2", "new"}};
    StatusNews news = news_between(before, after);
    EXPECT_FALSE(news.whole);
    EXPECT_EQ(news.present.groups, after.groups);
    EXPECT_EQ(news.gone.groups, std::vector{before.groups[1]});
}

// One address may be in two groups, and an interface has one row of targets for each family.
TEST(StatusNewsTest, TellsApartWhatHasOneNameInCommon_R_VIS_2) {
    Status before, after;
    before.addresses = {{ip("192.0.2.1"), true, "ipmp0"}, {ip("192.0.2.1"), true, "ipmp1"}};
    after.addresses = {before.addresses[0]};
    before.targets = {{"eth0", TargetMode::routes, ip("192.0.2.10")}, {"eth0", TargetMode::multicast, ip("fe80::1")}};
    after.targets = {before.targets[1]};
    StatusNews news = news_between(before, after);
    EXPECT_EQ(news.gone.addresses, std::vector{before.addresses[1]});
    EXPECT_EQ(news.gone.targets, std::vector{before.targets[0]});
    EXPECT_EQ(news.present, Status{});
}

// Statuses in which some of everything differs.
Status random_status(std::mt19937& random) {
    auto some = [&](unsigned limit) { return static_cast<unsigned>(random()) % limit; };
    Status status;
    for (unsigned i = 0; i < 6; ++i) {
        std::string number = std::to_string(i);
        IpAddress address = ip("192.0.2." + number);
        if (some(2)) status.groups.push_back({"ipmp" + number, "", static_cast<GroupHealth>(some(3))});
        if (some(2)) status.interfaces.push_back({"eth" + number, some(3)});
        if (some(2)) status.addresses.push_back({address, some(2) == 0, "ipmp" + std::to_string(i / 2)});
        if (some(2)) status.targets.push_back({"eth" + number, TargetMode::routes, address, {ip("192.0.2.9")}});
        if (some(2)) status.dhcp.push_back({"eth" + number, some(2), some(2) ? Family::ipv4 : Family::ipv6});
        if (some(2)) status.plumbed.push_back({"eth" + number, i, some(2) ? "ops" : ""});
    }
    return status;
}

Status sorted(Status status) {
    auto by_name = [](auto& list, auto name_of) {
        std::sort(list.begin(), list.end(), [&](auto& a, auto& b) { return name_of(a) < name_of(b); });
    };
    by_name(status.groups, [](auto& group) { return group.interface; });
    by_name(status.interfaces, [](auto& interface) { return interface.name; });
    by_name(status.addresses, [](auto& address) { return to_string(address.address); });
    by_name(status.targets, [](auto& row) { return row.interface; });
    by_name(status.dhcp, [](auto& client) { return client.interface; });
    by_name(status.plumbed, [](auto& interface) { return interface.name; });
    return status;
}

TEST(StatusNewsTest, WhoAppliesAllNewsHasTheWhole_R_VIS_2) {
    std::mt19937 random(7);
    Status told, kept;
    for (int round = 0; round < 500; ++round) {
        Status now = random_status(random);
        apply(kept, round % 50 == 49 ? StatusNews{.whole = true, .present = now} : news_between(told, now));
        told = now;
        ASSERT_EQ(sorted(kept), sorted(now)) << "round " << round;
    }
}

}  // namespace
}  // namespace ipmp
