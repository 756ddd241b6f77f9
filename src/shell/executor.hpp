// Action -> the one object that does it. Keeps what has to be tried again, and replies until the state is saved.
#pragma once

#include <optional>
#include <vector>

#include "base/time.hpp"
#include "model/action.hpp"
#include "shell/announcer.hpp"
#include "shell/attacher.hpp"
#include "shell/carrier_watch.hpp"
#include "shell/control_server.hpp"
#include "shell/dataplane.hpp"
#include "shell/dhcp_clients.hpp"
#include "shell/name_services.hpp"
#include "shell/netlink_thread.hpp"
#include "shell/probe_sockets.hpp"

namespace ipmp {

class Executor {
  public:
    Executor(Dataplane& dataplane, Announcer& announcer, NetlinkThread& netlink, CarrierWatch& carrier_watch,
             ControlServer& control, ProbeSockets& probes, Attacher& attacher, DhcpClients& dhcp_clients,
             NameServiceTable& name_services)
        : dataplane_(dataplane), announcer_(announcer), netlink_(netlink), carrier_watch_(carrier_watch),
          control_(control), probes_(probes), attacher_(attacher), dhcp_clients_(dhcp_clients),
          name_services_(name_services) {}

    // In the order given: the maps change before anybody is told.
    void execute(const std::vector<Action>& actions, Instant now);

    // Sends the replies among them, once the state is saved; `unsaved` says why it could not be. Nobody is to rely
    // unknowingly on what a killed daemon would forget.
    void send_replies(const std::string& unsaved);
    bool has_replies() const { return !replies_.empty(); }

    // A failed map write is tried again then.
    std::optional<Instant> retry_at() const { return retry_at_; }
    void retry(Instant now);

  private:
    void perform(const PublishImage& action, Instant now);
    void perform(const Announce& action, Instant now);
    void perform(const ProbeAddress& action, Instant now);
    void perform(const AskPeer& action, Instant now);
    void perform(const FindPeers& action, Instant now);
    void perform(const AskMemberships& action, Instant now);
    void perform(const LeaveMemberships& action, Instant now);
    void perform(const ApplyKernel& action, Instant now);
    void perform(const Log& action, Instant now);
    void perform(const Reply& action, Instant now);
    void perform(const WatchCarrier& action, Instant now);
    void perform(const WatchProbes& action, Instant now);
    void perform(const SendProbe& action, Instant now);
    void perform(const ProbeReport& action, Instant now);
    void perform(const AttachNic& action, Instant now);
    void perform(const StartDhcpClient& action, Instant now);
    void perform(const SignalDhcpClient& action, Instant now);
    void perform(const SetNameService& action, Instant now);

    template <typename Frame>
    void send(const Frame& action);

    Dataplane& dataplane_;
    Announcer& announcer_;
    NetlinkThread& netlink_;
    CarrierWatch& carrier_watch_;
    ControlServer& control_;
    ProbeSockets& probes_;
    Attacher& attacher_;
    DhcpClients& dhcp_clients_;
    NameServiceTable& name_services_;
    std::vector<Reply> replies_;
    std::optional<Instant> retry_at_;
};

}  // namespace ipmp
