// ProbeReport <-> JSON, as WatchProbes carries it (org.ipmp.Mpathd.varlink describes the fields).
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.hpp"
#include "model/probe.hpp"

namespace ipmp {

nlohmann::json probe_report_to_json(const ProbeReport& report);

// Fields this version does not know are skipped, so that tools work with a newer daemon.
Result<ProbeReport> probe_report_from_json(const nlohmann::json& json);

}  // namespace ipmp
