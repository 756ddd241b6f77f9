#include "tools/if_mpadm_grammar.hpp"

#include <unistd.h>

namespace ipmp {

std::optional<IfMpadmLine> parse_if_mpadm_line(std::vector<std::string> words) {
    words.insert(words.begin(), "if_mpadm");
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::optional<bool> offline;
    opterr = 0;  // the usage says it all
    optind = 0;  // begin anew
    for (int option; (option = getopt(static_cast<int>(words.size()), arguments.data(), "dr")) != -1;) {
        if (option == '?') return {};
        offline = option == 'd';
    }
    if (!offline || static_cast<std::size_t>(optind) >= words.size()) return {};
    return IfMpadmLine{*offline, arguments[static_cast<std::size_t>(optind)]};
}

}  // namespace ipmp
