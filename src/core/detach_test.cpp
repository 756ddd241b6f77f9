// Detaching NICs: all or none, what is kept for the way back, and when the way back is taken (R-DYN-4, R-DYN-5).
#include "core/detach.hpp"

#include <gtest/gtest.h>

#include "core/engine.hpp"
#include "core/newcomers.hpp"
#include "core/only.hpp"
#include "core/predicates.hpp"

namespace ipmp {
namespace {

const IpAddress kTest = *parse_ip("192.0.2.20"), kData = *parse_ip("192.0.2.1"), kOwn = *parse_ip("198.51.100.5");

// a and b (with a test address) in group "ops" of ipmp0, c alone with an address, d unused.
class Detaching : public testing::Test {
  protected:
    Detaching() {
        for (const char* name : {"a", "b", "c", "d"}) {
            bool used = *name != 'd';
            Interface& nic = state_.interfaces[name];
            nic = {.name = name, .index = {static_cast<std::uint32_t>(name[0])}, .admin_up = used, .carrier = true};
            nic.families[0].plumbed = used;
            kernel_.links[nic.index] = {
                .index = nic.index, .name = name, .ethernet = true, .multicast = true, .admin_up = used};
        }
        run(CreateIpmp{"ipmp0"});
        run(SetGroup{"ipmp0", Family::ipv4, "ops"});
        for (const char* name : {"a", "b"}) run(SetGroup{name, Family::ipv4, "ops"});
        state_.groups.at("ipmp0").health = GroupHealth::ok;
        nic("b").families[0].addresses = {
            {.address = kTest, .prefix_length = 24, .up = true, .no_failover = true, .deprecated = true}};
        nic("c").families[0].addresses = {{.address = kOwn, .prefix_length = 24, .up = true, .adopted = true}};
        orders_ = {};
    }
    CommandReply run(const Command& command) {
        State before = state_;
        CommandContext context{state_, kernel_, host_id_, orders_, {}, log_};
        CommandReply reply = carry_out(command, context);
        if (reply.error != CommandError::none) {
            EXPECT_EQ(state_, before) << "a refused command changed something: " << reply.text;
        }
        return reply;
    }
    Interface& nic(const std::string& name) { return state_.interfaces.at(name); }

