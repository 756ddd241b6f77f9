#include "tools/link_test.hpp"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>

namespace ipmp {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint16_t kLocalExperimental = 0x88b5;  // IEEE 802, for use within a site
constexpr std::chrono::milliseconds kBetweenRounds{100}, kListen{1000};
constexpr char kMark[] = "ipmp check";

}  // namespace

LinkTest::LinkTest() {
    // Short of randomness two tests at once could hear each other; nothing else depends on it.
    if (getrandom(nonce_.data(), nonce_.size(), GRND_NONBLOCK) < 0) nonce_.fill(0);
}

Result<void> LinkTest::add(const std::string& name, InterfaceIndex link, const MacAddress& mac, bool sends) {
    UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(kLocalExperimental)));
    if (!socket) return system_error("cannot send frames");
    sockaddr_ll place{};
    place.sll_family = AF_PACKET;
    place.sll_protocol = htons(kLocalExperimental);
    place.sll_ifindex = static_cast<int>(link.value);
    if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0) {
        return system_error("cannot listen on " + name);
    }
    nics_.push_back({name, mac, sends, std::move(socket)});
    return {};
}

LinkTest::Frame LinkTest::frame_of(std::size_t sender) const {
    Frame frame{};
    auto place = std::fill_n(frame.begin(), ETH_ALEN, std::uint8_t{0xff});
    place = std::copy(nics_[sender].mac.bytes.begin(), nics_[sender].mac.bytes.end(), place);
    *place++ = kLocalExperimental >> 8;
    *place++ = kLocalExperimental & 0xff;
    place = std::copy(std::begin(kMark), std::end(kMark), place);
    place = std::copy(nonce_.begin(), nonce_.end(), place);
    *place++ = static_cast<std::uint8_t>(sender >> 8);
    *place = static_cast<std::uint8_t>(sender);  // its MAC may be another one's as well
    return frame;
}

void LinkTest::send_round(LinkTestFacts& facts) {
    ++facts.sent;
    for (std::size_t sender = 0; sender < nics_.size(); ++sender) {
        if (!nics_[sender].sends) continue;
        Frame frame = frame_of(sender);
        // A frame that is not let out is one that nobody hears, which is what is told.
        [[maybe_unused]] ssize_t sent = send(nics_[sender].socket.get(), frame.data(), frame.size(), 0);
    }
}

void LinkTest::receive(const Nic& listener, LinkTestFacts& facts) const {
    std::array<std::uint8_t, 2048> received;
    for (ssize_t size; (size = recv(listener.socket.get(), received.data(), received.size(), 0)) >= 0;) {
        for (std::size_t sender = 0; sender < nics_.size(); ++sender) {
            Frame frame = frame_of(sender);
            bool same = nics_[sender].sends && static_cast<std::size_t>(size) >= frame.size() &&
                        std::equal(frame.begin(), frame.end(), received.begin());
            if (same && &nics_[sender] != &listener) ++facts.heard[{nics_[sender].name, listener.name}];
        }
    }
}

bool LinkTest::complete(const LinkTestFacts& facts) const {
    if (facts.sent < kFrames) return false;
    for (const Nic& from : nics_) {
        for (const Nic& to : nics_) {
            if (&from == &to || !from.sends || !to.sends) continue;
            auto found = facts.heard.find({from.name, to.name});
            if (found == facts.heard.end() || found->second < facts.sent) return false;
        }
    }
    return true;
}

LinkTestFacts LinkTest::run() {
    LinkTestFacts facts;
    facts.done = true;
    std::vector<pollfd> wait;
    for (const Nic& nic : nics_) {
        if (nic.sends) facts.tested.push_back(nic.name);
        wait.push_back({nic.socket.get(), POLLIN, 0});
    }
    auto began = Clock::now(), end = began + kListen;
    for (bool heard_all = false; Clock::now() < end;) {
        // Who only listens hears as soon as the others, if at all.
        if (!heard_all && complete(facts)) end = std::min(end, Clock::now() + kBetweenRounds);
        heard_all = complete(facts);
        auto next = facts.sent < kFrames ? began + facts.sent * kBetweenRounds : end;
        if (Clock::now() >= next) {
            send_round(facts);
            continue;
        }
        auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
        if (poll(wait.data(), wait.size(), static_cast<int>(left.count())) <= 0) continue;
        for (const Nic& nic : nics_) receive(nic, facts);
    }
    return facts;
}

}  // namespace ipmp
