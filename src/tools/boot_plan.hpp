// What `ipmp boot` and `ipmp attach` have to do, as lines of ifconfig in order (R-DYN-1 to R-DYN-3). Pure: what the
// files say, which links there are and what in.mpathd shows go in, stages come out.
//
// The order is that of Solaris: IPMP interfaces are made, the others plumbed, IPMP interfaces configured, then the
// others; then the addresses of NICs that are missing move to their groups; DHCP comes last. What is so already is left
// out: a set of a line (address_splitter.hpp) whose address is there, on the interface or on that of its group. So all
// of it may be done again at any time, and on a fresh host each line is run as it was written.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/natural_order.hpp"
#include "model/command.hpp"
#include "model/status.hpp"
#include "tools/hostname_file.hpp"

namespace ipmp {

// All files, by the interface they name; `eth0:1` too.
struct BootFiles {
    std::array<std::map<std::string, HostnameFile, NaturalLess>, 2> hostname;  // [index_of(family)]
    std::map<std::string, bool, NaturalLess> dhcp;                            // true: of the primary interface
};

struct BootInput {
    BootFiles files;
    std::set<std::string> links;  // of the kernel
    // What an address on a line means; it may be the name of a host.
    std::function<std::optional<IpAddress>(const std::string&, Family)> resolve;
};

struct BootStep {
    std::string interface;
    Family family = Family::ipv4;
    Words words;           // ifconfig INTERFACE FAMILY WORDS...
    std::string of = {};  // whose file asks for it; empty: that of `interface`
    bool operator==(const BootStep&) const = default;
};

// Steps of one kind. A step that fails stops no other.
struct BootStage {
    std::string progress;  // "configuring IPv4 interfaces"; empty: nothing is said
    std::string failure;   // "Failed to configure IPv4 interface(s)", before the names
    std::vector<BootStep> steps;
    std::vector<std::string> failed;  // interfaces that cannot be dealt with anyway
    bool is_progress = true;          // false: plumbing, of which only failures are told
};

// Interfaces that could not be made or plumbed, by family.
using Missing = std::array<std::set<std::string>, 2>;

std::vector<BootStage> plan_creation(const BootInput& input, const Status& status);
// Once those are done: what each interface is configured with.
std::vector<BootStage> plan_configuration(const BootInput& input, const Status& status, const Missing& missing);
// After that: addresses of NICs that are not there.
struct MovePlan {
    std::string message;  // one line; empty: there is nothing to move
    std::vector<BootStep> steps;
};
MovePlan plan_moves(const BootInput& input, Family family, const Status& status, const Missing& missing);
// Members that are missing altogether, for the daemon to keep their places (R-DET-14).
std::vector<ExpectMember> plan_expectations(const BootInput& input, const Missing& missing);
BootStage plan_dhcp(const BootInput& input, const Status& status);

// A NIC that has appeared: as at boot, or, if it is to be a member, what does not belong to its group already.
std::vector<BootStage> plan_attachment(const BootInput& input, const std::string& nic, const Status& status);
// It has a group, or an address that is not the kernel's own.
bool is_configured(const Status& status, const std::string& nic);

const PlumbedInterface* find_plumbed(const Status& status, const std::string& name);

}  // namespace ipmp
