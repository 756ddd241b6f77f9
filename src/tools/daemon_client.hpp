// The tools' end of the control socket: finds in.mpathd, starts it where a tool is to change something, and asks.
//
// One client has one connection and asks one thing at a time. Everything that can go wrong is an Error whose text can
// be shown to the user after the tool's name; waiting is bounded by kPatience, but for subscriptions.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/paths.hpp"
#include "tools/daemon.hpp"
#include "wire/control_codec.hpp"

namespace ipmp {

class DaemonClient final : public Daemon {
  public:
    // Error if no daemon answers there.
    static Result<DaemonClient> connect(const Paths& paths, std::chrono::seconds patience = kPatience);
    // The same, but a daemon that does not run is started, and ready when this returns.
    static Result<DaemonClient> connect_or_start(const Paths& paths);

    Result<void> ping();
    Result<Status> status() override { return status_of({}); }
    // Only these lists of it: the others are empty.
    Result<Status> status_of(const std::optional<std::vector<StatusList>>& only);
    Result<Counters> counters();
    Result<CommandReply> call(const Command& command,
                              std::optional<std::chrono::seconds> patience = kPatience) override;
    // Shows every probe that ends from now on to `take`; returns only when the daemon refuses ("permission denied" is
    // an Error with EPERM) or has gone away, however long that takes.
    Error watch_probes(const std::function<void(const ProbeNews&)>& take);
    // Subscribes to probes; then each that ends, in turn. Nothing: none did within `patience`.
    Result<void> watch_probes();
    Result<std::optional<ProbeNews>> next_probe_news(std::chrono::milliseconds patience);
    // Subscribes to the status; then each news in turn, the first being whole. Nothing: none came within `patience`.
    Result<void> watch_status();
    Result<std::optional<StatusNews>> next_status_news(std::chrono::milliseconds patience);
    int descriptor() const { return connection_.get(); }  // readable when news has come, unless some waits already
    // What was done but not saved is told on stderr, once; not by a library, which has no stderr.
    void keep_quiet() { tells_unsaved_ = false; }
    // After a Stop: until the daemon has hung up.
    Result<void> wait_for_end();

  private:
    explicit DaemonClient(UniqueFd connection) : connection_(std::move(connection)) {}
    Result<std::string> exchange(const std::string& request);
    Result<void> send_all(const std::string& request);
    Result<std::string> receive();
    bool has_news(std::chrono::milliseconds patience) const;

    UniqueFd connection_;
    std::string input_;
    bool tells_unsaved_ = true;
};

}  // namespace ipmp
