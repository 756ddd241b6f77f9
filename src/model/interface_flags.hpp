// The flag word of one logical interface, with the bits Solaris gave them (reference: ifconfig "Interface flag bits").
// Linux has no such word: core/snapshot computes it from what the daemon knows, render/ifconfig_text prints it.
#pragma once

#include <cstdint>

namespace ipmp::flag {

inline constexpr std::uint64_t kUp = 0x1;
inline constexpr std::uint64_t kBroadcast = 0x2;
inline constexpr std::uint64_t kLoopback = 0x8;
inline constexpr std::uint64_t kPointToPoint = 0x10;
inline constexpr std::uint64_t kRunning = 0x40;
inline constexpr std::uint64_t kNoArp = 0x80;
inline constexpr std::uint64_t kPromiscuous = 0x100;
inline constexpr std::uint64_t kAllMulticast = 0x200;
inline constexpr std::uint64_t kMulticast = 0x800;
inline constexpr std::uint64_t kDhcp = 0x4000;
inline constexpr std::uint64_t kPrivate = 0x8000;
inline constexpr std::uint64_t kDeprecated = 0x40000;
inline constexpr std::uint64_t kAutoconfigured = 0x80000;
inline constexpr std::uint64_t kRouter = 0x100000;
inline constexpr std::uint64_t kIpv4 = 0x1000000;
inline constexpr std::uint64_t kIpv6 = 0x2000000;
inline constexpr std::uint64_t kNoFailover = 0x8000000;
inline constexpr std::uint64_t kFailed = 0x10000000;
inline constexpr std::uint64_t kStandby = 0x20000000;
inline constexpr std::uint64_t kInactive = 0x40000000;
inline constexpr std::uint64_t kOffline = 0x80000000;
inline constexpr std::uint64_t kClassOfService = 0x200000000;
inline constexpr std::uint64_t kFixedMtu = 0x1000000000;
inline constexpr std::uint64_t kVirtual = 0x2000000000;
inline constexpr std::uint64_t kDuplicate = 0x4000000000;
inline constexpr std::uint64_t kIpmp = 0x8000000000;

}  // namespace ipmp::flag
