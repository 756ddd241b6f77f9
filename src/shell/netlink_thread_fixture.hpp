// For tests of the netlink thread against the real kernel: starts one in a fresh network namespace, hands it
// batches and waits for what it observes.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "shell/netlink_thread.hpp"
#include "shell/network_namespace_fixture.hpp"

namespace ipmp {

inline const LinkState* find_link(const KernelState& state, const std::string& name) {
    for (const auto& [index, link] : state.links)
        if (link.name == name) return &link;
    return nullptr;
}

inline const AddressState* find_address(const KernelState& state, const std::string& text) {
    for (const auto& address : state.addresses)
        if (address.address == *parse_ip(text)) return &address;
    return nullptr;
}

class NetlinkThreadTest : public NetworkNamespaceTest {
  protected:
    static constexpr const char* kPin = "/run/netns/ipmp-test";

    void start(int receive_buffer_bytes = NetlinkThread::kReceiveBufferBytes) {
        auto opened = NetworkPlaces::open(kPin);
        ASSERT_TRUE(opened) << opened.error().text;
        places.emplace(*std::move(opened));
        auto started = NetlinkThread::start(programs, *places, named_places, receive_buffer_bytes);
        ASSERT_TRUE(started) << started.error().text;
        thread = *std::move(started);
        ASSERT_TRUE(await([](const KernelState&) { return true; }));
    }

    // Takes events until the newest observation satisfies `wanted`.
    template <typename Wanted>
    bool await(Wanted wanted) {
        Instant deadline = now() + kTestDeadline;
        while (!observed || !wanted(*observed)) {
            auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now()).count();
            pollfd ready{thread->event_fd(), POLLIN, 0};
            if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) return false;
            for (auto& event : thread->take_events()) {
                if (auto* newer = std::get_if<KernelObserved>(&event)) observed = newer->state;
                if (auto* applied = std::get_if<KernelApplied>(&event)) failures = applied->failures;
                events.push_back(std::move(event));
            }
        }
        return true;
    }

    // Submits one batch and waits for its observation. `failures` has how it went.
    void apply(std::vector<KernelOp> ops, std::vector<ManagedLink> managed = {}) {
        thread->submit({.generation = ++generation, .ops = std::move(ops), .managed = std::move(managed)});
        ASSERT_TRUE(await([&](const KernelState& state) { return state.generation == generation; }));
    }
    void apply_well(std::vector<KernelOp> ops, std::vector<ManagedLink> managed = {}) {
        apply(std::move(ops), std::move(managed));
        EXPECT_TRUE(failures.empty()) << failures.front().text;
    }
    const LinkState& link(const std::string& name) {
        const LinkState* found = find_link(*observed, name);
        if (!found) throw std::runtime_error("no link " + name);  // gtest reports it
        return *found;
    }

    FilterPrograms programs;
    NamedPlaces named_places;  // that a daemon knows when it starts
    std::optional<NetworkPlaces> places;
    std::unique_ptr<NetlinkThread> thread;
    std::uint64_t generation = 0;
    std::optional<KernelState> observed;
    std::vector<KernelApplied::Failure> failures;
    std::vector<Event> events;
};

}  // namespace ipmp
