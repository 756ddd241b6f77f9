// One self-consistent picture of everything, for tools and tests (R-STA-1). The daemon serves it as JSON
// (wire/status_codec); render/ turns it into tables. Lists are in natural name order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"

namespace ipmp {

enum class GroupHealth : std::uint8_t { ok, degraded, failed };
enum class InterfaceHealth : std::uint8_t { ok, failed, offline, unknown };
enum class LinkHealth : std::uint8_t { up, down, unknown };
enum class ProbeHealth : std::uint8_t { ok, failed, unknown, disabled };

struct GroupStatus {
    std::string interface;  // ipmp0
    std::string name;       // group name
    GroupHealth state = GroupHealth::failed;
    std::optional<std::uint32_t> failure_detection_time_ms;  // only while some member is probed
    std::vector<std::string> active, inactive, unusable;
    bool operator==(const GroupStatus&) const = default;
};

struct InterfaceStatus {
    std::string name;
    std::uint32_t index = 0;
    bool active = false;
    std::string group;  // IPMP interface name
    bool inactive = false, standby = false;
    bool multicast4 = false, broadcast4 = false, multicast6 = false;  // nominee flags m b M
    bool down = false;                // d: no UP address on it
    bool hardware_duplicate = false;  // h
    LinkHealth link = LinkHealth::unknown;
    ProbeHealth probe = ProbeHealth::disabled;
    InterfaceHealth state = InterfaceHealth::unknown;
    bool operator==(const InterfaceStatus&) const = default;
};

struct AddressStatus {
    IpAddress address;
    bool up = false;
    std::string group;                  // IPMP interface name
    std::string inbound;                // bound underlying interface; empty if down or none active
    std::vector<std::string> outbound;  // active members; empty if down or unbound
    bool operator==(const AddressStatus&) const = default;
};

struct Status {
    std::vector<GroupStatus> groups;
    std::vector<InterfaceStatus> interfaces;
    std::vector<AddressStatus> addresses;
    bool operator==(const Status&) const = default;
};

}  // namespace ipmp
