// Which words of an ifconfig line are for the interface itself, and which for each of its addresses: those of a NIC
// that is missing are moved to its group, and those that stay are all that a NIC gets when it is attached later
// (R-DYN-2, R-DYN-3). Pure: words in, words out.
//
// A line is a row of sets, one for each address; `addif` begins the next. A set is fixed if the last of its words
// `failover` and `-failover` is the latter, or if it has `dhcp`: it is of use on its NIC only. All others can move.
#pragma once

#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "base/result.hpp"

namespace ipmp {

using Words = std::vector<std::string>;

struct AddressSet {
    std::string address;  // as written, "A" or "A/n"; empty: the first set need not have one
    Words words;          // what follows the address, in order; of the first set also what stands before it
    bool fixed = false;
};

struct SplitLine {
    Words interface_words;         // group, standby, mtu and the like
    std::vector<AddressSet> sets;  // at least one; the first is for the interface's own address
};

Result<SplitLine> split_line(const Words& words, Family family);

// As ifconfig takes it: the first set with `set A`, another with `addif A`.
Words words_of(const AddressSet& set, bool first);
// The lines that configure all but the addresses that can move. A first set without address has nothing to move.
std::vector<Words> fixed_lines(const SplitLine& line);

}  // namespace ipmp
