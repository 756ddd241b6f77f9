// Statistics of probes, for people (SIGUSR1) and for programs (GetCounters).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/probe.hpp"
#include "wire/control_codec.hpp"

namespace ipmp {

using ProbeStatisticsByName = std::map<std::string, ProbeStatistics>;  // by "NIC inet", "NIC inet6"

std::vector<std::string> describe(const ProbeStatisticsByName& statistics);
void add_to(Counters& counters, const ProbeStatisticsByName& statistics);  // "probes.NIC inet.sent" ...

}  // namespace ipmp
