#include "render/status_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ipmp {

namespace {

template <typename Item>
struct ItemColumn {
    Column column;
    std::string (*value)(const Item&, const AddressText&);
};

std::string text_of(GroupHealth health) {
    switch (health) {
        case GroupHealth::ok:
            return "ok";
        case GroupHealth::degraded:
            return "degraded";
        case GroupHealth::failed:
            return "failed";
    }
    return fmt::format("<{}>", static_cast<int>(health));
}

std::string text_of(InterfaceHealth health) {
    switch (health) {
        case InterfaceHealth::ok:
            return "ok";
        case InterfaceHealth::failed:
            return "failed";
        case InterfaceHealth::offline:
            return "offline";
        case InterfaceHealth::unknown:
            return "unknown";
    }
    return fmt::format("<{}>", static_cast<int>(health));
}

std::string text_of(LinkHealth health) {
    switch (health) {
        case LinkHealth::up:
            return "up";
        case LinkHealth::down:
            return "down";
        case LinkHealth::unknown:
            return "unknown";
    }
    return fmt::format("<{}>", static_cast<int>(health));
}

std::string text_of(ProbeHealth health) {
    switch (health) {
        case ProbeHealth::ok:
            return "ok";
        case ProbeHealth::failed:
            return "failed";
        case ProbeHealth::unknown:
            return "unknown";
        case ProbeHealth::disabled:
            return "disabled";
    }
    return fmt::format("<{}>", static_cast<int>(health));
}

std::string text_of(TargetMode mode) {
    switch (mode) {
        case TargetMode::disabled:
            return "disabled";
        case TargetMode::routes:
            return "routes";
        case TargetMode::multicast:
            return "multicast";
    }
    return fmt::format("<{}>", static_cast<int>(mode));
}

std::string joined(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, " ")); }

std::string joined(const std::vector<IpAddress>& addresses, const AddressText& text) {
    std::vector<std::string> names;
    for (const IpAddress& address : addresses) names.push_back(text(address));
    return joined(names);
}

std::string detection_time(const GroupStatus& group) {
    if (!group.failure_detection_time_ms) return "";
    return fmt::format("{:.2f}s", *group.failure_detection_time_ms / 1000.0);
}

// "act act (inactive) [unusable]"
std::string members(const GroupStatus& group) {
    std::vector<std::string> parts;
    if (!group.active.empty()) parts.push_back(joined(group.active));
    if (!group.inactive.empty()) parts.push_back("(" + joined(group.inactive) + ")");
    if (!group.unusable.empty()) parts.push_back("[" + joined(group.unusable) + "]");
    return joined(parts);
}

std::string flags(const InterfaceStatus& interface) {
    std::string text = "-------";
    auto set = [&](std::size_t place, char flag, bool value) { text[place] = value ? flag : '-'; };
    set(0, 'i', interface.inactive);
    set(1, 's', interface.standby);
    set(2, 'm', interface.multicast4);
    set(3, 'b', interface.broadcast4);
    set(4, 'M', interface.multicast6);
    set(5, 'd', interface.down);
    set(6, 'h', interface.hardware_duplicate);
    return text;
}

constexpr ItemColumn<AddressStatus> kAddressColumns[] = {
    {{"ADDRESS", 26}, [](const AddressStatus& a, const AddressText& text) { return text(a.address); }},
    {{"STATE", 7}, [](const AddressStatus& a, const AddressText&) { return std::string(a.up ? "up" : "down"); }},
    {{"GROUP", 12}, [](const AddressStatus& a, const AddressText&) { return a.group; }},
    {{"INBOUND", 12}, [](const AddressStatus& a, const AddressText&) { return a.inbound; }},
    {{"OUTBOUND", 23}, [](const AddressStatus& a, const AddressText&) { return joined(a.outbound); }},
};

constexpr ItemColumn<GroupStatus> kGroupColumns[] = {
    {{"GROUP", 12}, [](const GroupStatus& g, const AddressText&) { return g.interface; }},
    {{"GROUPNAME", 12}, [](const GroupStatus& g, const AddressText&) { return g.name; }},
    {{"STATE", 10}, [](const GroupStatus& g, const AddressText&) { return text_of(g.state); }},
    {{"FDT", 10}, [](const GroupStatus& g, const AddressText&) { return detection_time(g); }},
    {{"INTERFACES", 30}, [](const GroupStatus& g, const AddressText&) { return members(g); }},
};

constexpr ItemColumn<InterfaceStatus> kInterfaceColumns[] = {
    {{"INTERFACE", 12}, [](const InterfaceStatus& i, const AddressText&) { return i.name; }},
    {{"ACTIVE", 8}, [](const InterfaceStatus& i, const AddressText&) { return std::string(i.active ? "yes" : "no"); }},
    {{"GROUP", 12}, [](const InterfaceStatus& i, const AddressText&) { return i.group; }},
    {{"FLAGS", 10}, [](const InterfaceStatus& i, const AddressText&) { return flags(i); }},
    {{"LINK", 10}, [](const InterfaceStatus& i, const AddressText&) { return text_of(i.link); }},
    {{"PROBE", 10}, [](const InterfaceStatus& i, const AddressText&) { return text_of(i.probe); }},
    {{"STATE", 10}, [](const InterfaceStatus& i, const AddressText&) { return text_of(i.state); }},
};

constexpr ItemColumn<TargetStatus> kTargetColumns[] = {
    {{"INTERFACE", 12}, [](const TargetStatus& t, const AddressText&) { return t.interface; }},
    {{"MODE", 10}, [](const TargetStatus& t, const AddressText&) { return text_of(t.mode); }},
    {{"TESTADDR", 20},
     [](const TargetStatus& t, const AddressText& text) { return t.test_address ? text(*t.test_address) : ""; }},
    {{"TARGETS", 38}, [](const TargetStatus& t, const AddressText& text) { return joined(t.targets, text); }},
};

template <typename Item, std::size_t N>
std::vector<Column> columns_in(const ItemColumn<Item> (&columns)[N]) {
    std::vector<Column> result;
    for (const auto& column : columns) result.push_back(column.column);
    return result;
}

template <typename Item, std::size_t N>
std::vector<Row> rows_in(const ItemColumn<Item> (&columns)[N], const std::vector<Item>& items,
                         std::span<const std::size_t> chosen, const AddressText& address_text) {
    std::vector<Row> rows;
    for (const Item& item : items) {
        Row& row = rows.emplace_back();
        for (std::size_t index : chosen) row.push_back(columns[index].value(item, address_text));
    }
    return rows;
}

}  // namespace

std::vector<Column> columns_of(View view) {
    switch (view) {
        case View::addresses:
            return columns_in(kAddressColumns);
        case View::groups:
            return columns_in(kGroupColumns);
        case View::interfaces:
            return columns_in(kInterfaceColumns);
        case View::targets:
            return columns_in(kTargetColumns);
    }
    return {};
}

std::vector<Row> rows_of(View view, const Status& status, std::span<const std::size_t> chosen,
                         const AddressText& address_text) {
    switch (view) {
        case View::addresses:
            return rows_in(kAddressColumns, status.addresses, chosen, address_text);
        case View::groups:
            return rows_in(kGroupColumns, status.groups, chosen, address_text);
        case View::interfaces:
            return rows_in(kInterfaceColumns, status.interfaces, chosen, address_text);
        case View::targets:
            return rows_in(kTargetColumns, status.targets, chosen, address_text);
    }
    return {};
}

}  // namespace ipmp
