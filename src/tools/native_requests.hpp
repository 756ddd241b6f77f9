// What the native verbs of `ipmp` ask for, each a value: `ipmp group add ipmp0 policy tuple` is a GroupAdd. Solaris
// 11's verbs (`ipmp adm`) ask for the same. native_grammar.hpp makes them of words, native_plan.hpp makes commands of
// them.
//
// A request says how things are to be, not what is to be done: whatever is so already is left alone, so that scripts
// may repeat it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_address.hpp"
#include "model/dataplane_image.hpp"

namespace ipmp {

struct GroupSettings {
    std::optional<std::string> name;
    std::optional<SpreadPolicy> policy;
    std::optional<bool> isolate;
    std::optional<std::uint32_t> mtu_bytes;
};

struct Prefix {  // an address with the length of its network
    IpAddress address;
    std::uint8_t length = 0;
};

struct GroupAdd {
    std::string group;
    std::vector<Family> families;
    GroupSettings settings;
};
struct GroupSet {
    std::string group;
    GroupSettings settings;
    bool force = false;  // isolate although it interrupts
};
struct GroupDelete {
    std::string group;
    bool force = false;  // its members leave first
};
struct MemberAdd {
    std::vector<std::string> nics;
    std::string group;
    std::optional<bool> standby;
    std::vector<Prefix> test_addresses;  // of the one NIC
};
struct MemberSet {
    std::vector<std::string> nics;
    std::optional<std::string> group;
    std::optional<bool> standby;
};
struct MemberDelete {
    std::vector<std::string> nics;
    std::string group;  // only if they are in this one; empty: whichever
};
struct AddressAdd {
    Prefix prefix;
    std::string interface;
    bool up = true;
    std::optional<bool> deprecated;
};
struct AddressDelete {
    IpAddress address;
    std::string interface;
};
struct LogicalDelete {  // an address by the number it has
    std::string interface;
    Family family = Family::ipv4;
    std::uint32_t number = 0;
};
struct SetInUse {  // online or offline
    std::string nic;
    bool in_use = true;
};
struct PlumbNic {  // for IPv4
    std::string nic;
};
struct UnplumbNic {
    std::string nic;
};

enum class Shown : std::uint8_t { groups, members, addresses, adm_interfaces, adm_addresses };
struct Show {
    Shown what = Shown::groups;
    std::string only;  // of a group, a NIC, or the address; empty: all
};

using NativeRequest = std::variant<Show, GroupAdd, GroupSet, GroupDelete, MemberAdd, MemberSet, MemberDelete,
                                   AddressAdd, AddressDelete, LogicalDelete, SetInUse, PlumbNic, UnplumbNic>;

struct NativeLine {
    std::vector<NativeRequest> requests;  // in this order; one fails, the rest is not begun
    bool as_json = false;
    bool tells_object = false;  // adm create-addr: the address object made
    std::string help;           // if not empty it is all that is asked for
};

}  // namespace ipmp
