// Isolated groups (R-VIS-1): when a link moves, and that it is the same interface afterwards.
#include "core/isolation.hpp"

#include <algorithm>
#include <functional>

#include "core/places_fixture.hpp"
#include "core/predicates.hpp"

namespace ipmp {
namespace {

constexpr InterfaceIndex kUpper{10}, kLower{11, Place::members}, kNic{1}, kMoved{1, Place::members};
const IpAddress kData{Family::ipv4, {192, 0, 2, 1}}, kTest{Family::ipv4, {192, 0, 2, 101}};

class Isolation : public PlacesFixture {
  protected:
    Isolation() : PlacesFixture(kUpper, kLower, kNic) {
        state_.groups.at("ipmp0").isolate = true;
        judge_places(state_, kernel_);
    }
    void move(InterfaceIndex from, InterfaceIndex to) {
        auto node = kernel_.links.extract(from);
        node.key() = node.mapped().index = to;
        node.mapped().admin_up = node.mapped().carrier = false;
        std::erase_if(kernel_.addresses, [&](const auto& seen) { return seen.link == from; });
        kernel_.links.insert(std::move(node));
    }
    void leave_group() { EXPECT_EQ(run(SetGroup{"a", Family::ipv4, ""}).error, CommandError::none); }
};

TEST_F(Isolation, R_VIS_1_AMemberMovesAndNothingElseIsDoneToItBefore) {
    Interface& nic = state_.interfaces.at("a");
    nic.families[0].addresses = {{.address = kTest, .prefix_length = 24, .up = true, .no_failover = true}};
    nic.wanted_mtu_bytes = 1400;  // would be refused, and then forgotten, where it is not any more
    EXPECT_TRUE(nic.misplaced);
    EXPECT_FALSE(link_up(nic)) << "it cannot carry anything where it is";
    EXPECT_TRUE(planned(MoveLink{kNic, Place::members}));
    EXPECT_FALSE(anything_about(kNic, MoveLink{kNic, Place::members}));
    EXPECT_FALSE(planned(AddRule{{kTest, kTestTableBase + 1, Place::host}}));
}

TEST_F(Isolation, R_VIS_1_NothingOfTheHostDependsOnANicThatMoves) {
    kernel_.addresses = {{.link = kNic, .address = kData, .prefix_length = 24}};
    state_.groups.at("ipmp0").families[0].addresses = {
        {.number = 1, .address = kData, .prefix_length = 24, .up = true}};
    EXPECT_FALSE(planned(MoveLink{kNic, Place::members})) << "its data address is not on the group yet";
    kernel_.addresses.push_back({.link = kUpper, .address = kData, .prefix_length = 24});
    EXPECT_TRUE(planned(RemoveAddress{kNic, kData, 24}));
    EXPECT_FALSE(planned(MoveLink{kNic, Place::members}));
    auto& own = state_.interfaces.at("a").families[0].addresses;
    own.push_back({.number = 1, .address = kData, .prefix_length = 24, .up = true, .no_failover = true});
    EXPECT_TRUE(planned(MoveLink{kNic, Place::members})) << "it is its test address too, and stays";
    own.pop_back();
    std::erase_if(kernel_.addresses, [](const auto& seen) { return seen.link == kNic; });
    kernel_.links.at(kNic).foreign_routes = 1;
    EXPECT_TRUE(planned(MoveRoutes{kNic, kUpper}));
    EXPECT_FALSE(planned(MoveLink{kNic, Place::members})) << "its routes would be lost";
    kernel_.links.at(kNic).foreign_routes = 0;
    state_.interfaces.at("a").saved_settings.clear();
    EXPECT_FALSE(planned(MoveLink{kNic, Place::members})) << "nobody would know its settings any more";
}

TEST_F(Isolation, R_VIS_1_NoNicMovesBeforeTheLowerEnd) {
    move(kLower, {11});
    observe();
    EXPECT_TRUE(planned(MoveLink{{11}, Place::members}));
    EXPECT_FALSE(planned(MoveLink{kNic, Place::members}));
    auto ops = plan(state_, kernel_, AddressIndex(kernel_), {});
    EXPECT_TRUE(std::none_of(ops.begin(), ops.end(), [](const auto& op) {
        return std::holds_alternative<AttachFilter>(op);
    })) << "a filter would lead into the wrong namespace";
}

TEST_F(Isolation, R_VIS_1_AMovedNicIsTheSameAndGetsEverythingThere) {
    Interface& nic = state_.interfaces.at("a");
    nic.families[0].addresses = {
        {.address = kTest, .prefix_length = 24, .up = true, .no_failover = true, .adopted = true}};
    kernel_.addresses = {{.link = kNic, .address = kTest, .prefix_length = 24}};
    nic.wanted_mtu_bytes = 1400;
    judge_places(state_, kernel_);
    move(kNic, kMoved);
    observe();
    ASSERT_EQ(state_.interfaces.size(), 1u);
    EXPECT_EQ(nic.index, kMoved);
    EXPECT_FALSE(nic.misplaced);
    EXPECT_EQ(nic.group, "ipmp0");
    EXPECT_TRUE(planned(SetLinkUp{kMoved, true}));
    EXPECT_TRUE(planned(SetLinkMtu{kMoved, 1400}));
    EXPECT_TRUE(planned(AddAddress{kMoved, kTest, 32, {}, true, {}})) << "the kernel has forgotten it, we have not";
    auto ops = plan(state_, kernel_, AddressIndex(kernel_), {});
    EXPECT_TRUE(std::any_of(ops.begin(), ops.end(), [](const KernelOp& op) {
        auto* attach = std::get_if<AttachFilter>(&op);
        return attach && attach->link == kMoved;
    }));
    nic.admin_up = true;
    EXPECT_TRUE(planned(AddRule{{kTest, kTestTableBase + 1, Place::members}}));
}

TEST_F(Isolation, R_VIS_1_WhoLeavesComesHomeWithNameAndSettings) {
    move(kNic, kMoved);
    observe();
    kernel_.links.at(kMoved).admin_up = true;
    observe();
    leave_group();
    EXPECT_TRUE(planned(MoveLink{kMoved, Place::host}));
    EXPECT_FALSE(anything_about(kMoved, MoveLink{kMoved, Place::host}));
    move(kMoved, kNic);
    kernel_.links.at(kNic).settings = {{"ipv4/conf/*/rp_filter", "2"}};
    observe();
    ASSERT_TRUE(state_.interfaces.contains("a"));
    EXPECT_TRUE(planned(SetLinkUp{kNic, true}));
    EXPECT_TRUE(planned(WriteSetting{kNic, "ipv4/conf/*/rp_filter", "1"}));
}

TEST_F(Isolation, R_VIS_1_ATakenNameIsReplacedByAFreeOne) {
    move(kNic, kMoved);
    observe();
    link({5}, "a");  // a new NIC took the name that was free
    link({6}, "a_1");
    observe();
    EXPECT_EQ(state_.interfaces.at("a").index, kMoved) << "the newcomer does not take its place";
    std::vector<Action> log;
    log_taken_names(state_, {}, kernel_, log);
    EXPECT_EQ(log.size(), 1u) << "and somebody should know";
    log_taken_names(state_, kernel_, kernel_, log);
    EXPECT_EQ(log.size(), 1u) << "once";
    leave_group();
    EXPECT_TRUE(planned(RenameLink{kMoved, "a_2"}));
    EXPECT_FALSE(planned(MoveLink{kMoved, Place::host}));
    kernel_.links.at(kMoved).name = "a_2";
    observe();
    EXPECT_EQ(state_.interfaces.at("a_2").index, kMoved);
    EXPECT_EQ(state_.interfaces.at("a").index, InterfaceIndex{5});
    EXPECT_TRUE(planned(MoveLink{kMoved, Place::host}));
}

TEST_F(Isolation, R_VIS_1_StrangersAreSentHome) {
    InterfaceIndex stranger{7, Place::members};
    link(stranger, "other");
    observe();
    EXPECT_TRUE(planned(MoveLink{stranger, Place::host}));
    EXPECT_TRUE(isolates(state_, kernel_));
    state_.groups.at("ipmp0").isolate = false;
    EXPECT_TRUE(isolates(state_, kernel_)) << "the namespace is needed until it is empty";
    kernel_.links.erase(stranger), kernel_.links.erase(kLower);
    EXPECT_FALSE(isolates(state_, kernel_));
}

TEST_F(Isolation, R_VIS_1_NothingThatWorksIsInterruptedWithoutForce) {
    state_.groups.at("ipmp0").isolate = false;
    judge_places(state_, kernel_);
    EXPECT_EQ(run(SetIsolate{"ipmp0", true, false}).error, CommandError::minimum_redundancy);
    EXPECT_FALSE(state_.groups.at("ipmp0").isolate);
    EXPECT_EQ(run(SetIsolate{"ipmp0", true, true}).error, CommandError::none);
    EXPECT_TRUE(state_.groups.at("ipmp0").isolate);
    EXPECT_EQ(run(SetIsolate{"a", true, true}).error, CommandError::no_such_interface);
    EXPECT_EQ(run(SetIsolate{"ipmp0", true, false}).error, CommandError::none) << "it is so already";
}

TEST_F(Isolation, R_VIS_1_TheOnlyNicInUseDoesNotJoin) {
    Interface& nic = state_.interfaces.at("a");
    nic.group.clear();
    nic.families[0].addresses = {{.address = kData, .prefix_length = 24, .up = true}};
    judge_places(state_, kernel_);
    SetGroup join{"a", Family::ipv4, "g"};
    EXPECT_EQ(run(join).error, CommandError::minimum_redundancy);
    nic.carrier = false;
    EXPECT_EQ(run(join).error, CommandError::none) << "nobody can be using it";
    run(SetGroup{"a", Family::ipv4, ""});
    nic.carrier = true;
    nic.families[0].addresses.clear();
    EXPECT_EQ(run(join).error, CommandError::none) << "nor it";
    run(SetGroup{"a", Family::ipv4, ""});
    kernel_.links.at(kNic).immovable = true;
    EXPECT_EQ(run(join).error, CommandError::not_supported);
}

TEST_F(Isolation, R_VIS_1_WhatTheKernelWillNotMoveGoesOnWhereItIs) {
    KernelApplied refused{.generation = 1, .failures = {{MoveLink{kNic, Place::members}, 22, "Invalid argument"}}};
    std::vector<Action> log;
    undo_refused_moves(state_, refused, log);
    EXPECT_FALSE(state_.groups.at("ipmp0").isolate) << "nothing else is there";
    EXPECT_EQ(log.size(), 1u);

    state_.groups.at("ipmp0").isolate = true;
    Interface& other = state_.interfaces["b"] = state_.interfaces.at("a");
    other.name = "b";
    other.index = {2, Place::members};
    undo_refused_moves(state_, refused, log);
    EXPECT_TRUE(state_.groups.at("ipmp0").isolate);
    EXPECT_EQ(state_.interfaces.at("a").group, "") << "it cannot follow the others";
    EXPECT_EQ(other.group, "ipmp0");
}

TEST_F(Isolation, R_VIS_1_AddressesThatOthersRenewAreNotMadeOursByAMove) {
    const IpAddress link_local = *parse_ip("fe80::1"), test = *parse_ip("fe80::2"), fixed = *parse_ip("fe80::3");
    const IpAddress advertised = *parse_ip("2001:db8::1");
    Interface& nic = state_.interfaces.at("a");
    nic.families[1].addresses = {
        {.number = 0, .address = link_local, .prefix_length = 64, .up = true, .adopted = true},
        {.number = 1, .address = test, .prefix_length = 64, .up = true, .no_failover = true, .adopted = true},
        {.number = 2, .address = fixed, .prefix_length = 64, .up = true, .deprecated = true, .adopted = true},
        {.number = 3, .address = advertised, .prefix_length = 64, .up = true, .adopted = true},
        {.number = 4, .address = *parse_ip("2001:db8::2"), .prefix_length = 64, .up = true, .adopted = true}};
    kernel_.addresses = {{.link = kNic, .address = advertised, .prefix_length = 64, .finite_lifetime = true}};
    judge_places(state_, kernel_);
    std::vector<bool> adopted;
    for (const LogicalAddress& logical : nic.families[1].addresses) adopted.push_back(logical.adopted);
    EXPECT_EQ(adopted, (std::vector{true, false, false, true, false}));
}

TEST_F(Isolation, R_VIS_1_WhatIsMissingIsNotMisplacedAndFollowsNobody) {
    Interface& nic = state_.interfaces.at("a");
    nic.index = {};
    judge_places(state_, kernel_);
    EXPECT_FALSE(nic.misplaced);
    follow_moves(state_, kernel_);
    EXPECT_FALSE(nic.index) << "one that comes back is filed as a newcomer";
}

// A NIC whose link is gone is looked for in other places by its name; not everything of that name is it.
TEST_F(Isolation, R_VIS_1_OnlyALinkOfItsNameKindAndElsewhereIsTheNicThatMoved) {
    struct Case {
        const char* what;
        std::function<void(LinkState& other)> differs;
    };
    const std::vector<Case> cases{{"another name", [](LinkState& other) { other.name = "z"; }},
                                  {"no Ethernet", [](LinkState& other) { other.ethernet = false; }},
                                  {"an IPMP interface", [](LinkState& other) { other.alias = kIpmpLinkAlias; }},
                                  {"a lower end", [](LinkState& other) { other.alias = kLowerLinkAlias; }}};
    for (const Case& one : cases) {
        KernelState kernel = kernel_;
        kernel.links.erase(kNic);
        LinkState& other = kernel.links[kMoved];
        other = {.index = kMoved, .name = "a", .ethernet = true};
        one.differs(other);
        State state = state_;
        follow_moves(state, kernel);
        EXPECT_EQ(state.interfaces.at("a").index, kNic) << one.what;
    }
    KernelState kernel = kernel_;
    kernel.links.erase(kNic);
    kernel.links[{9}] = {.index = {9}, .name = "a", .ethernet = true};  // a new NIC where the old one was
    State state = state_;
    follow_moves(state, kernel);
    EXPECT_EQ(state.interfaces.at("a").index, kNic);
    kernel.links[kMoved] = {.index = kMoved, .name = "a", .ethernet = true};
    state.interfaces["b"] = {.name = "b", .index = kMoved};
    follow_moves(state, kernel);
    EXPECT_EQ(state.interfaces.at("a").index, kNic) << "that is b, which was renamed";
    state.interfaces.erase("b");
    follow_moves(state, kernel);
    EXPECT_EQ(state.interfaces.at("a").index, kMoved);
}

TEST_F(Isolation, R_VIS_1_TheNamespaceGoesWhenOnlyWhatItWasBornWithIsInIt) {
    state_.groups.at("ipmp0").isolate = false;
    kernel_.links.erase(kLower);
    kernel_.links[{1, Place::members}] = {.index = {1, Place::members}, .name = "lo"};
    LinkState& born_there = link({2, Place::members}, "erspan0");
    born_there.immovable = true;
    EXPECT_FALSE(isolates(state_, kernel_));
    born_there.immovable = false;
    EXPECT_TRUE(isolates(state_, kernel_));
}

TEST_F(Isolation, R_VIS_1_TheLowerEndComesHomeUnderItsNameWhoeverHasIt) {
    state_.groups.at("ipmp0").isolate = false;
    link({5}, "ipmpl0");
    EXPECT_EQ(plan_move(kernel_, kernel_.links.at(kLower), Place::host), KernelOp(MoveLink{kLower, Place::host}));
}

TEST_F(Isolation, R_VIS_1_NewsOfTakenNamesAreAboutNicsThatAreNewOrRenamed) {
    move(kNic, kMoved);
    observe();
    auto lines = [&](const KernelState& former) {
        std::vector<Action> log;
        log_taken_names(state_, former, kernel_, log);
        return log.size();
    };
    KernelState former = kernel_;
    kernel_.links[{5}] = {.index = {5}, .name = "a"};
    EXPECT_EQ(lines(former), 0u) << "it is no NIC";
    link({5}, "a").alias = kLowerLinkAlias;
    EXPECT_EQ(lines(former), 0u) << "it is ours";
    link({5}, "z");
    EXPECT_EQ(lines(former), 0u);
    former = kernel_;
    kernel_.links.at({5}).name = "a";
    EXPECT_EQ(lines(former), 1u) << "renamed";
}

TEST_F(Isolation, R_VIS_1_WhoWorksAndSoMakesAMoveHarmless) {
    struct Case {
        const char* what;
        std::function<void(Interface& other)> becomes;
        CommandError error;
    };
    const std::vector<Case> cases{
        {"works", [](Interface&) {}, CommandError::none},
        {"has failed", [](Interface& other) { other.failed = true; }, CommandError::minimum_redundancy},
        {"has no link", [](Interface& other) { other.carrier = false; }, CommandError::minimum_redundancy}};
    for (const Case& one : cases) {
        Interface& nic = state_.interfaces.at("a");
        nic.group.clear();
        nic.families[0].addresses = {{.address = kData, .prefix_length = 24, .up = true}};
        Interface& other = state_.interfaces["b"];
        other = {.name = "b", .index = {2, Place::members}, .group = "ipmp0", .admin_up = true, .carrier = true};
        one.becomes(other);
        judge_places(state_, kernel_);
        EXPECT_EQ(run(SetGroup{"a", Family::ipv4, "g"}).error, one.error) << one.what;
    }
}

TEST_F(Isolation, R_VIS_1_WhatCannotBeMovedIsNotIsolated) {
    Group& group = state_.groups.at("ipmp0");
    group.isolate = false;
    state_.interfaces["b"] = {.name = "b", .index = {2}, .group = "ipmp0"};  // the kernel's word is still to come
    kernel_.links.at(kNic).immovable = true;
    EXPECT_EQ(run(SetIsolate{"ipmp0", true, true}).error, CommandError::not_supported);
    EXPECT_FALSE(group.isolate);
    kernel_.links.at(kNic).immovable = false;
    EXPECT_EQ(run(SetIsolate{"ipmp0", true, true}).error, CommandError::none);
    CommandReply refused = run(SetIsolate{"ipmp0", false, false});
    EXPECT_EQ(refused.error, CommandError::none) << "nothing works where it is not, so nothing is interrupted";
    run(SetIsolate{"ipmp0", true, true});
    state_.interfaces.at("a").index = kMoved;
    judge_places(state_, kernel_);
    refused = run(SetIsolate{"ipmp0", false, false});
    EXPECT_EQ(refused.error, CommandError::minimum_redundancy);
    EXPECT_NE(refused.text.find("`ipmp isolate ipmp0 off -f`"), std::string::npos);
}

TEST_F(Isolation, R_VIS_1_RefusedMovesOfOthersChangeNothing) {
    Group& group = state_.groups.at("ipmp0");
    state_.groups["ipmp1"] = {.interface = "ipmp1", .name = "h", .isolate = true};
    state_.groups["ipmp2"] = {.interface = "ipmp2", .name = "i"};
    state_.interfaces["b"] = {.name = "b", .group = "ipmp0"};  // missing: nothing of it is there
    std::vector<Action> log;
    undo_refused_moves(state_, {.failures = {{MoveLink{kNic, Place::host}, 17, "exists"},
                                             {SetLinkUp{kNic, true}, 1, "not permitted"},
                                             {MoveLink{{99}, Place::members}, 19, "no such device"}}}, log);
    EXPECT_TRUE(group.isolate && log.empty());
    undo_refused_moves(state_, {.failures = {{MoveLink{kNic, Place::members}, 22, "Invalid argument"}}}, log);
    EXPECT_FALSE(group.isolate) << "none of its NICs is there";
    EXPECT_TRUE(state_.groups.at("ipmp1").isolate);
    group.isolate = true;
    undo_refused_moves(state_, {.failures = {{MoveLink{kLower, Place::members}, 22, "Invalid argument"}}}, log);
    EXPECT_FALSE(group.isolate) << "nor its lower end";
    EXPECT_EQ(log.size(), 2u);
}

}  // namespace
}  // namespace ipmp
