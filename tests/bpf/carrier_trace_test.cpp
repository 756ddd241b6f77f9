// R-DET-1, ADR 9: the kernel tells of a lost carrier at the moment of the loss. Skipped where it lets nobody trace it.
#include "shell/carrier_trace.hpp"

#include <poll.h>
#include <sys/stat.h>

#include "shell/network_namespace_fixture.hpp"

namespace ipmp {
namespace {

class CarrierTraceTest : public NetworkNamespaceTest {
  protected:
    void SetUp() override {
        NetworkNamespaceTest::SetUp();
        auto started = trace_.start();
        ASSERT_TRUE(started) << started.error().text;
        ASSERT_TRUE(readable(30'000)) << "neither loaded nor refused";
        bool loaded = trace_.take().has_value();
        EXPECT_EQ(loaded, trace_.active());
        if (!loaded) GTEST_SKIP() << "this kernel lets nobody trace it";
    }
    bool readable(int patience_ms) {
        pollfd wait{trace_.event_fd(), POLLIN, 0};
        return ::poll(&wait, 1, patience_ms) > 0;
    }
    // In this namespace, or in another one where there is a link with the same index.
    static TracedLinks traced(const std::string& name, bool elsewhere = false) {
        struct stat own {};
        EXPECT_EQ(::stat("/proc/thread-self/ns/net", &own), 0);
        InterfaceIndex index = index_of_link(name);
        return {{{static_cast<std::uint32_t>(own.st_ino) + elsewhere, index.value}, index}};
    }
    void expect_loss(Tap& tap, const std::string& name) {
        Instant before = now();
        tap.set_carrier(false);
        ASSERT_TRUE(readable(5000));
        auto losses = trace_.take();
        ASSERT_TRUE(losses);
        EXPECT_GE(losses->since, before);
        EXPECT_LE(losses->since, now());
        EXPECT_EQ(losses->links, std::set{index_of_link(name)});
        EXPECT_FALSE(trace_.take()) << "told once";
    }
    CarrierTrace trace_;
};

TEST_F(CarrierTraceTest, R_DET_1_ALossIsToldOfAtOnceWhateverHappenedBefore) {
    Tap tap("t0");
    run("ip link set t0 up");
    trace_.watch(traced("t0"));
    for (int time = 0; time < 5; ++time) {
        expect_loss(tap, "t0");
        tap.set_carrier(true);
        EXPECT_FALSE(readable(0)) << "a carrier that returns may come late";
    }
}

TEST_F(CarrierTraceTest, OnlyOfLinksThatAreWatchedInTheirNamespace) {
    Tap first("t0"), second("t1");
    run("ip link set t0 up; ip link set t1 up");
    TracedLinks links = traced("t0", true);
    links.merge(traced("t1"));
    trace_.watch(links);
    first.set_carrier(false);
    EXPECT_FALSE(readable(100));
    expect_loss(second, "t1");
    trace_.watch(traced("t0"));
    second.set_carrier(true);
    second.set_carrier(false);
    EXPECT_FALSE(readable(100));
    first.set_carrier(true);
    expect_loss(first, "t0");
}

TEST_F(CarrierTraceTest, ManyLossesWithoutAReaderAreOneHint) {
    Tap tap("t0");
    run("ip link set t0 up");
    trace_.watch(traced("t0"));
    Instant before = now();
    for (int time = 0; time < 2000; ++time) {  // more than the buffer takes
        tap.set_carrier(false);
        tap.set_carrier(true);
    }
    ASSERT_TRUE(readable(5000));
    EXPECT_GE(trace_.take().value().since, before);
    expect_loss(tap, "t0");
}

}  // namespace
}  // namespace ipmp
