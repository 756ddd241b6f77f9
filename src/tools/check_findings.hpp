// CheckFacts -> findings with advice. Pure: what is well, too, is a finding, so that an answer says what was looked at.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/check_facts.hpp"

namespace ipmp {

enum class Severity : std::uint8_t {
    ok,
    hint,     // cannot be seen from here, or is as good as it can be
    warning,  // works, but not as well as it may seem
    problem,
};

struct Finding {
    Severity severity = Severity::ok;
    std::string code;     // for programs: never changes its meaning
    std::string subject;  // interface or group; empty: the host
    std::string text;
    std::string advice;
    bool operator==(const Finding&) const = default;
};

std::vector<Finding> findings_of(const CheckFacts& facts);

bool all_well(const std::vector<Finding>& findings);

std::string findings_text(const std::vector<Finding>& findings);
nlohmann::json findings_to_json(const std::vector<Finding>& findings);

}  // namespace ipmp
