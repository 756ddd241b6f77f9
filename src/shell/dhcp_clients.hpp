// The DHCP clients that run: one ipmp-dhcp-client for each, which runs dhcpcd and ends with us (tools/dhcp_client).
//
// Starts, signals and reaps them, hands on their ends as events, and puts what they say into the log. Used by the
// loop's thread only, whose end is their end. Nothing here waits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/action.hpp"
#include "model/event.hpp"
#include "shell/child_process.hpp"
#include "shell/network_places.hpp"

namespace ipmp {

class DhcpClients {
  public:
    // Both must outlive it.
    static Result<DhcpClients> create(ProgramHelper& helper, const NetworkPlaces& places);

    void start(const StartDhcpClient& action);
    void signal(const SignalDhcpClient& action);

    int event_fd() const { return epoll_.get(); }
    std::vector<DhcpClientEnded> take_events();

  private:
    DhcpClients(ProgramHelper& helper, const NetworkPlaces& places) : helper_(&helper), places_(&places) {}
    Result<ChildProcess> start_process(const StartDhcpClient& action);

    struct Client {
        DhcpKey key;
        std::uint64_t run = 0;
        ChildProcess process;
        std::string line;        // begun
        std::string last_line;
        bool is_ending = false;  // has been told to
    };

    static std::optional<int> follow(Client& client);  // logs what it prints

    ProgramHelper* helper_;
    const NetworkPlaces* places_;
    UniqueFd epoll_;
    std::vector<Client> clients_;
    std::vector<DhcpClientEnded> failed_;  // could not be started
};

}  // namespace ipmp
