// How much went over the links of a network namespace so far, as the kernel counts it: frames with their headers, among
// them those that passed by a pair of veths (in 64 bits, where getifaddrs(3) has 32).
#pragma once

#include <cstdint>
#include <optional>

#include "wire/rtnetlink_decode.hpp"
#include "wire/rtnetlink_encode.hpp"

namespace ipmp {

struct LinkTraffic {
    std::uint32_t index = 0;
    std::uint64_t received_bytes = 0, received_packets = 0;
    std::uint64_t sent_bytes = 0, sent_packets = 0;
    bool operator==(const LinkTraffic&) const = default;
};

NetlinkRequest encode_dump_traffic();
std::optional<LinkTraffic> decode_traffic(MessageBytes message);  // nothing: another message, or malformed

}  // namespace ipmp
