// DHCP clients: programs of others (dhcpcd) that we run, one for each logical interface and family that an
// administrator put under DHCP control. They speak the protocol and tell what the server granted; every address and
// route that follows is set up by us (R-DHC-1..6).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "model/ids.hpp"

namespace ipmp {

// Names one logical interface: ipmp0, ipmp0:1. The zeroth carries the interface's own name.
struct LogicalName {
    std::string interface;
    std::uint32_t number = 0;
    auto operator<=>(const LogicalName&) const = default;
};

inline std::string to_string(const LogicalName& name) {
    return name.number == 0 ? name.interface : name.interface + ":" + std::to_string(name.number);
}

// IPv6 clients always have the zeroth logical interface: addresses get others of their own.
struct DhcpKey {
    LogicalName logical;
    Family family = Family::ipv4;
    auto operator<=>(const DhcpKey&) const = default;
};

struct DhcpRoute {
    IpAddress network;
    std::uint8_t prefix_length = 0;
    IpAddress gateway;
    auto operator<=>(const DhcpRoute&) const = default;
};

// What a server says about names, for the host's resolver.
struct NameService {
    std::vector<IpAddress> servers;
    std::vector<std::string> domains;  // to be searched
    bool empty() const { return servers.empty() && domains.empty(); }
    bool operator==(const NameService&) const = default;
};

struct DhcpLease {
    IpAddress address;
    std::uint8_t prefix_length = 0;
    std::optional<IpAddress> broadcast;
    std::vector<DhcpRoute> routes;   // by routers the server named
    std::uint32_t number = 0;        // logical interface that has the address
    Instant began;
    std::optional<Instant> renews, expires;  // none: never
    NameService names;

    bool operator==(const DhcpLease&) const = default;
};

struct DhcpClient {
    DhcpKey key;
    std::uint32_t iaid = 0;  // tells this client from others of the host, across reboots and failovers
    std::string group;     // IPMP interface whose member the NIC is; another one ends DHCP control
    bool primary = false;
    bool inform = false;   // asks for parameters only; the address is the administrator's
    bool informed = false; // and has got them
    bool releasing = false;           // ends once the server has been told
    std::optional<DhcpLease> lease;

    // Transient.
    std::optional<Instant> retry_due;  // it ended by itself, and is started again then
    std::uint32_t failures = 0;        // since the last answer of a server
    std::uint64_t run = 0;             // of its StartDhcpClient; 0: none runs
    std::uint64_t answers = 0;         // of servers
    bool renew_wanted = false;
    bool renewal_asked = false;  // since the last answer
    bool address_hidden = false; // from the client, which has not looked since: it cannot renew

    bool operator==(const DhcpClient&) const = default;
};

enum class DhcpVerb : std::uint8_t { start, drop, release, extend, inform };

// What a client tells about itself.
enum class DhcpNews : std::uint8_t {
    bound,     // has a lease, be it a new one, the former one or that for longer
    refused,   // the server has taken it back, or will not give it
    informed,  // has got parameters
};

}  // namespace ipmp
