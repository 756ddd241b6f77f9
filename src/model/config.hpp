// Validated settings, as /etc/default/mpathd gives them (R-DET-5). Decoding and its messages: wire/config_decode.
#pragma once

#include <chrono>
#include <cstdint>

namespace ipmp {

inline constexpr std::uint16_t kDefaultFilterPriority = 0x4950;

// What becomes of the data path when probes say that all members, or all targets, are gone at once (R-DET-8).
enum class GroupFailure : std::uint8_t {
    keep,  // an opinion: traffic goes on as before wherever there is link
    down,  // as the original: no traffic until a member has been repaired
};

struct Config {
    std::chrono::milliseconds failure_detection_time{10000};  // 100 or more
    bool failback = true;                                     // R-POL-3
    bool track_only_groups = true;                            // TRACK_INTERFACES_ONLY_WITH_GROUPS
    GroupFailure group_failure = GroupFailure::keep;
    bool suspicion_probes = true;                             // extra probes before a failure is declared
    std::uint32_t link_ups_per_minute = 2;                    // R-DET-7; 0 turns the flapping rule off
    std::uint32_t duplicate_address_probes = 3;               // R-ADR-6; 0: addresses are used unasked
    std::uint32_t announcements_per_second = 2000;            // R-SPR-4: of all data addresses together; 1 or more
    bool fast_path = false;                                   // FAST_PATH (docs/DATAPLANE.md §3)
    std::uint16_t filter_priority = kDefaultFilterPriority;   // FILTER_PRIORITY: of our traffic-control filters

    bool operator==(const Config&) const = default;
};

}  // namespace ipmp
