// For tests of the probing of many members as one. The engine's part is played here: who is not deaf answers, at once
// unless a way is slow, and a step becomes a whole one when Probing asks for it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/only.hpp"
#include "core/predicates.hpp"
#include "core/probing/probing.hpp"

namespace ipmp {

using namespace std::chrono_literals;

inline const IpAddress kRouter = *parse_ip("10.0.255.254");

class ProbingOfAGroup : public testing::Test {
  protected:
    void set_up(int members) {
        Group group{.interface = "ipmp0", .name = "ipmp0"};
        group.upper = InterfaceIndex{1000};
        group.health = GroupHealth::ok;
        state_.groups["ipmp0"] = group;
        for (int number = 0; number < members; ++number) {
            Interface nic{.name = fmt::format("e{}", number)};
            nic.index = InterfaceIndex{static_cast<std::uint32_t>(number + 1)};
            nic.group = "ipmp0";
            nic.admin_up = nic.carrier = true;
            IpAddress address = *parse_ip(fmt::format("10.0.{}.1", number));
            nic.families[0].plumbed = true;
            nic.families[0].addresses = {{.address = address, .prefix_length = 16, .up = true, .no_failover = true}};
            kernel_.addresses.push_back({.link = nic.index, .address = address, .prefix_length = 16});
            state_.interfaces[nic.name] = nic;
        }
        kernel_.target_routes = {{group.upper, kRouter}};
    }
    void set_up_ipv6(int members) {
        for (int number = 0; number < members; ++number) {
            Interface& nic = this->nic(fmt::format("e{}", number));
            IpAddress address = *parse_ip(fmt::format("fe80::{}", number + 1));
            nic.families[1].plumbed = true;
            nic.families[1].addresses = {{.address = address, .prefix_length = 64, .up = true, .no_failover = true}};
            kernel_.addresses.push_back({.link = nic.index, .address = address, .prefix_length = 64});
        }
        kernel_.target_routes.push_back({InterfaceIndex{1000}, *parse_ip("fe80::ffff")});
    }
    Interface& nic(const std::string& name) { return state_.interfaces.at(name); }

    std::vector<Action> whole_step(bool fresh = false) {
        std::vector<Action> actions;
        probing_.update(state_, kernel_, AddressIndex(kernel_), config_, fresh, now_, actions);
        probing_.follow(state_);
        return actions;
    }
    void judge_if_due() {
        if (probing_.verdict_due(state_, config_, now_)) whole_step();
    }
    // A tick `late`, or an answer that arrives before; how many probes were sent.
    std::size_t tick(Duration late = {}) {
        if (!under_way_.empty() && under_way_.begin()->first <= *probing_.deadline()) {
            auto arrived = under_way_.extract(under_way_.begin());
            now_ = std::max(now_, arrived.key());
            take(arrived.mapped());
            return 0;
        }
        now_ = std::max(now_, *probing_.deadline() + late);
        std::vector<Action> actions;
        probing_.tick(state_, config_, now_, actions);
        collect(actions);
        judge_if_due();
        auto probes = only<SendProbe>(actions);
        for (const SendProbe& probe : probes) {
            if (unsent_.contains(probe.source.address.family)) {
                probing_.take(state_, ProbeNotSent{probe.source, probe.nonce}, logged_);
                judge_if_due();
                continue;
            }
            if (!deaf_.contains(probe.source.link)) answer(probe);
        }
        return probes.size();
    }
    void answer(const SendProbe& probe) {
        if (probe.target.is_multicast()) {
            for (const IpAddress& host : hosts_) take({probe.source, host, probe.nonce, {}});
            return;
        }
        Duration takes = round_trip_(probe);
        ProbeAnswered answer{probe.source, probe.target, probe.nonce, {}};
        answer.time_away = takes - waits_;
        if (takes == Duration::zero()) take(answer);
        else under_way_.insert({now_ + takes, answer});
    }
    void take(const ProbeAnswered& answer) {
        Instant before = *probing_.deadline();
        std::vector<Action> actions;
        probing_.take(state_, AddressIndex(kernel_), config_, answer, now_, actions);
        EXPECT_GE(*probing_.deadline(), before) << "an answer makes nothing due earlier";
        collect(actions);
        judge_if_due();
        for (const SendProbe& probe : only<SendProbe>(actions)) this->answer(probe);
    }
    void collect(const std::vector<Action>& actions) {
        for (const Log& line : only<Log>(actions)) logged_.push_back(line);
    }
    void run_for(Duration time) {
        for (Instant end = now_ + time; *probing_.deadline() <= end;) tick();
    }
    int logged(const std::string& part) const {
        auto lines = only<Log>(logged_);
        auto has_part = [&](const Log& line) { return line.text.find(part) != std::string::npos; };
        return static_cast<int>(std::count_if(lines.begin(), lines.end(), has_part));
    }
    std::vector<IpAddress> targets_of(const std::string& name) const {
        Status status;
        status.interfaces = {{.name = name}};
        probing_.describe(state_, status);
        return status.targets.at(0).targets;
    }
    std::uint32_t detection_time_ms(const std::string& group) const {
        Status status;
        status.groups = {{.interface = group}};
        probing_.describe(state_, status);
        return status.groups.at(0).failure_detection_time_ms.value_or(0);
    }
    ProbeStatistics sum() {
        ProbeStatistics all;
        for (const auto& [name, one] : probing_.statistics(state_)) {
            all.sent += one.sent;
            all.lost += one.lost;
            all.missed += one.missed;
        }
        return all;
    }

    State state_;
    KernelState kernel_;
    Config config_;
    Instant now_{1h};
    std::set<InterfaceIndex> deaf_;
    std::set<Family> unsent_;
    std::vector<Action> logged_;
    std::function<Duration(const SendProbe&)> round_trip_ = [](const SendProbe&) { return Duration::zero(); };
    Duration waits_{};  // of that, for the daemon
    std::multimap<Instant, ProbeAnswered> under_way_;
    std::vector<IpAddress> hosts_;  // who answers what is sent to everybody
    Probing probing_{spread_numbers(1)};
};

}  // namespace ipmp
