// The text of /etc/default/mpathd -> Config (R-DET-5, R-DET-7).
//
// A variable that cannot be used never stops the daemon: it keeps its default and there is one message to log.
// Rules of the file: blanks before a name are skipped, names are matched whatever their case, the first line of a name
// wins, the value is the rest of the line as it stands. Anything else in the file is skipped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/config.hpp"

namespace ipmp {

struct DecodedConfig {
    Config config;
    std::vector<std::string> messages;  // to be logged as errors
};

DecodedConfig decode_config(std::string_view text);

}  // namespace ipmp
