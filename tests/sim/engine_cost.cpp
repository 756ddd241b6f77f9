// What a decision costs as a host grows: the real engine, the fake kernel, and a processor clock. For the eye and for
// ./bench, no test: it prints milliseconds, medians, as JSON.
//
//   engine_cost [ADDRESSES [GROUPS [NICS]]]
//
// ADDRESSES of the first group, half of them IPv6; other groups have two. NICS of each group, two if not said; all have
// a test address. `start`: from the first sight of the kernel to agreement with it. Then the link of a NIC with half of
// all addresses is lost: `decision`, until the maps are written, `announcement`, and the `rest`. `command`: a NIC
// becomes a standby, with what the kernel has to do for it, done and seen; `observation`: the last of these, repeated.
// `tick`: nothing has happened. `status`, `save`: what tools and the disk get, `save_again` after one NIC has changed.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <cstdlib>
#include <vector>

#include "core/engine.hpp"
#include "sim/world.hpp"
#include "wire/state_codec.hpp"
#include "wire/control_codec.hpp"

namespace ipmp::sim {

namespace {

using namespace std::chrono_literals;

IpAddress nth_address(Family family, std::uint32_t n) {
    IpAddress address = *parse_ip(family == Family::ipv4 ? "10.1.0.0" : "2001:db8::");
    std::size_t end = family == Family::ipv4 ? 4 : 16;
    address.bytes[end - 1] = static_cast<std::uint8_t>(n);
    address.bytes[end - 2] = static_cast<std::uint8_t>(n >> 8);
    return address;
}

class Host {
  public:
    Host(std::uint32_t addresses, std::uint32_t groups, std::uint32_t nics) : world_(1, config(), Faults{}) {
        for (std::uint32_t nic = 0; nic < nics * groups; ++nic) {
            MacAddress mac{{0, 0x16, 0x3e, 0, static_cast<std::uint8_t>(nic >> 8), static_cast<std::uint8_t>(nic)}};
            world_.kernel().set_admin_up(world_.kernel().add_nic(fmt::format("eth{}", nic), mac), true);
        }
        world_.kernel_changed();
        advance();
        for (std::uint32_t nic = 0; nic < nics * groups; ++nic) {
            for (Family family : kFamilies) run(SetGroup{fmt::format("eth{}", nic), family, group_name(nic / nics)});
        }
        advance();
        state_ = world_.engine().state();
        for (auto& [name, nic] : state_.interfaces) {
            IpAddress address = nth_address(Family::ipv4, 0xf000 + nic.index.value);
            nic.families[0].addresses.push_back({.number = 1, .address = address, .prefix_length = 16, .broadcast = {},
                                                 .up = true, .no_failover = true, .claimant = {}});
        }
        for (std::uint32_t group = 0; group < groups; ++group) give_addresses(group, group == 0 ? addresses : 2);
    }

    std::string measure() {
        FakeKernel kernel = world_.kernel();
        Engine engine(config(), "host", state_);
        double start = time_ms([&] { settle(engine, kernel); });
        InterfaceIndex victim = engine.state().groups.at("ipmp0").families[0].bindings.at(0).member;
        std::string nic = victim_name(engine, victim);
        std::vector<double> decisions, announcements, rests, ticks, commands, observations, saves;
        StateEncoder encoder;
        encoder.encode(engine.state());
        for (int time = 0; time < kTimes; ++time) {
            kernel.plug(victim, false);
            const CarriersChanged lost{kernel.take_carrier_changes()};
            now_ += 1s;
            decisions.push_back(time_ms([&] { engine.decide(now_, lost); }));
            announcements.push_back(time_ms([&] { engine.announce(); }));
            rests.push_back(time_ms([&] { engine.conclude(lost); }));
            kernel.plug(victim, true);
            kernel.take_carrier_changes();
            settle(engine, kernel);
            commands.push_back(time_ms([&] {
                now_ += 1s;
                engine.step(now_, CommandReceived{{}, SetStandby{nic, time % 2 == 0}});
                settle(engine, kernel);
            }));
            saves.push_back(time_ms([&] { encoder.encode(engine.state()); }));
            KernelState seen = kernel.truth();
            seen.generation = generation_;
            observations.push_back(time_ms([&] { engine.step(now_, KernelObserved{seen}); }));
            now_ += 60s;
            for (int tick = 0; tick < 3; ++tick) engine.step(now_, Tick{});
            ticks.push_back(time_ms([&] { engine.step(now_, Tick{}); }));
        }
        double status = time_ms([&] { encode_status_reply(engine.status()); });
        double save = time_ms([&] { encode_state(engine.state()); });
        return fmt::format(
            R"({{"start_ms": {:.2f}, "decision_ms": {:.3f}, "announcement_ms": {:.3f}, )"
            R"("rest_ms": {:.3f}, "command_ms": {:.3f}, "observation_ms": {:.3f}, "tick_ms": {:.3f}, )"
            R"("status_ms": {:.2f}, "save_ms": {:.2f}, "save_again_ms": {:.2f}}})",
            start, median(decisions), median(announcements), median(rests), median(commands), median(observations),
            median(ticks), status, save, median(saves));
    }

