// `ipmp adm`: the verbs of Solaris 11's ipadm that concern IPMP, for who knows them. They ask for what the native verbs
// ask for and nothing else. What they change holds until the next boot unless `ipmp save` follows, so -t, which says
// that, is taken and means nothing.
//
// Address objects have no names of their own here: "ipmp0/v4" is the IPv4 address of ipmp0, "ipmp0/v4.2" that of
// ipmp0:2.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/command.hpp"
#include "tools/native_requests.hpp"

namespace ipmp {

inline constexpr std::string_view kAdmObject = "adm";

struct AdmForm {
    std::string_view word, usage, summary;
    bool operand_is_ipmp = false;  // else a NIC, or an address object
    std::vector<std::string_view> options;
};
const std::vector<AdmForm>& adm_forms();

std::string address_object(const LogicalName& logical, Family family);

// `words`: behind `adm`. An error: wrong usage.
Result<NativeLine> parse_adm_line(const std::vector<std::string>& words);

}  // namespace ipmp
