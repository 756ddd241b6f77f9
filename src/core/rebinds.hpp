// Makes sure that peers know where a data address is after a rebind (design D5). Announcements are broadcast once and
// lost silently; so every peer that may hold a neighbour entry is also asked by name, again and again until it answers.
// Its answer comes to the NIC that the question stated, and so proves that the peer has learnt.
//
// A rebind starts when an address that had a NIC gets another one, or the NIC another MAC. FindPeers is sent at once,
// peers of a rebind a moment ago are asked at once as well, others as soon as PeersFound names them. Each gets
// kTimes questions, with pauses that double, then counts as silent. The next rebind starts everything anew; an address
// without a NIC is not spoken for. The results of the last rebind of each address are kept for Status.
//
// Several rebinds of one group within a moment are one round, and make one line in the log once nobody is asked any
// more.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "core/series.hpp"
#include "model/action.hpp"
#include "model/dataplane_image.hpp"
#include "model/event.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"
#include "model/status.hpp"

namespace ipmp {

class Rebinds {
  public:
    static constexpr int kTimes = 7;
    static constexpr Duration kFirstPause = std::chrono::milliseconds(20);
    static constexpr Duration kLongestPause = std::chrono::milliseconds(640);
    static constexpr std::size_t kMostPeers = 256;  // per address
    static constexpr int kFramesPerTurn = 64;       // of all addresses together: a burst must not fill a NIC's queue
    static constexpr Duration kTurn = std::chrono::milliseconds(1);
    static constexpr Duration kGathering = std::chrono::seconds(2);  // a round lasts as long at least
    static constexpr Duration kMemory = std::chrono::seconds(60);    // how long the peers of a rebind are remembered

    // The bindings of a former daemon: a change to another NIC is a rebind.
    void resume(const State& restored);

    // After `image` has been published: whose bindings have changed is searched for, then as serve().
    void update(const Event& event, const DataplaneImage& image, const KernelState& kernel, Instant now,
                std::vector<Action>& actions);
    // Takes `event` in if it is about peers, and appends what is due, for the image that update() has seen last.
    void serve(const Event& event, const DataplaneImage& image, const KernelState& kernel, Instant now,
               std::vector<Action>& actions);

    std::optional<Instant> deadline() const;  // of serve()
    std::optional<Instant> conclusion_due() const { return next_conclusion_; }  // a round may be over then

    // Adds the results to the addresses in `status`.
    void describe(const State& state, Status& status) const;

  private:
    using Key = std::pair<std::string, IpAddress>;  // IPMP interface, address
    enum class Answer { awaited, come, given_up };
    struct Question {
        MacAddress mac;
        Answer answer = Answer::awaited;
        Series series;
    };
    struct Result {
        InterfaceIndex nic;
        Instant at;
        std::uint32_t asked = 0, moved = 0, silent = 0;
        Duration slowest{};  // from the rebind to the last answer
    };
    struct Address {
        Nic nic;                                // none: not bound now
        std::optional<Result> last;             // of its last rebind
        bool in_round = false;
        std::map<IpAddress, Question> peers;    // of the last rebind
        bool asking() const { return nic.index && last && last->asked > last->moved + last->silent; }
    };
    struct Round {
        Instant last_rebind;
        std::size_t passed_over = 0;  // peers beyond kMostPeers
    };

    void follow(const DataplaneImage& image, Instant now, std::vector<Action>& actions);
    void restart(const Key& key, Address& address, const Nic& nic, Instant now);
    void take(const PeersFound& event, const DataplaneImage& image, const KernelState& kernel, Instant now);
    void take(const PeerAnswered& event, const DataplaneImage& image, Instant now);
    void note_peer(const Key& key, Address& address, const Peer& peer, Instant now);
    void ask(Instant now, std::vector<Action>& actions);
    void conclude(Instant now, std::vector<Action>& actions);
    Log summary(const std::string& group, const Round& round);
    void stop_asking(const Key& key, Address& address);

    std::map<Key, Address> addresses_;
    std::set<std::tuple<Instant, Key, IpAddress>> due_;  // every question whose answer is awaited
    std::map<std::string, Round> rounds_;                // by IPMP interface
    std::optional<Instant> next_conclusion_;
    Instant turn_;  // began then
    int sent_in_turn_ = 0;
};

}  // namespace ipmp
