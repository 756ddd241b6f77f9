// A host on the link: who holds, or may hold, a neighbour entry for one of our data addresses.
#pragma once

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"

namespace ipmp {

struct Peer {
    IpAddress address;
    MacAddress mac;
    auto operator<=>(const Peer&) const = default;
};

}  // namespace ipmp
