// What arp and route have to know of IPMP: whose member an interface is, and whose an address. Read once from the
// daemon; without one there is no IPMP, and the kernel tells what addresses there are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/status.hpp"

namespace ipmp {

enum class Ownership : std::uint8_t { data, test, other };

struct OwnAddress {
    IpAddress address;
    Ownership ownership = Ownership::other;
    std::string interface;
    std::optional<MacAddress> mac;  // that others are told; none: nothing is bound at the moment
    std::string member;             // the NIC of that MAC
};

class IpmpView {
  public:
    static Result<IpmpView> read();

    // The IPMP interface of an underlying one; empty: it is none.
    std::string group_of(const std::string& interface) const;
    // `interface` itself, or its IPMP interface.
    std::string seen_as(const std::string& interface) const;
    std::optional<OwnAddress> find(const IpAddress& address) const;
    // All of a family that are up, in the order of the interfaces.
    std::vector<OwnAddress> own_addresses(Family family) const;
    // The MACs that entries of `interface` may have to be proxy entries: those of its members, or its own.
    std::vector<MacAddress> proxy_macs(const std::string& interface) const;
    // The one that others are told for the proxy entry of `address`; nothing: none at the moment.
    std::optional<MacAddress> proxy_mac(const std::string& interface, const IpAddress& address) const;

  private:
    OwnAddress describe(const PlumbedInterface& interface, const LogicalStatus& logical) const;
    const PlumbedInterface* plumbed(const std::string& name) const;

    Status status_;
};

}  // namespace ipmp
