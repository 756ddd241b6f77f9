#include "shell/probe_sockets.hpp"

#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <ctime>
#include <deque>
#include <iterator>
#include <set>
#include <utility>

#include "wire/probe_packet.hpp"

namespace ipmp {

namespace {

constexpr std::size_t kRemembered = 128;  // probes whose transmit stamps are kept

sockaddr_storage socket_address(const IpAddress& address, InterfaceIndex link) {
    sockaddr_storage storage{};
    if (address.family == Family::ipv4) {
        auto& ipv4 = reinterpret_cast<sockaddr_in&>(storage);
        ipv4.sin_family = AF_INET;
        std::memcpy(&ipv4.sin_addr, address.bytes.data(), 4);
    } else {
        auto& ipv6 = reinterpret_cast<sockaddr_in6&>(storage);
        ipv6.sin6_family = AF_INET6;
        ipv6.sin6_scope_id = link.value;
        std::memcpy(&ipv6.sin6_addr, address.bytes.data(), 16);
    }
    return storage;
}

IpAddress address_of(const sockaddr_storage& storage) {
    IpAddress address;
    if (storage.ss_family == AF_INET6) {
        address.family = Family::ipv6;
        std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, 16);
    } else {
        std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, 4);
    }
    return address;
}

Duration wall_clock() {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

template <typename Value>
bool set(int fd, int level, int option, const Value& value) {
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

// Echo replies with our id only; others are dropped before they wake us. IPv4 sockets see the IP header.
bool set_filter(int fd, Family family, std::uint16_t id) {
    sock_filter ipv4[] = {BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), BPF_STMT(BPF_LD | BPF_H | BPF_IND, 4),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, id, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
                          BPF_STMT(BPF_RET | BPF_K, 0)};
    sock_filter ipv6[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, id, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, 0xffffffff), BPF_STMT(BPF_RET | BPF_K, 0)};
    sock_fprog program{};
    if (family == Family::ipv4) program = {std::size(ipv4), ipv4};
    else program = {std::size(ipv6), ipv6};
    return set(fd, SOL_SOCKET, SO_ATTACH_FILTER, program);
}

bool set_up_family(int fd, const ProbeSource& source) {
    int one = 1, zero = 0, link = static_cast<int>(source.link.value);
    if (source.address.family == Family::ipv4) {
        icmp_filter replies{~(1u << ICMP_ECHOREPLY)};
        ip_mreqn multicast{.imr_multiaddr = {}, .imr_address = {}, .imr_ifindex = link};
        return set(fd, SOL_RAW, ICMP_FILTER, replies) && set(fd, IPPROTO_IP, IP_TTL, one) &&
               set(fd, IPPROTO_IP, IP_MULTICAST_TTL, one) && set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, zero) &&
               set(fd, IPPROTO_IP, IP_MULTICAST_IF, multicast);
    }
    icmp6_filter replies{};
    std::memset(&replies, 0xff, sizeof replies);
    replies.data[ICMPV6_ECHO_REPLY >> 5] &= ~(1u << (ICMPV6_ECHO_REPLY & 31));
    return set(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, replies) && set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, one) &&
           set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, one) && set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, zero) &&
           set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, link);
}

// The software stamp among the control messages.
std::optional<Duration> stamp_of(msghdr& message) {
    for (cmsghdr* control = CMSG_FIRSTHDR(&message); control; control = CMSG_NXTHDR(&message, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPING) continue;
        scm_timestamping stamps{};
        std::memcpy(&stamps, CMSG_DATA(control), sizeof stamps);
        if (stamps.ts[0].tv_sec == 0 && stamps.ts[0].tv_nsec == 0) continue;
        return std::chrono::seconds(stamps.ts[0].tv_sec) + std::chrono::nanoseconds(stamps.ts[0].tv_nsec);
    }
    return {};
}

}  // namespace

