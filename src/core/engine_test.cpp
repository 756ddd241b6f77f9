// What a step is spared: events that cannot change anything cost no decision.
#include "core/engine.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace ipmp {

namespace {

using namespace std::chrono_literals;

constexpr InterfaceIndex kNic{5};

class EngineSteps : public testing::Test {
  protected:
    EngineSteps() {
        add_nic(kNic, "eth0");
        step(KernelObserved{kernel_});
        auto outcome = step(CommandReceived{1, SetGroup{"eth0", Family::ipv4, "g"}});
        for (const Action& action : outcome.actions) {
            if (auto* apply = std::get_if<ApplyKernel>(&action)) batch_ = *apply;
        }
    }
    void add_nic(InterfaceIndex index, const std::string& name) {
        kernel_.links[index] = {.index = index, .name = name, .mtu_bytes = 1500, .ethernet = true, .multicast = true,
                                .admin_up = true, .carrier = true, .carrier_changes = 2};
    }
    Engine::Outcome step(const Event& event) { return engine_.step(now_ += 1ms, event); }

    Engine engine_{Config{}, "host"};
    KernelState kernel_;
    Instant now_{1h};
    ApplyKernel batch_;
};

TEST_F(EngineSteps, ABatchThatWasDoneIsNoNewsUntilItIsSeen) {
    ASSERT_FALSE(batch_.ops.empty());
    State before = engine_.state();
    auto done = step(KernelApplied{batch_.generation, {}});
    EXPECT_FALSE(done.decided);
    EXPECT_TRUE(done.actions.empty());
    EXPECT_EQ(engine_.state(), before);
    kernel_.generation = batch_.generation;
    EXPECT_TRUE(step(KernelObserved{kernel_}).decided);
}

TEST(EngineStart, WhatWasExpectedAndGivenUpBeforeTheKernelWasSeenIsNobodysMember) {
    Engine engine(Config{}, "host");
    std::uint64_t request = 0;
    for (const Command& command : {Command(CreateIpmp{.interface = "ipmp0", .family = Family::ipv4}),
                                   Command(ExpectMember{.interface = "eth7", .group = "ipmp0"}),
                                   Command(Stop{.purge = true})}) {
        engine.step(Instant{1h}, CommandReceived{++request, command});
    }
    engine.step(Instant{1h}, KernelObserved{});
    EXPECT_TRUE(engine.state().groups.empty());
}

TEST_F(EngineSteps, ABatchThatFailedIsTold) {
    auto failed = step(KernelApplied{batch_.generation, {{batch_.ops.front(), 22, "Invalid argument"}}});
    EXPECT_TRUE(failed.decided);
    EXPECT_FALSE(failed.actions.empty());
}

TEST_F(EngineSteps, WhatFailsForALinkThatIsGoneIsSaidOnce) {
    KernelApplied applied{.generation = batch_.generation};
    for (InterfaceIndex link : {kNic, InterfaceIndex{77}}) {
        for (std::uint32_t mtu_bytes : {1400u, 1401u, 1402u})
            applied.failures.push_back({SetLinkMtu{link, mtu_bytes}, ENODEV, "No such device"});
        applied.failures.push_back({SetLinkMtu{link, 9000}, EINVAL, "Invalid argument"});
    }
    auto actions = step(applied).actions;
    EXPECT_EQ(std::ranges::count_if(actions, [](const Action& action) {
                  const auto* log = std::get_if<Log>(&action);
                  return log && log->text.starts_with("cannot ");
              }), 4);
}

// With dozens of groups a decision takes milliseconds; who has no targets searches each second, and after a rebind each
// peer answers by itself.
TEST_F(EngineSteps, R_SPR_4_WhoKnowsAnAddressAndWhoAnswersIsNoNews) {
    kernel_.generation = batch_.generation;
    step(KernelObserved{kernel_});
    const IpAddress address = *parse_ip("192.0.2.5"), peer = *parse_ip("192.0.2.9");
    EXPECT_FALSE(step(PeersFound{"ipmp0", {{address, {peer, {}}}}}).decided);
    EXPECT_FALSE(step(PeerAnswered{address, peer, kNic}).decided);
}

TEST_F(EngineSteps, ALinkThatIsBackWaitsForTheKernelAndOneThatIsLostDoesNot) {
    EXPECT_FALSE(step(CarriersChanged{{{.link = kNic, .up = true, .carrier_changes = 4}}}).decided);
    EXPECT_TRUE(engine_.state().interfaces.at("eth0").carrier);
    EXPECT_TRUE(step(CarriersChanged{{{.link = kNic, .up = false, .carrier_changes = 5}}}).decided);
    EXPECT_FALSE(engine_.state().interfaces.at("eth0").carrier);
}

// What a switch takes with it is one decision, about the groups concerned alone; all others have their turn at once.
TEST_F(EngineSteps, D9_LostLinksAreDecidedAboutBeforeAnythingElse) {
    constexpr InterfaceIndex kSecond{6}, kThird{7};
    add_nic(kSecond, "eth1");
    add_nic(kThird, "eth2");
    kernel_.generation = batch_.generation;
    step(KernelObserved{kernel_});
    for (const char* name : {"eth1", "eth2"}) step(CommandReceived{2, SetGroup{name, Family::ipv4, name}});
    Engine::Outcome lost = step(CarriersChanged{{{kNic, false, 3}, {kSecond, false, 3}}});
    const auto& nics = engine_.state().interfaces;
    EXPECT_TRUE(nics.at("eth0").failed && nics.at("eth1").failed && !nics.at("eth2").failed);
    EXPECT_EQ(lost.deadline, now_);
    State after = engine_.state();
    Engine::Outcome others = step(Tick{});
    EXPECT_TRUE(others.decided);
    EXPECT_GT(others.deadline, now_);
    EXPECT_EQ(engine_.state(), after);
}

}  // namespace

}  // namespace ipmp
