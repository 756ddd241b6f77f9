#include "shell/executor.hpp"

#include <chrono>
#include <utility>

#include "shell/log.hpp"

namespace ipmp {

namespace {

constexpr Duration kRetryAfter = std::chrono::milliseconds(200);

}  // namespace

void Executor::execute(const std::vector<Action>& actions, Instant now) {
    for (const Action& action : actions) {
        std::visit([&](const auto& kind) { perform(kind, now); }, action);
    }
}

void Executor::send_replies(const std::string& unsaved) {
    for (Reply& reply : std::exchange(replies_, {})) {
        reply.reply.unsaved = unsaved;
        control_.reply(reply);
    }
}

void Executor::retry(Instant now) {
    if (retry_at_ && *retry_at_ <= now) perform(PublishImage{}, now);
}

void Executor::perform(const PublishImage& action, Instant now) {
    Result<void> written = dataplane_.apply(action);
    if (written) {
        retry_at_.reset();
        return;
    }
    if (!retry_at_) log_error(written.error().text + "; will retry");
    retry_at_ = now + kRetryAfter;
}

// Lost frames are made up for by the next of their series.
template <typename Frame>
void Executor::send(const Frame& action) {
    Result<void> sent = announcer_.send(action);
    if (!sent) log_error(sent.error().text + ", ignoring: it is repeated");
}

void Executor::perform(const Announce& action, Instant) { send(action); }

void Executor::perform(const ProbeAddress& action, Instant) { send(action); }

void Executor::perform(const AskPeer& action, Instant) { send(action); }

void Executor::perform(const FindPeers& action, Instant) {
    Result<void> found = dataplane_.find_peers(action);
    if (!found) log_error(found.error().text + ", ignoring: the neighbour table knows some");
    netlink_.submit(action);
}

void Executor::perform(const AskMemberships& action, Instant) { send(action); }

void Executor::perform(const LeaveMemberships& action, Instant) { send(action); }

void Executor::perform(const ApplyKernel& action, Instant) { netlink_.submit(action); }

void Executor::perform(const Log& action, Instant) { log_message(action.severity, action.text); }

void Executor::perform(const Reply& action, Instant) { replies_.push_back(action); }

void Executor::perform(const WatchCarrier& action, Instant) {
    carrier_watch_.watch(action.links);
    announcer_.keep_to(action.links);
}

void Executor::perform(const WatchProbes& action, Instant) {
    Result<void> watched = probes_.watch(action.sources);
    if (!watched) log_error(watched.error().text + "; will retry");
}

void Executor::perform(const SendProbe& action, Instant) { probes_.send(action); }

void Executor::perform(const AttachNic& action, Instant) { attacher_.attach(action.name); }

void Executor::perform(const ProbeReport& action, Instant) {
    if (!action.late) control_.tell(action);
}

void Executor::perform(const StartDhcpClient& action, Instant) { dhcp_clients_.start(action); }

void Executor::perform(const SignalDhcpClient& action, Instant) { dhcp_clients_.signal(action); }

void Executor::perform(const SetNameService& action, Instant) { name_services_.set(action); }

}  // namespace ipmp
