// One rtnetlink socket for requests: sends one, waits for its end, and tells what the kernel said.
// Blocking by nature (every rtnetlink call waits for RTNL), so only the netlink thread uses it, and the
// carrier watch where it has nothing better (design D9).
#pragma once

#include <libmnl/libmnl.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "wire/rtnetlink_decode.hpp"
#include "wire/rtnetlink_encode.hpp"

namespace ipmp {

class NetlinkSocket {
  public:
    using Visit = std::function<void(MessageBytes)>;

    // `socket`: Opening::rtnetlink of the network namespace that it is to speak for.
    static Result<NetlinkSocket> open(UniqueFd socket);

    // Carries out one change. The error has the kernel's number and its own words, where it has some.
    Result<void> change(NetlinkRequest request);

    // Shows every answer to `visit`. EINTR: the dump was interrupted by a change and does not make one picture.
    Result<void> read(NetlinkRequest request, const Visit& visit);

  private:
    struct Close {
        void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
    };
    explicit NetlinkSocket(mnl_socket* socket);

    std::unique_ptr<mnl_socket, Close> socket_;
    std::uint32_t sequence_ = 0;
    std::vector<std::uint8_t> buffer_;
};

// The link of that name as it is now; nothing if there is none.
std::optional<LinkState> read_link(NetlinkSocket& socket, const std::string& name);
std::optional<LinkState> read_link(NetlinkSocket& socket, InterfaceIndex link);

}  // namespace ipmp
