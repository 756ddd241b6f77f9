// The daemon's end of the control socket (docs/CONTROL.md): accepts clients, answers questions, hands out commands.
//
// Purpose: one event descriptor for the main loop and no call that blocks. Questions are answered on the spot from what
// the caller provides; commands are returned to be decided on and answered later by reply(). The requests of one client
// are answered in their order: while one of its commands is open, or an answer to it could not be written in full,
// nothing more is read from that client. So a client costs at most one request and one answer of memory, and one that
// never reads stalls nobody but itself.
//
// A subscriber (WatchProbes, WatchStatus) is told until it hangs up, and asks nothing more. At most kMaxUnreadBytes
// wait for it. One of probes misses what would not fit, and with the next that does it learns how many; one of the
// status gets a whole one once it has read what waits.
//
// Objects: the server owns the listening socket and every Client; a Client owns its connection and its buffers. All in
// the thread that calls dispatch(). Clients are at most kMaxClients: when one more comes, that user who holds the most
// connections loses the one that has been quiet the longest.
//
// Connecting, and the questions of those who may change nothing, take at most a tenth of a processor together
// (CostLimit): beyond that they wait. The deciding thread has real-time priority and failovers to make.
//
// Rights: everybody may ask. Changes and WatchProbes need user id 0 or membership of group `ipmp`, as the kernel
// reports them of the peer when it connected (SO_PEERCRED, SO_PEERGROUPS); see design D1 for what is not trusted.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/action.hpp"
#include "model/event.hpp"
#include "model/status.hpp"
#include "shell/cost_limit.hpp"
#include "wire/control_codec.hpp"

namespace ipmp {

enum class Subscription : std::uint8_t;

class ControlServer {
  public:
    static constexpr std::size_t kMaxClients = 64;
    static constexpr std::size_t kMaxUnreadBytes = std::size_t{256} * 1024;  // of one subscriber

    // Answers to questions; called at most once per dispatch().
    struct Answers {
        std::function<Status()> status;
        std::function<Counters()> counters;
    };

    // Listens on Paths::socket_name inside `run_directory_fd`, open to everybody. A socket left behind is replaced: the
    // caller holds the daemon's lock. `group` gives the right to change things. Where the directory takes no socket, as
    // on a read-only or full disk, nobody can connect until it does: failovers need no client.
    static Result<std::unique_ptr<ControlServer>> listen(int run_directory_fd, const char* group = "ipmp");
    // Serves one connection made elsewhere, for tests. `may_change`: what its peer is allowed.
    static Result<std::unique_ptr<ControlServer>> serve(UniqueFd connection, bool may_change);
    ~ControlServer();

    // Readable when dispatch() has work.
    int event_fd() const { return epoll_.get(); }

    // Does everything that can be done without waiting. The commands are to be answered by reply(), each once.
    std::vector<CommandReceived> dispatch(const Answers& answers);

    // To the client that asked, if it is still there.
    void reply(const Reply& reply);

    // To all that watch probes.
    void tell(const ProbeReport& report);
    // To all that watch the status, what is new since the last call; wants_status() tells whether to make one, given
    // whether anything may have changed since.
    void tell(Status status);
    bool wants_status(bool changed) const;

    std::size_t client_count() const { return clients_.size(); }

  private:
    struct Client;
    using ClientId = std::uint64_t;

    ControlServer() = default;
    Result<void> create_epoll();
    Result<void> bind_and_listen();
    void listen_again();
    void accept_clients();
    void pause(bool paused);
    void charge(Duration cost);
    bool must_wait(const Client& client) const;
    void add_client(UniqueFd connection, bool may_change, uid_t user);
    void make_room();
    void drop(ClientId id);
    bool read_from(Client& client);
    bool write_to(Client& client);
    template <class TellOne>
    void tell_subscribers(Subscription subscription, TellOne tell_one);
    bool push(Client& client, const std::string& message);
    bool advance(ClientId id, Client& client, const Answers& answers, std::vector<CommandReceived>& commands);
    void answer(ClientId id, Client& client, const std::string& message, const Answers& answers,
                std::vector<CommandReceived>& commands);
    std::string answer_query(Client& client, const Query& query, const Answers& answers);
    void update_interest(ClientId id, Client& client);
    void wake();

    UniqueFd epoll_;
    UniqueFd wake_;  // an eventfd: requests that wait in a buffer make no socket readable
    UniqueFd pause_end_;  // a timerfd
    UniqueFd listener_;
    UniqueFd retry_;  // a timerfd that runs while there is no listener
    int run_directory_fd_ = -1;
    CostLimit limit_;
    bool paused_ = false;
    std::optional<gid_t> group_;
    std::map<ClientId, std::unique_ptr<Client>> clients_;
    std::map<std::uint64_t, ClientId> open_commands_;  // by request
    ClientId next_client_ = 4;                         // below: the other descriptors
    std::uint64_t next_request_ = 1;
    std::uint64_t activity_ = 0;               // grows with everything a client does
    Status told_;                              // to those that watch the status
    std::optional<Status> status_;  // made once per dispatch
    std::optional<std::string> status_reply_;  // encoded once per dispatch
    std::optional<std::string> counters_reply_;
};

}  // namespace ipmp
