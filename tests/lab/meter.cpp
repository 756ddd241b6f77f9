// meter: measures what a failure costs one flow. It holds both ends of one established flow, each in a network
// namespace of its own, and sends small numbered messages at a fixed rate each way. Both ends share one clock, so
// gaps, latencies, losses, duplicates and reorderings are exact.
//
//   meter tcp|udp NETNS_A ADDRESS_A NETNS_B ADDRESS_B MESSAGES_PER_SECOND
//
// A connects to B. Once the flow is established it prints one line, {"port": N} with A's port. Then each line on
// stdin is a command:
//
//   mark      begins a new window for gaps and latencies; answers {}
//   report    answers the report below; the window goes on
//   stop      stops sending, waits until all has arrived or nothing came for 500 ms, answers a report
//
//   {"error": null or TEXT,
//    "a_to_b": {"sent", "missing", "duplicated", "reordered", "send_errors": of the whole run,
//               "received", "longest_gap_ms", "gap_at_ms", "median_latency_us": of the window}, "b_to_a": {...}}
//
// The longest gap counts from the last arrival before the mark, and includes the time since the last arrival:
// a flow that stands still shows a growing gap. `missing` counts messages under way too, except after `stop`.
// It ends when stdin ends. Threads: one per end, doing all of that end's I/O, and main for the commands; they share
// one Stream per direction, under its mutex.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <iostream>
#include <mutex>
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

constexpr std::size_t kMessageBytes = 64;
constexpr std::size_t kUnsentBytesMax = 1 << 20;
constexpr auto kQuiet = std::chrono::milliseconds(500);

struct Message {
    std::uint64_t sequence = 0;
    std::int64_t sent_at_ns = 0;
    std::array<char, kMessageBytes - 16> padding{};
};
static_assert(sizeof(Message) == kMessageBytes);

