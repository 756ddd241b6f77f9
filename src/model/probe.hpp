// Probes: ICMP echo requests from a test address of a NIC to a target, answered or not (R-DET-2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/duration_histogram.hpp"
#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "model/ids.hpp"

namespace ipmp {

// Where probes leave from: a NIC and its test address of one family.
struct ProbeSource {
    InterfaceIndex link;
    IpAddress address;
    auto operator<=>(const ProbeSource&) const = default;
};

// One echo request. `nonce` is its payload: who did not see the probe cannot forge an answer.
struct SendProbe {
    ProbeSource source;
    IpAddress target;
    std::uint16_t sequence = 0;  // of ICMP
    std::uint64_t nonce = 0;
    bool target_answered = false;  // its neighbour entry needs no checking (MSG_CONFIRM)
    bool operator==(const SendProbe&) const = default;
};

// An echo reply with the payload of a probe. Nothing else about it has been checked.
struct ProbeAnswered {
    ProbeSource source;
    IpAddress from;
    std::uint64_t nonce = 0;
    std::optional<Duration> network_time;  // from the kernel's transmit to its receive time stamp (NETRTT)
    std::optional<Duration> time_away = {};  // from the call that sent it, queues of the NIC included, to the latter
};

// The kernel did not let a probe out, for want of room and not for the NIC's sake: it says nothing about the path.
struct ProbeNotSent {
    ProbeSource source;
    std::uint64_t nonce = 0;
};

// From where probes are sent, when that set changed: sockets for these are wanted, and for no others.
struct WatchProbes {
    std::vector<ProbeSource> sources;  // in order
    bool operator==(const WatchProbes&) const = default;
};

// One probe that ended, for those who watch (ipmpstat -p, R-STA-2).
struct ProbeReport {
    std::string interface;
    std::uint16_t id = 0;  // from 0 per interface, over both families; equal to the ICMP sequence
    IpAddress target;
    Instant started;
    bool answered = false;                    // else lost
    bool late = false;                        // it has been told as lost before: not to be told again
    std::optional<Duration> network_time;     // of answered ones
    std::optional<Duration> round_trip_time;  // of answered ones: from `started` until the answer was dealt with
    std::optional<Duration> average, deviation;  // of this target, once known
    bool operator==(const ProbeReport&) const = default;
};

struct ProbeStatistics {
    std::uint64_t sent = 0, answered = 0, lost = 0;
    std::uint64_t late = 0;       // answered after they had counted as lost
    std::uint64_t unknown = 0;    // answers that fit no probe: late, repeated or forged
    std::uint64_t suspicion = 0;  // extra probes sent while a failure was suspected
    // Not sent in time, as the daemon itself was late, or not let out by the kernel.
    std::uint64_t missed = 0, missed_occasions = 0;
    DurationHistogram round_trip;  // of those answered, until the answer had been dealt with
    bool operator==(const ProbeStatistics&) const = default;
};

}  // namespace ipmp
