// The link behind the NICs: machines that answer probes or do not, and a path from each NIC that loses, delays,
// repeats and reorders what passes. It knows nothing of the daemon; tests/sim/world decides when something arrives.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "model/ids.hpp"
#include "model/probe.hpp"
#include "sim/random.hpp"

namespace ipmp::sim {

struct Machine {
    std::uint8_t number = 0;
    bool alive = true;
    bool answers_everybody = true;  // pings to 224.0.0.1 and ff02::1; Linux hosts do not
    bool answers = true;            // any pings; firewalled hosts do not
    Duration delay{};
    IpAddress address(Family family) const;
};

// Between a NIC and all machines.
struct PathState {
    bool mute = false, deaf = false;  // one-way silence: what is sent, or received, gets lost behind a link that is up
    double loss = 0;                  // each way
    double repeated = 0;
    Duration delay{}, jitter{};
    bool silent() const { return mute || deaf; }
};

struct Network {
    struct Reply {
        Duration after{};
        IpAddress from;
    };
    std::vector<Reply> replies(const SendProbe& probe, Random& random) const;
    const PathState& path(InterfaceIndex nic) const;
    bool reaches(InterfaceIndex nic, const Machine& machine) const {
        return machine.alive && machine.answers && !parted.contains({nic, machine.number});
    }

    std::vector<Machine> machines;
    std::map<InterfaceIndex, std::array<bool, 2>> silent_families;  // through which neither family, or one, gets
    std::map<InterfaceIndex, PathState> paths;                      // clean where none is given
    std::set<std::pair<InterfaceIndex, std::uint8_t>> parted;       // NICs and machines with a broken switch between
};

// What is wrong with it, for people.
std::string describe(const Network& network);

}  // namespace ipmp::sim
