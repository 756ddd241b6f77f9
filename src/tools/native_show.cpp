#include "tools/native_show.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "model/interface_flags.hpp"
#include "render/table.hpp"
#include "tools/native_adm.hpp"
#include "tools/status_json.hpp"
#include "tools/status_lookup.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

using Rows = std::vector<Row>;

std::string table_of(std::vector<Column> columns, const Rows& rows) {
    TablePrinter printer(std::move(columns), std::numeric_limits<std::size_t>::max());
    std::string text;
    for (const Row& row : rows) text += printer.print(row);
    return text;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

template <typename Enum>
std::string name_of(Enum value) {
    return wire::names_of(value)[static_cast<std::size_t>(value)];
}

std::string yes_or_no(bool value) { return value ? "yes" : "no"; }

std::string prefix_text(const LogicalStatus& logical) {
    return to_string(logical.address) + "/" + std::to_string(logical.prefix_length);
}

// Leaves in `status` what `show` is about. False: it names nothing there is.
bool narrow(Status& status, const Show& show) {
    if (show.only.empty()) return true;
    const GroupStatus* found = group_called(status, show.only);
    std::string group = found ? found->interface : "";
    bool is_known = found || (show.what != Shown::groups && !group_of_member(status, show.only).empty());
    bool is_of_group = found && show.what != Shown::adm_addresses;
    auto is_left_out = [&](const std::string& interface, const std::string& its_group) {
        return interface != show.only && (!found || (is_of_group ? its_group : interface) != group);
    };
    std::erase_if(status.groups, [&](const GroupStatus& g) { return g.interface != group || !found; });
    std::erase_if(status.interfaces, [&](const InterfaceStatus& i) { return is_left_out(i.name, i.group); });
    std::erase_if(status.addresses, [&](const AddressStatus& a) { return is_left_out(a.group, a.group); });
    return is_known;
}

std::string groups_table(const Status& status) {
    Rows rows;
    for (const GroupStatus& group : status.groups) {
        rows.push_back({group.interface, group.name, name_of(group.state), name_of(group.policy),
                        yes_or_no(group.isolate), joined(members_of(group))});
    }
    return table_of({{"GROUP", 12}, {"NAME", 12}, {"STATE", 10}, {"POLICY", 12}, {"ISOLATED", 10}, {"MEMBERS", 24}},
                    rows);
}

std::string members_table(const Status& status) {
    Rows rows;
    for (const InterfaceStatus& member : status.interfaces) {
        std::vector<std::string> tests;
        for (const LogicalStatus& test : test_addresses_of(plumbed_called(status, member.name))) {
            tests.push_back(prefix_text(test));
        }
        rows.push_back({member.name, member.group, name_of(member.state), yes_or_no(member.active),
                        yes_or_no(member.standby), name_of(member.link), name_of(member.probe), joined(tests)});
    }
    return table_of({{"INTERFACE", 12},
                     {"GROUP", 10},
                     {"STATE", 9},
                     {"ACTIVE", 8},
                     {"STANDBY", 9},
                     {"LINK", 9},
                     {"PROBE", 10},
                     {"TEST ADDRESSES", 20}},
                    rows);
}

// Of a member or an IPMP interface, with what is known of each; `data` is null for test addresses.
template <typename Take>
void each_address(const Status& status, Take take) {
    auto each_of = [&](const std::string& interface, bool is_data) {
        const PlumbedInterface* plumbed = plumbed_called(status, interface);
        for (Family family : kFamilies) {
            if (!plumbed || !family_of(*plumbed, family)) continue;
            for (const LogicalStatus& logical : family_of(*plumbed, family)->logicals) {
                if (logical.address.is_zero()) continue;
                auto is_it = [&](const AddressStatus& a) {
                    return a.address == logical.address && a.group == interface;
                };
                auto data = std::find_if(status.addresses.begin(), status.addresses.end(), is_it);
                bool is_test = !is_data && (logical.flags & flag::kNoFailover);
                if (is_data && data != status.addresses.end()) take(interface, logical, &*data);
                if (is_test) take(interface, logical, nullptr);
            }
        }
    };
    for (const GroupStatus& group : status.groups) each_of(group.interface, true);
    for (const InterfaceStatus& member : status.interfaces) each_of(member.name, false);
}

std::string state_of(const LogicalStatus& logical, const AddressStatus* data) {
    if (logical.flags & flag::kDuplicate) return "duplicate";
    bool up = data ? data->up : (logical.flags & flag::kUp) != 0;
    return up ? "up" : "down";
}

std::string addresses_table(const Status& status) {
    Rows rows;
    each_address(status, [&](const std::string& interface, const LogicalStatus& logical, const AddressStatus* data) {
        rows.push_back({prefix_text(logical), data ? "data" : "test", state_of(logical, data), interface,
                        data ? data->inbound : interface});
    });
    return table_of({{"ADDRESS", 30}, {"KIND", 6}, {"STATE", 11}, {"INTERFACE", 12}, {"INBOUND", 12}}, rows);
}

std::string adm_interfaces_table(const Status& status) {
    Rows rows;
    for (const InterfaceStatus& member : status.interfaces) {
        rows.push_back({member.name, "ip", name_of(member.state), yes_or_no(member.active), member.group});
    }
    for (const GroupStatus& group : status.groups) {
        rows.push_back({group.interface, "ipmp", name_of(group.state), yes_or_no(!group.active.empty()),
                        joined(members_of(group))});
    }
    return table_of({{"IFNAME", 12}, {"CLASS", 7}, {"STATE", 10}, {"ACTIVE", 8}, {"OVER", 24}}, rows);
}

std::string adm_addresses_table(const Status& status) {
    Rows rows;
    each_address(status, [&](const std::string& interface, const LogicalStatus& logical, const AddressStatus* data) {
        std::string type = logical.flags & flag::kDhcp             ? "dhcp"
                           : logical.flags & flag::kAutoconfigured ? "addrconf"
                                                                   : "static";
        std::string state = state_of(logical, data);
        rows.push_back({address_object({interface, logical.number}, logical.address.family), type,
                        state == "up" ? "ok" : state, prefix_text(logical)});
    });
    return table_of({{"ADDROBJ", 18}, {"TYPE", 10}, {"STATE", 11}, {"ADDR", 30}}, rows);
}

std::string json_of(const Status& status, Shown what) {
    switch (what) {
        case Shown::groups:
            return json_document("groups", groups_json(status));
        case Shown::members:
            return json_document("interfaces", interfaces_json(status));
        case Shown::adm_interfaces:
            return json_document({{"interfaces", interfaces_json(status)}, {"groups", groups_json(status)}});
        case Shown::addresses:
        case Shown::adm_addresses:
            return json_document("addresses", addresses_json(status, Kinds::data_and_test));
    }
    IPMP_CHECK(false);
}

}  // namespace

Result<std::string> show_text(Status status, const Show& show, bool as_json) {
    bool of_groups = show.what == Shown::groups;
    const char* unknown = of_groups ? ": not an IPMP interface" : ": neither an IPMP interface nor in a group";
    if (!narrow(status, show)) return Error{show.only + unknown};
    if (as_json) return json_of(status, show.what);
    switch (show.what) {
        case Shown::groups:
            return groups_table(status);
        case Shown::members:
            return members_table(status);
        case Shown::addresses:
            return addresses_table(status);
        case Shown::adm_interfaces:
            return adm_interfaces_table(status);
        case Shown::adm_addresses:
            return adm_addresses_table(status);
    }
    IPMP_CHECK(false);
}

}  // namespace ipmp
