// The grammars of arp and of the file that arp -f reads: words as a shell would hand them over, separated by newlines.
#include <string>
#include <vector>

#include "base/check.hpp"
#include "tools/arp_grammar.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> words(1);
    for (std::size_t i = 0; i < size; ++i) {
        if (data[i] == '\n') words.emplace_back();
        else words.back() += static_cast<char>(data[i]);
    }
    auto line = ipmp::parse_arp_line(words);
    if (line && line->verb == ipmp::ArpVerb::set) IPMP_CHECK(line->entry.host == words[1]);
    if (line && line->verb == ipmp::ArpVerb::remove) IPMP_CHECK(line->operand == words[1]);
    if (words.size() < 2) return 0;  // of a file
    auto entry = ipmp::parse_arp_entry(words);
    if (entry) IPMP_CHECK(entry->host == words[0]);
    return 0;
}
