#include "shell/control_server.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <span>

#include "model/paths.hpp"
#include "shell/clock.hpp"
#include "shell/control_client.hpp"
#include "shell/log.hpp"

namespace ipmp {

namespace {

constexpr std::uint64_t kListenerTag = 0;
constexpr std::uint64_t kWakeTag = 1;
constexpr std::uint64_t kPauseEndTag = 2;
constexpr std::uint64_t kRetryTag = 3;
constexpr itimerspec kRetryEvery{.it_interval = {.tv_sec = 0, .tv_nsec = 500'000'000},
                                 .it_value = {.tv_sec = 0, .tv_nsec = 500'000'000}};
constexpr int kEventsPerDispatch = 64;
constexpr int kAcceptsPerDispatch = 16;  // who connects faster than we accept must not keep us here

bool takes_no_file(int error_number) {
    return error_number == EROFS || error_number == ENOSPC || error_number == EDQUOT;
}

std::optional<gid_t> group_id(const char* name) {
    std::vector<char> buffer(1 << 16);
    group entry{};
    group* found = nullptr;
    if (getgrnam_r(name, &entry, buffer.data(), buffer.size(), &found) != 0 || !found) return {};
    return found->gr_gid;
}

// The supplementary groups of the peer.
std::vector<gid_t> peer_groups(int connection) {
    std::vector<gid_t> groups(64);
    for (int attempt = 0; attempt < 2; ++attempt) {
        auto bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) == 0) {
            groups.resize(bytes / sizeof(gid_t));
            return groups;
        }
        if (errno != ERANGE) break;
        groups.resize(bytes / sizeof(gid_t));
    }
    return {};
}

bool has_right_to_change(int connection, const ucred& peer, std::optional<gid_t> group) {
    if (peer.uid == 0) return true;
    if (!group) return false;
    if (peer.gid == *group) return true;
    std::vector<gid_t> groups = peer_groups(connection);
    return std::find(groups.begin(), groups.end(), *group) != groups.end();
}

}  // namespace

ControlServer::~ControlServer() = default;

Result<void> ControlServer::create_epoll() {
    epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
    wake_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    pause_end_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    retry_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!epoll_ || !wake_ || !pause_end_ || !retry_) return system_error("control socket: cannot create descriptors");
    for (auto [fd, tag] :
         {std::pair(wake_.get(), kWakeTag), {pause_end_.get(), kPauseEndTag}, {retry_.get(), kRetryTag}}) {
        epoll_event event{.events = EPOLLIN, .data = {.u64 = tag}};
        if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return system_error("control socket: epoll");
    }
    return {};
}

Result<void> ControlServer::bind_and_listen() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string path = "/proc/self/fd/" + std::to_string(run_directory_fd_) + "/" + Paths::socket_name;
    IPMP_CHECK(path.size() < sizeof address.sun_path);
    path.copy(address.sun_path, path.size());

    UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener) return system_error("control socket");
    if (unlinkat(run_directory_fd_, Paths::socket_name, 0) != 0 && errno != ENOENT) {
        return system_error("cannot replace the control socket");
    }
    if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return system_error("cannot bind the control socket");
    }
    if (fchmodat(run_directory_fd_, Paths::socket_name, 0666, 0) != 0) {
        return system_error("cannot open the control socket to all users");
    }
    if (::listen(listener.get(), static_cast<int>(kMaxClients)) != 0) return system_error("control socket: listen");
    epoll_event event{.events = paused_ ? 0u : EPOLLIN, .data = {.u64 = kListenerTag}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener.get(), &event) != 0) {
        return system_error("control socket: epoll");
    }
    listener_ = std::move(listener);
    return {};
}

// The timer is due again and again, so a try that fails as before is not worth a word.
void ControlServer::listen_again() {
    std::uint64_t times = 0;
    (void)!read(retry_.get(), &times, sizeof times);
    if (!bind_and_listen()) return;
    constexpr itimerspec never{};
    timerfd_settime(retry_.get(), 0, &never, nullptr);
    log_info("the control socket is there: tools can reach in.mpathd");
}

Result<std::unique_ptr<ControlServer>> ControlServer::listen(int run_directory_fd, const char* group) {
    std::unique_ptr<ControlServer> server(new ControlServer);
    if (auto created = server->create_epoll(); !created) return created.error();
    server->run_directory_fd_ = run_directory_fd;
    if (auto bound = server->bind_and_listen(); !bound) {
        if (!takes_no_file(bound.error().error_number)) return bound.error();
        log_error(bound.error().text + "; no tool can reach in.mpathd until that works, will retry");
        timerfd_settime(server->retry_.get(), 0, &kRetryEvery, nullptr);
    }
    server->group_ = group_id(group);
    return server;
}

Result<std::unique_ptr<ControlServer>> ControlServer::serve(UniqueFd connection, bool may_change) {
    std::unique_ptr<ControlServer> server(new ControlServer);
    if (auto created = server->create_epoll(); !created) return created.error();
    if (fcntl(connection.get(), F_SETFL, O_NONBLOCK) != 0) return system_error("control socket");
    server->add_client(std::move(connection), may_change, getuid());
    return server;
}

