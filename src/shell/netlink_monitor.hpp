// Listens to rtnetlink notifications, only to learn that something of interest may have changed. What it was
// is read afresh by netlink_state; a lost message is therefore nothing worse than a hint (design D7).
#pragma once

#include <libmnl/libmnl.h>

#include <memory>
#include <vector>

#include "base/result.hpp"
#include "shell/netlink_state.hpp"

namespace ipmp {

// Whose routes matter, other people's too: of members all (they have to move), of IPMP interfaces and
// those of the anonymous group (`uppers`) those that lead to targets of probes.
struct RouteLinks {
    std::vector<InterfaceIndex> members, uppers;
    bool operator==(const RouteLinks&) const = default;
};

// What a link message says is not what `known` says.
bool link_differs(const LinkState& told, const KernelState& known);

class NetlinkMonitor {
  public:
    struct Hints {
        bool changed = false;
        bool overrun = false;  // the kernel dropped messages
        std::vector<InterfaceIndex> links;  // known ones among those that have changed themselves
    };

    // `socket`: Opening::rtnetlink of the network namespace to listen to.
    static Result<NetlinkMonitor> open(UniqueFd socket, int receive_buffer_bytes);

    int fd() const { return mnl_socket_get_fd(socket_.get()); }

    // Routes of other programs matter where they name one of these links; at first none does.
    Result<void> watch_routes_of(const RouteLinks& links);

    // Takes all waiting messages. Those that say what is known already are no hints.
    Hints drain(const ManagedLinks& managed, const FilterScope& scope);

  private:
    struct Close {
        void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
    };
    explicit NetlinkMonitor(mnl_socket* socket);

    std::unique_ptr<mnl_socket, Close> socket_;
    std::vector<std::uint8_t> buffer_;
    RouteLinks route_links_;
};

}  // namespace ipmp
