#include "shell/dhcp_clients.hpp"

#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "shell/log.hpp"

namespace ipmp {

namespace {

constexpr int kCannotRun = 127;  // tools/dhcp_client says so
constexpr std::size_t kMostLineBytes = 256;

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

}  // namespace

Result<DhcpClients> DhcpClients::create(ProgramHelper& helper, const NetworkPlaces& places) {
    DhcpClients clients(helper, places);
    clients.epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!clients.epoll_) return system_error("cannot create an epoll descriptor");
    return clients;
}

Result<ChildProcess> DhcpClients::start_process(const StartDhcpClient& action) {
    UniqueFd elsewhere;
    if (action.place != Place::host) {
        elsewhere = places_->descriptor(action.place);
        if (!elsewhere) return Error{"there is no network namespace of isolated groups", ENOENT};
    }
    return ChildProcess::start(*helper_, ProgramHelper::Program::dhcp_client, arguments_of(action),
                               ChildProcess::Group::own, epoll_.get(), "", elsewhere.get());
}

void DhcpClients::start(const StartDhcpClient& action) {
    signal({action.client, DhcpSignal::end});
    auto process = start_process(action);
    if (!process) {
        failed_.push_back({action.client, action.run, false, process.error().text});
        return;
    }
    clients_.push_back({.key = action.client, .run = action.run, .process = std::move(*process)});
}

void DhcpClients::signal(const SignalDhcpClient& action) {
    for (Client& client : clients_) {
        if (client.key != action.client || client.is_ending) continue;
        client.is_ending = action.signal == DhcpSignal::end;
        if (client.process.signal(number_of(action.signal))) continue;
        std::string what = "cannot signal the DHCP client of " + to_string(client.key.logical);
        log_error(system_error(what).text + ", ignoring");
    }
}

std::optional<int> DhcpClients::follow(Client& client) {
    return client.process.follow([&](std::string_view text) {
        for (char c : text) {
            bool printable = static_cast<unsigned char>(c) >= ' ';
            if (c != '\n' && client.line.size() < kMostLineBytes) client.line += printable ? c : ' ';
            if (c != '\n' || client.line.empty()) continue;
            client.last_line = std::exchange(client.line, "");
            log_info("DHCP client of " + to_string(client.key.logical) + ": " + client.last_line);
        }
    });
}

std::vector<DhcpClientEnded> DhcpClients::take_events() {
    std::vector<DhcpClientEnded> events = std::exchange(failed_, {});
    epoll_event ready{};
    if (clients_.empty() || ::epoll_wait(epoll_.get(), &ready, 1, 0) == 0) return events;
    // Asked once for each: who ends meanwhile is reported next time, and not gone unreported.
    std::erase_if(clients_, [&](Client& client) {
        auto status = follow(client);
        if (!status) return false;
        bool cannot_run = WIFEXITED(*status) && WEXITSTATUS(*status) == kCannotRun;
        events.push_back({client.key, client.run, cannot_run, client.last_line});
        return true;
    });
    return events;
}

}  // namespace ipmp