void ControlServer::wake() {
    std::uint64_t one = 1;
    // Fails only if the counter is full, and then the descriptor is readable already.
    (void)!write(wake_.get(), &one, sizeof one);
}

void ControlServer::accept_clients() {
    Duration before = thread_cpu_time();
    for (int accepted = 0; accepted < kAcceptsPerDispatch; ++accepted) {
        UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!connection) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            // Out of descriptors: without this the listener would stay readable and the loop would spin.
            if (errno == EMFILE || errno == ENFILE) make_room();
            break;
        }
        ucred peer{};
        socklen_t bytes = sizeof peer;
        if (getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) continue;
        if (clients_.size() >= kMaxClients) make_room();
        bool allowed = has_right_to_change(connection.get(), peer, group_);
        add_client(std::move(connection), allowed, peer.uid);
    }
    charge(thread_cpu_time() - before);
}

void ControlServer::charge(Duration cost) {
    limit_.spend(cost, now());
    if (limit_.is_spent() && !paused_) pause(true);
}

bool ControlServer::must_wait(const Client& client) const { return paused_ && !client.may_change; }

// Nobody connects meanwhile, and those without rights are not read from.
void ControlServer::pause(bool paused) {
    paused_ = paused;
    if (paused) {
        itimerspec end{};
        auto left = limit_.pause();
        end.it_value.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
        end.it_value.tv_nsec = (left % std::chrono::seconds(1)).count();
        timerfd_settime(pause_end_.get(), 0, &end, nullptr);
    }
    epoll_event event{.events = paused ? 0u : EPOLLIN, .data = {.u64 = kListenerTag}};
    if (listener_) epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_.get(), &event);
    for (const auto& [id, client] : clients_) update_interest(id, *client);
    if (!paused) wake();
}

void ControlServer::add_client(UniqueFd connection, bool may_change, uid_t user) {
    ClientId id = next_client_++;
    auto client = std::make_unique<Client>();
    client->connection = std::move(connection);
    client->may_change = may_change;
    client->user = user;
    client->last_active = ++activity_;
    client->interest = EPOLLIN;
    epoll_event event{.events = EPOLLIN, .data = {.u64 = id}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, client->connection.get(), &event) != 0) return;
    clients_.emplace(id, std::move(client));
}

// Drops one client: of the user with the most connections the one that has been quiet the longest.
void ControlServer::make_room() {
    std::map<uid_t, std::size_t> per_user;
    for (const auto& [id, client] : clients_) ++per_user[client->user];
    auto rank = [&](const Client& client) { return std::pair(per_user[client.user], ~client.last_active); };
    auto victim = std::max_element(clients_.begin(), clients_.end(), [&](const auto& left, const auto& right) {
        return rank(*left.second) < rank(*right.second);
    });
    if (victim != clients_.end()) drop(victim->first);
}

// Removed by hand from the epoll set: closing is not enough while a forked process holds the connection too.
void ControlServer::drop(ClientId id) {
    auto found = clients_.find(id);
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second->connection.get(), nullptr);
    clients_.erase(found);
}

// False: the client is gone or broke the protocol.
bool ControlServer::read_from(Client& client) {
    std::array<char, kMaxRequestBytes> buffer;
    std::size_t room = kMaxRequestBytes + 1 - client.input.size();
    ssize_t count = recv(client.connection.get(), buffer.data(), std::min(room, buffer.size()), 0);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    client.input.append(buffer.data(), static_cast<std::size_t>(count));
    bool too_long = client.input.size() > kMaxRequestBytes && client.input.find('\0') == std::string::npos;
    return !too_long;
}

