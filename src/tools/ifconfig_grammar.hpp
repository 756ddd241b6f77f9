// The grammar of one ifconfig line, apart from what the words do (R-CMD-1): which words there are, which take an
// argument, for which family. Pure: words in, steps out.
//
// As words are carried out one by one and nothing is taken back, a mistake ends the list of steps and is told after
// them. Only what has to be known before the first step stands beside them: the netmask, which holds for the whole
// line, and how many addresses it gives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "base/result.hpp"

namespace ipmp {

enum class Word : std::uint8_t {
    address,  // no word of the grammar: what it means then
    set, destination, addif, removeif, netmask, broadcast, subnet,
    plumb, unplumb, ipmp, group, standby, no_standby, router, no_router,
    up, down, failover, no_failover, deprecated, no_deprecated, is_private, no_private,
    mtu, metric, index, ether, usesrc, token, arp, no_arp, failed, no_failed,
    policy, isolate, no_isolate,  // ours
    configinfo, modules, dhcp, auto_dhcp,
    nothing,      // says what is so anyway on Linux
    unsupported,  // asks for what Linux does not do
};

struct Step {
    Word word = Word::address;
    std::string text;                   // the word as it was written
    std::vector<std::string> arguments;  // most have none or one; of dhcp: all that follows
};

struct ParsedLine {
    std::vector<Step> steps;
    std::optional<Error> mistake;                // behind the last step
    std::optional<std::uint8_t> netmask_length;  // of the last `netmask` word
};

// All words that do something, for completion.
std::vector<std::string> ifconfig_vocabulary();

// An error: nothing is to be done at all.
Result<ParsedLine> parse_line(const std::vector<std::string>& words, Family family);

}  // namespace ipmp
