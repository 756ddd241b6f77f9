#include "shell/probe_counters.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "shell/histogram_counters.hpp"

namespace ipmp {

namespace {

// Neither answered nor lost: still open, or given up because the link went down.
std::uint64_t unanswered(const ProbeStatistics& of) { return of.sent - std::min(of.sent, of.answered + of.lost); }

}  // namespace

std::vector<std::string> describe(const ProbeStatisticsByName& statistics) {
    std::vector<std::string> lines;
    std::uint64_t missed = 0, occasions = 0;
    for (const auto& [name, of] : statistics) {
        lines.push_back(fmt::format(
            "probes of {}: {} sent, {} answered, {} lost, {} unanswered, {} unknown answers, {} extra on suspicion",
            name, of.sent, of.answered, of.lost, unanswered(of), of.unknown, of.suspicion));
        missed += of.missed;
        occasions += of.missed_occasions;
    }
    lines.push_back(fmt::format("missed sending {} probes on {} occasions", missed, occasions));
    return lines;
}

void add_to(Counters& counters, const ProbeStatisticsByName& statistics) {
    for (const auto& [name, of] : statistics) {
        auto set = [&, prefix = "probes." + name + "."](const char* what, std::uint64_t count) {
            counters[prefix + what] = count;
        };
        set("sent", of.sent);
        set("answered", of.answered);
        set("lost", of.lost);
        set("late", of.late);
        set("unanswered", unanswered(of));
        set("unknown", of.unknown);
        set("suspicion", of.suspicion);
        set("missed", of.missed);
        set("missed_occasions", of.missed_occasions);
        add_to(counters, "probes." + name + ".round_trip", of.round_trip);
    }
}

}  // namespace ipmp
