#include "shell/dhcp_clients.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "shell/log.hpp"

extern char** environ;

namespace ipmp {

namespace {

constexpr int kCannotRun = 127;  // tools/dhcp_client says so
constexpr std::size_t kMostLineBytes = 256;
constexpr int kMostReads = 16;  // of 4 KiB in one turn of the loop

std::string logical_name(const DhcpKey& key) {
    const LogicalName& logical = key.logical;
    return logical.number == 0 ? logical.interface : logical.interface + ":" + std::to_string(logical.number);
}

std::vector<std::string> arguments_of(const StartDhcpClient& action) {
    std::vector<std::string> words{"ipmp-dhcp-client",
                                   std::to_string(::getpid()),
                                   action.client.logical.interface,
                                   std::to_string(action.client.logical.number),
                                   action.client.family == Family::ipv4 ? "inet" : "inet6",
                                   std::to_string(action.run),
                                   std::to_string(action.iaid)};
    if (action.broadcast) words.push_back("broadcast");
    if (action.inform) {
        words.push_back("inform=" + to_string(action.address) + "/" + std::to_string(action.prefix_length));
    }
    return words;
}

// As dhcpcd understands them.
int number_of(DhcpSignal signal) {
    switch (signal) {
        case DhcpSignal::end: return SIGTERM;
        case DhcpSignal::renew: return SIGUSR1;
        case DhcpSignal::release: return SIGALRM;
    }
    return 0;
}

// Ordinary signals for a child of ours, and neither our terminal nor our real-time priority (SCHED_RESET_ON_FORK).
int spawn_process(const std::string& program, std::vector<std::string> words, int output, pid_t& child) {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    int failure = posix_spawn(&child, program.c_str(), &files, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return failure;
}

}  // namespace

Result<DhcpClients> DhcpClients::create(std::string program, const NetworkPlaces& places) {
    DhcpClients clients(places);
    clients.program_ = std::move(program);
    clients.epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!clients.epoll_) return system_error("cannot create an epoll descriptor");
    return clients;
}

std::string DhcpClients::program_beside_us() {
    std::array<char, 4096> buffer{};
    ssize_t length = ::readlink("/proc/self/exe", buffer.data(), buffer.size() - 1);
    std::string self = length > 0 ? std::string(buffer.data(), static_cast<std::size_t>(length)) : "/";
    return self.substr(0, self.rfind('/')) + "/ipmp-dhcp-client";
}

Result<DhcpClients::Client> DhcpClients::spawn(const StartDhcpClient& action) const {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("cannot create a pipe");
    Client client{.key = action.client, .run = action.run};
    UniqueFd write_end(ends[1]);
    client.output.reset(ends[0]);
    ::fcntl(client.output.get(), F_SETFL, O_NONBLOCK);  // our end only
    auto spawned = places_->inside(action.place, [&]() -> Result<void> {
        int failure = spawn_process(program_, arguments_of(action), write_end.get(), client.pid);
        if (failure != 0) return system_error("cannot start " + program_, failure);
        return {};
    });
    if (!spawned) return spawned.error();
    client.process.reset(static_cast<int>(::syscall(SYS_pidfd_open, client.pid, 0)));
    if (client.process) return client;
    Error error = system_error("cannot watch " + program_);
    ::kill(client.pid, SIGKILL);
    ::waitpid(client.pid, nullptr, 0);
    return error;
}

void DhcpClients::start(const StartDhcpClient& action) {
    signal({action.client, DhcpSignal::end});
    auto client = spawn(action);
    if (!client) {
        failed_.push_back({action.client, action.run, false, client.error().text});
        return;
    }
    for (const UniqueFd* fd : {&client->process, &client->output}) {
        epoll_event interest{.events = EPOLLIN, .data = {.fd = fd->get()}};
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd->get(), &interest) < 0) {
            log_error(system_error("cannot watch a DHCP client").text + ", ignoring: its news may come late");
        }
    }
    clients_.push_back(std::move(*client));
}

void DhcpClients::signal(const SignalDhcpClient& action) {
    for (Client& client : clients_) {
        if (client.key != action.client || client.is_ending) continue;
        int number = number_of(action.signal);
        client.is_ending = action.signal == DhcpSignal::end;
        if (::syscall(SYS_pidfd_send_signal, client.process.get(), number, nullptr, 0) != 0 && errno != ESRCH) {
            log_error(system_error("cannot signal the DHCP client of " + logical_name(client.key)).text + ", ignoring");
        }
    }
}

void DhcpClients::read_output(Client& client) const {
    std::array<char, 4096> buffer{};
    for (int round = 0; round < kMostReads; ++round) {
        ssize_t count = ::read(client.output.get(), buffer.data(), buffer.size());
        if (count <= 0) {
            if (count == 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, client.output.get(), nullptr);
            return;
        }
        for (char c : std::string_view(buffer.data(), static_cast<std::size_t>(count))) {
            bool printable = static_cast<unsigned char>(c) >= ' ';
            if (c != '\n' && client.line.size() < kMostLineBytes) client.line += printable ? c : ' ';
            if (c != '\n' || client.line.empty()) continue;
            client.last_line = std::exchange(client.line, "");
            log_info("DHCP client of " + logical_name(client.key) + ": " + client.last_line);
        }
    }
}

bool DhcpClients::has_ended(Client& client, DhcpClientEnded& end) const {
    int status = 0;
    if (::waitpid(client.pid, &status, WNOHANG) != client.pid) return false;
    read_output(client);
    end = {client.key, client.run, WIFEXITED(status) && WEXITSTATUS(status) == kCannotRun, client.last_line};
    return true;
}

std::vector<DhcpClientEnded> DhcpClients::take_events() {
    std::vector<DhcpClientEnded> events = std::exchange(failed_, {});
    epoll_event ready{};
    if (clients_.empty() || ::epoll_wait(epoll_.get(), &ready, 1, 0) == 0) return events;
    for (Client& client : clients_) {
        DhcpClientEnded end;
        read_output(client);
        if (!has_ended(client, end)) continue;
        // By hand: closing is not enough while a child that is being started still holds them.
        for (const UniqueFd* fd : {&client.process, &client.output}) {
            ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd->get(), nullptr);
        }
        client.pid = 0;
        events.push_back(std::move(end));
    }
    std::erase_if(clients_, [](const Client& client) { return client.pid == 0; });
    return events;
}

}  // namespace ipmp
