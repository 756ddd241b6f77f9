// The difference of two statuses as events, for `ipmp monitor` and the last lines of `ipmp top`: one for each group,
// interface, address, proxied address or lease that is new, gone or different, with the reason the daemon recorded.
//
// Pure: what is compared are the named fields of each object as text, so an event needs no type for each kind of object
// and an object gains a field by one line.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/status.hpp"

namespace ipmp {

enum class StatusChange : std::uint8_t { added, removed, changed };

struct ChangedField {
    std::string name, from, to;  // empty: there is or was no value
    bool operator==(const ChangedField&) const = default;
};

struct StatusEvent {
    std::string object;  // group, interface, address, proxy, dhcp
    std::string name;
    std::string group;  // IPMP interface, if it has one
    StatusChange change = StatusChange::changed;
    std::vector<ChangedField> fields;
    std::string why;   // DecisionReason by its name; empty: none was recorded since `before`
    std::string text;  // the same in words, and the command that led to it
    bool operator==(const StatusEvent&) const = default;
};

// Interfaces first, then what follows from them: groups, addresses and the rest.
std::vector<StatusEvent> events_between(const Status& before, const Status& after);

// "eth1 (ipmp0): state ok -> failed, active yes -> no; the link of eth1 is down"
std::string event_text(const StatusEvent& event);

// "eth1 failed: the link of eth1 is down": the reason alone, where there is one.
std::string short_event_text(const StatusEvent& event);

nlohmann::json event_to_json(const StatusEvent& event);

}  // namespace ipmp
