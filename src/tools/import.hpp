// `ipmp import`: a bonding or teaming set-up as other programs have it written down, and the IPMP configuration that
// does the same, with remarks on what has no equivalent. Pure: texts in, texts out; anything may be in them.
//
//     ifupdown          /etc/network/interfaces with bond-*
//     systemd-networkd  .netdev with Kind=bond, .network of it and of its ports
//     NetworkManager    keyfiles with type=bond or type=team, and those of their ports
//     teamd             teamd.conf
//
// Readers (import_ifupdown, import_keyfiles, import_teamd) know one format each and fill an ImportModel, in which
// options have the names of the kernel's bonding driver. import_remarks.cpp judges the options, import_write.cpp writes
// files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "tools/native_requests.hpp"

namespace ipmp {

struct ImportText {
    std::string name;  // of the file; in files made: where it belongs
    std::string content;
    bool operator==(const ImportText&) const = default;
};

enum class ImportStyle : std::uint8_t { hostname, ifupdown };  // /etc/hostname.*, or /etc/network/interfaces

struct Imported {
    std::vector<ImportText> files;
    std::vector<std::string> remarks;  // one line each
};

// No style: ifupdown for what ifupdown had, else hostname files. An error names the file and the line.
Result<Imported> import_aggregates(const std::vector<ImportText>& texts, std::optional<ImportStyle> style);

// ---- For the readers -------------------------------------------------------------------------------------------

struct Aggregate {
    std::string name;                            // bond0
    std::map<std::string, std::string> options;  // "mode", "miimon", ...; values as the driver names them
    std::vector<std::string> nics;
    std::vector<Prefix> addresses;
    std::vector<IpAddress> gateways;
    bool dhcp4 = false, dhcp6 = false;
    std::optional<std::uint32_t> mtu_bytes;
    bool has_mac = false;
    std::vector<std::string> remarks;  // of the reader
};

struct ImportModel {
    std::map<std::string, Aggregate> aggregates;    // by name
    std::map<std::string, std::string> port_of;     // NIC: aggregate, which may come later or not at all
    std::map<std::string, std::string> primary_of;  // aggregate: NIC
    std::vector<std::string> remarks;
    bool from_ifupdown = false;

    Aggregate& named(const std::string& name);
};

enum class ImportFormat : std::uint8_t { ifupdown, networkd, network_manager, teamd };
// By its name, else by what is in it.
std::optional<ImportFormat> import_format_of(const ImportText& text);

Result<void> read_ifupdown(const ImportText& text, ImportModel& model);
// What is said of a name depends on other files, so these take all of them.
Result<void> read_networkd(const std::vector<ImportText>& texts, ImportModel& model);
Result<void> read_network_manager(const std::vector<ImportText>& texts, ImportModel& model);
// `name`: of the team if the text says none.
Result<void> read_teamd(const ImportText& text, const std::string& name, ImportModel& model);

// "name: line N: what"
Error import_error(const ImportText& text, std::size_t line, const std::string& what);
std::vector<std::string> words_of(std::string_view line, std::string_view separators = " \t\r");
// Files an address or gateway; false: it is none.
bool take_address(const std::string& text, std::optional<std::uint8_t> length, Aggregate& aggregate);
bool take_gateway(const std::string& text, Aggregate& aggregate);

// ---- For what is made of it -------------------------------------------------------------------------------------

// The policy that comes nearest; `flow` is the default.
SpreadPolicy policy_for(const Aggregate& aggregate);
// NICs that are to be STANDBY.
std::vector<std::string> standbys_of(const Aggregate& aggregate);
std::vector<std::string> remarks_on(const Aggregate& aggregate, const std::string& ipmp_interface);
void write_hostname_files(const Aggregate& aggregate, const std::string& ipmp_interface, Imported& made);
std::string ifupdown_stanzas(const Aggregate& aggregate, const std::string& ipmp_interface);

}  // namespace ipmp
