// What tools show, as JSON for programs: `ipmpstat -j`, `ipmp group|member|address show -j` and the like share these
// objects, whose fields docs/JSON.md lists. Values have their own types, units are in names, and every field is always
// there (null where it does not apply); one that changes its meaning takes another kJsonVersion.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/time.hpp"
#include "model/probe.hpp"
#include "model/status.hpp"

namespace ipmp {

inline constexpr int kJsonVersion = 1;
using OrderedJson = nlohmann::ordered_json;

enum class Kinds : std::uint8_t { data, data_and_test };

OrderedJson groups_json(const Status& status);
OrderedJson interfaces_json(const Status& status);
OrderedJson addresses_json(const Status& status, Kinds kinds);
OrderedJson targets_json(const Status& status);
// `began`: when the tool began, from which its time counts.
OrderedJson probe_json(const ProbeReport& report, Instant began);

// The members of `content` behind "version", ended by a newline; bytes that are not UTF-8 become U+FFFD.
std::string json_document(const OrderedJson& content);
std::string json_document(const std::string& name, OrderedJson content);  // of that one member
std::string json_line(const OrderedJson& content);                        // in one line

}  // namespace ipmp