  private:
    static constexpr int kTimes = 9;
    static Config config() { return Config{.link_ups_per_minute = 0}; }
    static std::string group_name(std::uint32_t group) { return fmt::format("g{}", group); }

    void advance() { world_.run_until(world_.now() + 2s); }
    void run(const Command& command) {
        world_.command(command);
        world_.run_until(world_.now() + 50ms);
    }
    void give_addresses(std::uint32_t number, std::uint32_t addresses) {
        for (auto& [interface, group] : state_.groups) {
            if (group.name != group_name(number)) continue;
            for (Family family : kFamilies) {
                auto& all = group.families[index_of(family)].addresses;
                for (std::uint32_t n = 1; n <= addresses / 2; ++n) {
                    IpAddress address = nth_address(family, number * 4 + n);
                    all.push_back({.number = n, .address = address,
                                   .prefix_length = static_cast<std::uint8_t>(family == Family::ipv4 ? 16 : 64),
                                   .broadcast = {}, .up = true, .claimant = {}});
                }
            }
        }
    }
    static std::string victim_name(const Engine& engine, InterfaceIndex victim) {
        for (const auto& [name, nic] : engine.state().interfaces) {
            if (nic.index == victim) return name;
        }
        return {};
    }
    // Lets the kernel do what is asked until nothing is.
    void settle(Engine& engine, FakeKernel& kernel) {
        for (int round = 0; round < 50; ++round) {
            KernelState seen = kernel.truth();
            seen.generation = generation_;
            now_ += 10ms;
            auto actions = engine.step(now_, KernelObserved{seen}).actions;
            bool asked = false;
            for (const Action& action : actions) {
                auto* apply = std::get_if<ApplyKernel>(&action);
                if (!apply) continue;
                asked = asked || !apply->ops.empty();
                generation_ = apply->generation;
                for (const KernelOp& op : apply->ops) kernel.apply(op);
                engine.step(now_, KernelApplied{generation_, {}});
            }
            if (!asked && engine.converged()) return;
        }
    }

    static double spent_ms() {
        timespec spent{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
        return static_cast<double>(spent.tv_sec) * 1e3 + static_cast<double>(spent.tv_nsec) / 1e6;
    }
    template <typename Deed>
    static double time_ms(Deed deed) {
        double before = spent_ms();
        deed();
        return spent_ms() - before;
    }
    static double median(std::vector<double> values) {
        std::sort(values.begin(), values.end());
        return values[values.size() / 2];
    }

    World world_;
    State state_;
    Instant now_{std::chrono::hours(2)};
    std::uint64_t generation_ = 0;  // of the last batch
};

}  // namespace

}  // namespace ipmp::sim

int main(int count, char** arguments) {
    auto number = [&](int at, const char* otherwise) {
        return static_cast<std::uint32_t>(std::strtoul(count > at ? arguments[at] : otherwise, nullptr, 10));
    };
    fmt::print("{}\n", ipmp::sim::Host(number(1, "4096"), number(2, "1"), number(3, "2")).measure());
}