// False: the client is gone.
bool ControlServer::write_to(Client& client) {
    while (!client.output.empty()) {
        ssize_t count = send(client.connection.get(), client.output.data(), client.output.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno == EAGAIN;
        client.output.erase(0, static_cast<std::size_t>(count));
    }
    client.output.shrink_to_fit();
    return true;
}

std::string ControlServer::answer_query(Client& client, const Query& query, const Answers& answers) {
    struct Answer {
        ControlServer& server;
        Client& client;
        const Answers& answers;
        std::string operator()(const Ping&) const { return encode_ping_reply(); }
        std::string operator()(const GetStatus& wanted) const {
            if (!server.status_) server.status_ = answers.status();
            if (wanted.only) return encode_status_reply(only(*server.status_, *wanted.only));
            if (!server.status_reply_) server.status_reply_ = encode_status_reply(*server.status_);
            return *server.status_reply_;
        }
        std::string operator()(const GetCounters&) const {
            if (!server.counters_reply_) server.counters_reply_ = encode_counters_reply(answers.counters());
            return *server.counters_reply_;
        }
        // These two are answered by tell(), over and over.
        std::string operator()(const SubscribeToProbes&) const {
            if (!client.may_change) return encode_refusal(permission_denied());
            client.subscription = Subscription::probes;
            return "";
        }
        std::string operator()(const SubscribeToStatus&) const {
            client.subscription = Subscription::status;
            client.needs_whole = true;
            return "";
        }
        std::string operator()(const GetInfo&) const { return encode_info_reply(); }
        std::string operator()(const GetInterfaceDescription& wanted) const {
            return encode_description_reply(wanted.interface);
        }
    };
    return std::visit(Answer{*this, client, answers}, query);
}

// Answers one request, or makes it the client's open command.
void ControlServer::answer(ClientId id, Client& client, const std::string& message, const Answers& answers,
                           std::vector<CommandReceived>& commands) {
    auto decoded = decode_request(message);
    if (auto* refusal = std::get_if<Refusal>(&decoded)) {
        if (!refusal->oneway) client.output = encode_refusal(*refusal);
        return;
    }
    Request& request = std::get<Request>(decoded);
    if (auto* query = std::get_if<Query>(&request.what)) {
        if (!request.oneway) client.output = answer_query(client, *query, answers);
        return;
    }
    if (!client.may_change) {
        if (!request.oneway) client.output = encode_refusal(permission_denied());
        return;
    }
    std::uint64_t number = next_request_++;
    if (!request.oneway) {
        client.open_command = number;
        open_commands_[number] = id;
    }
    commands.push_back({number, std::get<Command>(std::move(request.what))});
}

// Takes the client as far as it gets: writes, then answers what is in its buffer. False: drop it.
bool ControlServer::advance(ClientId id, Client& client, const Answers& answers,
                            std::vector<CommandReceived>& commands) {
    if (!write_to(client)) return false;
    std::size_t taken = 0;
    while (!client.blocked() && !must_wait(client)) {
        std::size_t end = client.input.find('\0', taken);
        if (end == std::string::npos) break;
        Duration before = thread_cpu_time();
        answer(id, client, client.input.substr(taken, end - taken), answers, commands);
        taken = end + 1;
        client.last_active = ++activity_;
        if (!write_to(client)) return false;
        if (!client.may_change) charge(thread_cpu_time() - before);
    }
    client.input.erase(0, taken);
    return true;
}

// A client is asked to write only when it may, so that a full buffer or a slow reader makes no busy loop.
void ControlServer::update_interest(ClientId id, Client& client) {
    std::uint32_t interest = 0;
    if (!client.output.empty()) interest |= EPOLLOUT;
    if (!client.blocked() && !must_wait(client)) interest |= EPOLLIN;
    if (interest == client.interest) return;
    client.interest = interest;
    epoll_event event{.events = interest, .data = {.u64 = id}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.connection.get(), &event);
}

std::vector<CommandReceived> ControlServer::dispatch(const Answers& answers) {
    status_.reset();
    status_reply_.reset();
    counters_reply_.reset();
    std::vector<CommandReceived> commands;
    std::array<epoll_event, kEventsPerDispatch> events;
    int count = epoll_wait(epoll_.get(), events.data(), kEventsPerDispatch, 0);
    bool woken = false;
    std::map<ClientId, std::uint32_t> ready;
    for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
        ClientId id = event.data.u64;  // a copy: the structure is packed, no reference may be bound to its parts
        if (id == kListenerTag) {
            accept_clients();
        } else if (id == kWakeTag) {
            woken = true;
        } else if (event.data.u64 == kPauseEndTag) {
            std::uint64_t times = 0;
            (void)!read(pause_end_.get(), &times, sizeof times);
            pause(false);
        } else if (id == kRetryTag) {
            listen_again();
        } else {
            ready[id] = event.events;
        }
    }
    if (woken) {
        std::uint64_t value = 0;
        (void)!read(wake_.get(), &value, sizeof value);
        for (const auto& [id, client] : clients_) ready.try_emplace(id, 0);
    }
    for (const auto& [id, happened] : ready) {
        auto found = clients_.find(id);
        if (found == clients_.end()) continue;  // dropped to make room
        Client& client = *found->second;
        bool waits = client.blocked() || must_wait(client);
        bool alive = !(happened & EPOLLERR) && !((happened & EPOLLHUP) && waits);
        if (alive && (happened & (EPOLLIN | EPOLLHUP)) && !waits) alive = read_from(client);
        if (alive) alive = advance(id, client, answers, commands);
        if (alive) {
            update_interest(id, client);
        } else {
            drop(id);
        }
    }
    return commands;
}

void ControlServer::reply(const Reply& reply) {
    auto asked = open_commands_.find(reply.request);
    if (asked == open_commands_.end()) return;  // nobody waits for it
    auto found = clients_.find(asked->second);
    open_commands_.erase(asked);
    if (found == clients_.end()) return;
    Client& client = *found->second;
    client.open_command.reset();
    client.output = encode_reply(reply.reply);
    if (!write_to(client)) return drop(found->first);
    update_interest(found->first, client);
    if (!client.input.empty()) wake();
}

}  // namespace ipmp
