// Every rtnetlink decoder on the same bytes: they may say nothing, but must not read outside.
#include "wire/rtnetlink_decode.hpp"
#include "wire/rtnetlink_routes.hpp"
#include "wire/rtnetlink_tables.hpp"
#include "wire/rtnetlink_targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ipmp::MessageBytes message(data, size);
    ipmp::decode_link(message);
    ipmp::decode_namespace_id(message);
    ipmp::decode_address(message);
    ipmp::decode_address_lifetime(message);
    ipmp::decode_ipv6_token(message);
    ipmp::decode_rule(message);
    ipmp::decode_route(message);
    ipmp::decode_route_move(message, {3}, {9});
    ipmp::route_key(message);
    ipmp::decode_nexthop_move(message, {3}, {9});
    ipmp::decode_neighbour(message);
    ipmp::decode_neighbour_entry(message);
    ipmp::decode_target_routes(message);
    ipmp::decode_filter(message);
    ipmp::decode_traffic_control_link(message);
    for (ipmp::Family family : ipmp::kFamilies) {
        ipmp::decode_source_change(message, {{3}, family, {}});
        ipmp::decode_source_change(message, {{3}, family, ipmp::IpAddress{family, {192, 0, 2, 1}}});
    }
    ipmp::decode_table_route(message);
    ipmp::decode_table_neighbour(message);
    ipmp::decode_acknowledgement(message);
    return 0;
}
