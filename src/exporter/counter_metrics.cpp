// The daemon's counters (docs/CONTROL.md) as metrics. Their names have parts that are names of interfaces, which may
// hold dots, but no blanks.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string_view>

#include "exporter/metrics.hpp"

namespace ipmp {

namespace {

using prometheus::ClientMetric;

constexpr double kMicrosecondsPerSecond = 1e6;

double seconds(std::uint64_t us) { return static_cast<double>(us) / kMicrosecondsPerSecond; }

// What follows `prefix`, if `name` begins with it.
std::optional<std::string_view> after(std::string_view name, std::string_view prefix) {
    if (!name.starts_with(prefix)) return {};
    return name.substr(prefix.size());
}

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return {};
    return number;
}

// A histogram told as PREFIX.us_le_N, PREFIX.us_sum and PREFIX.count.
class Histogram {
  public:
    void take(std::string_view field, std::uint64_t value) {
        if (field == "count")
            count_ = value;
        else if (field == "us_sum")
            sum_us_ = value;
        else if (auto limit = after(field, "us_le_"); limit && number_of(*limit))
            at_most_[*number_of(*limit)] = value;
    }
    ClientMetric::Histogram finish() const {
        ClientMetric::Histogram histogram{.sample_count = count_, .sample_sum = seconds(sum_us_)};
        for (const auto& [limit_us, count] : at_most_) histogram.bucket.push_back({count, seconds(limit_us)});
        histogram.bucket.push_back({count_, std::numeric_limits<double>::infinity()});
        return histogram;
    }

  private:
    std::map<std::uint64_t, std::uint64_t> at_most_;
    std::uint64_t count_ = 0, sum_us_ = 0;
};

struct ProbeCount {
    const char *field, *name, *help;
};
constexpr std::array kProbeCounts{
    ProbeCount{"sent", "ipmp_probes_sent_total", "Probes from a test address, but those sent on suspicion."},
    ProbeCount{"answered", "ipmp_probes_answered_total", "Probes that were answered, in time or later."},
    ProbeCount{"late", "ipmp_probes_late_total", "Probes that were answered after they had counted as lost."},
    ProbeCount{"suspicion", "ipmp_probes_suspicion_total", "Extra probes, to make sure of a failure."},
    ProbeCount{"unknown", "ipmp_probe_unknown_answers_total", "Answers that fit no probe: repeated or forged."},
    ProbeCount{"missed", "ipmp_probes_missed_total",
               "Probes not sent in time, as the daemon was late, or not let out by the kernel."},
    ProbeCount{"missed_occasions", "ipmp_probes_missed_occasions_total", "How often probes were missed."},
};

// Those of one NIC in one family.
struct ProbeCounters {
    std::map<std::string, std::uint64_t, std::less<>> counts;
    Histogram round_trip;

    std::uint64_t count(std::string_view field) const {
        auto found = counts.find(field);
        return found == counts.end() ? 0 : found->second;
    }
};

// By NIC and family. "eth0 inet.sent": the family ends the name of the NIC, whatever that is.
using AllProbeCounters = std::map<std::pair<std::string, std::string>, ProbeCounters>;

void take_probe_counter(AllProbeCounters& all, std::string_view name, std::uint64_t value) {
    std::size_t blank = name.find(' ');
    std::size_t dot = blank == std::string_view::npos ? blank : name.find('.', blank);
    if (dot == std::string_view::npos) return;
    ProbeCounters& of = all[{std::string(name.substr(0, blank)), std::string(name.substr(blank + 1, dot - blank - 1))}];
    std::string_view field = name.substr(dot + 1);
    if (auto part = after(field, "round_trip."))
        of.round_trip.take(*part, value);
    else
        of.counts.emplace(field, value);
}

void add_probes(Families& families, const AllProbeCounters& probes) {
    auto labels = [](const AllProbeCounters::value_type& entry) {
        return Labels{{"interface", entry.first.first}, {"family", entry.first.second}};
    };
    for (const ProbeCount& count : kProbeCounts) {
        FamilyBuilder family = counter(count.name, count.help);
        for (const auto& entry : probes) {
            family.add(labels(entry), static_cast<double>(entry.second.count(count.field)));
        }
        family.put_into(families);
    }
    // The daemon's own count of losses goes down when an answer comes late, which Prometheus would take for a restart.
    FamilyBuilder lost = counter("ipmp_probes_lost_total", "Probes that were not answered in time.");
    FamilyBuilder round_trips(prometheus::MetricType::Histogram, "ipmp_probe_round_trip_seconds",
                              "From sending a probe until the daemon had dealt with its answer.");
    for (const auto& entry : probes) {
        lost.add(labels(entry), static_cast<double>(entry.second.count("lost") + entry.second.count("late")));
        round_trips.add(labels(entry), entry.second.round_trip.finish());
    }
    lost.put_into(families);
    round_trips.put_into(families);
}

// Deadlines that were dealt with later than ...
constexpr std::array<std::pair<const char*, const char*>, 3> kLags{
    {{"loop.lag_over_1ms", "0.001"}, {"loop.lag_over_10ms", "0.01"}, {"loop.lag_over_100ms", "0.1"}}};
constexpr const char* kMaximumLag = "loop.lag_maximum_us";

void add_lag(Families& families, const Counters& counters) {
    FamilyBuilder late = counter("ipmp_loop_late_deadlines_total",
                                 "Deadlines that in.mpathd dealt with later than the label says, in seconds.");
    for (auto [name, limit] : kLags) {
        auto found = counters.find(name);
        if (found != counters.end()) late.add({{"over_seconds", limit}}, static_cast<double>(found->second));
    }
    late.put_into(families);
    if (auto maximum = counters.find(kMaximumLag); maximum != counters.end()) {
        gauge("ipmp_loop_lag_maximum_seconds", "The latest that in.mpathd dealt with a deadline since it started.")
            .add({}, seconds(maximum->second))
            .put_into(families);
    }
}

bool is_lag(std::string_view name) {
    return name == kMaximumLag ||
           std::any_of(kLags.begin(), kLags.end(), [&](const auto& lag) { return name == lag.first; });
}

void add_stages(Families& families, const std::map<std::string, Histogram>& stages) {
    FamilyBuilder times(prometheus::MetricType::Histogram, "ipmp_failover_stage_seconds",
                        "How long the stages of failovers took; that of decision counts all failovers.");
    for (const auto& [stage, histogram] : stages) times.add({{"stage", stage}}, histogram.finish());
    times.put_into(families);
}

}  // namespace

void add_counter_metrics(Families& families, const Counters& counters, const std::set<std::string>& groups) {
    AllProbeCounters probes;
    std::map<std::string, Histogram> stages;
    FamilyBuilder frames = counter("ipmp_datapath_frames_total",
                                   "Frames that the data path of a group dealt with in a special way, by reason.");
    for (const auto& [name, value] : counters) {
        std::size_t last_dot = name.rfind('.');
        if (last_dot == std::string::npos || is_lag(name)) continue;
        // An IPMP interface may have the name of anything else, but its counters have one dot and no blank behind it.
        std::string group = name.substr(0, last_dot), reason = name.substr(last_dot + 1);
        if (groups.contains(group)) {
            frames.add({{"group", group}, {"reason", reason}}, static_cast<double>(value));
        } else if (auto probe = after(name, "probes.")) {
            take_probe_counter(probes, *probe, value);
        } else if (auto stage = after(group, "failover.")) {
            stages[std::string(*stage)].take(reason, value);
        }
    }
    add_probes(families, probes);
    add_stages(families, stages);
    add_lag(families, counters);
    frames.put_into(families);
}

}  // namespace ipmp