double to_ms(Clock::duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

// What is known about one direction of the flow.
class Stream {
  public:
    void sent() { ++sent_; }
    void send_failed() { ++send_errors_; }
    std::uint64_t next_sequence() const { return sent_; }

    void received(const Message& message, Clock::time_point now) {
        std::lock_guard guard(mutex_);
        if (message.sequence >= seen_.size()) seen_.resize(message.sequence + 1024);
        if (seen_[message.sequence]) {
            ++duplicated_;
        } else {
            seen_[message.sequence] = true;
            ++unique_;
            if (message.sequence < highest_) ++reordered_;
            highest_ = std::max(highest_, message.sequence);
        }
        if (now - last_arrival_ > gap_) {
            gap_ = now - last_arrival_;
            gap_began_ = last_arrival_;
        }
        last_arrival_ = now;
        auto sent_at = Clock::time_point(std::chrono::nanoseconds(message.sent_at_ns));
        latencies_us_.push_back(to_ms(now - sent_at) * 1000);
    }

    void mark(Clock::time_point now) {
        std::lock_guard guard(mutex_);
        marked_ = now;
        gap_ = {};
        gap_began_ = last_arrival_;
        latencies_us_.clear();
    }

    bool all_arrived() {
        std::lock_guard guard(mutex_);
        return unique_ == sent_;
    }

    Clock::time_point last_arrival() {
        std::lock_guard guard(mutex_);
        return last_arrival_;
    }

    Json report(bool flowing) {
        std::lock_guard guard(mutex_);
        auto open_gap = flowing ? Clock::now() - last_arrival_ : Clock::duration{};
        auto gap = std::max(gap_, open_gap);
        auto began = gap_ >= open_gap ? gap_began_ : last_arrival_;
        double median_us = 0;
        if (!latencies_us_.empty()) {
            auto middle = latencies_us_.begin() + static_cast<std::ptrdiff_t>(latencies_us_.size() / 2);
            std::nth_element(latencies_us_.begin(), middle, latencies_us_.end());
            median_us = *middle;
        }
        return {{"sent", sent_.load()},
                {"missing", sent_ - unique_},
                {"duplicated", duplicated_},
                {"reordered", reordered_},
                {"send_errors", send_errors_.load()},
                {"received", latencies_us_.size()},
                {"longest_gap_ms", to_ms(gap)},
                {"gap_at_ms", to_ms(began - marked_)},
                {"median_latency_us", median_us}};
    }

  private:
    std::atomic<std::uint64_t> sent_ = 0, send_errors_ = 0;
    std::mutex mutex_;
    std::vector<bool> seen_;
    std::uint64_t unique_ = 0, duplicated_ = 0, reordered_ = 0, highest_ = 0;
    Clock::time_point marked_ = Clock::now(), last_arrival_ = Clock::now(), gap_began_ = Clock::now();
    Clock::duration gap_{};
    std::vector<double> latencies_us_;
};

// Why the flow ended, if it did; the first cause stays.
class Failure {
  public:
    void set(const std::string& text) {
        std::lock_guard guard(mutex_);
        if (text_.empty()) text_ = text;
    }
    std::string text() {
        std::lock_guard guard(mutex_);
        return text_;
    }

  private:
    std::mutex mutex_;
    std::string text_;
};

// One end of the flow: sends into `out`, accounts what arrives in `in`.
class End {
  public:
    End(UniqueFd socket, bool tcp, Stream& out, Stream& in, Failure& failure)
        : socket_(std::move(socket)), tcp_(tcp), out_(out), in_(in), failure_(failure) {}

    // Until `quit` becomes readable; `sending` may turn false before.
    void run(int messages_per_second, int quit, const std::atomic<bool>& sending) {
        sched_param priority{.sched_priority = 10};  // measure the network, not the queue for a processor
        ::sched_setscheduler(0, SCHED_FIFO, &priority);
        ::prctl(PR_SET_TIMERSLACK, 1UL);
        UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
        timespec period{messages_per_second == 1, 1000000000 / messages_per_second % 1000000000};
        itimerspec schedule{period, period};
        IPMP_CHECK(::timerfd_settime(timer.get(), 0, &schedule, nullptr) == 0);
        while (true) {
            std::array<pollfd, 3> waits{pollfd{quit, POLLIN, 0}, pollfd{broken_ ? -1 : socket_.get(), POLLIN, 0},
                                        pollfd{timer.get(), POLLIN, 0}};
            if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
            if (waits[0].revents) return;
            if (waits[1].revents) receive();
            std::uint64_t ticks = 0;
            if (waits[2].revents && ::read(timer.get(), &ticks, sizeof ticks) == sizeof ticks && sending)
                for (; ticks > 0 && !broken_; --ticks) send_one();
        }
    }

  private:
    void send_one() {
        Message message;
        message.sequence = out_.next_sequence();
        message.sent_at_ns = std::chrono::nanoseconds(Clock::now().time_since_epoch()).count();
        if (unsent_.size() > kUnsentBytesMax) return out_.send_failed();
        out_.sent();
        unsent_.append(reinterpret_cast<const char*>(&message), sizeof message);
        ssize_t length = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (!tcp_) {
            if (length < 0) out_.send_failed();
            unsent_.clear();
        } else if (length >= 0) {
            unsent_.erase(0, static_cast<std::size_t>(length));
        } else if (errno != EAGAIN) {
            fail("send");
        }
    }

    void receive() {
        std::array<char, 16384> chunk;
        ssize_t length = ::recv(socket_.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
        auto now = Clock::now();
        if (length > 0) {
            arrived_.append(chunk.data(), static_cast<std::size_t>(length));
        } else if (tcp_ && length == 0) {
            broken_ = true;
            failure_.set("closed by the other end");
        } else if (tcp_ && errno != EAGAIN) {
            fail("recv");
        }
        std::size_t used = 0;
        for (; arrived_.size() - used >= sizeof(Message); used += sizeof(Message)) {
            Message message;
            std::memcpy(&message, arrived_.data() + used, sizeof message);
            in_.received(message, now);
        }
        arrived_.erase(0, tcp_ ? used : arrived_.size());
    }

    void fail(const std::string& what) {
        broken_ = true;
        failure_.set(system_error(what).text);
    }

    UniqueFd socket_;
    bool tcp_;
    Stream &out_, &in_;
    Failure& failure_;
    std::string unsent_, arrived_;
    bool broken_ = false;
};

struct Flow {
    UniqueFd a, b;
    in_port_t port_a = 0;
};

Result<Flow> establish(bool tcp, const std::string& netns_a, const std::string& text_a, const std::string& netns_b,
                       const std::string& text_b) {
    auto address_a = parse_ip(text_a), address_b = parse_ip(text_b);
    if (!address_a || !address_b || address_a->family != address_b->family)
        return Error{"'" + text_a + "' and '" + text_b + "' are no two addresses of one family"};
    auto b = open_socket(netns_b, *address_b, tcp);
    if (!b) return b.error();
    if (tcp && ::listen(b->fd.get(), 1) < 0) return system_error("listen");
    auto a = open_socket(netns_a, *address_a, tcp);
    if (!a) return a.error();
    auto to_b = socket_address(*address_b, b->port), to_a = socket_address(*address_a, a->port);
    if (::connect(a->fd.get(), to_b.get(), to_b.size) < 0) return system_error("connect to " + text_b);
    if (!tcp) {
        if (::connect(b->fd.get(), to_a.get(), to_a.size) < 0) return system_error("connect to " + text_a);
        return Flow{std::move(a->fd), std::move(b->fd), a->port};
    }
    UniqueFd accepted(::accept4(b->fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!accepted) return system_error("accept");
    int on = 1;
    for (int fd : {a->fd.get(), accepted.get()}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return Flow{std::move(a->fd), std::move(accepted), a->port};
}

void serve_commands(Stream& a_to_b, Stream& b_to_a, Failure& failure, std::atomic<bool>& sending) {
    auto report = [&] {
        std::string error = failure.text();
        return Json{{"error", error.empty() ? Json() : Json(error)},
                    {"a_to_b", a_to_b.report(sending)},
                    {"b_to_a", b_to_a.report(sending)}};
    };
    for (std::string line; std::getline(std::cin, line);) {
        Json answer = Json::object();
        if (line == "mark") {
            a_to_b.mark(Clock::now());
            b_to_a.mark(Clock::now());
        } else if (line == "report") {
            answer = report();
        } else if (line == "stop") {
            sending = false;
            auto began = Clock::now();
            auto done = [&] {
                if (a_to_b.all_arrived() && b_to_a.all_arrived()) return true;
                return Clock::now() - std::max({began, a_to_b.last_arrival(), b_to_a.last_arrival()}) > kQuiet;
            };
            while (!done()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
            answer = report();
        } else {
            answer["error"] = "unknown command '" + line + "'";
        }
        std::cout << answer.dump() << std::endl;
    }
}

}  // namespace

int main(int argc, char** argv) {
    int rate = argc == 7 ? std::stoi(argv[6]) : 0;
    if (rate < 1 || rate > 100000 || (std::string(argv[1]) != "tcp" && std::string(argv[1]) != "udp")) {
        std::cerr << "usage: meter tcp|udp NETNS_A ADDRESS_A NETNS_B ADDRESS_B MESSAGES_PER_SECOND\n";
        return 1;
    }
    bool tcp = std::string(argv[1]) == "tcp";
    auto flow = establish(tcp, argv[2], argv[3], argv[4], argv[5]);
    if (!flow) {
        std::cerr << "meter: " << flow.error().text << "\n";
        return 1;
    }
    UniqueFd quit(::eventfd(0, EFD_CLOEXEC));
    IPMP_CHECK(quit);
    Stream a_to_b, b_to_a;
    Failure failure;
    std::atomic<bool> sending = true;
    End a(std::move(flow->a), tcp, a_to_b, b_to_a, failure), b(std::move(flow->b), tcp, b_to_a, a_to_b, failure);
    std::thread thread_a([&] { a.run(rate, quit.get(), sending); });
    std::thread thread_b([&] { b.run(rate, quit.get(), sending); });
    std::cout << Json{{"port", ntohs(flow->port_a)}}.dump() << std::endl;
    serve_commands(a_to_b, b_to_a, failure, sending);
    std::uint64_t one = 1;
    IPMP_CHECK(::write(quit.get(), &one, sizeof one) == sizeof one);
    thread_a.join();
    thread_b.join();
    return 0;
}
