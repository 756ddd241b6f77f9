// load: as much traffic of one kind as goes, from A to B, for a while. It holds both ends, each in a network namespace
// of its own and on a processor of its own if there are two, and prints what arrived as one line of JSON.
//
//   load KIND NETNS_A ADDRESS_A NETNS_B ADDRESS_B SECONDS NUMBER [ADDRESS_B ...]
//
//   bulk      NUMBER TCP flows, spread over all addresses of B     "bytes"
//   flood     UDP datagrams of NUMBER bytes, one system call each  "sent", "packets"
//   request   NUMBER bytes to B and back over one TCP connection   "count", "latencies_us": {"p50", "p90", ...}
//   connect   connections begun and broken off (NUMBER says naught) "count"
//
// Beside these: "seconds", and what all processors together did meanwhile: "system_s" (the kernel, interrupts
// included), "user_s", "steal_s"; and "sender_s", the processor time of the thread at A: on veths that is the whole way
// of a packet up to the socket at B, and what others do on this machine changes it little. Nothing is counted in the
// first twentieth of a second. Not iperf3: it has neither requests nor connections, and its clock costs more than what
// is to be measured.
//
// Threads: one per end, and main, which looks at the counters twice and then stops both.
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "lab/namespace_socket.hpp"

namespace {

using namespace ipmp;
using namespace ipmp::lab;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr auto kWarmUp = std::chrono::milliseconds(50);
constexpr std::size_t kChunkBytes = 128 * 1024;
constexpr std::size_t kDatagramBytesMax = 9000;
constexpr int kReceiveBufferBytes = 32 << 20;
constexpr linger kReset{.l_onoff = 1, .l_linger = 0};
constexpr unsigned kBatch = 64;  // datagrams that are received by one system call
// Who waits for datagrams in the kernel is woken by each, if he is faster than who sends: in a virtual machine that is
// a third of the sender's time, and as fickle as its host. So he looks now and then, and his buffer holds the rest.
constexpr auto kReceiverRest = std::chrono::microseconds(500);

struct Options {
    std::string kind, netns_a, netns_b;
    IpAddress address_a;
    std::vector<IpAddress> addresses_b;
    double seconds = 0;
    std::size_t number = 0;
};

// What both ends count and main reads.
struct Counters {
    std::atomic<std::uint64_t> sent = 0, arrived = 0;
    std::atomic<bool> counting = false, stopping = false;
    std::vector<float> latencies_us;  // written by end A, read after it has ended
};

// One end: what it does until `stopping`, and the sockets whose shutdown wakes it up.
struct End {
    std::function<void()> run;
    std::vector<int> wakes;
};

void stay_on_processor(int number) {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) < 0) return;
    int seen = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &allowed) || seen++ != number) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        ::sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

// A TCP connection from A to B; the calling thread stays in A's namespace.
struct Connection {
    UniqueFd a, b;
};

Result<BoundSocket> open_listener(const Options& options, const IpAddress& address) {
    auto listener = open_socket(options.netns_b, address, true);
    if (listener && ::listen(listener->fd.get(), 4096) < 0) return system_error("listen");
    return listener;
}

Result<Connection> connect_to(const Options& options, const IpAddress& address) {
    auto listener = open_listener(options, address);
    if (!listener) return listener.error();
    auto a = open_socket(options.netns_a, options.address_a, true);
    if (!a) return a.error();
    auto to_b = socket_address(address, listener->port);
    if (::connect(a->fd.get(), to_b.get(), to_b.size) < 0) return system_error("connect to " + to_string(address));
    Connection result{std::move(a->fd), UniqueFd(::accept4(listener->fd.get(), nullptr, nullptr, SOCK_CLOEXEC))};
    if (!result.b) return system_error("accept");
    return result;
}

// Calls `serve` for each socket that is ready for `what`, until `stopping`.
void serve_ready(const std::vector<Connection>& connections, UniqueFd Connection::*side, short what,
                 const std::atomic<bool>& stopping, const std::function<void(int)>& serve) {
    std::vector<pollfd> waits;
    for (const auto& connection : connections) waits.push_back({(connection.*side).get(), what, 0});
    while (!stopping) {
        if (::poll(waits.data(), waits.size(), 100) < 0) continue;
        for (const auto& wait : waits)
            if (wait.revents) serve(wait.fd);
    }
}

