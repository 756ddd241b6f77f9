// Routes and neighbour entries as the commands `route` and `arp` ask for them and show them (R-CMD-3, R-CMD-4). What
// the daemon needs of either is in rtnetlink_encode and rtnetlink_decode.
#pragma once

#include <cstdint>
#include <optional>

#include "wire/rtnetlink_decode.hpp"
#include "wire/rtnetlink_encode.hpp"

namespace ipmp {

enum class RouteKind : std::uint8_t { unicast, blackhole, unreachable, other };

// A route of the main table. What is not there was not given, or is not known.
struct TableRoute {
    IpAddress destination;
    std::uint8_t prefix_length = 0;
    RouteKind kind = RouteKind::unicast;
    std::optional<IpAddress> gateway;
    std::optional<IpAddress> source;
    std::optional<InterfaceIndex> link;
    std::optional<std::uint32_t> mtu_bytes;
    bool is_local = false;   // leads to this host itself
    bool by_hand = false;    // not by the kernel, a router's advertisement or DHCP
    bool in_main_table = true;
    bool operator==(const TableRoute&) const = default;
};

NetlinkRequest encode_add(const TableRoute& route);     // EEXIST if there is one
NetlinkRequest encode_change(const TableRoute& route);  // ENOENT if there is none
NetlinkRequest encode_delete(const TableRoute& route);  // ESRCH if there is none
NetlinkRequest encode_look_up(const IpAddress& destination);  // which route leads there, in all of its table's detail
std::optional<TableRoute> decode_table_route(MessageBytes message);

// An entry of the neighbour table. A proxy entry has no MAC: this host answers for the address.
struct TableNeighbour {
    InterfaceIndex link;
    IpAddress address;
    std::optional<MacAddress> mac;
    bool permanent = false, proxy = false;
    bool operator==(const TableNeighbour&) const = default;
};

NetlinkRequest encode_add(const TableNeighbour& neighbour);     // or replace
NetlinkRequest encode_delete(const TableNeighbour& neighbour);  // ENOENT if there is none
NetlinkRequest encode_dump_table_neighbours(Family family);
// Nothing: no answer has come yet, or the entry says only that nobody is there.
std::optional<TableNeighbour> decode_table_neighbour(MessageBytes message);

}  // namespace ipmp
