// For dhcp.cpp and dhcp_leases.cpp: where a client's addresses are, and how a lease is taken and given back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/commands_internal.hpp"
#include "model/state.hpp"

namespace ipmp {

// The interface of a client and its logical interfaces of that family.
struct DhcpPlace {
    std::vector<LogicalAddress>* addresses = nullptr;
    InterfaceIndex link;             // 0: missing now
    const Interface* nic = nullptr;  // null on an IPMP interface

    bool on_member() const { return nic && !nic->group.empty(); }
};

// Nothing: not there, or not plumbed for that family.
std::optional<DhcpPlace> find_dhcp_place(State& state, const DhcpKey& key);
const LogicalAddress* find_number(const std::vector<LogicalAddress>& addresses, std::uint32_t number);
DhcpClient* find_dhcp_client(State& state, const DhcpKey& key);

// Sets up what the server granted.
CommandReply take_lease(DhcpClient& client, const ReportDhcp& report, CommandContext& context);
// Takes the lease's address away, where it still is as it was leased.
void end_lease(DhcpClient& client, CommandContext& context);
// The same, and says why: "the DHCP lease of ... WHY".
void end_lease_saying(DhcpClient& client, const std::string& why, CommandContext& context);
// Nobody but DHCP has changed the address of `client`, or what stands in its place until there is a lease.
bool is_untouched(const DhcpClient& client, const DhcpPlace& place, const KernelState& kernel);

// An IPv4 address that nobody renews any more: of a client that was forgotten with the state. One that is started anew
// may have its place.
bool is_left_over(const LogicalAddress& logical, const DhcpPlace& place, const KernelState& kernel);

}  // namespace ipmp
