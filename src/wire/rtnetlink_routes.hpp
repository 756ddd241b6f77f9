// Routes and nexthop objects of other people that name a link, rewritten to name another: how a NIC's routes
// follow its addresses to the IPMP interface (design D13, R-GRP-6, R-CMD-4). Pure: message in, requests out.
//
// Kept as they are: table, metric, protocol, scope, type of service, source, preferred source, gateway, MTU and the
// other metrics, encapsulation, preference, weights, remaining lifetime. What the kernel makes by itself (the local
// table, prefix routes of addresses) follows the addresses and is left alone. So is what we made.
//
// Routes that router advertisements made need their own way: the kernel knows them again by flags that no
// rtnetlink request can set, and a copy without them would be expired, not renewed, by the next advertisement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "wire/rtnetlink_decode.hpp"
#include "wire/rtnetlink_encode.hpp"

namespace ipmp {

// A route of router advertisements, in the terms of SIOCADDRT on an IPv6 socket.
struct AdvertisedRoute {
    IpAddress network{.family = Family::ipv6};
    std::uint8_t prefix_length = 0;
    IpAddress gateway{.family = Family::ipv6};  // zero: on-link
    std::uint32_t metric = 0;
    std::uint32_t flags = 0;          // RTF_*
    std::uint32_t expires_ticks = 0;  // of 1/100 s, from now on

    bool operator==(const AdvertisedRoute&) const = default;
};

struct RouteMove {
    std::string text;        // "route default via 192.0.2.254 table 254 metric 100", for messages
    std::string key;         // see route_key
    NetlinkRequest replace;  // takes the place of the only route with that key; fails if there is none
    NetlinkRequest append;   // where several have it: comes after them ...
    NetlinkRequest remove;   // ... and then the former one goes, exactly that one
    std::optional<AdvertisedRoute> advertised;  // instead of `replace` and `append`, followed by `remove`
};

// Nothing: the message is no route that has to move away from `from`.
std::optional<RouteMove> decode_route_move(MessageBytes message, InterfaceIndex from, InterfaceIndex to);

// What a replacing request goes by; routes of one key compete. Nothing: no route.
std::optional<std::string> route_key(MessageBytes message);

// A route over one NIC, rewritten to have another preferred source. The message is no such route, or has that source:
// nothing.
struct SourceChange {
    std::string text;
    std::optional<IpAddress> source;  // present
    NetlinkRequest replace;
};
std::optional<SourceChange> decode_source_change(MessageBytes message, const SetRouteSources& wanted);

struct NexthopMove {
    std::string text;  // "nexthop 7"
    NetlinkRequest replace;
};
std::optional<NexthopMove> decode_nexthop_move(MessageBytes message, InterfaceIndex from, InterfaceIndex to);

}  // namespace ipmp
