// Probe-based detection of all members (R-DET-2 to R-DET-4, R-DET-8, R-DET-9; reference: in.mpathd §6-8).
//
// Purpose: keeps one ProbeInstance per member and family with a test address, feeds them with targets and answers,
// and turns what they say into opinions: Interface::probe (what is shown) and Interface::probe_failed (an input of
// core/verdict, which weighs it with the link). Nothing of it survives a restart but probe_failed: a failed NIC stays
// failed until it has answered as long as a repair takes.
//
// A verdict is one of three: a target is dead (probe_instance), an interface has failed, or the whole group has: all
// members, or all targets, at once, which no failover would help. Whoever else in the group still gets answers is
// the witness that tells them apart (8).
//
// Timers run on Tick only: the shell files answers that have arrived before it, so a daemon that was late does not
// take them for lost. What it was late by is given back to open probes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/address_index.hpp"
#include "core/probing/probe_instance.hpp"
#include "model/event.hpp"
#include "model/state.hpp"
#include "model/status.hpp"

namespace ipmp {

// `target` is on the link of the instance's test address, an address of `member`.
bool is_near(const Interface& member, const ProbeInstance& instance, const IpAddress& target);

class Probing {
  public:
    explicit Probing(RandomSource random) : random_(std::move(random)) {}

    // Brings instances and targets in line with State and kernel and judges. `fresh`: the kernel has been observed anew
    // in this step. Sets Interface::probe, probe_failed and kept of members, and `failed` of all in a group failure.
    void update(State& state, const KernelState& kernel, const AddressIndex& present, const Config& config, bool fresh,
                Instant now, std::vector<Action>& actions);

    // The part of update() that cannot wait: who has no link sends no more, and its answers count for no repair.
    void stop_without_link(const State& state);

    // Sends what is due and settles what is over.
    void tick(const State& state, const Config& config, Instant now, std::vector<Action>& actions);
    void take(const State& state, const AddressIndex& present, const Config& config, const ProbeAnswered& answer,
              Instant now, std::vector<Action>& actions);
    void take(const State& state, const ProbeNotSent& unsent, std::vector<Action>& actions);
    // Neighbours are asked too where discovery by multicast is not answered.
    void take(const State& state, const AddressIndex& present, const Config& config, const PeersFound& found,
              Instant now, std::vector<Action>& actions);

    // After a whole step, when all have judged: what was decided stands until the next one.
    void follow(const State& state);
    std::optional<Instant> deadline() const { return due_; }

    // What a verdict may follow from has happened since the last update(): the next step has to be a whole one.
    bool verdict_due(const State& state, const Config& config, Instant now) const;

    // Adds targets and detection times to the picture of `state`.
    void describe(const State& state, Status& status) const;
    std::map<std::string, ProbeStatistics> statistics(const State& state) const;  // by "NIC inet", "NIC inet6"

  private:
    using Key = std::pair<InterfaceIndex, Family>;

    // Nothing while no member of the group is probed.
    std::optional<std::chrono::milliseconds> detection_time(const State& state, const std::string& group) const;
    std::vector<TargetStatus> targets_of(const Interface& member) const;
    // True: somebody has a test address who had none or another.
    bool refresh(State& state, const AddressIndex& present, const Config& config, Instant now,
                 std::vector<Action>& actions);
    void refresh_timing(const State& state, const Config& config);
    bool refresh_member(const State& state, const Interface& member, const AddressIndex& present, const Config& config,
                        std::set<Key>& wanted, Instant now, std::vector<Action>& actions);
    Duration lost_time(const Config& config, Instant now) const;  // that the daemon was kept from running; 0: none
    void forget_lost_time(const Config& config, Instant now);
    void plan(const State& state);
    void offer_routers(const State& state, const KernelState& kernel, const AddressIndex& own, Instant now);
    void offer_routers(const Interface& member, const std::set<IpAddress>& routers, bool keeps_former, Instant now);
    void share_hosts(const State& state);
    void offer_host(const State& state, const AddressIndex& own, const Interface& finder, const IpAddress& host);
    void scale(const State& state, const Config& config, const Interface& member, ProbeInstance& instance,
               const ProbeInstance::Taken& taken, Instant now, std::vector<Action>& actions);
    void find_neighbours(const State& state, Instant now, std::vector<Action>& actions);
    void judge(State& state, const Config& config, Instant now);
    void forget_in_failed_groups(const State& state);
    // An earlier verdict: whether it has been outlived.
    void reconsider(const State& state, Interface& member, Instant now) const;
    // Since when nothing has been answered, if that makes a verdict.
    std::optional<Instant> silent_since(const Interface& member, const Config& config, Instant now) const;
    bool may_keep(const State& state, const Interface& member) const;
    void fail(State& state, Interface& member, Instant since, const Config& config, Instant now);
    void note_failure(const Interface& member, Instant now);
    bool has_witness(const State& state, const Interface& failing, Instant since) const;
    bool repaired(const Interface& member, const DetectionTiming& timing, Instant now) const;
    ProbeContext context_for(const Interface& member, const Config& config, Instant now, std::vector<Action>& actions);
    ProbeInstance* find(InterfaceIndex link, Family family);
    bool is_answered(const Interface& member) const;
    ProbeHealth health_of(const Interface& member) const;
    // One per family, if any.
    std::vector<std::reference_wrapper<const ProbeInstance>> instances_of(const Interface& member) const;
    const Interface* member_of(const State& state, InterfaceIndex link, const ProbeInstance& instance) const;

    RandomSource random_;
    std::map<Key, ProbeInstance> instances_;
    std::map<InterfaceIndex, std::uint16_t> next_id_;
    std::chrono::milliseconds configured_{};  // detection time, as seen last
    std::map<std::string, DetectionTiming> timing_;  // by IPMP interface; "": of the anonymous group
    std::map<std::string, Instant> asked_neighbours_;  // by IPMP interface or NIC of the anonymous group
    std::set<std::string> failed_groups_;  // as seen last
    std::optional<Instant> raised_;        // when a detection time grew last, of any group
    // What comes first. Instances are in there once each while they probe, possibly too early: answers and lost time
    // make what is due later, nothing makes it earlier but a whole step, which files them anew.
    std::set<std::pair<Instant, Key>> schedule_;
    std::optional<Instant> due_;           // the first of these, and of repairs
    std::set<std::string> touched_;        // whose probes were sent, lost or answered in this step
    std::vector<std::string> judged_;      // with a verdict that can end, as of the last whole step
    WatchProbes watched_;
    std::set<Family> full_;                // families whose neighbour table is known to be too small, and said to be
};

}  // namespace ipmp
