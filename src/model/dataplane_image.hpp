// The whole desired state of the BPF maps, one GroupImage per IPMP interface. core computes it after
// every event; shell/dataplane writes the difference to what it wrote last (docs/DATAPLANE.md).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "model/ids.hpp"

namespace ipmp {

inline constexpr std::size_t kSlotCount = 256;  // per family (design D4)

// A NIC as the data path needs it: where to send, and from which MAC. Index 0: none.
struct Nic {
    InterfaceIndex index;
    MacAddress mac;
    auto operator<=>(const Nic&) const = default;
};

enum class AddressKind : std::uint8_t {
    data,  // highly available; `nic` is the bound NIC, none while the group has no active one
    own,   // belongs to one NIC (test address, link-local); `nic` is that NIC and never changes
};

// How unicast IP chooses its NIC (design D4).
enum class SpreadPolicy : std::uint8_t {
    flow,         // by the kernel's flow hash: a local TCP flow leaves a path that does not answer by itself
    tuple,        // by addresses, protocol and ports; fragments by addresses and protocol
    destination,  // by the destination address
    source,       // by the NIC the source address is bound to; unknown sources by flow
};

struct AddressImage {
    AddressKind kind = AddressKind::data;
    Nic nic;
    auto operator<=>(const AddressImage&) const = default;
};

struct GroupImage {
    InterfaceIndex upper;  // ipmp0
    InterfaceIndex lower;  // ipmpl0
    MacAddress upper_mac;
    std::array<std::array<Nic, kSlotCount>, 2> slots{};  // [index_of(family)][flow hash mod 256]
    std::array<Nic, 2> nominee{};                        // [index_of(family)]
    std::map<InterfaceIndex, MacAddress> members;        // all, whatever their state
    std::map<IpAddress, AddressImage> addresses;
    SpreadPolicy policy = SpreadPolicy::flow;
    bool at_once = false;  // frames pass between NICs and ipmp0 without the pair's queues, uncounted (FAST_PATH)
    std::array<bool, 2> forwards{};  // [index_of(family)]: what is for no address of the NIC goes to ipmp0 (R-GRP-10)
    bool operator==(const GroupImage&) const = default;
};

using DataplaneImage = std::map<std::string, GroupImage>;  // by IPMP interface name

}  // namespace ipmp
