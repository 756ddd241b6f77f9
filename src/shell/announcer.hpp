// Sends announcements from the NIC itself, and queries into lower ends: one packet socket for all links, protocol 0,
// so that it never receives anything. Non-blocking: a full queue loses one of a series, never time.
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/action.hpp"

namespace ipmp {

class Announcer {
  public:
    static Result<Announcer> open();
    Result<void> send(const Announce& announce);
    Result<void> send(const ProbeAddress& probe);
    Result<void> send(const AskPeer& question);
    Result<void> send(const AskMemberships& question);
    Result<void> send(const LeaveMemberships& leave);  // of the groups that /proc shows now

  private:
    explicit Announcer(UniqueFd socket) : socket_(std::move(socket)) {}
    Result<void> send(const std::vector<std::uint8_t>& frame, InterfaceIndex link);

    UniqueFd socket_;
};

}  // namespace ipmp
