// Is a data address ours alone? Duplicate address detection and what follows from a conflict (R-ADR-6; RFC 5227, RFC
// 4862 §5.4). The kernel does none of it for us: it has none for IPv4, and its own for IPv6 knows nothing of groups.
//
// An address that an administrator sets UP is *tentative* first: the link is asked for it by a few probes from its
// bound NIC, and whoever claims it meanwhile has it. Without an active NIC there is nobody to ask: the address is used
// at once and asked for when the first NIC is active, *optimistic* until then; so is every address of a group that had
// lost its last NIC.
// Later claims are contested by announcing the address again, a few times; who goes on has it. A *duplicate* is off the
// IPMP interface until a later series of probes finds nobody.
//
// Addresses that other programs put on an IPMP interface are their affair: contested, never taken down. Others that
// are no news to the link (rebound, migrated from a NIC, restored) are not asked for. What is known of an address is in
// the State; what is here is how far things are, and a new daemon begins it anew.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "core/scope.hpp"
#include "model/action.hpp"
#include "model/config.hpp"
#include "model/dataplane_image.hpp"
#include "model/event.hpp"
#include "model/state.hpp"

namespace ipmp {

class Duplicates {
  public:
    static constexpr Duration kDelay = std::chrono::milliseconds(100);  // before the first probe; IPv4 only
    static constexpr Duration kInterval = std::chrono::milliseconds(150);
    static constexpr Duration kSlowDelay = std::chrono::milliseconds(1000);  // 169.254/16: nobody assigned it
    static constexpr Duration kSlowInterval = std::chrono::milliseconds(1500);
    static constexpr std::size_t kDefences = 3;
    static constexpr std::size_t kLeaseDefences = 1;  // of an address that ends by itself
    static constexpr Duration kWindow = std::chrono::seconds(30);
    static constexpr Duration kSettling = std::chrono::milliseconds(500);  // what is said before our defence was heard
    static constexpr Duration kRetry = std::chrono::seconds(300);
    static constexpr Duration kSilence = std::chrono::seconds(300);  // between two lines about claims of one address

    // A stranger's claim: gives a tentative address up, notes what is to be contested.
    void file_claim(const AddressClaimed& claim, State& state, const KernelState& kernel, Instant now,
                    std::vector<Action>& log);

    // Before addresses are bound: duplicates that are to be asked for again become tentative.
    void reconsider(State& state, const Config& config, Instant now);

    // After `image` has been published: who must be asked for is, who is nobody else's is settled. Appends probes and
    // defences. Of the groups in `scope` alone.
    void update(State& state, const DataplaneImage& image, const Config& config, const Scope& scope, Instant now,
                std::vector<Action>& actions);

    std::optional<Instant> deadline() const;

  private:
    // How far things are with one address.
    struct Watch {
        Nic nic;  // the series of probes leaves by
        std::uint32_t probes_left = 0;
        std::optional<Instant> due;     // next probe, or the end of the wait after the last; none: no series
        bool defend = false;            // with the next update
        std::vector<Instant> defences;  // within kWindow, newest last
        std::optional<Instant> retry_due;
        std::optional<Instant> told;  // when claims of it were last logged
        std::uint64_t untold = 0;     // claims since
        bool operator==(const Watch&) const = default;
    };
    struct Case {
        const std::string& ipmp_interface;
        LogicalAddress& logical;
        Watch& watch;
    };
    using Key = std::pair<std::string, IpAddress>;  // IPMP interface, address

    static void contest(const Case& it, const AddressClaimed& claim, bool leased, Instant now,
                        std::vector<Action>& log);
    static void give_up(const Case& it, const MacAddress& claimant, Instant now, std::vector<Action>& log);
    static void proceed(const Case& it, const Nic& nic, const Config& config, Instant now,
                        std::vector<Action>& actions);
    static void probe(const Case& it, const Nic& nic, const Config& config, Instant now, std::vector<Action>& actions);
    static void tell_claims(const Case& it, Instant now, std::vector<Action>& actions);
    bool a_link_came_up(const std::vector<const Interface*>& members) const;

    Watch watch_of(const std::string& ipmp_interface, const IpAddress& address) const;

    std::map<Key, Watch> watches_;               // of UP addresses of which there is anything to know: usually none
    std::map<std::string, bool> links_were_up_;  // by name of underlying interface
};

}  // namespace ipmp
