// Strong types for numbers that must not be mixed up.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>

namespace ipmp {

// Which network namespace something is in: the daemon's own, ours for isolated groups' members (R-VIS-1), or from
// `first_application` on one that belongs to an application and has the IPMP interfaces it uses.
enum class Place : std::uint32_t { host, members, first_application };
inline constexpr std::uint32_t kMostPlaces = 256;

inline bool is_application(Place place) { return place >= Place::first_application; }

// Applications' network namespaces, by the names they have below /run/netns.
using NamedPlaces = std::map<std::string, Place>;

// A kernel interface index; 0 means none. Each namespace has its own numbers, so the place belongs to it.
struct InterfaceIndex {
    std::uint32_t value = 0;
    Place place = Place::host;
    auto operator<=>(const InterfaceIndex&) const = default;
    explicit operator bool() const { return value != 0; }
};

}  // namespace ipmp
