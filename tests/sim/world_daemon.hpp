// The daemon of a simulated world as tools see it: time passes in it while one waits for an answer.
#pragma once

#include "sim/world.hpp"
#include "tools/daemon.hpp"

namespace ipmp::sim {

class WorldDaemon final : public Daemon {
  public:
    explicit WorldDaemon(World& world) : world_(world) {}
    Result<Status> status() override { return world_.engine().status(); }
    Result<CommandReply> call(const Command& command, std::optional<std::chrono::seconds>) override {
        ++calls_;
        std::uint64_t request = world_.command(command);
        for (int tries = 0; tries < 100; ++tries) {
            world_.run_until(world_.now() + std::chrono::milliseconds(100));
            if (const CommandReply* reply = world_.reply(request)) return *reply;
        }
        return Error{"never answered"};
    }
    int calls() const { return calls_; }

  private:
    World& world_;
    int calls_ = 0;
};

}  // namespace ipmp::sim