Result<std::pair<End, End>> bulk(const Options& options, Counters& counters) {
    auto connections = std::make_shared<std::vector<Connection>>();
    std::pair<End, End> ends;
    for (std::size_t number = 0; number < options.number; ++number) {
        auto connection = connect_to(options, options.addresses_b[number % options.addresses_b.size()]);
        if (!connection) return connection.error();
        ends.first.wakes.push_back(connection->a.get());
        connections->push_back(std::move(*connection));
    }
    ends.first.run = [connections, &counters] {
        std::vector<char> chunk(kChunkBytes, 'x');
        serve_ready(*connections, &Connection::a, POLLOUT, counters.stopping, [&](int fd) {
            ssize_t length = ::send(fd, chunk.data(), chunk.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (length > 0) counters.sent += static_cast<std::uint64_t>(length);
        });
    };
    ends.second.run = [connections, &counters] {
        std::vector<char> chunk(kChunkBytes);
        serve_ready(*connections, &Connection::b, POLLIN, counters.stopping, [&](int fd) {
            ssize_t length = ::recv(fd, chunk.data(), chunk.size(), MSG_DONTWAIT);
            if (length > 0) counters.arrived += static_cast<std::uint64_t>(length);
        });
    };
    return ends;
}

void receive_datagrams(int fd, Counters& counters) {
    std::vector<char> space(kBatch * kDatagramBytesMax);
    std::array<iovec, kBatch> parts;
    std::array<mmsghdr, kBatch> messages{};
    for (std::size_t index = 0; index < kBatch; ++index) {
        parts[index] = {space.data() + index * kDatagramBytesMax, kDatagramBytesMax};
        messages[index].msg_hdr.msg_iov = &parts[index];
        messages[index].msg_hdr.msg_iovlen = 1;
    }
    while (!counters.stopping) {
        int count = ::recvmmsg(fd, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
        if (count > 0)
            counters.arrived += static_cast<std::uint64_t>(count);
        else
            std::this_thread::sleep_for(kReceiverRest);
    }
}

Result<std::pair<End, End>> flood(const Options& options, Counters& counters) {
    if (options.number > kDatagramBytesMax) return Error{"datagrams are too long"};
    auto b = open_socket(options.netns_b, options.addresses_b.front(), false);
    if (!b) return b.error();
    auto a = open_socket(options.netns_a, options.address_a, false);
    if (!a) return a.error();
    auto to_b = socket_address(options.addresses_b.front(), b->port);
    if (::connect(a->fd.get(), to_b.get(), to_b.size) < 0) return system_error("connect");
    ::setsockopt(b->fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBufferBytes, sizeof kReceiveBufferBytes);
    auto from = std::make_shared<UniqueFd>(std::move(a->fd)), to = std::make_shared<UniqueFd>(std::move(b->fd));
    std::pair<End, End> ends;
    ends.first.run = [from, &counters, bytes = options.number] {
        std::array<char, kDatagramBytesMax> datagram{};
        while (!counters.stopping)
            if (::send(from->get(), datagram.data(), bytes, 0) >= 0) ++counters.sent;
    };
    ends.second.run = [to, &counters] { receive_datagrams(to->get(), counters); };
    return ends;
}

bool receive_whole(int fd, std::vector<char>& message) {
    for (std::size_t have = 0; have < message.size();) {
        ssize_t length = ::recv(fd, message.data() + have, message.size() - have, 0);
        if (length <= 0) return false;
        have += static_cast<std::size_t>(length);
    }
    return true;
}

Result<std::pair<End, End>> request(const Options& options, Counters& counters) {
    auto connection = connect_to(options, options.addresses_b.front());
    if (!connection) return connection.error();
    auto kept = std::make_shared<Connection>(std::move(*connection));
    int on = 1;
    for (int fd : {kept->a.get(), kept->b.get()}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::pair<End, End> ends;
    ends.first.wakes = {kept->a.get()};
    counters.latencies_us.reserve(1 << 20);
    ends.first.run = [kept, &counters, bytes = options.number] {
        std::vector<char> message(bytes, 'x');
        while (!counters.stopping) {
            bool counted = counters.counting;
            auto begun = Clock::now();
            if (::send(kept->a.get(), message.data(), bytes, MSG_NOSIGNAL) < 0) return;
            if (!receive_whole(kept->a.get(), message)) return;
            if (!counted) continue;
            ++counters.arrived;
            counters.latencies_us.push_back(std::chrono::duration<float, std::micro>(Clock::now() - begun).count());
        }
    };
    ends.second.run = [kept, bytes = options.number] {
        std::vector<char> message(bytes);
        while (receive_whole(kept->b.get(), message))
            if (::send(kept->b.get(), message.data(), bytes, MSG_NOSIGNAL) < 0) return;
    };
    return ends;
}

// Both ends break off with a reset, as thousands of connections that wait for their end would be measured else.
Result<std::pair<End, End>> connect(const Options& options, Counters& counters) {
    auto listener = open_listener(options, options.addresses_b.front());
    if (!listener) return listener.error();
    auto kept = std::make_shared<BoundSocket>(std::move(*listener));
    std::pair<End, End> ends;
    ends.second.wakes = {kept->fd.get()};
    ends.first.run = [kept, options, &counters] {
        auto to_b = socket_address(options.addresses_b.front(), kept->port);
        while (!counters.stopping) {
            auto a = open_socket(options.netns_a, options.address_a, true);
            if (!a || ::connect(a->fd.get(), to_b.get(), to_b.size) < 0) continue;
            ::setsockopt(a->fd.get(), SOL_SOCKET, SO_LINGER, &kReset, sizeof kReset);
            ++counters.arrived;
        }
    };
    ends.second.run = [kept, &counters] {
        while (!counters.stopping) {
            UniqueFd accepted(::accept4(kept->fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (accepted) ::setsockopt(accepted.get(), SOL_SOCKET, SO_LINGER, &kReset, sizeof kReset);
        }
    };
    return ends;
}

// Seconds of all processors together since boot: user, kernel, steal.
std::array<double, 3> processor_seconds() {
    std::ifstream file("/proc/stat");
    std::string word;
    double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
    file >> word >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal;
    auto second = static_cast<double>(::sysconf(_SC_CLK_TCK));
    return {(user + nice) / second, (system + irq + softirq) / second, steal / second};
}

double processor_seconds_of(std::thread& thread) {
    clockid_t clock{};
    timespec spent{};
    IPMP_CHECK(::pthread_getcpuclockid(thread.native_handle(), &clock) == 0 && ::clock_gettime(clock, &spent) == 0);
    return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

Json latencies(std::vector<float>& all) {
    if (all.empty()) return nullptr;
    std::sort(all.begin(), all.end());
    auto at = [&](double part) {
        auto rank = static_cast<std::size_t>(part * static_cast<double>(all.size()));
        return all[std::min(all.size() - 1, rank)];
    };
    return {{"p50", at(0.5)}, {"p90", at(0.9)}, {"p99", at(0.99)}, {"p99_9", at(0.999)}};
}

Json measure(const Options& options, Counters& counters, std::pair<End, End>& ends) {
    std::thread b([&] { stay_on_processor(1), ends.second.run(); });
    std::thread a([&] { stay_on_processor(0), ends.first.run(); });
    std::this_thread::sleep_for(kWarmUp);
    auto began = Clock::now();
    auto processors = processor_seconds();
    double sender = processor_seconds_of(a);
    std::uint64_t sent = counters.sent, arrived = counters.arrived;
    counters.counting = true;
    std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
    counters.counting = false;
    sent = counters.sent - sent;
    arrived = counters.arrived - arrived;
    sender = processor_seconds_of(a) - sender;
    auto after = processor_seconds();
    double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    counters.stopping = true;
    for (const auto* end : {&ends.first, &ends.second})
        for (int fd : end->wakes) ::shutdown(fd, SHUT_RDWR);
    a.join();
    b.join();
    Json result{{"seconds", seconds},
                {"sender_s", sender},
                {"user_s", after[0] - processors[0]},
                {"system_s", after[1] - processors[1]},
                {"steal_s", after[2] - processors[2]}};
    if (options.kind == "bulk") result["bytes"] = arrived;
    if (options.kind == "flood") result.update({{"sent", sent}, {"packets", arrived}});
    if (options.kind == "request" || options.kind == "connect") result["count"] = arrived;
    if (options.kind == "request") result["latencies_us"] = latencies(counters.latencies_us);
    return result;
}

Result<Options> parse(int argc, char** argv) {
    if (argc < 8) return Error{"usage: load KIND NETNS_A ADDRESS_A NETNS_B ADDRESS_B SECONDS NUMBER [ADDRESS_B ...]"};
    Options options{.kind = argv[1], .netns_a = argv[2], .netns_b = argv[4]};
    std::vector<std::string> texts{argv[5]};
    texts.insert(texts.end(), argv + 8, argv + argc);
    auto address_a = parse_ip(argv[3]);
    if (!address_a) return Error{"no address: " + std::string(argv[3])};
    options.address_a = *address_a;
    for (const auto& text : texts) {
        auto address = parse_ip(text);
        if (!address || address->family != options.address_a.family) return Error{"no address of that family: " + text};
        options.addresses_b.push_back(*address);
    }
    options.seconds = std::atof(argv[6]);
    options.number = static_cast<std::size_t>(std::atol(argv[7]));
    if (options.seconds <= 0 || options.number < 1) return Error{"SECONDS and NUMBER must be positive"};
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    auto options = parse(argc, argv);
    Counters counters;
    Result<std::pair<End, End>> ends = options ? Error{"unknown kind of traffic"} : options.error();
    if (options && options->kind == "bulk") ends = bulk(*options, counters);
    if (options && options->kind == "flood") ends = flood(*options, counters);
    if (options && options->kind == "request") ends = request(*options, counters);
    if (options && options->kind == "connect") ends = connect(*options, counters);
    if (!ends) {
        std::cerr << "load: " << ends.error().text << "\n";
        return 1;
    }
    std::cout << measure(*options, counters, *ends).dump() << std::endl;
    return 0;
}
