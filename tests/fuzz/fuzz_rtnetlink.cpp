// Every rtnetlink decoder on the same bytes: they may say nothing, but must not read outside.
#include "wire/rtnetlink_decode.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ipmp::MessageBytes message(data, size);
    ipmp::decode_link(message);
    ipmp::decode_address(message);
    ipmp::decode_rule(message);
    ipmp::decode_route(message);
    ipmp::decode_filter(message);
    ipmp::decode_traffic_control_link(message);
    ipmp::decode_acknowledgement(message);
    return 0;
}
