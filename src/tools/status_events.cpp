#include "tools/status_events.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "render/decision_text.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;
using Key = std::tuple<int, std::string, std::string>;  // place of the kind of object, group, name

struct Object {
    std::string kind, name, group;
    Fields fields;
};
using Objects = std::map<Key, Object>;

template <class Enum>
std::string word(Enum value) {
    return wire::names_of(value)[static_cast<std::size_t>(value)];
}

std::string yes_or_no(bool value) { return value ? "yes" : "no"; }

void add(Objects& objects, int place, Object object) {
    Key key{place, object.group, object.name};
    objects.emplace(std::move(key), std::move(object));
}

void add_members(Objects& objects, const Status& status) {
    for (const InterfaceStatus& nic : status.interfaces) {
        std::string role = nic.active ? "active" : nic.inactive ? "inactive" : "none";
        add(objects, 0,
            {"interface",
             nic.name,
             nic.group,
             {{"state", word(nic.state)},
              {"link", word(nic.link)},
              {"probe", word(nic.probe)},
              {"role", role},
              {"standby", yes_or_no(nic.standby)},
              {"up", yes_or_no(!nic.down)},
              {"duplicate_mac", yes_or_no(nic.hardware_duplicate)}}});
    }
    for (const GroupStatus& group : status.groups) {
        if (group.interface.empty()) continue;
        add(objects, 1,
            {"group",
             group.interface,
             group.interface,
             {{"state", word(group.state)},
              {"name", group.name},
              {"policy", word(group.policy)},
              {"isolate", yes_or_no(group.isolate)},
              {"namespace", group.network_namespace},
              {"namespace_missing", yes_or_no(group.namespace_missing)}}});
    }
}

Objects objects_of(const Status& status) {
    Objects objects;
    add_members(objects, status);
    for (const AddressStatus& address : status.addresses) {
        if (address.address.is_zero()) continue;
        add(objects, 2,
            {"address",
             to_string(address.address),
             address.group,
             {{"up", yes_or_no(address.up)}, {"inbound", address.inbound}}});
    }
    for (const ProxyStatus& proxy : status.proxies) {
        add(objects, 3, {"proxy", to_string(proxy.address), proxy.group, {{"inbound", proxy.inbound}}});
    }
    for (const DhcpStatus& client : status.dhcp) {
        std::string name = to_string(LogicalName{client.interface, client.number});
        std::string family = client.family == Family::ipv4 ? " inet" : " inet6";
        std::string address = client.address ? to_string(*client.address) : "";
        add(objects, 4, {"dhcp", name + family, "", {{"state", word(client.state)}, {"address", address}}});
    }
    return objects;
}

std::vector<ChangedField> changes(const Object& before, const Object& after) {
    std::vector<ChangedField> changed;
    for (std::size_t i = 0; i < after.fields.size(); ++i) {  // the same kind of object has the same fields
        const auto& [name, value] = after.fields[i];
        if (before.fields[i].second != value) changed.push_back({name, before.fields[i].second, value});
    }
    return changed;
}

std::vector<ChangedField> all_of(const Object& object, bool present) {
    std::vector<ChangedField> fields;
    for (const auto& [name, value] : object.fields) {
        if (!value.empty()) fields.push_back({name, present ? "" : value, present ? value : ""});
    }
    return fields;
}

// A daemon that was restarted counts its decisions anew, so those that were there are known by all they say.
bool was_there(const Decision& decision, const std::vector<Decision>& before) {
    return std::find(before.begin(), before.end(), decision) != before.end();
}

// The newest one about that object that is in `after` only.
const Decision* find_decision(const Object& object, const Status& before, const Status& after) {
    for (auto each = after.decisions.rbegin(); each != after.decisions.rend(); ++each) {
        bool same = each->name == object.name && word(each->object) == object.kind;
        bool same_group = each->group == object.group || each->object == DecisionObject::interface;
        if (same && same_group) return was_there(*each, before.decisions) ? nullptr : &*each;
    }
    return nullptr;
}

}  // namespace

std::vector<StatusEvent> events_between(const Status& before, const Status& after) {
    std::vector<StatusEvent> events;
    Objects old = objects_of(before), now = objects_of(after);
    auto tell = [&](const Object& object, StatusChange change, std::vector<ChangedField> fields) {
        StatusEvent event{object.kind, object.name, object.group, change, std::move(fields), "", ""};
        if (const Decision* decision = find_decision(object, before, after)) {
            event.why = word(decision->why);
            event.text = decision_text(*decision);
        }
        events.push_back(std::move(event));
    };
    for (const auto& [key, object] : old) {
        if (!now.contains(key)) tell(object, StatusChange::removed, all_of(object, false));
    }
    for (const auto& [key, object] : now) {
        auto former = old.find(key);
        if (former == old.end()) {
            tell(object, StatusChange::added, all_of(object, true));
        } else if (auto changed = changes(former->second, object); !changed.empty()) {
            tell(object, StatusChange::changed, std::move(changed));
        }
    }
    return events;
}

std::string event_text(const StatusEvent& event) {
    bool has_group = !event.group.empty() && event.group != event.name;
    std::string text = event.object + " " + event.name + (has_group ? " (" + event.group + ")" : "");
    std::string reason = event.text.empty() ? "" : "; " + event.text;
    if (event.change == StatusChange::removed) return text + ": removed" + reason;
    const char* separator = ": ";
    if (event.change == StatusChange::added) {
        text += ": added";
        separator = ", ";
    }
    auto or_none = [](const std::string& value) { return value.empty() ? "none" : value; };
    for (const ChangedField& field : event.fields) {
        text += separator + field.name + " ";
        if (event.change == StatusChange::changed) text += or_none(field.from) + " -> ";
        text += or_none(field.to);
        separator = ", ";
    }
    return text + reason;
}

std::string short_event_text(const StatusEvent& event) {
    return event.text.empty() ? event_text(event) : event.name + " " + event.text;
}

nlohmann::json event_to_json(const StatusEvent& event) {
    constexpr const char* kChanges[] = {"added", "removed", "changed"};
    nlohmann::json fields = nlohmann::json::object();
    for (const ChangedField& field : event.fields) {
        nlohmann::json values = nlohmann::json::object();
        if (event.change != StatusChange::added) values["from"] = field.from;
        if (event.change != StatusChange::removed) values["to"] = field.to;
        fields[field.name] = std::move(values);
    }
    nlohmann::json json{{"object", event.object},
                        {"name", event.name},
                        {"change", kChanges[static_cast<std::size_t>(event.change)]},
                        {"fields", std::move(fields)}};
    if (!event.group.empty()) json["group"] = event.group;
    if (!event.why.empty()) json["why"] = event.why;
    if (!event.text.empty()) json["text"] = event.text;
    return json;
}

}  // namespace ipmp
