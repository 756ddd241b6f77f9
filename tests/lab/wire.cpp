// wire: a cable in user space. It creates one tap in each of two network namespaces and carries frames between
// them, so that the laboratory has NICs whose carrier behaves like that of hardware (a tap's iflink is its own
// index: Linux treats its carrier loss as it treats a real NIC's, unlike a veth's).
//
//   wire NETNS_A NAME_A MAC_A NETNS_B NAME_B MAC_B
//
// NETNS_* is the path of a namespace, e.g. /proc/self/fd/7. Once both taps are up it prints "ready". Then each line
// on stdin is a command, answered by one line, "ok" or "error: ...":
//
//   carrier up|down           both ends; down also drops what is under way
//   silent none|ab|ba|both    drop frames of these directions, the carrier stays
//   loss PERCENT              of the frames of both directions
//   delay MS [JITTER_MS]      of both directions; jitter may reorder
//   stats                     "ok ab=FRAMES ba=FRAMES dropped=FRAMES"
//   lag                       "ok MICROSECONDS": how late this program itself was at most since it was asked last; it
//                             looks every millisecond from the first time on
//
// It ends when stdin ends or when a tap is deleted: nothing outlives the laboratory. One thread, one poll loop; a
// frame without delay is written in the turn that read it.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/mac_address.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace {

using namespace ipmp;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::size_t kFrameBytesMax = 65536;
constexpr std::size_t kQueuedFramesMax = 10000;  // under way in one direction; more are dropped
constexpr int kFramesPerTurn = 64;               // of one end, before the other end gets its turn
constexpr Clock::duration kLagPeriod = std::chrono::milliseconds(1);

Result<void> configure(const std::string& name, const MacAddress& mac) {
    UniqueFd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!control) return system_error("socket");
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    std::memcpy(request.ifr_hwaddr.sa_data, mac.bytes.data(), mac.bytes.size());
    if (::ioctl(control.get(), SIOCSIFHWADDR, &request) < 0) return system_error("set MAC of " + name);
    return {};
}

// Creates tap `name` in the namespace at `netns_path`. The calling thread stays in that namespace.
Result<UniqueFd> open_tap(const std::string& netns_path, const std::string& name, const std::string& mac_text) {
    auto mac = parse_mac(mac_text);
    if (!mac) return Error{"'" + mac_text + "' is no MAC address"};
    if (name.empty() || name.size() >= IFNAMSIZ) return Error{"'" + name + "' is no interface name"};
    UniqueFd netns(::open(netns_path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!netns) return system_error(netns_path);
    if (::setns(netns.get(), CLONE_NEWNET) < 0) return system_error("setns " + netns_path);
    UniqueFd tap(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!tap) return system_error("/dev/net/tun");
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(tap.get(), TUNSETIFF, &request) < 0) return system_error("create tap " + name);
    if (auto done = configure(name, *mac); !done) return done.error();
    return tap;
}

enum class ReadEnd { drained, more, gone };

// One direction of the cable: frames read from one tap, to be written to the other.
class Direction {
  public:
    Direction(int from, int to) : from_(from), to_(to) {}

    bool silent = false;
    std::uint64_t carried = 0;
    std::uint64_t dropped = 0;
    int from_fd() const { return from_; }

    template <typename Fate>  // Fate: () -> delay of the next frame, negative to drop it
    ReadEnd read_frames(std::vector<char>& buffer, Fate fate) {
        for (int count = 0; count < kFramesPerTurn; ++count) {
            ssize_t length = ::read(from_, buffer.data(), buffer.size());
            if (length < 0) return errno == EAGAIN || errno == EINTR ? ReadEnd::drained : ReadEnd::gone;
            double delay_ms = silent ? -1 : fate();
            if (delay_ms < 0 || queue_.size() >= kQueuedFramesMax) {
                ++dropped;
            } else if (delay_ms == 0 && queue_.empty()) {
                write_frame(buffer.data(), static_cast<std::size_t>(length));
            } else {
                auto due = Clock::now() + std::chrono::duration_cast<Clock::duration>(Milliseconds(delay_ms));
                queue_.emplace(due, std::string(buffer.data(), static_cast<std::size_t>(length)));
            }
        }
        return ReadEnd::more;
    }

    void write_due() {
        while (!queue_.empty() && queue_.begin()->first <= Clock::now()) {
            write_frame(queue_.begin()->second.data(), queue_.begin()->second.size());
            queue_.erase(queue_.begin());
        }
    }

    // When write_due() has work next.
    Clock::time_point next_due() const { return queue_.empty() ? Clock::time_point::max() : queue_.begin()->first; }

    void drop_queued() {
        dropped += queue_.size();
        queue_.clear();
    }

  private:
    void write_frame(const char* frame, std::size_t size) {
        // A full or downed tap loses the frame, as a NIC would.
        if (::write(to_, frame, size) < 0) {
            ++dropped;
        } else {
            ++carried;
        }
    }

    int from_, to_;
    std::multimap<Clock::time_point, std::string> queue_;
};

class Wire {
  public:
    Wire(UniqueFd a, UniqueFd b)
        : a_(std::move(a)), b_(std::move(b)), ab_(a_.get(), b_.get()), ba_(b_.get(), a_.get()) {}

