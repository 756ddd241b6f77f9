// What `ipmp check` knows of the NICs it was asked about. tools/check_gather collects it, tools/check_findings judges
// it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/kernel_state.hpp"
#include "model/status.hpp"

namespace ipmp {

struct NicFacts {
    std::string name;
    std::string group;              // IPMP interface; empty: in none
    std::optional<LinkState> link;  // none: there is no such link
    std::string master;             // what it is a port of, by name; empty: of nothing
    std::string manager;            // a network manager that configures it; empty: none known to
    int rp_filter = 0, rp_filter_all = 0;
    bool ipv6_disabled = false;
};

// The frames that were sent from NIC to NIC.
struct LinkTestFacts {
    bool done = false;
    std::string problem;                                            // why it could not be done
    unsigned sent = 0;                                              // frames from each
    std::vector<std::string> tested;                                // those that sent, and listened
    std::map<std::pair<std::string, std::string>, unsigned> heard;  // {from, to}: frames, if any; also by bystanders
};

struct CheckFacts {
    std::vector<NicFacts> nics;           // those to be checked
    std::vector<std::string> bystanders;  // other NICs of the host, which listened
    LinkTestFacts link_test;
    std::optional<Status> status;  // of the daemon, if it runs
    std::map<std::string, std::uint64_t> counters;
    std::optional<std::uint64_t> most_neighbours;  // gc_thresh3 of IPv4, if it can be read
    std::uint64_t neighbours = 0;                  // entries of IPv4 there are
    std::string machine;                           // whose virtual machine this is, as the firmware says; or empty
};

}  // namespace ipmp
