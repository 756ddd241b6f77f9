// Everything the engine can ask for. The order inside one list has meaning: stop using the bad path, rebind,
// then announce. Failures come back as events, never as return values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_address.hpp"
#include "model/command.hpp"
#include "model/dataplane_image.hpp"
#include "model/dhcp.hpp"
#include "model/ids.hpp"
#include "model/kernel_op.hpp"
#include "model/peer.hpp"
#include "model/probe.hpp"

namespace ipmp {

// What the maps should hold that was asked for differently before, or not at all: whole groups. Others stay.
struct PublishImage {
    DataplaneImage changed;
    std::vector<std::string> gone;  // IPMP interfaces that are no more
};

// Tell the link that `address` is at `nic` now: one gratuitous ARP request or overriding unsolicited NA,
// from the NIC itself (R2.8). Repetitions are announcements of their own, timed by core/announcements.
struct Announce {
    IpAddress address;
    Nic nic;
    bool operator==(const Announce&) const = default;
};

// Ask the link, from `nic`, whether anybody else is at `address`: one ARP probe or neighbour solicitation from nobody
// (R2.11). An AddressClaimed is the answer of somebody who is; silence is the answer hoped for.
struct ProbeAddress {
    IpAddress address;
    Nic nic;
    bool operator==(const ProbeAddress&) const = default;
};

// Tell one peer, by a unicast ARP request or neighbour solicitation in the name of `address`, that it is at `nic` now.
// The peer answers, and that is a PeerAnswered (design D5).
struct AskPeer {
    IpAddress address;
    Nic nic;
    Peer peer;
    bool operator==(const AskPeer&) const = default;
};

// Find out who may hold a neighbour entry for `addresses`, all of one IPMP interface. A PeersFound comes back from each
// who knows of any: at once from the data path's own records, later from the kernel's neighbour table of `upper`.
struct FindPeers {
    std::string ipmp_interface;
    InterfaceIndex upper;
    std::vector<IpAddress> addresses;
    bool seeks_targets = false;  // for who has none: routes that became known since may tell of some, too
    bool operator==(const FindPeers&) const = default;
};

// Let a former nominee that still works leave the multicast groups the host listens to on `upper`, so that snooping
// switches stop sending the streams to its port as well (design D12).
struct LeaveMemberships {
    InterfaceIndex upper;
    Nic nic;
    Family family = Family::ipv4;
    IpAddress source;  // of the report; zero: nobody's
    std::uint32_t mtu_bytes = 0;  // of `nic`
    bool operator==(const LeaveMemberships&) const = default;
};

// Ask the host's own stack, by a general query sent into the lower end, which multicast groups it listens to: it
// reports them all, in the right version, and so through the present nominee (R-SPR-3).
struct AskMemberships {
    InterfaceIndex lower;
    MacAddress source;  // of the query
    Family family = Family::ipv4;
    bool operator==(const AskMemberships&) const = default;
};

// A link that is ours to keep in order, or of which only routes to targets of probes are of interest (`tracked_only`).
struct ManagedLink {
    InterfaceIndex link;
    std::vector<std::string> settings;  // names to report in LinkState::settings from now on
    bool tracked_only = false;
    std::optional<std::array<std::optional<IpAddress>, 2>> route_sources;  // count others in LinkState::other_sources
    bool operator==(const ManagedLink&) const = default;
};

// Carry out `ops` in order in the netlink thread, then report KernelApplied and a KernelObserved of `generation`.
// A failed op does not stop the ones after it. An empty `ops` is a request to re-read everything.
struct ApplyKernel {
    std::uint64_t generation = 0;
    std::vector<KernelOp> ops;
    std::vector<ManagedLink> managed;
    bool isolates = false;  // the members' namespace is needed; it is made then, and goes when it is not and is empty
    NamedPlaces named_places;  // applications' namespaces to look into whenever they are there
};

enum class Severity : std::uint8_t { error, info, debug };

struct Log {
    Severity severity = Severity::error;
    std::string text;
    bool operator==(const Log&) const = default;
};

struct Reply {
    std::uint64_t request = 0;
    CommandReply reply;
};

// Starts a DHCP client of its own for `client`; it tells of itself by ReportDhcp commands, and its end is a
// DhcpClientEnded. One that still runs for the same key has been asked to end before.
struct StartDhcpClient {
    DhcpKey client;
    std::uint64_t run = 0;    // distinguishes it from former ones
    std::uint32_t iaid = 0;
    bool broadcast = false;   // answers must be broadcast: the interface's MAC is on no wire
    bool inform = false;      // asks for parameters only, for `address`
    IpAddress address;
    std::uint8_t prefix_length = 0;
    Place place = Place::host;  // where the interface is, and so the client
    bool operator==(const StartDhcpClient&) const = default;
};
enum class DhcpSignal : std::uint8_t { end, renew, release };
struct SignalDhcpClient {
    DhcpKey client;
    DhcpSignal signal = DhcpSignal::end;
    bool operator==(const SignalDhcpClient&) const = default;
};

// Hand `names`, learnt on `source`, to the host's resolver configuration; empty: there are none any more (R-DHC-1).
struct SetNameService {
    std::string source;  // "ipmp0.dhcp"
    NameService names;
    bool operator==(const SetNameService&) const = default;
};

// The underlying interfaces whose carrier is to be watched, when that set changed.
struct WatchCarrier {
    std::vector<InterfaceIndex> links;
    bool operator==(const WatchCarrier&) const = default;
};

// A NIC that nobody has configured has appeared, or got this name: configure it from its files, if it has any
// (R-DYN-3).
struct AttachNic {
    std::string name;
    bool operator==(const AttachNic&) const = default;
};

using Action = std::variant<PublishImage, Announce, ProbeAddress, AskPeer, FindPeers, AskMemberships, LeaveMemberships,
                            ApplyKernel, Log, Reply, WatchCarrier, WatchProbes, SendProbe, ProbeReport, AttachNic,
                            StartDhcpClient, SignalDhcpClient, SetNameService>;

}  // namespace ipmp
