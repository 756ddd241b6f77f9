// `ipmp monitor`: the daemon's events as they come, until it is interrupted or nobody reads any more.
#pragma once

namespace ipmp {

// The exit code.
int monitor(bool as_json);

}  // namespace ipmp
