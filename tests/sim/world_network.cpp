// The part of World between the daemon and the network: probes go out, answers come in, DetectionWatch compares.
#include <fmt/format.h>

#include <algorithm>

#include "core/predicates.hpp"
#include "sim/world.hpp"

namespace ipmp::sim {

namespace {

constexpr MacAddress kStranger{{0x02, 0x99, 0, 0, 0, 1}};

bool has_link(const FakeKernel& kernel, InterfaceIndex nic) {
    auto link = kernel.truth().links.find(nic);
    return link != kernel.truth().links.end() && link->second.admin_up && link->second.carrier;
}

bool has_address(const FakeKernel& kernel, const ProbeSource& source) {
    const auto& all = kernel.truth().addresses;
    return std::any_of(all.begin(), all.end(), [&](const AddressState& seen) {
        return seen.link == source.link && seen.address == source.address;
    });
}

}  // namespace

void World::network_changed() {
    if (trace_) trace("network: " + describe(network_));
    detection_.network_changed(network_, now_);
}

void World::routes_changed() {
    detection_.forgive_all(now_);
    kernel_changed();
}

// One that is started within `downtime` finds nothing else than this one leaves.
bool World::knows_all(Duration downtime) const {
    bool all = engine_->converged() && observed_version_ == kernel_.version() && !netlink_busy_ && batches_.empty() &&
               !dump_wanted_;
    // Forgotten: who is held back by the flapping rule, or has been given time to start.
    for (const auto& [name, interface] : engine_->state().interfaces) {
        auto link = kernel_.truth().links.find(interface.index);
        all &= link != kernel_.truth().links.end() && !(interface.failed && link_up(interface)) &&
               !interface.starting_until && link->second.carrier_changes == interface.carrier_changes;
    }
    for (const DhcpClient& client : engine_->state().dhcp_clients) {
        all &= !client.releasing;  // no client that gives it back is left
        all &= !client.lease || !client.lease->expires ||
               *client.lease->expires > now_ + downtime + std::chrono::seconds(5);
    }
    return all;
}

void World::stall(Duration time) {
    if (!running_) return;
    trace("stall");
    stalled_until_ = std::max(stalled_until_, now_ + time);
    at(stalled_until_, [this] { detection_.forgive_all(now_); });
}

void World::claim(const IpAddress& address, bool probing) {
    for (const auto& [name, group] : engine_->image()) {
        auto entry = group.addresses.find(address);
        bool known = entry != group.addresses.end() && entry->second.kind == AddressKind::data;
        if (!running_ || !known || group.members.empty() || !claims_.is_passed_on(address, now_)) continue;
        InterfaceIndex link = group.members.begin()->first;
        AddressClaimed claim{address, kStranger, link, probing};
        for_this_daemon(random_.up_to(faults_.carrier_delay), [this, claim] { deliver(claim); });
    }
}

// The kernel takes an address away when its lease is over, if nobody has prolonged it by then.
void World::expire_later(const KernelOp& op) {
    auto* add = std::get_if<AddAddress>(&op);
    if (!add || !add->valid_until) return;
    at(*add->valid_until, [this] {
        if (kernel_.expire(now_)) kernel_changed();
    });
}

void World::send(const SendProbe& probe) {
    if (!probe_sources_.contains(probe.source)) violated("a probe from where there is no socket");
    newest_probe_ = probe;
    if (!has_link(kernel_, probe.source.link) || !has_address(kernel_, probe.source)) {
        detection_.no_way_out(probe.source.link, now_);  // and the daemon does not know yet
        return;
    }
    for (const Network::Reply& reply : network_.replies(probe, random_)) {
        at(now_ + reply.after, [this, probe, reply] {
            if (network_.path(probe.source.link).deaf) return;
            arrive({.source = probe.source, .from = reply.from, .nonce = probe.nonce, .network_time = reply.after,
                    .time_away = reply.after});
        });
    }
}

// Into the socket; the daemon takes it from there once it runs.
void World::arrive(const ProbeAnswered& answer) {
    if (!has_link(kernel_, answer.source.link) || !has_address(kernel_, answer.source)) return;
    for_this_daemon({}, [this, answer] {
        if (!probe_sources_.contains(answer.source)) return;
        deliver(answer);
    });
}

// The host knows all machines that are there as neighbours, and those that are not any more.
void World::find_peers(const FindPeers& question) {
    PeersFound found{.ipmp_interface = question.ipmp_interface, .found = {}};
    for (const IpAddress& address : question.addresses) {
        for (const Machine& machine : network_.machines) {
            PeersFound::Found entry{.address = address, .peer = {}};
            entry.peer.address = machine.address(address.family);
            found.found.push_back(entry);
        }
    }
    for_this_daemon(random_.up_to(faults_.kernel_delay), [this, found] { deliver(found); });
}

void World::watch_detection(const Event& event, const std::vector<Action>& actions, bool decided) {
    auto* answer = std::get_if<ProbeAnswered>(&event);
    for (const Action& action : actions) {
        auto* report = std::get_if<ProbeReport>(&action);
        if (report && report->answered) {
            if (!answer || answer->from != report->target)
                violated("a probe counts as answered though nobody did");
            else
                detection_.answered(*answer, now_);
        }
        auto* watch = std::get_if<WatchProbes>(&action);
        if (!watch) continue;
        probe_sources_ = {watch->sources.begin(), watch->sources.end()};
        detection_.watch(watch->sources, now_);
        detection_.network_changed(network_, now_);
    }
    if (auto* seen = std::get_if<KernelObserved>(&event)) detection_.targets_seen(seen->state.target_routes);
    if (decided) {
        for (const std::string& text : detection_.stepped(known_, engine_->state(), config_, now_)) violated(text);
    }
    bool punctual = faults_.tick_delay * 70 <= Duration(config_.failure_detection_time);
    if (!punctual) return;
    auto status = [this] { return engine_->status(); };
    for (const std::string& text : detection_.overdue(engine_->state(), config_, status, now_)) violated(text);
}

}  // namespace ipmp::sim
