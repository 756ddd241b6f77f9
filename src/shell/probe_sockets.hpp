// Sends probes and receives their answers: a raw ICMP socket for every NIC and family that is probed from.
//
// Each is bound to the test address and to the NIC, so probes leave there and nowhere else. The kernel stamps probes as
// they are handed to the NIC and answers as they come in; the difference is NETRTT. A stamp of transmission comes back
// on the error queue with the packet, possibly after the answer to it: then the time of the system call stands in.
// Filters in the kernel keep other people's pings out. Deciding thread only; no call blocks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/event.hpp"
#include "model/probe.hpp"
#include "shell/network_places.hpp"

namespace ipmp {

class ProbeSockets {
  public:
    // `places` must outlive it.
    static Result<ProbeSockets> open(const NetworkPlaces& places);
    ProbeSockets(ProbeSockets&&) noexcept;
    ProbeSockets& operator=(ProbeSockets&&) noexcept;
    ~ProbeSockets();

    // Opens and closes. One that cannot be opened is tried again at the next send() from it; the first reason is
    // returned.
    Result<void> watch(const std::vector<ProbeSource>& sources);

    // A probe that cannot be sent is a lost one, so that a hung driver or a missing route counts as what it is; but not
    // one for which the kernel had no room, of which take_answers() tells.
    void send(const SendProbe& probe);

    int event_fd() const { return epoll_.get(); }  // readable while answers wait
    std::vector<Event> take_answers();  // and ProbeNotSent

  private:
    class Socket;
    ProbeSockets(const NetworkPlaces& places, UniqueFd epoll);
    Result<void> add(const ProbeSource& source);

    const NetworkPlaces* places_;
    UniqueFd epoll_;
    std::map<ProbeSource, std::unique_ptr<Socket>> sockets_;  // null: wanted, but could not be opened
    std::vector<Event> unsent_;
};

}  // namespace ipmp
