// Sends announcements from the NIC itself: one packet socket for all NICs, protocol 0, so that it never
// receives anything. Non-blocking: a full queue loses one of a series, never time.
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/action.hpp"

namespace ipmp {

class Announcer {
  public:
    static Result<Announcer> open();
    Result<void> send(const Announce& announce);

  private:
    explicit Announcer(UniqueFd socket) : socket_(std::move(socket)) {}
    UniqueFd socket_;
};

}  // namespace ipmp
