// What `ipmp group|member|address show` and `ipmp adm show-…` print of a status, as a table or as JSON. Pure.
#pragma once

#include <string>

#include "base/result.hpp"
#include "model/status.hpp"
#include "tools/native_requests.hpp"

namespace ipmp {

// An error: there is nothing of that name.
Result<std::string> show_text(Status status, const Show& show, bool as_json);

}  // namespace ipmp
