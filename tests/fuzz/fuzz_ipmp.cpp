// The grammars of ipmp and if_mpadm: words as a shell would hand them over, separated by newlines.
#include <algorithm>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "tools/if_mpadm_grammar.hpp"
#include "tools/ipmp_grammar.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> words(1);
    for (std::size_t i = 0; i < size; ++i) {
        if (data[i] == '\n') words.emplace_back();
        else words.back() += static_cast<char>(data[i]);
    }
    auto line = ipmp::parse_ipmp_line(words);
    if (line && (line->verb == ipmp::IpmpVerb::attach || line->verb == ipmp::IpmpVerb::detach))
        IPMP_CHECK(!line->nics.empty());
    auto mpadm = ipmp::parse_if_mpadm_line(words);
    auto is_it = [&](const std::string& word) { return word.starts_with(mpadm->interface); };  // up to a NUL
    IPMP_CHECK(!mpadm || std::any_of(words.begin(), words.end(), is_it));
    return 0;
}
