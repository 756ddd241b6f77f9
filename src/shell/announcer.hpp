// Sends announcements from the NIC itself, and queries into lower ends: one packet socket for all links of a network
// namespace, protocol 0, so that it never receives anything. Non-blocking: a full queue loses one of a series, never
// time.
#pragma once

#include <map>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/action.hpp"
#include "shell/network_places.hpp"

namespace ipmp {

class Announcer {
  public:
    // `places` must outlive it.
    static Result<Announcer> open(const NetworkPlaces& places);
    Result<void> send(const Announce& announce);
    Result<void> send(const ProbeAddress& probe);
    Result<void> send(const AskPeer& question);
    Result<void> send(const AskMemberships& question);
    Result<void> send(const LeaveMemberships& leave);  // of the groups that /proc shows now

    // Lets go of namespaces that none of `links` is in.
    void keep_to(const std::vector<InterfaceIndex>& links);

  private:
    explicit Announcer(const NetworkPlaces& places) : places_(places) {}
    Result<int> socket_of(Place place);
    Result<std::string> read_memberships(Family family, Place place) const;
    Result<void> send(const std::vector<std::uint8_t>& frame, InterfaceIndex link);

    const NetworkPlaces& places_;
    std::map<Place, UniqueFd> sockets_;  // made when first needed, but for the host's
};

}  // namespace ipmp
