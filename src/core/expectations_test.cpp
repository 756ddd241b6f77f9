// NICs that are missing at boot, and how they and others that vanished are forgotten (R-DET-14).
#include "core/expectations.hpp"

#include <gtest/gtest.h>

#include "core/engine.hpp"
#include "core/only.hpp"

namespace ipmp {
namespace {

// A host with eth0 in group "ops" of ipmp0, seen by the engine itself: what a missing NIC counts for is its judgement.
class Expectations : public testing::Test {
  protected:
    Expectations() {
        add_link(2, "eth0");
        observe();
        run(CreateIpmp{"ipmp0"});
        run(SetGroup{"ipmp0", Family::ipv4, "ops"});
        run(SetGroup{"eth0", Family::ipv4, "ops"});
        observe();
    }
    void add_link(std::uint32_t index, const std::string& name) {
        kernel_.links[{index}] = {.index = {index},
                                  .name = name,
                                  .ethernet = true,
                                  .multicast = true,
                                  .admin_up = true,
                                  .carrier = true};
        kernel_.links[{index}].mac.bytes[5] = static_cast<std::uint8_t>(index);
    }
    void step(const Event& event) {
        Engine::Outcome outcome = engine_.step(now_ += std::chrono::milliseconds(100), event);
        for (const Log& log : only<Log>(outcome.actions)) log_.push_back(log.text);
        for (const AttachNic& attach : only<AttachNic>(outcome.actions)) attached_.push_back(attach.name);
        for (const Reply& reply : only<Reply>(outcome.actions)) reply_ = reply.reply;
        for (const ApplyKernel& batch : only<ApplyKernel>(outcome.actions)) seen_ = batch.generation;
    }
    void observe() {
        kernel_.generation = std::max(kernel_.generation, seen_);
        step(KernelObserved{kernel_});
    }
    CommandError run(const Command& command) {
        reply_ = {CommandError::kernel_refused, "no answer yet", ""};
        step(CommandReceived{1, command});
        for (int i = 0; i < 100 && reply_.text == "no answer yet"; ++i) observe();
        return reply_.error;
    }
    GroupStatus group() const { return engine_.status().groups.at(0); }
    std::optional<InterfaceStatus> shown(const std::string& name) const {
        for (const InterfaceStatus& interface : engine_.status().interfaces) {
            if (interface.name == name) return interface;
        }
        return {};
    }
    std::size_t times_logged(const std::string& text) const {
        return static_cast<std::size_t>(std::count(log_.begin(), log_.end(), text));
    }

