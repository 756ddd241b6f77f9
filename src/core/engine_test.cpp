// What a step is spared: events that cannot change anything cost no decision.
#include "core/engine.hpp"

#include <gtest/gtest.h>

namespace ipmp {

namespace {

using namespace std::chrono_literals;

constexpr InterfaceIndex kNic{5};

class EngineSteps : public testing::Test {
  protected:
    EngineSteps() {
        kernel_.links[kNic] = {.index = kNic, .name = "eth0", .mtu_bytes = 1500, .ethernet = true, .multicast = true,
                               .admin_up = true, .carrier = true, .carrier_changes = 2};
        step(KernelObserved{kernel_});
        auto outcome = step(CommandReceived{1, SetGroup{"eth0", Family::ipv4, "g"}});
        for (const Action& action : outcome.actions) {
            if (auto* apply = std::get_if<ApplyKernel>(&action)) batch_ = *apply;
        }
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

// With dozens of groups a decision takes milliseconds, and who has no targets searches each second.
TEST_F(EngineSteps, WhoKnowsATestAddressIsNoNews) {
    kernel_.generation = batch_.generation;
    step(KernelObserved{kernel_});
    EXPECT_FALSE(step(PeersFound{"ipmp0", {{*parse_ip("192.0.2.5"), {*parse_ip("192.0.2.9"), {}}}}}).decided);
}

TEST_F(EngineSteps, ALinkThatIsBackWaitsForTheKernelAndOneThatIsLostDoesNot) {
    EXPECT_FALSE(step(CarrierChanged{.link = kNic, .up = true, .carrier_changes = 4}).decided);
    EXPECT_TRUE(engine_.state().interfaces.at("eth0").carrier);
    EXPECT_TRUE(step(CarrierChanged{.link = kNic, .up = false, .carrier_changes = 5}).decided);
    EXPECT_FALSE(engine_.state().interfaces.at("eth0").carrier);
}

}  // namespace

}  // namespace ipmp
