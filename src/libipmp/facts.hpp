// What a program can be told of, one Fact per thing, as far as it is aware of IPMP (R-VIS-1, R-VIS-2). An event is the
// difference of two sets of facts: so a NIC that joins a group is *gone* for a program that does not know of groups,
// with its addresses, and is back when it leaves, as routing sockets of the original have it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/ip_address.hpp"
#include "libipmp/ipmp/ipmp.h"
#include "model/status.hpp"

namespace ipmp {

struct Fact {
    ipmp_object_t object;
    std::string name;   // of an address: its logical interface
    std::string state;  // of a group or an underlying interface
    std::string group;  // IPMP interface of an underlying interface
    std::uint64_t flags = 0;
    std::optional<IpAddress> address;
    std::uint8_t prefix_length = 0;
    std::uint32_t index = 0;
    bool operator==(const Fact&) const = default;
};

using Facts = std::map<std::tuple<ipmp_object_t, std::string, std::string>, Fact>;

// Belongs to a group, and is not its IPMP interface.
bool is_underlying(const PlumbedInterface& interface);

// `awareness`: RTAW_DEFAULT or RTAW_UNDER_IPMP.
Facts facts_of(const Status& status, int awareness);

struct Difference {
    ipmp_change_t change;
    Fact fact;
};

// What went first, addresses before their interfaces; then what came or changed, interfaces before their addresses.
std::vector<Difference> differences(const Facts& before, const Facts& after);

}  // namespace ipmp
