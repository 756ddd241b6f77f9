// FNV-1a, a hash for what must come out the same on every run and machine. Not for hostile input.
#pragma once

#include <cstdint>

namespace ipmp {

template <class Bytes>
constexpr std::uint32_t fnv1a_32(const Bytes& bytes) {
    std::uint32_t hash = 0x811c9dc5;
    for (auto byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x01000193;
    return hash;
}

inline constexpr std::uint64_t kFnv64 = 0xcbf29ce484222325;

// `hash`: to go on from, for what consists of several parts.
template <class Bytes>
constexpr std::uint64_t fnv1a_64(const Bytes& bytes, std::uint64_t hash = kFnv64) {
    for (auto byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    return hash;
}

}  // namespace ipmp