    // Returns when stdin ended or a tap is gone.
    void run() {
        std::vector<char> buffer(kFrameBytesMax);
        auto fate = [this] { return next_delay_ms(); };
        while (true) {
            std::array<pollfd, 3> waits{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{a_.get(), POLLIN, 0},
                                        pollfd{b_.get(), POLLIN, 0}};
            auto timeout = until(std::min({ab_.next_due(), ba_.next_due(), lag_due_}));
            if (::ppoll(waits.data(), waits.size(), timeout ? &*timeout : nullptr, nullptr) < 0 && errno != EINTR)
                return;
            note_lag();
            if (waits[0].revents && !read_commands()) return;
            if (waits[1].revents && ab_.read_frames(buffer, fate) == ReadEnd::gone) return;
            if (waits[2].revents && ba_.read_frames(buffer, fate) == ReadEnd::gone) return;
            ab_.write_due();
            ba_.write_due();
        }
    }

  private:
    static std::optional<timespec> until(Clock::time_point due) {
        if (due == Clock::time_point::max()) return std::nullopt;
        auto rest = std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(due - Clock::now()));
        return timespec{static_cast<time_t>(rest.count() / 1000000000), static_cast<long>(rest.count() % 1000000000)};
    }

    // What waited for this program meanwhile, a frame say, waited as long.
    void note_lag() {
        auto at = Clock::now();
        if (lag_due_ > at) return;  // nobody asks, or not yet
        most_lag_ = std::max(most_lag_, at - lag_due_);
        lag_due_ = at + kLagPeriod;
    }

    std::string tell_lag() {
        lag_due_ = std::min(lag_due_, Clock::now() + kLagPeriod);
        auto most = std::chrono::duration_cast<std::chrono::microseconds>(std::exchange(most_lag_, {}));
        return "ok " + std::to_string(most.count());
    }

    double next_delay_ms() {
        if (!carrier_) return -1;
        std::uniform_real_distribution<double> unit(0, 1);
        if (loss_percent_ > 0 && unit(random_) * 100 < loss_percent_) return -1;
        return delay_ms_ + (jitter_ms_ > 0 ? unit(random_) * jitter_ms_ : 0);
    }

    bool read_commands() {
        std::array<char, 512> chunk;
        ssize_t length = ::read(STDIN_FILENO, chunk.data(), chunk.size());
        if (length <= 0) return false;
        pending_.append(chunk.data(), static_cast<std::size_t>(length));
        for (std::size_t end; (end = pending_.find('\n')) != std::string::npos; pending_.erase(0, end + 1)) {
            std::puts(obey(pending_.substr(0, end)).c_str());
            std::fflush(stdout);
        }
        return true;
    }

    std::string obey(const std::string& line) {
        std::istringstream words(line);
        std::string verb, argument;
        words >> verb;
        if (verb == "stats") {
            return "ok ab=" + std::to_string(ab_.carried) + " ba=" + std::to_string(ba_.carried) +
                   " dropped=" + std::to_string(ab_.dropped + ba_.dropped);
        }
        if (verb == "lag") return tell_lag();
        if (verb == "loss") return words >> loss_percent_ ? "ok" : "error: loss PERCENT";
        if (verb == "delay") {
            if (!(words >> delay_ms_)) return "error: delay MS [JITTER_MS]";
            if (!(words >> jitter_ms_)) jitter_ms_ = 0;
            return "ok";
        }
        words >> argument;
        if (verb == "carrier" && (argument == "up" || argument == "down")) return set_carrier(argument == "up");
        if (verb == "silent" && (argument == "none" || argument == "ab" || argument == "ba" || argument == "both")) {
            ab_.silent = argument == "ab" || argument == "both";
            ba_.silent = argument == "ba" || argument == "both";
            return "ok";
        }
        return "error: unknown command '" + line + "'";
    }

    std::string set_carrier(bool up) {
        carrier_ = up;
        if (!up) {
            ab_.drop_queued();
            ba_.drop_queued();
        }
        int value = up;
        for (const auto* tap : {&a_, &b_})
            if (::ioctl(tap->get(), TUNSETCARRIER, &value) < 0) return "error: " + system_error("TUNSETCARRIER").text;
        return "ok";
    }

    UniqueFd a_, b_;
    Direction ab_, ba_;
    Clock::time_point lag_due_ = Clock::time_point::max();
    Clock::duration most_lag_{};
    bool carrier_ = true;
    double loss_percent_ = 0, delay_ms_ = 0, jitter_ms_ = 0;
    std::mt19937 random_{1};  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same losses each time
    std::string pending_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 7) {
        std::fputs("usage: wire NETNS_A NAME_A MAC_A NETNS_B NAME_B MAC_B\n", stderr);
        return 1;
    }
    // A cable does not wait for a processor; without the right to say so it works all the same.
    sched_param priority{.sched_priority = 10};
    ::sched_setscheduler(0, SCHED_FIFO, &priority);
    ::prctl(PR_SET_TIMERSLACK, 1UL);
    auto a = open_tap(argv[1], argv[2], argv[3]);
    auto b = a ? open_tap(argv[4], argv[5], argv[6]) : Result<UniqueFd>(a.error());
    if (!b) {
        std::fprintf(stderr, "wire: %s\n", b.error().text.c_str());
        return 1;
    }
    std::puts("ready");
    std::fflush(stdout);
    Wire(std::move(*a), std::move(*b)).run();
    return 0;
}
