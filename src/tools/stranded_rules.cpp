#include "tools/stranded_rules.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <memory>

namespace ipmp {

namespace {

// Fixed commands: nothing a user says reaches the shell. One that is not installed says nothing.
struct Listing {
    const char* what;
    const char* command;
};
constexpr std::array kListings{
    Listing{"nftables rule", "nft list ruleset 2>/dev/null"},
    Listing{"iptables rule", "iptables-save 2>/dev/null"},
    Listing{"ip6tables rule", "ip6tables-save 2>/dev/null"},
    Listing{"socket", "ss -H -tuwanp 2>/dev/null"},
};

bool part_of_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.'; }

bool names(std::string_view line, std::string_view link) {
    for (std::size_t at = line.find(link); at != std::string_view::npos; at = line.find(link, at + 1)) {
        bool starts = at == 0 || !part_of_name(line[at - 1]);
        std::size_t end = at + link.size();
        bool ends = end == line.size() || !part_of_name(line[end]);
        if (starts && ends) return true;
    }
    return false;
}

std::string output_of(const char* command) {
    std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command, "r"), ::pclose);
    std::string text;
    if (!pipe) return text;
    char buffer[4096];
    while (std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe.get())) text.append(buffer, size);
    return text;
}

}  // namespace

std::vector<std::string> lines_naming(std::string_view text, std::string_view link) {
    std::vector<std::string> lines;
    while (!text.empty() && !link.empty()) {
        std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!names(line, link)) continue;
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        lines.emplace_back(line);
    }
    return lines;
}

std::vector<std::string> stranded_by_join(const std::string& link) {
    std::vector<std::string> found;
    for (const Listing& listing : kListings) {
        for (const std::string& line : lines_naming(output_of(listing.command), link)) {
            if (found.size() == kMostLines) return found;
            found.push_back(std::string(listing.what) + " names " + link + ", which no longer matches: " + line);
        }
    }
    return found;
}

}  // namespace ipmp
