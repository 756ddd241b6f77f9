// The newest probes of one NIC and family, and what they say in a row (reference: in.mpathd §3, §6.4).
//
// A probe is open, answered or lost. Lost is not final: an answer that comes late, while the probe is still
// remembered, makes it an answered one. Runs are counted backwards from the newest settled probe; open ones are
// skipped. forgive() starts runs of losses afresh: path and target have been shown to work when those were under way.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"

namespace ipmp {

struct ProbeRecord {
    enum class Status : std::uint8_t { open, answered, lost };
    std::uint16_t id = 0;
    std::uint64_t nonce = 0;
    IpAddress target;
    Instant started;
    Instant deadline;  // lost then
    Status status = Status::open;
    Instant settled;   // answered: when the answer was dealt with; lost: its deadline
    bool forgiven = false;         // the path worked after it was sent
    bool target_forgiven = false;  // so did its target
};

class ProbeHistory {
  public:
    static constexpr std::size_t kRemembered = 52;

    void add(ProbeRecord probe);
    ProbeRecord* find(std::uint64_t nonce);
    bool remove(std::uint64_t nonce);  // an open one, that was never sent
    // Those that became lost by `now`, oldest first.
    std::vector<ProbeRecord> settle(Instant now);
    // The daemon itself lost that much time: nobody is late by it.
    void extend_deadlines(Duration lost_time);
    void forget() { probes_.clear(); }
    // `target` answered a probe that was sent then and is not in here.
    void forgive(Instant sent, const IpAddress& target);

    struct Run {
        int length = 0;
        Instant begin;  // oldest of the run: when it settled
        Instant sent;   // oldest of the run: when it was sent
    };
    Run losses() const;
    Run losses_of(const IpAddress& target) const;  // of its own only
    // Of probes sent since then.
    Run answers(Instant sent_since = {}) const;
    Run answers_of(const IpAddress& target, Instant sent_since) const;

    std::optional<Instant> newest_answer() const;  // when it was dealt with
    std::optional<IpAddress> newest_target() const;
    bool newer_answered(const ProbeRecord& probe) const;  // a later probe to the same target
    std::optional<Instant> next_deadline() const;
    bool empty() const { return probes_.empty(); }

  private:
    Run run(ProbeRecord::Status status, const IpAddress* target, Instant sent_since) const;

    std::deque<ProbeRecord> probes_;  // oldest first
};

}  // namespace ipmp
