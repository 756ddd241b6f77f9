// dhcpcd's configuration file and what it tells its script, as values (dhcpcd.conf(5), dhcpcd-run-hooks(8)).
//
// The script's environment holds what a DHCP server sent, so nothing in it is trusted: what does not read as it should
// is left out, or the whole report is an Error.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "model/command.hpp"
#include "model/dhcp.hpp"

namespace ipmp {

// One client, as its configuration file says it.
struct DhcpcdSettings {
    DhcpKey client;
    std::uint64_t run = 0;
    std::uint32_t iaid = 0;
    bool broadcast = false;
    bool inform = false;
    std::optional<IpAddress> inform_address;
    std::uint8_t inform_prefix_length = 0;
    std::string duid;       // bytes as 00:04:1f…
    std::string client_id;  // the same; empty: made of IAID and DUID. For IPv6 it is instead of the DUID
    std::string script;
    std::map<std::string, std::string> environment;  // more, for the script
};

// Error: a name dhcpcd's syntax has no room for.
Result<std::string> encode_dhcpcd_settings(const DhcpcdSettings& settings);

// The value of CLIENT_ID for `interface` in the text of /etc/default/dhcpclient, as bytes; empty if there is none. A
// name may have the interface and a dot in front, and for DHCPv6 has "v6." there.
std::string client_id_of(std::string_view text, const std::string& interface, Family family);

// Nothing: not of interest.
Result<std::optional<ReportDhcp>> decode_dhcpcd_report(const std::map<std::string, std::string>& environment);

}  // namespace ipmp
