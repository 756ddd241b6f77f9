// What was observed -> metrics for Prometheus: plain functions, one for each subject. Names, labels and meanings are
// what dashboards and alerts rely on: docs/METRICS.md and ipmp-exporter(8) list them all, and a test compares.
//
// The number of series grows with groups, NICs and families, never with addresses: a group may have thousands.
#pragma once

#include <set>
#include <string>

#include "exporter/family_list.hpp"
#include "exporter/observation.hpp"

namespace ipmp {

Families metrics_of(const Observation& observation);

// Its parts.
void add_group_metrics(Families& families, const Status& status);
void add_interface_metrics(Families& families, const Status& status);
void add_traffic_metrics(Families& families, const Observation& observation);
// Of GetCounters. `groups`: the IPMP interfaces there are; names that belong to nothing known are passed over.
void add_counter_metrics(Families& families, const Counters& counters, const std::set<std::string>& groups);

}  // namespace ipmp