    Engine engine_{Config{}, "host", State{}};
    KernelState kernel_;
    Instant now_{std::chrono::hours(1)};
    std::vector<std::string> log_, attached_;
    CommandReply reply_;
    std::uint64_t seen_ = 0;  // the last batch, which the kernel of this test never carries out
};

const ExpectMember kEth1{.interface = "eth1", .group = "ops"};

TEST_F(Expectations, R_DET_14_WhoIsMissingAtBootCountsAsFailed) {
    EXPECT_EQ(group().state, GroupHealth::ok);
    EXPECT_EQ(run(kEth1), CommandError::none) << reply_.text;
    EXPECT_EQ(group().state, GroupHealth::degraded);
    EXPECT_EQ(group().unusable, std::vector<std::string>{"eth1"});
    ASSERT_TRUE(shown("eth1"));
    EXPECT_EQ(shown("eth1")->state, InterfaceHealth::failed);
    EXPECT_EQ(shown("eth1")->link, LinkHealth::down);
    EXPECT_EQ(shown("eth1")->group, "ipmp0");
    EXPECT_EQ(times_logged("eth1 is missing and counts as failed in group ops"), 1u);
    EXPECT_EQ(times_logged("IP interface failure detected on eth1 of group ops"), 1u);
    State before = engine_.state();
    EXPECT_EQ(run(kEth1), CommandError::none);
    observe();
    EXPECT_EQ(engine_.state(), before) << "to say it again changes nothing";
    EXPECT_EQ(times_logged("eth1 is missing and counts as failed in group ops"), 1u);
    for (const PlumbedInterface& plumbed : engine_.status().plumbed) EXPECT_NE(plumbed.name, "eth1");
}

TEST_F(Expectations, R_DET_14_AStandbyTakesThePlaceOfWhoIsMissing) {
    add_link(3, "eth2");
    observe();
    run(SetGroup{"eth2", Family::ipv4, "ops"});
    run(SetStandby{"eth2", true});
    EXPECT_EQ(group().inactive, std::vector<std::string>{"eth2"});
    run(kEth1);
    EXPECT_EQ(group().active, (std::vector<std::string>{"eth0", "eth2"}));
    run(Detach{{"eth1"}});
    EXPECT_EQ(group().inactive, std::vector<std::string>{"eth2"});
    run({ExpectMember{.interface = "eth1", .group = "ops", .standby = true}});
    EXPECT_EQ(group().inactive, std::vector<std::string>{"eth2"}) << "a missing standby is missed by nobody";
    EXPECT_TRUE(shown("eth1")->standby);
}

TEST_F(Expectations, R_DYN_3_WhoAppearsIsConfiguredFromItsFiles) {
    for (bool named_late : {false, true}) {
        attached_.clear();
        std::uint32_t index = named_late ? 8 : 7;
        run(kEth1);
        add_link(index, named_late ? "new0" : "eth1");
        observe();
        kernel_.links.at({index}).name = "eth1";
        observe();
        EXPECT_EQ(attached_.back(), "eth1");
        EXPECT_EQ(engine_.state().interfaces.at("eth1").group, "") << "it has not been vetted";
        EXPECT_FALSE(engine_.state().interfaces.at("eth1").expected);
        EXPECT_EQ(group().state, GroupHealth::ok);
        EXPECT_EQ(run(kEth1), CommandError::none) << "it is there now";
        EXPECT_EQ(engine_.state().interfaces.at("eth1").index, InterfaceIndex{index});
        kernel_.links.erase({index});
        observe();
        EXPECT_FALSE(shown("eth1"));
    }
}

TEST_F(Expectations, R_DET_14_ARestartedDaemonStillExpectsIt) {
    run(kEth1);
    State stored = engine_.state();
    engine_ = Engine(Config{}, "host", stored);
    kernel_.generation = seen_ = 0;
    attached_.clear();
    observe();
    EXPECT_EQ(group().unusable, std::vector<std::string>{"eth1"});
    add_link(7, "eth1");
    observe();
    EXPECT_EQ(attached_, std::vector<std::string>{"eth1"});
}

TEST_F(Expectations, R_DYN_4_WhoIsMissingCanBeForgotten) {
    run(kEth1);
    EXPECT_EQ(run(Unplumb{"ipmp0"}), CommandError::group_not_empty);
    run(Detach{{"eth1"}, false, true});
    EXPECT_EQ(reply_.detail, "eth1: is missing, would be forgotten as a member of group ops");
    EXPECT_TRUE(shown("eth1"));
    EXPECT_EQ(run(Detach{{"eth1"}}), CommandError::none) << "no other has to function";
    EXPECT_EQ(reply_.detail, "eth1: is missing, forgotten as a member of group ops");
    EXPECT_FALSE(shown("eth1"));
    EXPECT_EQ(group().state, GroupHealth::ok);
    EXPECT_EQ(times_logged("eth1, which is missing, has left group ops"), 1u);

    run(ExpectMember{"eth1", "ops", true, true});
    EXPECT_EQ(run(Unplumb{"eth1"}), CommandError::none);
    EXPECT_TRUE(shown("eth1"));
    EXPECT_EQ(run(Unplumb{"eth1"}), CommandError::no_such_interface);
    EXPECT_EQ(run(Unplumb{"eth1", Family::ipv6}), CommandError::none);
    EXPECT_FALSE(shown("eth1"));

    kernel_.links.erase({2});  // one that was there
    observe();
    EXPECT_EQ(group().unusable, std::vector<std::string>{"eth0"});
    run(ExpectMember{"eth0", "ops", true, false, true});
    EXPECT_FALSE(engine_.state().interfaces.at("eth0").expected) << "what it had counts, not its file";
    for (Family family : kFamilies) EXPECT_EQ(run(Unplumb{"eth0", family}), CommandError::none);
    EXPECT_TRUE(engine_.status().interfaces.empty());
}

TEST_F(Expectations, R_DET_14_WhatCannotBeExpected) {
    EXPECT_EQ(run(ExpectMember{"ipmp0", "ops"}), CommandError::invalid_argument);
    EXPECT_EQ(run(ExpectMember{"eth1", "other"}), CommandError::no_such_interface);
    EXPECT_EQ(reply_.text, "there is no group other");
    EXPECT_EQ(run(ExpectMember{"eth1", "ops", false, false}), CommandError::invalid_argument);
    for (std::size_t count = 1; count < kMostMembers; ++count) {
        ASSERT_EQ(run(ExpectMember{"m" + std::to_string(count), "ops"}), CommandError::none);
    }
    EXPECT_EQ(run(kEth1), CommandError::not_supported);
    EXPECT_EQ(run(ExpectMember{"m1", "ops"}), CommandError::none) << "it has its place already";
}

}  // namespace
}  // namespace ipmp
