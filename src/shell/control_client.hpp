// One connection of the control server; for control_server.cpp and control_subscriptions.cpp alone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.hpp"
#include "shell/control_server.hpp"

namespace ipmp {

enum class Subscription : std::uint8_t { none, probes, status };  // once made, for good

struct ControlServer::Client {
    UniqueFd connection;
    bool may_change = false;
    uid_t user = 0;
    std::string input;                          // not yet taken apart; at most kMaxRequestBytes and a NUL
    std::string output;                         // not yet written; empty while requests are read
    std::optional<std::uint64_t> open_command;  // its request number
    Subscription subscription = Subscription::none;
    std::uint64_t dropped = 0;  // probes it was not told of since the last it was
    bool needs_whole = false;   // a whole Status, before any news of it
    std::uint64_t last_active = 0;
    std::uint32_t interest = 0;

    // Nothing is read from it.
    bool blocked() const { return open_command || subscription != Subscription::none || !output.empty(); }
};

}  // namespace ipmp
