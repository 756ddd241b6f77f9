// The grammars of the administration commands: words as a shell would hand them over, separated by newlines.
#include <string>
#include <vector>

#include "base/check.hpp"
#include "tools/ifconfig_grammar.hpp"
#include "tools/ifconfig_words.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> words(1);
    for (std::size_t i = 0; i < size; ++i) {
        if (data[i] == '\n') words.emplace_back();
        else words.back() += static_cast<char>(data[i]);
    }
    for (ipmp::Family family : ipmp::kFamilies) {
        auto line = ipmp::parse_line(words, family);
        if (!line) continue;
        std::size_t used = 0;
        for (const ipmp::Step& step : line->steps) used += 1 + step.arguments.size();
        IPMP_CHECK(line->mistake ? used < words.size() : used == words.size());
    }
    for (const std::string& word : words) {
        auto name = ipmp::parse_logical_name(word);
        if (name && name->number != 0) IPMP_CHECK(ipmp::parse_logical_name(to_string(*name)) == name);
        auto length = ipmp::parse_netmask(word);
        IPMP_CHECK(!length || *length <= 32);
        static_cast<void>(ipmp::parse_whole(word));
    }
    return 0;
}
