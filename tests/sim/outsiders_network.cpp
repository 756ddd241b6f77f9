// What happens to the network behind the NICs, and to the daemon's own time.
#include <fmt/format.h>

#include "sim/outsiders.hpp"

namespace ipmp::sim {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint8_t kFirstMachine = 200, kFirstTestAddress = 100;

}  // namespace

void Outsiders::set_up_probing() {
    Config config = world_.config();
    config.failure_detection_time =
        random_.pick(std::vector{milliseconds(100), milliseconds(1000), milliseconds(10000)});
    quick_ = config.failure_detection_time < seconds(10);
    if (quick_) {  // what takes a minute to come right again has histories of its own
        config.link_ups_per_minute = 0;
        filters_ = settings_ = ipmp_links_ = remakes_ = addresses_ = reconfigures_ = false;
        world_.faults().operation_fails = 0;
        world_.faults().observation_lost = 0;
        if (nics_.size() > 3) nics_.resize(3);
        longest_pause_ = Duration(config.failure_detection_time) * 2;
    }
    world_.set_config(config);
    Network& network = world_.network();
    auto count = static_cast<std::uint8_t>(1 + random_.below(6));
    bool linux_hosts = random_.chance(0.5);
    for (std::uint8_t number = 0; number < count; ++number) {
        Machine machine{.number = static_cast<std::uint8_t>(kFirstMachine + number)};
        machine.answers_everybody = !linux_hosts;
        machine.answers = number == 0 || random_.chance(0.8);
        network.machines.push_back(machine);
        if (machine.answers && random_.chance(0.4)) routers_.insert(machine.number);
    }
    if (random_.chance(0.3)) routers_.clear();
    change([&](FakeKernel& kernel) { set_routes(kernel); });
}

void Outsiders::set_routes(FakeKernel& kernel) {
    std::vector<IpAddress> addresses;
    for (const Machine& machine : world_.network().machines) {
        if (!routers_.contains(machine.number)) continue;
        for (Family family : kFamilies) addresses.push_back(machine.address(family));
    }
    kernel.set_routers(addresses);
}

void Outsiders::give_test_address(const std::string& nic) {
    auto number = static_cast<std::uint8_t>(kFirstTestAddress + nic.back() - '0');
    IpAddress address{Family::ipv4, {192, 0, 2, number}};
    world_.command(AddLogical{nic, address, 24});
    for (std::uint32_t logical = 1; logical <= 2; ++logical) {  // another address may have been there first
        world_.command(SetFlags{{nic, logical}, Family::ipv4, {}, true, {}});
        world_.command(SetFlags{{nic, logical}, Family::ipv4, true, {}, {}});
    }
    if (both_families_) {
        for (std::uint32_t logical : {0, 1}) world_.command(SetFlags{{nic, logical}, Family::ipv6, {}, true, {}});
    }
}

Duration Outsiders::some_time() { return random_.up_to(Duration(world_.config().failure_detection_time) * 3); }

void Outsiders::for_some_time(std::function<void(Network&)> begin, std::function<void(Network&)> end) {
    begin(world_.network());
    world_.network_changed();
    world_.at(std::min(world_.now() + some_time(), end_), [this, end] {
        end(world_.network());
        world_.network_changed();
    });
}

