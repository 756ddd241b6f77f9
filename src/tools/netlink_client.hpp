// The tools' own rtnetlink socket, for what is no matter of the daemon: routes and neighbour entries. One request at a
// time, in the namespace of the process.
#pragma once

#include <libmnl/libmnl.h>

#include <functional>
#include <memory>

#include "base/result.hpp"
#include "wire/rtnetlink_tables.hpp"

namespace ipmp {

class NetlinkClient {
  public:
    using Visit = std::function<void(MessageBytes)>;

    static Result<NetlinkClient> open();

    // The error has the kernel's number.
    Result<void> change(const NetlinkRequest& request) { return read(request, [](MessageBytes) {}); }
    // Shows every answer to `visit`.
    Result<void> read(NetlinkRequest request, const Visit& visit);

  private:
    struct Close {
        void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
    };
    explicit NetlinkClient(mnl_socket* socket) : socket_(socket) {}

    std::unique_ptr<mnl_socket, Close> socket_;
    std::uint32_t sequence_ = 0;
};

}  // namespace ipmp
