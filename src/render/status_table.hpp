// Status -> the rows of ipmpstat's -a, -g, -i and -t (R-STA-1): one list of columns per view, each with its name,
// width and the function that makes its value. The order of rows is the order in Status.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/status.hpp"
#include "render/table.hpp"

namespace ipmp {

enum class View : std::uint8_t { addresses, groups, interfaces, targets };

// How an address is shown; a tool may look up host names.
using AddressText = std::function<std::string(const IpAddress&)>;

std::vector<Column> columns_of(View view);

// The rows of `view`, with the columns of `chosen` (indices into columns_of) only.
std::vector<Row> rows_of(View view, const Status& status, std::span<const std::size_t> chosen,
                         const AddressText& address_text);

}  // namespace ipmp
