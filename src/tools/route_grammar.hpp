// One line of `route`, as the Solaris grammar reads it (R-CMD-4). Pure but for `look_up`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "tools/ifconfig_words.hpp"
#include "wire/rtnetlink_tables.hpp"

namespace ipmp {

enum class RouteVerb : std::uint8_t { add, change, remove, get, flush };

struct RouteLine {
    RouteVerb verb = RouteVerb::get;
    std::string verb_text;  // as it was written, for messages
    Family family = Family::ipv4;
    bool quiet = false, numeric = false;
    bool flush_first = false;   // -f
    bool is_net = false;        // destination is a network
    bool by_interface = false;  // -interface: the gateway is an address of the interface the route leads over
    std::string destination_text, gateway_text;
    std::string interface;                       // -ifp
    std::optional<IpAddress> interface_address;  // -ifa
    TableRoute route;  // its link is left open; its gateway too, if `by_interface`
};

// An error that is empty asks for the usage.
Result<RouteLine> parse_route_line(const std::vector<std::string>& words, const HostLookUp& look_up = look_up_host);

}  // namespace ipmp
