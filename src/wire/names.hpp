// Names that cross the process boundary: what an interface or group may be called, and how enumerations read.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "base/ip_address.hpp"
#include "model/state.hpp"
#include "model/dataplane_image.hpp"
#include "model/status.hpp"

namespace ipmp::wire {

inline constexpr std::size_t kMaxInterfaceNameBytes = 15;
inline constexpr std::size_t kMaxGroupNameBytes = 31;
inline constexpr std::size_t kMaxNamespaceNameBytes = 255;

// A name the kernel takes for a link and we can number (no colon: ipmp0:1 is a logical interface).
inline bool is_interface_name(std::string_view name) {
    if (name.empty() || name.size() > kMaxInterfaceNameBytes || name == "." || name == "..") return false;
    return std::none_of(name.begin(), name.end(), [](char c) {
        auto byte = static_cast<unsigned char>(c);
        return byte <= ' ' || byte == 0x7f || c == '/' || c == ':';
    });
}

// Blanks are allowed (R-GRP-15), characters that would break lines of output are not.
inline bool is_group_name(std::string_view name) {
    if (name.empty() || name.size() > kMaxGroupNameBytes) return false;
    return std::none_of(name.begin(), name.end(), [](char c) {
        auto byte = static_cast<unsigned char>(c);
        return byte < ' ' || byte == 0x7f;
    });
}

// As a resolver's configuration can hold it.
inline bool is_domain_name(std::string_view name) {
    if (name.empty() || name.size() > 253) return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    });
}

// A name that `ip netns` could have given: one component of a path that can be shown in one line.
inline bool is_namespace_name(std::string_view name) {
    if (name.empty() || name.size() > kMaxNamespaceNameBytes || name == "." || name == "..") return false;
    return std::none_of(name.begin(), name.end(), [](char c) {
        auto byte = static_cast<unsigned char>(c);
        return byte <= ' ' || byte == 0x7f || c == '/';
    });
}

inline std::optional<Family> parse_family(std::string_view text) {
    if (text == "inet") return Family::ipv4;
    if (text == "inet6") return Family::ipv6;
    return {};
}

// Names of each enumeration's values, from 0 on.
inline constexpr const char* kGroupHealthNames[] = {"ok", "degraded", "failed"};
inline constexpr const char* kInterfaceHealthNames[] = {"ok", "failed", "offline", "unknown"};
inline constexpr const char* kLinkHealthNames[] = {"up", "down", "unknown"};
inline constexpr const char* kTargetModeNames[] = {"disabled", "routes", "multicast"};
inline constexpr const char* kProbeHealthNames[] = {"ok", "failed", "unknown", "disabled"};
inline constexpr const char* kUniquenessNames[] = {"settled", "tentative", "optimistic", "duplicate"};
inline constexpr const char* kSpreadPolicyNames[] = {"flow", "tuple", "destination", "source"};
inline constexpr const char* kDhcpVerbNames[] = {"start", "drop", "release", "extend", "inform"};
inline constexpr const char* kDhcpNewsNames[] = {"bound", "refused", "informed"};
inline constexpr const char* kDhcpPhaseNames[] = {"selecting", "bound", "releasing", "inform_sent", "information"};

inline constexpr const char* kStatusListNames[] = {"groups",  "interfaces", "addresses", "targets",
                                                   "plumbed", "proxies",    "dhcp",      "decisions"};
inline constexpr const char* kDecisionObjectNames[] = {"interface", "group", "address"};
inline constexpr const char* kDecisionKindNames[] = {"joined", "left",   "missing",  "failed", "repaired",
                                                     "offline", "online", "inactive", "active", "kept",
                                                     "bound",  "unbound", "withdrawn", "ok",    "degraded"};
inline constexpr const char* kDecisionReasonNames[] = {
    "asked", "observed", "link_down", "link_up", "set_down", "missing", "declared", "probes", "unstable",
    "duplicate_mac", "standby", "no_failback", "needed", "left", "not_plumbed", "balance", "first", "member_back",
    "no_member", "duplicate_address", "members"};

constexpr std::span<const char* const> names_of(GroupHealth) { return kGroupHealthNames; }
constexpr std::span<const char* const> names_of(InterfaceHealth) { return kInterfaceHealthNames; }
constexpr std::span<const char* const> names_of(LinkHealth) { return kLinkHealthNames; }
constexpr std::span<const char* const> names_of(TargetMode) { return kTargetModeNames; }
constexpr std::span<const char* const> names_of(ProbeHealth) { return kProbeHealthNames; }
constexpr std::span<const char* const> names_of(Uniqueness) { return kUniquenessNames; }
constexpr std::span<const char* const> names_of(SpreadPolicy) { return kSpreadPolicyNames; }
constexpr std::span<const char* const> names_of(DhcpVerb) { return kDhcpVerbNames; }
constexpr std::span<const char* const> names_of(DhcpNews) { return kDhcpNewsNames; }
constexpr std::span<const char* const> names_of(DhcpPhase) { return kDhcpPhaseNames; }
constexpr std::span<const char* const> names_of(StatusList) { return kStatusListNames; }
constexpr std::span<const char* const> names_of(DecisionObject) { return kDecisionObjectNames; }
constexpr std::span<const char* const> names_of(DecisionKind) { return kDecisionKindNames; }
constexpr std::span<const char* const> names_of(DecisionReason) { return kDecisionReasonNames; }

template <class T>
std::optional<T> parse_name(std::string_view text) {
    auto names = names_of(T{});
    auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return {};
    return static_cast<T>(found - names.begin());
}

}  // namespace ipmp::wire
