// Reads the files below /etc that say how interfaces are configured. Whatever lies there under such a name: what cannot
// be used is told in one line that names the file, and stops no other.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/paths.hpp"
#include "tools/boot_plan.hpp"

namespace ipmp {

struct BootFilesRead {
    BootFiles files;
    std::vector<std::string> problems;  // "/etc/hostname.eth0: ..."
};

// All of them, or those of one interface.
BootFilesRead read_boot_files(const Paths& paths, const std::string& only = "");

// "hostname." or "hostname6."
std::string hostname_prefix(Family family);
inline const std::string kDhcpPrefix = "dhcp.";

// The interface that "hostname.eth0" names. An error says why it names none; nothing: it is no such file at all.
std::optional<Result<std::string>> interface_of(const std::string& file_name, const std::string& prefix);

// The content of a regular file that is not too long.
Result<std::string> read_small_file(const std::string& path);

// With everything a terminal might take for a command replaced.
std::string printable(std::string text);

}  // namespace ipmp
