// What may stand where the cursor is on a line of ipmp, ipmpstat or if_mpadm: the scripts for bash and zsh
// (completion/) ask `ipmp complete`, which answers out of the grammars themselves. So a verb or a word that is added
// there is offered without further ado, and one that is gone is not. Pure.
#pragma once

#include <string>
#include <vector>

namespace ipmp {

// What there is to be named.
struct CompletionNames {
    std::vector<std::string> groups;  // IPMP interfaces
    std::vector<std::string> members;
    std::vector<std::string> nics;       // all Ethernet links
    std::vector<std::string> addresses;  // data and test addresses, without length
};

// `words`: the program's name, what is on the line up to the cursor; the last is being written and may be empty. In
// order, each once.
std::vector<std::string> completions(const std::vector<std::string>& words, const CompletionNames& names);

// `ipmp complete WORDS`: the same for what there is now, a candidate a line.
std::string complete_now(const std::vector<std::string>& words);

}  // namespace ipmp
