// What the words of `if_mpadm` ask for (R-CMD-2). Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ipmp {

struct IfMpadmLine {
    bool offline = true;  // -d; else -r
    std::string interface;
};

// Of -d and -r the last counts, words behind the interface are ignored. Nothing: the usage is asked for.
std::optional<IfMpadmLine> parse_if_mpadm_line(std::vector<std::string> words);

}  // namespace ipmp
