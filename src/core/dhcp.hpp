// DHCP: which clients run, what their leases mean for addresses, and when a lease is given up (R-DHC-1..6).
//
// A client is part of the State from `dhcp start` on, until it is dropped or released, or until somebody else takes
// charge: who unplumbs its logical interface, changes address, mask or broadcast address, or moves the NIC into another
// group, ends DHCP control. Nothing else does: not `down`, not a failover, not a NIC that is offline, not the loss of
// all carriers. A lease becomes an ordinary logical address, by the very commands an administrator would give: of the
// group on an IPMP interface (asked for on the link first), a test address on a member. Programs come and go
// beside that: one that ended is started again, and a restarted daemon starts its clients anew; they ask for the lease
// they had, and until the answer comes it holds as before. The engine itself watches when leases end.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/time.hpp"
#include "core/commands.hpp"
#include "model/action.hpp"
#include "model/event.hpp"
#include "model/state.hpp"
#include "model/status.hpp"

namespace ipmp {

CommandReply control_dhcp(const ControlDhcp& command, CommandContext& context);
CommandReply report_dhcp(const ReportDhcp& command, CommandContext& context);
// No client is left, and no address of a lease.
void end_all_leases(CommandContext& context);

// The end of the lease that `address` is from; nothing: none, or without end.
std::optional<Instant> end_of_lease(const State& state, const IpAddress& address);
// The routes of that lease, once `address` is on `link`.
std::set<RouteState> leased_routes(const State& state, const IpAddress& address, InterfaceIndex link);
// What the kernel should have of leases' routes.
void add_leased_routes(const State& state, const KernelState& kernel, std::set<RouteState>& routes);
void describe_dhcp(const State& state, Status& status);

struct DhcpPlace;  // core/dhcp_leases.hpp

class Dhcp {
  public:
    // `command` succeeded here; its answer follows once a server's came.
    void await(Reply reply, const ControlDhcp& command, State& state);
    void file(const DhcpClientEnded& event, CommandContext context);
    // Gives up what others took charge of, and leases whose time is over.
    void reconsider(CommandContext context);
    // Starts and ends clients, and answers.
    void update(State& state, const KernelState& kernel, Instant now, std::vector<Action>& actions);
    std::optional<Instant> deadline(const State& state) const;

  private:
    struct Started {
        StartDhcpClient how;
        InterfaceIndex link;
        bool released = false;
    };
    struct Waiting {
        Reply reply;
        DhcpKey client;
        DhcpVerb verb = DhcpVerb::start;
        std::uint64_t answers = 0;  // had come when it was given
    };

    void abandon(DhcpClient& client, CommandContext& context);
    static Started how_to_start(const DhcpClient& client, const DhcpPlace& place);
    static bool is_same(const Started& started, Started wanted);
    void start(DhcpClient& client, Started& wanted, Instant now, std::vector<Action>& actions);
    static void signal(DhcpClient& client, Started& started, std::vector<Action>& actions);
    // `client` is not the one that was waited for, which has ended.
    static bool is_another(const Waiting& waiting, const DhcpClient& client);
    // The answer is known, and in `waiting`.
    bool is_due(Waiting& waiting, State& state, const KernelState& kernel) const;

    std::map<DhcpKey, Started> started_;
    std::map<DhcpKey, CommandReply> ended_;  // why clients are gone, until those who wait were told
    std::vector<Waiting> waiting_;
    std::uint64_t last_run_ = 0;
};

}  // namespace ipmp