class ProbeSockets::Socket {
  public:
    static Result<std::unique_ptr<Socket>> open(const NetworkPlaces& places, const ProbeSource& source) {
        bool ipv4 = source.address.family == Family::ipv4;
        auto opened = places.open_in(source.link.place, ipv4 ? Opening::echo_ipv4 : Opening::echo_ipv6);
        if (!opened) return opened.error();
        UniqueFd fd = *std::move(opened);
        int link = static_cast<int>(source.link.value);
        if (!set(fd.get(), SOL_SOCKET, SO_BINDTOIFINDEX, link)) return system_error("cannot bind a probe socket");
        sockaddr_storage address = socket_address(source.address, source.link);
        if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            return system_error("cannot bind a probe socket to " + to_string(source.address));
        }
        // Whose ping it is: unique among our sockets; the nonce is what authenticates.
        auto id = static_cast<std::uint16_t>(::getpid() * 31 + link);
        int stamps = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
        bool right = set_up_family(fd.get(), source) && set_filter(fd.get(), source.address.family, id) &&
                     set(fd.get(), SOL_SOCKET, SO_TIMESTAMPING, stamps);
        if (!right) return system_error("cannot set up a probe socket");
        return std::unique_ptr<Socket>(new Socket(std::move(fd), source, id));
    }

    int fd() const { return fd_.get(); }

    // False: the neighbour table is full. Linux says EINVAL where an IPv6 packet gets no neighbour entry, and has no
    // other reason to say it of a source that the socket is bound to. Of IPv4 it says what it says of a full queue,
    // which a hung NIC has, so that excuses nothing.
    bool send(const SendProbe& probe) {
        auto message = encode_echo_request(source_.address.family, {id_, probe.sequence, probe.nonce});
        sockaddr_storage target = socket_address(probe.target, source_.link);
        if (sent_.size() == kRemembered) sent_.pop_front();
        Duration handed_over = wall_clock();
        sent_.push_back({probe.nonce, handed_over, handed_over});
        // A pending error of the socket, from an ICMP message say, would be reported instead of sending.
        for (int attempt = 0; attempt < 2; ++attempt) {
            ssize_t sent = ::sendto(fd_.get(), message.data(), message.size(), probe.target_answered ? MSG_CONFIRM : 0,
                                    reinterpret_cast<sockaddr*>(&target), sizeof target);
            if (sent >= 0) return true;
        }
        return errno != EINVAL || source_.address.family != Family::ipv6;
    }

    void take_answers(std::vector<Event>& events) {
        read_stamps();
        std::array<std::uint8_t, 256> packet;
        while (auto received = receive(packet, 0)) {
            auto echo = decode_echo_reply(source_.address.family, std::span(packet).first(received->size));
            if (!echo || echo->id != id_) continue;
            ProbeAnswered answer{.source = source_, .from = received->from, .nonce = echo->nonce, .network_time = {}};
            for (const Sent& sent : sent_) {
                if (sent.nonce != echo->nonce || !received->stamp) continue;
                answer.network_time = *received->stamp - sent.transmitted;
                answer.time_away = *received->stamp - sent.handed_over;
            }
            events.emplace_back(answer);
        }
    }

  private:
    struct Sent {
        std::uint64_t nonce = 0;
        Duration handed_over{}, transmitted{};  // by the wall clock, as the kernel's stamps are
    };
    struct Received {
        std::size_t size = 0;
        IpAddress from;
        std::optional<Duration> stamp;
    };

    Socket(UniqueFd fd, const ProbeSource& source, std::uint16_t id) : fd_(std::move(fd)), source_(source), id_(id) {}

    std::optional<Received> receive(std::span<std::uint8_t> packet, int flags) {
        alignas(cmsghdr) std::array<char, 512> control;
        sockaddr_storage from{};
        iovec data{packet.data(), packet.size()};
        msghdr message{};
        message.msg_name = &from;
        message.msg_namelen = sizeof from;
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        ssize_t size;
        // Anything but "nothing there" is an error that an ICMP message left on the socket: reading clears it.
        do size = ::recvmsg(fd_.get(), &message, flags);
        while (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK && ++errors_ % 64 != 0);
        if (size < 0) return {};
        return Received{static_cast<std::size_t>(size), address_of(from), stamp_of(message)};
    }

    void read_stamps() {
        std::array<std::uint8_t, 256> packet;
        while (auto received = receive(packet, MSG_ERRQUEUE)) {
            auto nonce = nonce_at_end(std::span(packet).first(received->size));
            for (Sent& sent : sent_) {
                if (nonce && sent.nonce == *nonce && received->stamp) sent.transmitted = *received->stamp;
            }
        }
    }

    UniqueFd fd_;
    ProbeSource source_;
    std::uint16_t id_;
    std::deque<Sent> sent_;
    std::uint64_t errors_ = 0;
};

ProbeSockets::ProbeSockets(const NetworkPlaces& places, UniqueFd epoll) : places_(&places), epoll_(std::move(epoll)) {}
ProbeSockets::ProbeSockets(ProbeSockets&&) noexcept = default;
ProbeSockets& ProbeSockets::operator=(ProbeSockets&&) noexcept = default;
ProbeSockets::~ProbeSockets() = default;

Result<ProbeSockets> ProbeSockets::open(const NetworkPlaces& places) {
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return system_error("cannot create an epoll descriptor for probes");
    return ProbeSockets(places, std::move(epoll));
}

Result<void> ProbeSockets::add(const ProbeSource& source) {
    auto socket = Socket::open(*places_, source);
    if (!socket) return socket.error();
    epoll_event interest{.events = EPOLLIN, .data = {.ptr = socket->get()}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, (*socket)->fd(), &interest) < 0) {
        return system_error("cannot watch a probe socket");
    }
    sockets_[source] = std::move(*socket);
    return {};
}

Result<void> ProbeSockets::watch(const std::vector<ProbeSource>& sources) {
    std::set<ProbeSource> wanted(sources.begin(), sources.end());
    std::erase_if(sockets_, [&](const auto& entry) { return !wanted.contains(entry.first); });
    Result<void> first_failure;
    for (const ProbeSource& source : wanted) {
        if (!sockets_.try_emplace(source).second) continue;
        auto added = add(source);
        if (!added && first_failure) first_failure = added;
    }
    return first_failure;
}

void ProbeSockets::send(const SendProbe& probe) {
    auto found = sockets_.find(probe.source);
    if (found == sockets_.end()) return;
    if (!found->second && !add(probe.source)) return;
    if (!found->second->send(probe)) unsent_.emplace_back(ProbeNotSent{probe.source, probe.nonce});
}

std::vector<Event> ProbeSockets::take_answers() {
    std::vector<Event> events = std::exchange(unsent_, {});
    std::array<epoll_event, 64> ready;
    int count;
    do {
        count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0);
        for (int i = 0; i < count; ++i) {
            static_cast<Socket*>(ready[static_cast<std::size_t>(i)].data.ptr)->take_answers(events);
        }
    } while (count == static_cast<int>(ready.size()));
    return events;
}

}  // namespace ipmp
