#include "wire/probe_report_codec.hpp"

#include <nlohmann/json.hpp>

#include "wire/json_archive.hpp"

namespace ipmp {

// A field added to it does not compile before it is named here.
template <class A>
void fields(A& a, typename A::template Ref<ProbeReport> v) {
    auto& [interface, id, target, started, answered, late, network_time, round_trip_time, average, deviation] = v;
    a("interface", interface);
    a("id", id);
    a("target", target);
    a("started_ns", started);
    a("answered", answered);
    (void)late;  // late ones are not told
    a("network_time_ns", network_time);
    a("round_trip_time_ns", round_trip_time);
    a("average_ns", average);
    a("deviation_ns", deviation);
}

nlohmann::json probe_report_to_json(const ProbeReport& report) {
    nlohmann::json json;
    wire::Writer::write(json, report);
    return json;
}

Result<ProbeReport> probe_report_from_json(const nlohmann::json& json) {
    ProbeReport report;
    std::optional<wire::Problem> problem;
    wire::Reader::read(json, wire::Reader::kFromNewer, report, problem);
    if (problem) return problem->error().within("probe told by the daemon");
    return report;
}

}  // namespace ipmp
