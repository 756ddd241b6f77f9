#include "tools/boot_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/unique_fd.hpp"
#include "tools/ifconfig_words.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

constexpr std::size_t kMaxFileBytes = 1 << 18;

// Reads the files of one prefix; `take` gets interface and content.
template <class Take>
void read_all(const Paths& paths, const std::vector<std::string>& names, const std::string& prefix,
              const std::string& only, std::vector<std::string>& problems, Take take) {
    for (const std::string& name : names) {
        auto interface = interface_of(name, prefix);
        if (!interface || (!only.empty() && name != prefix + only)) continue;
        std::string path = paths.etc() + "/" + name;
        if (!*interface) {
            problems.push_back(printable(path) + ": ignored, " + interface->error().text);
            continue;
        }
        auto content = read_small_file(path);
        if (!content) {
            problems.push_back(path + ": " + content.error().text);
        } else {
            take(**interface, path, *content);
        }
    }
}

std::vector<std::string> names_in(const std::string& directory, std::vector<std::string>& problems) {
    std::error_code problem;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator entry(directory, problem), end; !problem && entry != end;
         entry.increment(problem)) {
        names.push_back(entry->path().filename().string());
    }
    if (problem) problems.push_back("cannot read " + directory + ": " + problem.message());
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

std::string hostname_prefix(Family family) { return family == Family::ipv4 ? "hostname." : "hostname6."; }

std::optional<Result<std::string>> interface_of(const std::string& file_name, const std::string& prefix) {
    if (!file_name.starts_with(prefix)) return {};
    std::string interface = file_name.substr(prefix.size());
    bool ends_in_digit = !interface.empty() && interface.back() >= '0' && interface.back() <= '9';
    if (!ends_in_digit) return Error{"as names of interfaces end in a digit"};
    auto logical = parse_logical_name(interface);
    if (!logical || !wire::is_interface_name(logical->interface)) return Error{"as it names no interface"};
    return interface;
}

Result<std::string> read_small_file(const std::string& path) {
    UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));  // it may be a pipe or a terminal
    if (!file) return system_error("cannot read it");
    struct stat about {};
    if (fstat(file.get(), &about) != 0) return system_error("cannot read it");
    if (!S_ISREG(about.st_mode)) return Error{"is no regular file"};
    std::string content;
    char buffer[8192];
    for (ssize_t count; (count = read(file.get(), buffer, sizeof buffer)) != 0;) {
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return system_error("cannot read it");
        content.append(buffer, static_cast<std::size_t>(count));
        if (content.size() > kMaxFileBytes) return Error{"is too long"};
    }
    return content;
}

std::string printable(std::string text) {
    for (char& c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (byte < ' ' || byte == 0x7f) c = '?';
    }
    return text;
}

BootFilesRead read_boot_files(const Paths& paths, const std::string& only) {
    BootFilesRead read;
    std::vector<std::string> names = names_in(paths.etc(), read.problems);
    for (Family family : kFamilies) {
        read_all(paths, names, hostname_prefix(family), only, read.problems,
                 [&](const std::string& interface, const std::string& path, const std::string& content) {
                     HostnameFile file = parse_hostname_file(content);
                     for (const std::string& problem : file.problems) {
                         read.problems.push_back(path + ": " + problem + ", it is left out");
                     }
                     read.files.hostname[index_of(family)][interface] = std::move(file);
                 });
    }
    read_all(paths, names, kDhcpPrefix, only, read.problems,
             [&](const std::string& interface, const std::string&, const std::string& content) {
                 HostnameFile file = parse_hostname_file(content);
                 bool primary = !file.lines.empty() && file.lines[0][0] == "primary";
                 read.files.dhcp[interface] = primary;
             });
    return read;
}

}  // namespace ipmp
