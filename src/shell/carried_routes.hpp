// Routes over an IPMP interface that moves to another network namespace. The kernel forgets them there and then; here
// they wait, as the kernel told them, until the interface has its addresses again. For the netlink thread alone; a
// daemon that is killed in these milliseconds loses them.
//
// Not carried: routes of router advertisements, which are told anew, and those of nexthop objects, which stay behind.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/kernel_state.hpp"
#include "shell/netlink_socket.hpp"

namespace ipmp {

class CarriedRoutes {
  public:
    using Messages = std::vector<std::vector<std::uint8_t>>;

    // Those of other programs that name `link`.
    static Result<Messages> read(NetlinkSocket& socket, const LinkState& link);
    // It has moved. Any that waited for an earlier move wait on.
    void keep(const LinkState& link, Messages messages);

    std::uint32_t count(const std::string& link_name) const;
    // Adds all to `link`. What the kernel refuses is logged; nothing waits afterwards.
    void restore(NetlinkSocket& socket, const LinkState& link);

  private:
    struct Route {
        InterfaceIndex former;  // number of the link that `message` names
        std::vector<std::uint8_t> message;
    };
    std::map<std::string, std::vector<Route>> waiting_;  // by name of the link
};

}  // namespace ipmp
