// Configurations that work, but not as well as their administrator may think (R-DET-11, R-DET-15; reference: in.mpathd
// §13.2, §13.3). Each is reported once, and once more when it is mended; after that it is news again.
//
//   notice                     who                         told
//   test address not unique    who cannot be probed by it  at once
//   no test address            any other NIC unprobed      20 s after it was found so
//   not plumbed for a family   members, beside one that is 20 s after it was found so
//   different methods          groups                      20 s after it was found so
//
// The delay lets an administrator finish: addresses are set up one after the other. NICs that are missing or offline
// are not looked at. What follows from a test address that is not unique, no probes from it, is core/probing's doing.
//
// Memory of what was told is not stored: a restarted daemon says once more how things are.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "core/address_index.hpp"
#include "model/action.hpp"
#include "model/state.hpp"

namespace ipmp {

// `seen`, an entry of the kernel on another link with the address of a test address of `member`, spoils that one: on
// any link of the host for IPv4, as answers to either could come to the other; on links of the same group for IPv6,
// where the same link-local address on different links is quite usual. Interfaces of the anonymous group are not
// compared.
bool spoils(const State& state, const Interface& member, const AddressState& seen);

class Hygiene {
  public:
    static constexpr Duration kGrace = std::chrono::seconds(20);

    // After probes were judged: Interface::probe says who is probed.
    void update(const State& state, const AddressIndex& seen, Instant now, std::vector<Action>& log);
    std::optional<Instant> deadline() const;

  private:
    // One thing that may be wrong: since when, and whether that was told.
    struct Concern {
        std::optional<Instant> due;  // wrong, not told yet
        bool told = false;
    };
    struct Nic {
        Concern not_unique, no_test_address, not_plumbed;
    };
    enum class News { none, wrong, mended };

    static News judge(Concern& concern, bool wrong, Duration grace, Instant now);
    static void look_at_test_address(const State& state, const AddressIndex& seen, const Interface& interface,
                                     Nic& nic, Instant now, std::vector<Action>& log);
    static void look_at_plumbing(const Group& group, const Interface& member,
                                 const std::vector<const Interface*>& others, Nic& nic, Instant now,
                                 std::vector<Action>& log);
    static void look_at_methods(const Group& group, const std::vector<const Interface*>& members, Concern& concern,
                                Instant now, std::vector<Action>& log);

    std::map<InterfaceIndex, Nic> nics_;
    std::map<std::string, Concern> methods_;  // by IPMP interface
};

}  // namespace ipmp
