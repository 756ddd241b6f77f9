// in.mpathd as the tools see it: something that tells its status and carries out commands. Behind it is the control
// socket (daemon_client.hpp), or in tests an engine.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "base/result.hpp"
#include "model/command.hpp"
#include "model/status.hpp"

namespace ipmp {

class Daemon {
  public:
    static constexpr std::chrono::seconds kPatience{30};

    virtual ~Daemon() = default;
    virtual Result<Status> status() = 0;
    // A refusal by the daemon is a CommandReply; "permission denied" is an Error with EPERM.
    // `patience`: none, without end; after a timeout (ETIMEDOUT) nothing more can be asked.
    virtual Result<CommandReply> call(const Command& command,
                                      std::optional<std::chrono::seconds> patience = kPatience) = 0;

  protected:
    Daemon() = default;
    Daemon(Daemon&&) = default;
    Daemon& operator=(Daemon&&) = default;
};

// For who may not need it: connects, and starts it if need be, when asked the first time.
using DaemonSource = std::function<Result<Daemon*>()>;

}  // namespace ipmp
