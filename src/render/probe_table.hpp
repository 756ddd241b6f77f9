// ProbeReport -> a row of ipmpstat -p (R-STA-2). Its rows are events and not in Status: each is made when a probe ends.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/time.hpp"
#include "model/probe.hpp"
#include "render/status_table.hpp"
#include "render/table.hpp"

namespace ipmp {

std::vector<Column> probe_columns();

// The columns of `chosen` (indices into probe_columns) only. TIME counts from `began`, when the tool began, and may be
// negative.
Row probe_row(const ProbeReport& report, Instant began, std::span<const std::size_t> chosen,
              const AddressText& address_text);

}  // namespace ipmp
