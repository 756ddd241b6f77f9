// The Internet checksum (RFC 1071), for what we build ourselves.
#pragma once

#include <cstdint>
#include <span>

namespace ipmp {

// Ones' complement sum of `bytes` as big-endian words, added to `sum`; finish with internet_checksum_finish.
std::uint32_t internet_checksum_add(std::uint32_t sum, std::span<const std::uint8_t> bytes);
std::uint16_t internet_checksum_finish(std::uint32_t sum);  // in host order

}  // namespace ipmp
