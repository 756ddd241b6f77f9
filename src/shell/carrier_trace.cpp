#include "shell/carrier_trace.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include <cstring>
#include <system_error>
#include <utility>

#include "bpf/carrier_abi.h"
#include "carrier.skel.h"
#include "shell/clock.hpp"
#include "shell/eventfd.hpp"
#include "shell/log.hpp"

namespace ipmp {

namespace {

ipmp_traced_link to_abi(const TracedLink& link) { return {link.namespace_inode, link.index}; }

Result<void> add_to(const UniqueFd& epoll, int fd) {
    epoll_event interest{.events = EPOLLIN, .data = {.fd = fd}};
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &interest) < 0) return system_error("cannot watch a descriptor");
    return {};
}

}  // namespace

void CarrierTrace::Free::operator()(carrier_bpf* program) const { carrier_bpf__destroy(program); }
void CarrierTrace::Free::operator()(ring_buffer* ring) const { ring_buffer__free(ring); }

CarrierTrace::~CarrierTrace() {
    if (loader_.joinable()) loader_.join();
}

Result<void> CarrierTrace::start() {
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    loaded_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!epoll_ || !loaded_) return system_error("cannot create descriptors");
    if (auto added = add_to(epoll_, loaded_.get()); !added) return added;
    try {
        loader_ = std::thread([this] {
            ::prctl(PR_SET_NAME, "tracer");
            outcome_ = load();
            signal_eventfd(loaded_.get());
        });
    } catch (const std::system_error& error) {
        return Error{"cannot start the thread that loads the tracer of carriers", error.code().value()};
    }
    return {};
}

Result<CarrierTrace::Program> CarrierTrace::load() {
    Program program(carrier_bpf__open());
    if (!program || carrier_bpf__load(program.get()) < 0) return system_error("loading a program that traces");
    if (carrier_bpf__attach(program.get()) < 0) return system_error("attaching it to netif_carrier_off");
    return program;
}

// What the thread has done.
Result<void> CarrierTrace::adopt() {
    loader_.join();
    loaded_.reset();
    Result<Program> outcome = *std::exchange(outcome_, {});
    if (!outcome) return outcome.error();
    std::unique_ptr<ring_buffer, Free> ring(
        ring_buffer__new(bpf_map__fd((*outcome)->maps.ipmp_losses), take_loss, this, nullptr));
    if (!ring) return system_error("opening its ring buffer");
    if (auto added = add_to(epoll_, ring_buffer__epoll_fd(ring.get())); !added) return added;
    program_ = *std::move(outcome);
    ring_ = std::move(ring);
    fill();
    return {};
}

// A link more than the map holds is one that only polls find out about.
void CarrierTrace::fill() {
    int map = bpf_map__fd(program_->maps.ipmp_traced);
    for (const auto& [link, index] : told_of_) {
        const ipmp_traced_link key = to_abi(link);
        if (!links_.contains(link)) ::bpf_map_delete_elem(map, &key);
    }
    const std::uint8_t present = 1;
    for (const auto& [link, index] : links_) {
        const ipmp_traced_link key = to_abi(link);
        if (!told_of_.contains(link)) ::bpf_map_update_elem(map, &key, &present, BPF_ANY);
    }
    told_of_ = links_;
}

void CarrierTrace::watch(TracedLinks links) {
    links_ = std::move(links);
    if (active()) fill();
}

int CarrierTrace::take_loss(void* self, void* data, std::size_t size) {
    auto& trace = *static_cast<CarrierTrace*>(self);
    ipmp_loss loss{};
    if (size != sizeof loss) return 0;
    std::memcpy(&loss, data, sizeof loss);
    auto watched = trace.links_.find({.namespace_inode = loss.link.namespace_inode, .index = loss.link.ifindex});
    if (watched == trace.links_.end()) return 0;  // no more
    if (!trace.losses_) trace.losses_ = TracedLosses{Instant(std::chrono::nanoseconds(loss.at_ns)), {}};
    trace.losses_->links.insert(watched->second);
    return 0;
}

TracedLosses CarrierTrace::everything() const {
    TracedLosses losses{now(), {}};
    for (const auto& [link, index] : links_) losses.links.insert(index);
    return losses;
}

std::optional<TracedLosses> CarrierTrace::take() {
    if (active()) ring_buffer__consume(ring_.get());
    epoll_event event;
    if (loader_.joinable() && ::epoll_wait(epoll_.get(), &event, 1, 0) > 0) {
        if (auto adopted = adopt(); !adopted)
            log_info("lost carriers are found by polling alone: " + adopted.error().text);
        else
            return everything();
    }
    return std::exchange(losses_, {});
}

}  // namespace ipmp