    State state_;
    KernelState kernel_;
    std::string host_id_ = "host";
    OneTimeOrders orders_;
    std::vector<Action> log_;
};

TEST_F(Detaching, R_DYN_5_AnUndoThatFailsIsTold) {
    run(Detach{{"b"}});
    kernel_.links.at(nic("b").index).no_arp = true;
    CommandContext context{state_, kernel_, host_id_, orders_, {}, log_};
    undo_failed_detach({{"b", nic("b").index}}, context);
    ASSERT_FALSE(log_.empty());
    EXPECT_EQ(std::get<Log>(log_.back()).text,
              "Undo offline failed(b): Replumb failed(b): b: needs ARP and multicast");
}

TEST_F(Detaching, R_DYN_5_ANicThatWasRenamedMeanwhileHasItsConfigurationBack) {
    run(Detach{{"b"}});
    InterfaceIndex index = nic("b").index;
    auto renamed = state_.interfaces.extract("b");
    renamed.key() = renamed.mapped().name = "z";
    state_.interfaces.insert(std::move(renamed));
    CommandContext context{state_, kernel_, host_id_, orders_, {}, log_};
    undo_failed_detach({{"b", index}}, context);
    EXPECT_EQ(nic("z").group, "ipmp0");
    EXPECT_EQ(std::get<Log>(log_.back()).text, "z: its detachment failed, it has its configuration back");
}

TEST_F(Detaching, R_DYN_4_AMemberGoesWithItsTestAddress) {
    CommandReply reply = run(Detach{{"b"}});
    EXPECT_EQ(reply.detail, "b: detached from group ops, a carries on; test addresses removed: 192.0.2.20");
    EXPECT_EQ(nic("b").group, "");
    EXPECT_FALSE(nic("b").families[0].plumbed);
    EXPECT_TRUE(nic("b").families[0].addresses.empty());
    EXPECT_EQ(orders_.ops.back(), (KernelOp{SetLinkUp{nic("b").index, false}}));
    ASSERT_TRUE(nic("b").detached);
    EXPECT_EQ(nic("b").detached->group, "ops");
    EXPECT_FALSE(nic("b").detached->done);
}

TEST_F(Detaching, R_DYN_4_TheLastOneAndOneOutsideAGroupStayUnlessForced) {
    CommandReply both = run(Detach{{"a", "b"}});
    EXPECT_EQ(both.error, CommandError::minimum_redundancy);
    EXPECT_EQ(both.text, "Device consumers prohibit offline(a): no other functioning interface is in group ops; "
                         "-f detaches it all the same");
    CommandReply alone = run(Detach{{"c"}});
    EXPECT_EQ(alone.error, CommandError::in_use);
    EXPECT_EQ(alone.text, "Device consumers prohibit offline(c): not in an IPMP group; -f detaches it all the same");
    EXPECT_EQ(run(Detach{{"b", "c"}}).error, CommandError::in_use) << "b goes only together with c";
    EXPECT_EQ(nic("b").group, "ipmp0");

    EXPECT_EQ(run(Detach{{"a", "b", "c"}, true}).detail,
              "a: detached from group ops, which keeps its data addresses but has failed\n"
              "b: detached from group ops, which keeps its data addresses but has failed; "
              "test addresses removed: 192.0.2.20\n"
              "c: detached, together with 198.51.100.5");
    EXPECT_TRUE(state_.groups.contains("ipmp0"));
}

TEST_F(Detaching, R_DYN_4_WhoseFailureCountsAgainstRedundancy) {
    nic("a").failed = true;
    EXPECT_EQ(run(Detach{{"b"}}).error, CommandError::minimum_redundancy);
    EXPECT_EQ(run(Detach{{"a"}, false, true}).error, CommandError::none);
    state_.groups.at("ipmp0").health = GroupHealth::failed;  // nothing is lost any more
    EXPECT_EQ(run(Detach{{"b"}, false, true}).error, CommandError::none);
    nic("a").offline = true;
    EXPECT_EQ(run(Detach{{"b"}}).error, CommandError::minimum_redundancy);
    nic("b").offline = true;  // it carries nothing
    EXPECT_EQ(run(Detach{{"b"}}).error, CommandError::none);
}

TEST_F(Detaching, R_DYN_4_ADryRunChangesNothing) {
    State before = state_;
    EXPECT_EQ(run(Detach{{"b", "d", "nosuch0"}, false, true}).detail,
              "b: would be detached from group ops, a carries on; test addresses removed: 192.0.2.20\n"
              "d: not in use\nnosuch0: not in use");
    EXPECT_EQ(run(Detach{{"a", "b"}, false, true}).error, CommandError::minimum_redundancy);
    EXPECT_EQ(state_, before);
    EXPECT_TRUE(orders_.ops.empty());
    EXPECT_EQ(run(Detach{{"ipmp0"}}).error, CommandError::invalid_argument);
}

TEST_F(Detaching, R_DYN_5_TheUndoRestoresAllThatWas) {
    nic("b").standby = true;
    State before = state_;
    EXPECT_EQ(run(UndoDetach{"b"}).text, "Device not offlined(b)");
    EXPECT_EQ(run(UndoDetach{"nosuch0"}).text, "No such device(nosuch0)");
    run(Detach{{"b", "c"}, true});
    EXPECT_EQ(run(UndoDetach{"b"}).detail, "b: restored");
    EXPECT_EQ(orders_.ops.back(), (KernelOp{SetLinkUp{nic("b").index, true}}));
    EXPECT_EQ(run(UndoDetach{"c"}).error, CommandError::none);
    nic("c").families[0].addresses[0].adopted = true;  // it is ours to bring back now
    EXPECT_EQ(state_, before);
}

TEST_F(Detaching, R_DYN_5_WhatIsInUseElsewhereByThenIsNotTakenBack) {
    run(Detach{{"b"}});
    state_.groups.at("ipmp0").families[0].addresses = {{.number = 1, .address = kTest, .prefix_length = 24}};
    EXPECT_EQ(run(UndoDetach{"b"}).error, CommandError::none);
    EXPECT_TRUE(nic("b").families[0].addresses.empty());
    EXPECT_EQ(nic("b").group, "ipmp0");
}

TEST_F(Detaching, R_DYN_5_ARefusedRejoinLeavesTheRecord) {
    run(Detach{{"b"}});
    kernel_.links.at(nic("b").index).no_arp = true;
    CommandReply reply = run(UndoDetach{"b"});
    EXPECT_EQ(reply.text, "Replumb failed(b): b: needs ARP and multicast");
    EXPECT_TRUE(nic("b").detached);
}

TEST_F(Detaching, R_DYN_5_WhoIsConfiguredAnewHasNoWayBack) {
    run(Detach{{"b"}});
    note_detached({{"b", nic("b").index}}, state_);
    EXPECT_TRUE(nic("b").detached->done);
    run(Plumb{"b"});
    EXPECT_EQ(run(UndoDetach{"b"}).error, CommandError::not_offline);
}

TEST_F(Detaching, R_DYN_5_ADaemonThatFindsAHalfDoneOneUndoesIt) {
    run(Detach{{"a"}});
    note_detached({{"a", nic("a").index}}, state_);
    run(Detach{{"b"}, true});
    nic("b").families[0].plumbed = true;  // its address is still in the kernel, and so adopted
    CommandContext context{state_, kernel_, host_id_, orders_, {}, log_};
    undo_unfinished_detaches(context);
    EXPECT_EQ(nic("a").group, "");
    EXPECT_EQ(nic("b").group, "ipmp0");
    EXPECT_EQ(nic("b").families[0].addresses[0].address, kTest);
    EXPECT_EQ(only<Log>(log_).size(), 1u);
}

// ---- Who appears ----------------------------------------------------------------------------------------------

class Appearing : public testing::Test {
  protected:
    std::vector<AttachNic> see(std::map<std::string, std::uint32_t> links) {
        State state;
        for (const auto& [name, index] : links) {
            state.interfaces[name] = {.name = name, .index = {index, place_}, .group = groups_[name]};
        }
        if (groups_.contains("address")) {
            state.interfaces["eth1"].families[0].addresses = {{.address = kOwn}};
        }
        std::vector<Action> actions;
        newcomers_.update(state, actions);
        return only<AttachNic>(actions);
    }
    Newcomers newcomers_;
    Place place_ = Place::host;
    std::map<std::string, std::string> groups_;
};

TEST_F(Appearing, R_DYN_3_OnlyWhatComesLaterIsNew) {
    EXPECT_TRUE(see({{"eth0", 1}}).empty());
    EXPECT_EQ(see({{"eth0", 1}, {"eth1", 2}}), (std::vector<AttachNic>{{"eth1"}}));
    EXPECT_TRUE(see({{"eth0", 1}, {"eth1", 2}}).empty());
    EXPECT_EQ(see({{"eth0", 1}, {"eth1", 3}}), (std::vector<AttachNic>{{"eth1"}})) << "another NIC of that name";
    EXPECT_EQ(see({{"eth0", 1}, {"enp3s0", 3}}), (std::vector<AttachNic>{{"enp3s0"}})) << "renamed";
}

TEST_F(Appearing, R_VIS_1_ANicThatComesHomeFromAnIsolatedGroupIsNoNewcomer) {
    see({{"eth0", 1}});
    groups_["eth0"] = "ipmp0";
    place_ = Place::members;
    EXPECT_TRUE(see({{"eth0", 5}}).empty());
    groups_.clear();
    place_ = Place::host;
    EXPECT_TRUE(see({{"eth0", 7}}).empty()) << "it left the group, and must not join it again by its files";
}

TEST_F(Appearing, R_DYN_3_WhatIsConfiguredAlreadyIsLeftAlone) {
    see({});
    groups_["eth0"] = "ipmp0";
    groups_["address"] = "yes";
    EXPECT_TRUE(see({{"eth0", 1}, {"eth1", 2}}).empty());
}

TEST_F(Appearing, R_DYN_3_ARestartedDaemonKnowsWhatWasThereBefore) {
    State restored;
    restored.interfaces["eth0"] = {.name = "eth0", .index = {1}};
    newcomers_.resume(restored);
    EXPECT_EQ(see({{"eth0", 1}, {"eth1", 2}}), (std::vector<AttachNic>{{"eth1"}}));
}

}  // namespace
}  // namespace ipmp
