// What an /etc/hostname.IF or /etc/hostname6.IF holds, as words (R-DYN-1). Pure; anything may be in such a file.
//
// Each line is one line of ifconfig, split at blanks as a shell's `read` would. There are no comments and no quotes; a
// backslash joins the next line, and in front of any other character makes that one part of a word, so that a group's
// name may have blanks. A file of one line is something else than one of several: see lines_to_run().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"
#include "tools/address_splitter.hpp"

namespace ipmp {

struct HostnameFile {
    static constexpr std::size_t kMaxLineBytes = 32768;

    bool is_ipmp = false;           // its first word is `ipmp`
    bool one_line = false;          // one line behind those that are blank, and not even a blank one after it
    std::vector<Words> lines;       // that are not blank; without the word `ipmp` at their beginning
    std::vector<std::string> problems;  // of lines left out, each "line N ..."
    bool operator==(const HostnameFile&) const = default;
};

HostnameFile parse_hostname_file(std::string_view content);

// The name that a DHCP client is to ask for is all it says.
bool only_names_host(const HostnameFile& file);

// The group it names last; empty: none.
std::string group_of(const HostnameFile& file, Family family);

// A line of ifconfig, and whether the words that a file of one IPv4 line implies follow it.
struct FileLine {
    Words words;
    bool implies_up = false;
};
inline const Words kImpliedWords{"netmask", "+", "broadcast", "+", "up"};

// A file of one IPv4 line ends in kImpliedWords; one of IPv6 is followed by `up` for the interface itself.
std::vector<FileLine> lines_to_run(const HostnameFile& file, Family family);

}  // namespace ipmp
