// Everything that can happen to the engine. shell digests its inputs into these; tests and the simulator make them.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/command.hpp"
#include "model/config.hpp"
#include "model/ids.hpp"
#include "model/kernel_op.hpp"
#include "model/kernel_state.hpp"
#include "model/peer.hpp"
#include "model/probe.hpp"

namespace ipmp {

// The kernel's whole state, freshly read. The first one ends start-up: nothing is decided before it.
struct KernelObserved {
    KernelState state;
};

struct CarrierChange {
    InterfaceIndex link;
    bool up = false;
    std::uint32_t carrier_changes = 0;  // see LinkState::carrier_changes
};

// The fast path (design D9): carrier counters moved, of all these links between two looks; what a switch takes with it
// when it dies is one decision. Takes no RTNL lock on its way here. It makes failures early; that a link is up again
// counts from the kernel's own word on (LinkState::carrier).
struct CarriersChanged {
    std::vector<CarrierChange> links;
};

// The fast path found the link gone (ENODEV).
struct LinkVanished {
    InterfaceIndex link;
};

struct CommandReceived {
    std::uint64_t request = 0;  // comes back in Reply
    Command command;
};

// An ApplyKernel batch has been carried out. A KernelObserved with the same generation follows.
struct KernelApplied {
    struct Failure {
        KernelOp op;
        int error_number = 0;
        std::string text;
    };
    std::uint64_t generation = 0;
    std::vector<Failure> failures;
};

struct ConfigChanged {
    Config config;
};

// Answer to FindPeers: `peer` may hold a neighbour entry for `address`.
struct PeersFound {
    struct Found {
        IpAddress address;
        Peer peer;
        auto operator<=>(const Found&) const = default;
    };
    std::string ipmp_interface;
    std::vector<Found> found;
};

// `peer` sent an ARP reply or a solicited neighbour advertisement to `address`, and it arrived at `link`: at least
// once, and not more than the data path lets through (docs/DATAPLANE.md).
struct PeerAnswered {
    IpAddress address;
    IpAddress peer;
    InterfaceIndex link;
};

// A host that is not us uses `address`, a data address (R5.10), or asks whether it may (`probing`). Bounded by the data
// path, so not every such frame makes an event.
struct AddressClaimed {
    IpAddress address;
    MacAddress claimant;
    InterfaceIndex link;
    bool probing = false;
};

// The client started by the StartDhcpClient of `run` has ended, asked to or not.
struct DhcpClientEnded {
    DhcpKey client;
    std::uint64_t run = 0;
    bool cannot_run = false;  // never will: not installed, say
    std::string text;         // its last words
};

// A deadline the engine asked for has come.
struct Tick {};

using Event = std::variant<KernelObserved, CarriersChanged, LinkVanished, CommandReceived, KernelApplied, ConfigChanged,
                           PeersFound, PeerAnswered, AddressClaimed, ProbeAnswered, ProbeNotSent, DhcpClientEnded,
                           Tick>;

}  // namespace ipmp
