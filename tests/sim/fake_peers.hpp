// The hosts on the fake link: what they remember of data addresses, and what must be true of the questions they get.
//
// Some answer soon, some late, some never; frames and answers get lost as `Faults` says. What core/rebinds promises is
// checked here: questions leave by the bound NIC only, end with the answer, and end at all. It has dice of its own, so
// that histories of everything else do not depend on it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/invariants.hpp"
#include "model/action.hpp"
#include "model/event.hpp"
#include "model/status.hpp"
#include "sim/random.hpp"

namespace ipmp::sim {

class FakePeers {
  public:
    using Deliver = std::function<void(Duration delay, Event event)>;

    FakePeers(std::uint64_t seed, Deliver deliver) : random_(seed), deliver_(std::move(deliver)) {}

    // The daemon asked for these things; `image` is what it published last.
    Violations search(const FindPeers& search);
    Violations question(const AskPeer& question, const DataplaneImage& image, double frame_lost);
    // The daemon got an answer; nothing may be sent to that peer from now on, until the address moves.
    void answered(const PeerAnswered& event);
    // A new daemon, or an address that moved: peers may be asked again.
    void forget() { exchanges_.clear(); }
    void follow(const State& state, const DataplaneImage& image);

    // Once nothing is lost any more: every reachable peer of the last rebind has answered, soon enough.
    Violations unmet(const Status& status, Instant now) const;
    void calm(Instant now) { calm_since_ = now; }

  private:
    // Two groups may have one address; each binding of it is another.
    struct Binding {
        IpAddress address;
        Nic nic;
        std::string group;
        auto operator<=>(const Binding&) const = default;
    };
    using Key = std::pair<Binding, IpAddress>;  // and the peer that is asked
    static std::set<Binding> bindings_of(const DataplaneImage& image);
    struct Exchange {
        int questions = 0;
        bool answered = false;
    };
    enum Kind { kPrompt, kSlow, kSilent, kKinds };

    static Peer peer_of(Family family, int kind, int number);
    static int kind_of(const Peer& peer) { return peer.mac.bytes[4] % kKinds; }

    Random random_;
    Deliver deliver_;
    std::map<Key, Exchange> exchanges_;
    std::optional<Instant> calm_since_;
};

}  // namespace ipmp::sim
