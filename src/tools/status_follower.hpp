// The daemon's status as it is now, for tools that show it without end: subscribes, puts the news together, and finds
// the daemon again after it went away. One thread; nothing blocks but connecting, which is local. A daemon is there
// once it has told its status: one that is ending still accepts connections, and a stopped one too.
#pragma once

#include <optional>

#include "model/status.hpp"
#include "tools/daemon_client.hpp"

namespace ipmp {

class StatusFollower {
  public:
    explicit StatusFollower(Paths paths) : paths_(std::move(paths)) {}

    enum class Happened : std::uint8_t {
        nothing,
        changed,    // status() is another one
        lost,       // the daemon went away: status() stays what it was
        connected,  // it is there (again), and status() is what it says now
    };

    // Reads one news that is there and never waits for one, or tries to connect.
    Happened take();

    bool connected() const { return client_.has_value(); }
    // To be polled for reading; -1 while there is no daemon, and then take() is to be called now and then.
    int descriptor() const { return client_ ? client_->descriptor() : -1; }
    const Status& status() const { return status_; }
    bool known() const { return known_; }              // there has been a status
    const Error& problem() const { return problem_; }  // why there is no daemon

  private:
    Happened lose(Error problem);

    Paths paths_;
    std::optional<DaemonClient> client_;
    Status status_;
    bool known_ = false;
    Error problem_;
};

}  // namespace ipmp