void Outsiders::act_on_network() {
    InterfaceIndex nic = some_nic_link();
    Duration interval = Duration(world_.config().failure_detection_time) / 7;
    if (silences_ && random_.chance(0.3)) {
        std::uint64_t way = random_.below(3);
        for_some_time(
            [=](Network& network) {
                network.paths[nic].mute = way != 0;
                network.paths[nic].deaf = way != 1;
            },
            [=](Network& network) { network.paths[nic].mute = network.paths[nic].deaf = false; });
    }
    if (losses_ && random_.chance(0.3)) {
        double loss = random_.chance(0.7) ? 0.05 : static_cast<double>(random_.below(90)) / 100;
        for_some_time([=](Network& network) { network.paths[nic].loss = loss; },
                      [=](Network& network) { network.paths[nic].loss = 0; });
    }
    if (delays_ && random_.chance(0.3)) {
        Duration delay = random_.up_to(random_.chance(0.5) ? interval / 10 : interval * 4 / 3);
        Duration jitter = random_.up_to(random_.chance(0.5) ? interval / 10 : interval);
        double repeated = random_.chance(0.5) ? 0.2 : 0;
        for_some_time(
            [=](Network& network) {
                network.paths[nic].delay = delay;
                network.paths[nic].jitter = jitter;
                network.paths[nic].repeated = repeated;
            },
            [=](Network& network) {
                network.paths[nic].delay = network.paths[nic].jitter = {};
                network.paths[nic].repeated = 0;
            });
    }
    if (stalls_ && random_.chance(0.1)) world_.stall(some_time());
    if (forgeries_) forge_answer();
}

// Somebody on the link who knows addresses, but has not seen the probe; or has, but is not whom it was sent to.
void Outsiders::forge_answer() {
    auto probe = world_.newest_probe();
    if (!probe) return;
    bool knows_nonce = random_.chance(0.3);
    ProbeAnswered answer{
        .source = probe->source, .from = probe->target, .nonce = random_.below(~0ULL), .network_time = {}};
    if (knows_nonce && !probe->target.is_multicast()) {
        answer.nonce = probe->nonce;
        answer.from = IpAddress{Family::ipv4, {192, 0, 2, 66}};
    }
    world_.forge(answer);
}

void Outsiders::act_on_machines() {
    std::size_t chosen = random_.below(world_.network().machines.size());
    bool all = random_.chance(0.3);
    auto for_chosen = [=](Network& network, auto act) {
        for (std::size_t at = 0; at < network.machines.size(); ++at) {
            if (all || at == chosen) act(network.machines[at]);
        }
    };
    if (deaths_ && random_.chance(0.3)) {
        for_some_time([=](Network& network) { for_chosen(network, [](Machine& one) { one.alive = false; }); },
                      [=](Network& network) { for_chosen(network, [](Machine& one) { one.alive = true; }); });
    }
    if (delays_ && random_.chance(0.3)) {
        Duration delay = random_.up_to(Duration(world_.config().failure_detection_time) / 14);
        for_some_time([=](Network& network) { for_chosen(network, [=](Machine& one) { one.delay = delay; }); },
                      [=](Network& network) { for_chosen(network, [](Machine& one) { one.delay = {}; }); });
    }
    if (partitions_ && random_.chance(0.3)) {
        InterfaceIndex nic = some_nic_link();
        for_some_time(
            [=](Network& network) {
                for_chosen(network, [&](Machine& one) { network.parted.insert({nic, one.number}); });
            },
            [=](Network& network) { network.parted.clear(); });
    }
    if (routes_ && world_.network().machines[chosen].answers &&
        random_.chance(0.3)) {  // one comes, one goes, or one takes another's place
        std::uint8_t number = world_.network().machines[chosen].number;
        if (random_.chance(0.3)) routers_.clear();
        if (!routers_.erase(number)) routers_.insert(number);
        set_routes(world_.kernel());
        world_.routes_changed();
    }
}

// In the end all is well, or one NIC stays silent, or nobody is left to answer.
void Outsiders::settle_network() {
    Network& network = world_.network();
    network.paths.clear();
    network.parted.clear();
    bool deserted = random_.chance(0.1);
    for (Machine& machine : network.machines) {
        machine.alive = !deserted;
        machine.delay = {};
    }
    if (random_.chance(0.3)) network.paths[some_nic_link()].mute = true;
    std::erase_if(routers_, [&](std::uint8_t number) { return number != kFirstMachine; });  // that one does answer
    set_routes(world_.kernel());
    world_.network_changed();
    world_.routes_changed();
}

}  // namespace ipmp::sim
