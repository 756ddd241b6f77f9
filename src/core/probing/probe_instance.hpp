// Probing from one test address: when to send what, which answers belong to it, what it suspects.
//
// Schedule (reference: in.mpathd §6.3): a tick every user interval (UPI, a seventh of the configured failure
// detection time) with jitter. Every group interval (GPI, the same unless answers take longer) a detection probe; at
// the ticks between them a probe that only measures; a discovery by multicast while there is no target, and now and
// then while there is one host only. A probe is lost one GPI after it was sent, and judged by a timer, not at the next
// tick: five lost ones in a row settle 6.5 UPI after the path broke at the latest, which is less than the failure
// detection time. With a stretched GPI, at least twice UPI, that takes 6 GPI + 1.5 UPI, less than seven GPI as well.
//
// Suspicion (beyond the original): on a lossy link five losses in a row happen by chance. From the second on, extra
// probes go to all known targets, kSuspicionPerInterval a GPI; a verdict rests on kSuspicionLost of them being lost as
// well, and an answer to any ends the suspicion and forgives what was lost before that one was sent. Ten take 10/6 GPI;
// begun at the latest 2.5 GPI after the first lost probe was sent they are lost by 5.2 GPI, when the fifth detection
// probe may be lost at 5.5 GPI.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "core/probing/probe_history.hpp"
#include "core/probing/random_source.hpp"
#include "core/probing/target_list.hpp"
#include "model/action.hpp"
#include "model/config.hpp"
#include "model/probe.hpp"

namespace ipmp {

inline constexpr int kLossesToFail = 5;
inline constexpr int kAnswersToRepair = 10;

// Of one group; grows with the round-trip times of its targets (reference: in.mpathd §6.6).
struct DetectionTiming {
    std::chrono::milliseconds detection_time{10000};
    std::chrono::milliseconds interval{1428};  // GPI
};

std::chrono::milliseconds user_interval(const Config& config);

// What an instance needs of its surroundings for one step.
struct ProbeContext {
    const Config& config;
    const DetectionTiming& timing;
    const RandomSource& random;
    std::uint16_t& next_id;  // of the interface
    bool may_suspect = true; // the interface has not failed
    Instant now;
    std::vector<Action>& actions;
};

class ProbeInstance {
  public:
    static constexpr Duration kQuietPeriod = std::chrono::seconds(40);
    static constexpr int kSuspicionPerInterval = 6, kSuspicionLost = 10, kSuspicionMost = 14;

    // `heard`: answers have come that way before. Else nothing is called a failure before one has, or for kQuietPeriod.
    ProbeInstance(std::string interface, std::string group, const ProbeSource& source, Instant now, bool heard = false)
        : interface_(std::move(interface)),
          group_(std::move(group)),
          source_(source),
          quiet_until_(now + kQuietPeriod),
          heard_(heard) {}

    const std::string& interface() const { return interface_; }
    const std::string& group() const { return group_; }
    void rename(const std::string& interface) { interface_ = interface; }
    std::uint32_t carrier_changes() const { return carrier_changes_; }  // when it was started last
    void set_carrier_changes(std::uint32_t changes) { carrier_changes_ = changes; }

    const ProbeSource& source() const { return source_; }
    Family family() const { return source_.address.family; }
    const ProbeStatistics& statistics() const { return statistics_; }
    const ProbeHistory& history() const { return history_; }
    TargetList& targets() { return targets_; }
    const TargetList& targets() const { return targets_; }
    bool capable() const { return targets_.active_count() > 0; }

    // Another test address: sockets and phases change, what is known stays.
    void move_to(const ProbeSource& source);
    void start(const ProbeContext& context);  // the link is up: probes begin
    void stop();                              // it is not: what was sent before says nothing
    bool running() const { return running_; }
    void extend_deadlines(Duration lost_time);

    // Does what is due.
    void run(const ProbeContext& context);

    struct Taken {
        std::optional<IpAddress> discovered;   // a host answered a discovery
        std::optional<IpAddress> measured;     // this target's round-trip time has been updated
        bool detection = false;                // by a detection probe
    };
    Taken take(const ProbeAnswered& answer, bool may_measure, const ProbeContext& context);

    // It was never sent. False: not known, or over.
    bool take_back(std::uint64_t nonce);
    // The newest of what is known: probes do not leave, so nothing is known of the path.
    bool held_back() const { return held_back_; }

    bool heard() const { return heard_; }
    bool quiet(Instant now) const { return !heard_ && now < quiet_until_; }
    // Enough is lost to call it a failure.
    bool fails(const Config& config) const;
    // A verdict fell: what was answered before it counts for no repair.
    void note_failure(Instant now) { failed_ = now; }
    // Since when answers come without a loss, if there are enough of them.
    std::optional<Instant> answers_since() const;
    void discover(const ProbeContext& context);  // ask everybody, now
    void ask(const IpAddress& host, const ProbeContext& context);  // whether it answers: only then is it a target

    // When run() has something to do. Kept at hand: it is asked of every instance at every step.
    std::optional<Instant> due() const { return due_; }

  private:
    struct Extra {  // a probe that is in no history
        enum class Kind : std::uint8_t { measuring, discovery, suspicion };
        Kind kind = Kind::discovery;
        std::uint64_t nonce = 0;
        IpAddress target;
        Instant started;
        Instant deadline;
        bool settled = false;
    };
    struct Suspicion {
        Instant next;
        int sent = 0, lost = 0;
    };

    void plan();  // after every change
    Taken take_answer(const ProbeAnswered& answer, bool may_measure, const ProbeContext& context);
    void forget_probes();
    void end_suspicion();
    void settle(const ProbeContext& context);
    void suspect(const ProbeContext& context);
    void tick(const ProbeContext& context);
    void set_dead_targets_aside(const ProbeContext& context);
    void detect(const ProbeContext& context);
    void send_extra(Extra::Kind kind, const IpAddress& target, const ProbeContext& context);
    std::optional<Taken> take_extra(const ProbeAnswered& answer, bool may_measure, const ProbeContext& context);
    bool measure(Target& target, Duration sample, bool by_detection, const ProbeContext& context);
    void report(const ProbeRecord& probe, const std::optional<Duration>& network_time, bool late,
                const ProbeContext& context);

    std::string interface_, group_;
    std::uint32_t carrier_changes_ = 0;
    ProbeSource source_;
    Instant quiet_until_;
    bool heard_;  // to a probe of any kind
    Instant failed_;  // last time
    TargetList targets_;
    ProbeHistory history_;
    std::deque<Extra> extras_;  // newest last, bounded
    std::optional<Suspicion> suspicion_;
    std::size_t next_suspect_ = 0;  // whom the next extra probe goes to
    std::size_t next_measured_ = 0;  // place in the firing order of who is measured between detection probes
    bool running_ = false, held_back_ = false;
    Instant base_, detection_base_, next_send_;
    Instant next_search_;  // for a second target, not before
    std::optional<Instant> due_;
    ProbeStatistics statistics_;
};

}  // namespace ipmp
