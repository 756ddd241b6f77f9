// IPMP interfaces in the network namespaces of applications (R-VIS-1): when they move, what moves with them, and what
// becomes of a group whose namespace goes, loses its name, or never was.
#include "core/applications.hpp"

#include <algorithm>

#include "core/image.hpp"
#include "core/places_fixture.hpp"
#include "core/predicates.hpp"
#include "core/recover.hpp"
#include "core/snapshot.hpp"

namespace ipmp {
namespace {

constexpr Place kApp{2}, kOther{3};
constexpr InterfaceIndex kUpper{10}, kLower{11}, kNic{1}, kMoved{10, kApp};
const IpAddress kData{Family::ipv4, {192, 0, 2, 1}}, kForeign{Family::ipv4, {192, 0, 2, 7}};

class Applications : public PlacesFixture {
  protected:
    Applications() : PlacesFixture(kUpper, kLower, kNic) {
        group().families[0].addresses = {{.number = 1, .address = kData, .prefix_length = 24, .up = true}};
        kernel_.addresses = {{.link = kUpper, .address = kData, .prefix_length = 24}};
        judge_places(state_, kernel_);
    }
    Group& group() { return state_.groups.at("ipmp0"); }
    bool creates() const {
        auto ops = planned();
        return std::any_of(ops.begin(), ops.end(), [](auto& op) { return std::holds_alternative<CreateIpmpLink>(op); });
    }
    // The namespace has been found, and the kernel has moved the interface there.
    void live_in_app() {
        run(SetNamespace{"ipmp0", "app"});
        orders_ = {};
        kernel_.named_places = {{"app", kApp}};
        auto node = kernel_.links.extract(kUpper);
        node.key() = node.mapped().index = kMoved;
        node.mapped().settings.clear();
        node.mapped().admin_up = false;
        kernel_.links.insert(std::move(node));
        kernel_.links.at(kLower).peer = kMoved;
        kernel_.addresses.clear();
        observe();
    }
    // What a daemon sees of it afterwards: nothing, and perhaps a lower end with something at its other end.
    void lose_sight(bool lower_stays) {
        kernel_.named_places.clear();
        kernel_.links.erase(kMoved);
        if (lower_stays) {
            kernel_.links.at(kLower).peer = {};
            kernel_.links.at(kLower).peer_elsewhere = kMoved.value;
        } else {
            kernel_.links.erase(kLower);
        }
        observe();
    }
};

TEST_F(Applications, R_VIS_1_ItMovesOnceTheNamespaceIsFoundAndNothingElseIsDoneToItBefore) {
    EXPECT_EQ(run(SetNamespace{"ipmp0", "app"}).text, "");
    OpenNamespace open{"app", kApp, "ipmp0", ""};
    EXPECT_EQ(orders_.ops, (std::vector<KernelOp>{open}));
    EXPECT_EQ(state_.named_places, (NamedPlaces{{"app", kApp}}));
    EXPECT_FALSE(planned(MoveLink{kUpper, kApp})) << "there may be none";
    kernel_.named_places = {{"app", kApp}};
    observe();
    EXPECT_TRUE(planned(MoveLink{kUpper, kApp}));
    EXPECT_FALSE(anything_about(kUpper, MoveLink{kUpper, kApp})) << "it would fail, or be lost";
    EXPECT_EQ(run(SetNamespace{"a", "app"}).error, CommandError::no_such_interface);
}

TEST_F(Applications, R_VIS_1_ItsAddressesAndWhatOthersGaveItAreMadeAgainThere) {
    IpAddress renewed{Family::ipv6, {0x20, 0x01, 0x0d, 0xb8}};
    group().families[0].addresses.push_back(
        {.number = 2, .address = kForeign, .prefix_length = 24, .up = true, .adopted = true});
    group().families[1].plumbed = true;
    group().families[1].addresses = {{.address = renewed, .prefix_length = 64, .up = true, .adopted = true}};
    kernel_.addresses.push_back({.link = kUpper, .address = kForeign, .prefix_length = 24});
    kernel_.addresses.push_back({.link = kUpper, .address = renewed, .prefix_length = 64, .finite_lifetime = true});
    run(SetNamespace{"ipmp0", "app"});
    EXPECT_TRUE(group().families[0].addresses[1].adopted) << "nothing moves yet";
    kernel_.named_places = {{"app", kApp}};
    observe();
    live_in_app();
    EXPECT_EQ(group().upper, kMoved);
    EXPECT_FALSE(planned(AddAddress{.link = kMoved, .address = kData, .prefix_length = 24})) << "not before settings";
    kernel_.links.at(kMoved).settings = {{"ipv6/conf/*/accept_dad", "1"}};
    observe();
    EXPECT_TRUE(planned(WriteSetting{kMoved, "ipv6/conf/*/accept_dad", "0"}));
    EXPECT_TRUE(planned(SetLinkUp{kMoved, true}));
    EXPECT_TRUE(planned(AddAddress{.link = kMoved, .address = kData, .prefix_length = 24}));
    EXPECT_TRUE(planned(AddAddress{.link = kMoved, .address = kForeign, .prefix_length = 24}));
    EXPECT_TRUE(group().families[1].addresses.empty()) << "the router tells it anew";
}

TEST_F(Applications, R_VIS_1_RoutesFollowOnceAllItsAddressesAreThere) {
    live_in_app();
    LinkState& upper = kernel_.links.at(kMoved);
    upper.settings = {{"ipv6/conf/*/accept_dad", "0"}};
    upper.admin_up = upper.carrier = true;
    upper.waiting_routes = 2;
    EXPECT_FALSE(planned(RestoreRoutes{kMoved}));
    kernel_.addresses = {{.link = kMoved, .address = kData, .prefix_length = 24}};
    EXPECT_TRUE(planned(RestoreRoutes{kMoved}));
    upper.waiting_routes = 0;
    EXPECT_FALSE(planned(RestoreRoutes{kMoved}));
}

TEST_F(Applications, R_VIS_1_WhatCannotBeMovedStays) {
    std::vector<Action> log;
    run(SetNamespace{"ipmp0", "app"});
    undo_refused_namespaces(state_, {.failures = {{orders_.ops.front(), 2, "no such namespace"}}}, log);
    EXPECT_EQ(group().upper_namespace, "");
    EXPECT_EQ(log.size(), 1u);
    judge_places(state_, kernel_);
    EXPECT_TRUE(state_.named_places.empty()) << "nobody looks for it any more";

    live_in_app();
    run(SetNamespace{"ipmp0", ""});
    EXPECT_TRUE(planned(MoveLink{kMoved, Place::host}));
    undo_refused_namespaces(state_, {.failures = {{MoveLink{kMoved, Place::host}, 17, "exists"}}}, log);
    EXPECT_EQ(group().upper_namespace, "app");
    run(SetNamespace{"ipmp0", "other"});
    EXPECT_EQ(state_.named_places, (NamedPlaces{{"app", kApp}, {"other", kOther}})) << "it is still in the first";
    undo_refused_namespaces(state_, {.failures = {{orders_.ops.back(), 2, "no such namespace"}}}, log);
    EXPECT_EQ(group().upper_namespace, "app");
    link({20}, "ipmp0");
    EXPECT_EQ(run(SetNamespace{"ipmp0", ""}).error, CommandError::in_use);
}

TEST_F(Applications, R_VIS_1_AGroupWhoseNamespaceIsGoneWaitsForOneOfThatName) {
    live_in_app();
    std::vector<Action> log;
    KernelState former = kernel_;
    lose_sight(false);
    log_namespaces(state_, former, kernel_, false, log);
    EXPECT_EQ(log.size(), 1u);
    EXPECT_FALSE(creates()) << "nobody else is to get the application's addresses";
    EXPECT_TRUE(snapshot_of(state_, kernel_, AddressIndex(kernel_)).groups.front().namespace_missing);
    EXPECT_EQ(state_.named_places, (NamedPlaces{{"app", kApp}}));
    EXPECT_TRUE(contains(group().families[0].addresses, kData));

    kernel_.named_places = {{"app", kApp}};
    observe();
    EXPECT_TRUE(planned(CreateIpmpLink{"ipmp0", "ipmpl0", {}, {}, 0, Place::host, kApp}));
    kernel_.named_places.clear();
    run(SetNamespace{"ipmp0", ""});
    EXPECT_TRUE(planned(CreateIpmpLink{"ipmp0", "ipmpl0", {}, {}, 0, Place::host, Place::host})) << "unless told so";
}

TEST_F(Applications, R_VIS_1_ANamespaceWithoutItsNameIsServedOn) {
    live_in_app();
    group().mac = {{2, 0, 0, 0, 0, 9}};
    lose_sight(true);
    ASSERT_TRUE(is_out_of_sight(kernel_, group()));
    auto image = image_of(state_, kernel_, AddressIndex(kernel_));
    ASSERT_TRUE(image.contains("ipmp0")) << "somebody may still use it";
    EXPECT_EQ(image.at("ipmp0").upper_mac, group().mac);
    EXPECT_FALSE(planned(DeleteLink{kLower}));
    EXPECT_TRUE(contains(group().families[0].addresses, kData));
    assume_addresses(state_, kernel_);
    ASSERT_EQ(kernel_.addresses.size(), 1u) << "peers are told where it is";
    EXPECT_EQ(kernel_.addresses.front().address, kData);
    EXPECT_EQ(kernel_.addresses.front().link, image.at("ipmp0").upper);
    auto ops = planned();
    EXPECT_TRUE(std::any_of(ops.begin(), ops.end(), [](const KernelOp& op) {
        auto* attach = std::get_if<AttachFilter>(&op);
        return attach && attach->link == kLower;
    })) << "the lower end is kept in order";
}

TEST_F(Applications, R_VIS_1_AnInterfaceThatSomebodyTookAwayIsMadeAnew) {
    live_in_app();
    lose_sight(true);
    kernel_.named_places = {{"app", kApp}};  // another one of that name, or it is in a third
    observe();
    EXPECT_TRUE(planned(DeleteLink{kLower}));
    EXPECT_FALSE(anything_about(kLower, DeleteLink{kLower}));
    EXPECT_FALSE(creates()) << "half a pair is there";

    run(SetNamespace{"ipmp0", ""});
    EXPECT_TRUE(planned(DeleteLink{kLower})) << "the same for the host";
}

TEST_F(Applications, R_VIS_1_OneThatLooksAlikeIsNotTakenForIt) {
    live_in_app();
    InterfaceIndex fake{4, kApp};
    link(fake, "ipmp0").alias = kIpmpLinkAlias;
    observe();
    EXPECT_EQ(group().upper, kMoved);
    EXPECT_TRUE(planned(DeleteLink{fake}));
}

TEST_F(Applications, R_VIS_1_WhatAnotherDaemonPutHereIsLeftAlone) {
    InterfaceIndex guest{7};
    link(guest, "ipmp5").alias = kIpmpLinkAlias;
    observe();
    EXPECT_TRUE(planned(DeleteLink{guest})) << "it has no other end";
    kernel_.links.at(guest).peer_elsewhere = 3;
    EXPECT_FALSE(planned(DeleteLink{guest}));
    EXPECT_FALSE(state_.interfaces.contains("ipmp5"));
}

TEST_F(Applications, R_VIS_1_NoNicTakesAddressesOfTheHostThere) {
    live_in_app();
    Interface& nic = state_.interfaces.at("a");
    nic.group.clear();
    nic.families[0].addresses = {{.address = kForeign, .prefix_length = 24, .up = true}};
    SetGroup join{"a", Family::ipv4, "g"};
    EXPECT_EQ(run(join).error, CommandError::in_use);
    nic.families[0].addresses[0].no_failover = true;
    EXPECT_EQ(run(join).error, CommandError::none) << "a test address stays";

    IpAddress advertised{Family::ipv6, {0x20, 0x01, 0x0d, 0xb8}};
    run(SetGroup{"a", Family::ipv4, ""});
    nic.families[1].addresses = {{.address = advertised, .prefix_length = 64, .up = true, .adopted = true}};
    kernel_.addresses.push_back({.link = kNic, .address = advertised, .prefix_length = 64, .finite_lifetime = true});
    EXPECT_EQ(run(join).error, CommandError::none);
    migrate_addresses(state_, kernel_);
    EXPECT_TRUE(contains(nic.families[1].addresses, advertised)) << "ends where it began";
}

TEST_F(Applications, R_VIS_1_WithoutAStateItIsFoundWhereItIs) {
    live_in_app();
    kernel_.named_places["other"] = kOther;
    State state;
    EXPECT_EQ(recover(state, kernel_).size(), 1u);
    EXPECT_EQ(state.groups.at("ipmp0").upper_namespace, "app");
    EXPECT_EQ(state.named_places, (NamedPlaces{{"app", kApp}}));
}

TEST_F(Applications, R_VIS_1_ItGoesToNoOtherNamespaceThanTheOneFoundUnderTheName) {
    run(SetNamespace{"ipmp0", "app"});
    kernel_.named_places = {{"app", kOther}};  // seen when the name had another number
    observe();
    EXPECT_FALSE(group().misplaced);
    EXPECT_FALSE(has_home(state_, kernel_, group()));
    EXPECT_EQ(run(SetNamespace{"ipmp0", ""}).error, CommandError::none) << "it never left, so its name is its own";
    EXPECT_TRUE(state_.named_places.empty());
}

TEST_F(Applications, R_VIS_1_NoMoreNamespacesThanThereAreNumbers) {
    for (auto number = static_cast<std::uint32_t>(kApp); number < kMostPlaces; ++number) {
        state_.named_places["app" + std::to_string(number)] = Place{number};
    }
    EXPECT_EQ(run(SetNamespace{"ipmp0", "one-more"}).error, CommandError::not_supported);
    EXPECT_EQ(group().upper_namespace, "");
    EXPECT_TRUE(orders_.ops.empty());
    EXPECT_TRUE(state_.named_places.empty()) << "no group has to do with those";
    EXPECT_EQ(run(SetNamespace{"ipmp0", "one-more"}).error, CommandError::none);
}

TEST_F(Applications, R_VIS_1_ANamespaceIsLookedIntoUntilNothingOfOursIsInIt) {
    live_in_app();
    state_.groups.clear();
    state_.interfaces.clear();
    judge_places(state_, kernel_);
    EXPECT_EQ(state_.named_places, (NamedPlaces{{"app", kApp}})) << "the link has to be taken away";
    EXPECT_TRUE(planned(DeleteLink{kMoved}));
    kernel_.links.erase(kMoved);
    judge_places(state_, kernel_);
    EXPECT_TRUE(state_.named_places.empty());
}

TEST_F(Applications, R_VIS_1_OnlyRefusalsOfWhatIsStillWantedChangeAnything) {
    std::vector<Action> log;
    run(SetNamespace{"ipmp0", "app"});
    KernelApplied refused{.failures = {{OpenNamespace{"app", kApp, "ipmp9", ""}, 2, "no such namespace"},
                                       {OpenNamespace{"former", kOther, "ipmp0", ""}, 2, "no such namespace"},
                                       {MoveLink{kNic, Place::members}, 22, "Invalid argument"},
                                       {SetLinkUp{kUpper, true}, 1, "not permitted"}}};
    undo_refused_namespaces(state_, refused, log);
    EXPECT_EQ(group().upper_namespace, "app");
    EXPECT_TRUE(log.empty());
    undo_refused_namespaces(state_, {.failures = {{MoveLink{kUpper, kApp}, 1, "not permitted"}}}, log);
    EXPECT_EQ(group().upper_namespace, "");
    ASSERT_EQ(log.size(), 1u);
    EXPECT_EQ(std::get<Log>(log[0]).text, "ipmp0 stays in this network namespace");

    log.clear();
    live_in_app();
    run(SetNamespace{"ipmp0", "other"});
    undo_refused_namespaces(state_, {.failures = {{MoveLink{kMoved, kOther}, 1, "not permitted"}}}, log);
    EXPECT_EQ(group().upper_namespace, "app");
    ASSERT_EQ(log.size(), 1u);
    EXPECT_EQ(std::get<Log>(log[0]).text, "ipmp0 stays in network namespace app");
}

TEST_F(Applications, R_VIS_1_TheLogTellsWhatIsWaitedForAndWhatHasCome) {
    state_.groups["ipmp1"] = {.interface = "ipmp1", .name = "other"};
    run(SetNamespace{"ipmp0", "app"});
    auto said = [&](const KernelState& former, const KernelState& kernel, bool is_first) {
        std::vector<Action> log;
        log_namespaces(state_, former, kernel, is_first, log);
        return log.empty() ? "" : std::get<Log>(log.at(0)).text;
    };
    KernelState without, with;
    with.named_places = {{"app", kApp}};
    EXPECT_NE(said({}, without, true).find("there is no network namespace app: ipmp0 waits"), std::string::npos);
    EXPECT_EQ(said({}, with, true), "") << "all is well after a start";
    EXPECT_EQ(said(without, without, false), "") << "once";
    EXPECT_EQ(said(without, with, false), "ipmp0 goes to network namespace app");
    EXPECT_EQ(said(with, with, false), "");
}

TEST_F(Applications, R_VIS_1_AnApplicationsOwnAddressesAreFollowedUpToALimit) {
    live_in_app();
    auto add = [&](int number) {
        IpAddress address = *parse_ip("10.0." + std::to_string(number / 256) + "." + std::to_string(number % 256));
        kernel_.addresses.push_back({.link = kMoved, .address = address, .prefix_length = 16});
    };
    kernel_.addresses = {{.link = kMoved, .address = kData, .prefix_length = 24}};
    for (int number = 0; number < kMostOfAnApplication; ++number) add(number);
    KernelState former = kernel_;
    observe();
    EXPECT_EQ(group().families[0].addresses.size(), 1u + kMostOfAnApplication);
    add(kMostOfAnApplication);
    observe();
    EXPECT_EQ(group().families[0].addresses.size(), 1u + kMostOfAnApplication);
    EXPECT_FALSE(is_full(group(), Family::ipv6));
    std::vector<Action> log;
    log_surplus(state_, former, former, log);
    EXPECT_TRUE(log.empty());
    log_surplus(state_, former, kernel_, log);
    ASSERT_EQ(log.size(), 1u);
    EXPECT_EQ(std::get<Log>(log[0]).text.find("ignoring addresses that were added to ipmp0 in network namespace "), 0u);
    log_surplus(state_, kernel_, kernel_, log);
    EXPECT_EQ(log.size(), 1u) << "once";
    group().upper = kUpper;
    EXPECT_FALSE(is_full(group(), Family::ipv4)) << "the host's own are its administrator's";
}

TEST_F(Applications, R_VIS_1_OfAGroupOutOfSightOnlyAddressesInUseAreAssumed) {
    live_in_app();
    group().families[0].addresses.push_back({.number = 2, .address = kForeign, .prefix_length = 24});
    state_.groups["ipmp1"] = {.interface = "ipmp1", .name = "other"};
    lose_sight(true);
    assume_addresses(state_, kernel_);
    ASSERT_EQ(kernel_.addresses.size(), 1u);
    EXPECT_EQ(kernel_.addresses[0].address, kData);
    kernel_.links.at(kLower).peer = {77};  // it is somewhere we look into, under no name that we know
    EXPECT_FALSE(is_out_of_sight(kernel_, group()));
    kernel_.links.at(kLower).peer = {};
    kernel_.links.at(kLower).peer_elsewhere = 0;
    EXPECT_FALSE(is_out_of_sight(kernel_, group())) << "it has no other end";
}

}  // namespace
}  // namespace ipmp
