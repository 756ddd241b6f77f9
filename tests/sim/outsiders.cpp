#include "sim/outsiders.hpp"

#include <fmt/format.h>

#include <utility>

namespace ipmp::sim {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

template <typename T>
T one_of(Random& random, std::initializer_list<T> choices) {
    return choices.begin()[random.below(choices.size())];
}

constexpr double kShareWithProbes = 0.6;  // of the seeds; they take twice as long to run

bool is_ipmp_name(const std::string& name) { return name.starts_with("ipmp"); }

}  // namespace

Config random_config(Random& random) {
    Config config;
    config.failback = random.chance(0.5);
    config.link_ups_per_minute = random.chance(0.5) ? 2 : 0;
    config.duplicate_address_probes = random.chance(0.8) ? 3 : 0;
    config.group_failure = random.chance(0.8) ? GroupFailure::keep : GroupFailure::down;
    Random aside = random;  // seeds from before there was this choice keep their histories
    config.track_only_groups = aside.chance(0.7);
    return config;
}

Faults random_faults(Random& random) {
    Faults faults;
    faults.operation_fails = one_of(random, {0.0, 0.0, 0.02, 0.2});
    faults.observation_lost = one_of(random, {0.0, 0.1, 0.8});
    faults.carrier_lost = one_of(random, {0.0, 0.1, 1.0});
    faults.carrier_repeated = one_of(random, {0.0, 0.3});
    faults.crash_after_step = one_of(random, {0.0, 0.0, 0.002, 0.02});
    faults.torn_dumps = random.chance(0.5);
    faults.kernel_delay = one_of<Duration>(random, {microseconds(50), milliseconds(5), milliseconds(100)});
    faults.delivery_delay = one_of<Duration>(random, {microseconds(50), milliseconds(5), milliseconds(1000)});
    faults.carrier_delay = one_of<Duration>(random, {microseconds(50), milliseconds(10), milliseconds(1000)});
    faults.tick_delay = one_of<Duration>(random, {Duration::zero(), milliseconds(20)});
    faults.frame_lost = one_of(random, {0.0, 0.3, 1.0});
    return faults;
}

Outsiders::Outsiders(World& world, std::uint64_t seed, std::uint64_t edition)
    : world_(world), random_(world.random()), edition_(edition), rare_(seed ^ 0x2a2e) {
    std::uint64_t count = 1 + random_.below(5);
    for (std::uint64_t nic = 0; nic < count; ++nic) nics_.push_back(fmt::format("eth{}", nic));
    if (random_.chance(0.3)) groups_.push_back("b");
    longest_pause_ = one_of<Duration>(random_, {milliseconds(100), seconds(1), seconds(10)});
    for (bool* kind : {&cuts_, &flaps_, &admin_, &replaces_, &renames_, &remakes_, &addresses_, &filters_, &settings_,
                       &ipmp_links_, &restarts_, &reconfigures_, &commands_, &membership_, &both_families_, &claims_}) {
        *kind = random_.chance(0.5);
    }
    probing_ = random_.chance(kShareWithProbes);
    for (bool* kind : {&silences_, &losses_, &delays_, &deaths_, &partitions_, &routes_, &stalls_, &forgeries_}) {
        *kind = probing_ && random_.chance(0.5);
    }
    isolates_ = !probing_ && membership_ && !flaps_;  // no draw of its own: the other histories stay what they were
    namespaces_ = !probing_ && remakes_ && renames_;  // likewise
    if (probing_) set_up_probing();
    if (quick_) claims_ = false;  // these take minutes to be over
    if (edition_ >= 2) choose_rarities();
}

void Outsiders::change(std::function<void(FakeKernel&)> act) {
    act(world_.kernel());
    world_.kernel_changed();
}

MacAddress Outsiders::fresh_mac() { return {{0x00, 0x16, 0x3e, 0, 0, next_mac_++}}; }

Family Outsiders::some_family() { return both_families_ && random_.chance(0.4) ? Family::ipv6 : Family::ipv4; }

IpAddress Outsiders::some_address(Family family) {
    IpAddress address{.family = family};
    auto host = static_cast<std::uint8_t>(1 + random_.below(9));
    if (family == Family::ipv4)
        address.bytes = {192, 0, 2, host};
    else
        address.bytes = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host};
    return address;
}

std::string Outsiders::some_nic() { return random_.pick(nics_); }

InterfaceIndex Outsiders::some_link() {
    const auto& links = world_.kernel().truth().links;
    if (links.empty()) return {};
    return std::next(links.begin(), static_cast<std::ptrdiff_t>(random_.below(links.size())))->first;
}

InterfaceIndex Outsiders::some_nic_link() { return world_.kernel().find(some_nic()); }

void Outsiders::set_up() {
    for (const std::string& name : nics_) {
        change([&](FakeKernel& kernel) {
            InterfaceIndex nic = kernel.add_nic(name, fresh_mac(), static_cast<std::uint32_t>(random_.below(5)));
            kernel.plug(nic, random_.chance(0.9));
            kernel.set_admin_up(nic, random_.chance(0.9));
            if (random_.chance(0.3)) {
                kernel.add_address({.link = nic, .address = some_address(Family::ipv4), .prefix_length = 24});
            }
        });
        if (random_.chance(0.2)) world_.command(SetStandby{name, true});
        world_.command(Plumb{name, Family::ipv4});
        if (both_families_) world_.command(Plumb{name, Family::ipv6});
        world_.command(SetGroup{name, Family::ipv4, random_.pick(groups_)});
        if (probing_ && random_.chance(0.9)) give_test_address(name);
    }
    for (std::uint32_t number = 0; number < 6; ++number) {
        IpAddress address = some_address(some_family());
        world_.command(AddLogical{"ipmp0", address, address.family == Family::ipv4 ? 24 : 64});
        world_.command(SetFlags{{"ipmp0", 1 + number}, address.family, true, {}, {}});
    }
    world_.run_until(world_.now() + random_.up_to(seconds(2)));
}

void Outsiders::meddle_until(Instant end) {
    end_ = end;
    meddle();
    world_.run_until(end);
}

void Outsiders::meddle() {
    Instant next = world_.now() + random_.up_to(longest_pause_);
    if (next >= end_) return;
    world_.at(next, [this] {
        if (claims_ && random_.chance(0.3)) claim_addresses();
        if (rarities_) act_rarely();
        switch (random_.below(probing_ ? 6 : 4)) {
            case 5:
                act_on_network();
                break;
            case 4:
                act_on_machines();
                break;
            case 0:
                act_on_links();
                break;
            case 1:
                act_on_objects();
                break;
            case 2:
                act_on_daemon();
                break;
            default:
                give_command();
                break;
        }
        meddle();
    });
}

void Outsiders::act_on_links() {
    InterfaceIndex nic = some_nic_link();
    std::string name = some_nic();
    if (cuts_ && random_.chance(0.5)) change([&](FakeKernel& kernel) { kernel.plug(nic, !kernel.has_cable(nic)); });
    if (flaps_ && random_.chance(0.3)) {
        bool seen_between = random_.chance(0.5);
        change([&](FakeKernel& kernel) {
            kernel.plug(nic, false);
            if (!seen_between) kernel.plug(nic, true);
        });
        world_.at(world_.now() + random_.up_to(milliseconds(20)),
                  [this, nic] { change([&](FakeKernel& kernel) { kernel.plug(nic, true); }); });
    }
    if (admin_ && random_.chance(0.3)) {
        bool up = random_.chance(0.6);
        change([&](FakeKernel& kernel) { kernel.set_admin_up(nic, up); });
    }
    if (replaces_ && random_.chance(0.3)) {  // pulled out, or put in, or both before anybody looks
        change([&](FakeKernel& kernel) {
            if (random_.chance(0.7)) kernel.remove_link(nic);
            InterfaceIndex made = kernel.add_nic(name, fresh_mac(), static_cast<std::uint32_t>(random_.below(4)));
            if (made && random_.chance(0.8)) kernel.set_admin_up(made, true);
        });
    }
    if (renames_ && random_.chance(0.3)) {
        std::string other = random_.chance(0.1) ? random_.pick(ipmp_interfaces_) : some_nic();
        change([&](FakeKernel& kernel) {
            kernel.rename(random_.chance(0.8) ? nic : some_link(), random_.chance(0.3) ? "renamed" : other);
        });
    }
}

// Somebody asks for an address of ours, or uses it, once or again and again for a while.
void Outsiders::claim_addresses() {
    IpAddress address = some_address(some_family());
    bool probing = random_.chance(0.3);
    std::uint64_t times = one_of<std::uint64_t>(random_, {1, 3, 10, 100});
    Duration pause = one_of<Duration>(random_, {milliseconds(1), milliseconds(200), seconds(5)});
    for (std::uint64_t number = 0; number < times; ++number) {
        Instant when = world_.now() + static_cast<int>(number) * pause;
        if (when < end_) world_.at(when, [this, address, probing] { world_.claim(address, probing); });
    }
}

void Outsiders::act_on_objects() {
    InterfaceIndex link = some_link();
    if (namespaces_ && random_.chance(0.3)) {
        std::string name = random_.pick(applications_);
        bool adds = random_.chance(0.6), in_use = random_.chance(0.5);
        change([&](FakeKernel& kernel) { adds ? kernel.add_namespace(name) : kernel.remove_namespace(name, in_use); });
    }
    if (remakes_ && random_.chance(0.3)) {
        change([&](FakeKernel& kernel) { kernel.set_mac(some_nic_link(), fresh_mac()); });
    }
    if (remakes_ && random_.chance(0.3)) {
        auto mtu_bytes = static_cast<std::uint32_t>(1280 + random_.below(4) * 100);
        change([&](FakeKernel& kernel) { kernel.set_mtu(link, mtu_bytes); });
    }
    if (addresses_ && random_.chance(0.5)) {
        Family family = some_family();
        std::uint8_t prefix_length = family == Family::ipv4 ? 24 : 64;
        IpAddress address = some_address(family);
        change([&](FakeKernel& kernel) {
            AddressState added{.link = link, .address = address, .prefix_length = prefix_length};
            if (random_.chance(0.5))
                kernel.add_address(added);
            else
                kernel.remove_address(link, address, prefix_length);
        });
    }
    if (filters_ && random_.chance(0.3)) change([&](FakeKernel& kernel) { kernel.detach_filter(link); });
    if (filters_ && random_.chance(0.2)) {
        change([&](FakeKernel& kernel) { random_.chance(0.5) ? kernel.flush_rules() : kernel.flush_routes(); });
    }
    if (settings_ && random_.chance(0.3)) {
        change([&](FakeKernel& kernel) { kernel.write_setting(link, "ipv4/conf/*/arp_ignore", "7"); });
    }
    if (ipmp_links_ && random_.chance(0.2)) {
        std::string name = one_of<std::string>(random_, {"ipmp0", "ipmpl0", "ipmp1"});
        change([&](FakeKernel& kernel) {
            InterfaceIndex ours = kernel.find(name);
            if (random_.chance(0.3))
                kernel.remove_link(ours);
            else
                kernel.set_admin_up(ours, random_.chance(0.5));
        });
    }
}

void Outsiders::act_on_daemon() {
    if (restarts_ && random_.chance(0.1)) {
        world_.restart(random_.chance(0.5) ? Duration::zero() : random_.up_to(seconds(3)));
    }
    if (reconfigures_ && random_.chance(0.1)) {
        Config config = random_config(random_);
        config.failure_detection_time = world_.config().failure_detection_time;
        world_.set_config(config);
    }
}

void Outsiders::give_command() {
    if (commands_) world_.command(random_command());
}

Command Outsiders::random_command() {
    Family family = some_family();
    std::string ipmp_interface = random_.pick(ipmp_interfaces_);
    std::string anything = random_.chance(0.5) ? ipmp_interface : some_nic();
    IpAddress address = some_address(family);
    std::uint8_t prefix_length = family == Family::ipv4 ? one_of<std::uint8_t>(random_, {24, 24, 25}) : 64;
    if (isolates_ && random_.chance(0.15)) {
        return SetIsolate{ipmp_interface, random_.chance(0.6), random_.chance(0.8)};
    }
    if (namespaces_ && random_.chance(0.2)) {
        return SetNamespace{ipmp_interface, random_.chance(0.3) ? "" : random_.pick(applications_)};
    }
    LogicalName logical{anything, static_cast<std::uint32_t>(random_.below(5))};
    if (membership_ && random_.chance(0.4)) {
        switch (random_.below(6)) {
            case 0:
                return SetGroup{anything, family, random_.chance(0.3) ? "" : random_.pick(groups_)};
            case 1:
                return Unplumb{anything, family};
            case 2:
                return Plumb{anything, family};
            case 3:
                return CreateIpmp{ipmp_interface, family};
            case 4:
                return ExpectMember{some_nic(), random_.pick(groups_), true, random_.chance(0.5), random_.chance(0.2)};
            default:
                return SetGroup{some_nic(), family, random_.pick(groups_)};
        }
    }
    switch (random_.below(14)) {
        case 0:
            return SetAddress{logical, address, prefix_length, {}};
        case 1:
            return SetNetmask{logical, family, prefix_length};
        case 2:
            return AddLogical{anything, address, prefix_length};
        case 3:
            return RemoveLogical{anything, address};
        case 4:
            return SetFlags{logical, family, random_.chance(0.6), {}, {}};
        case 5:
            return SetFlags{logical, family, {}, random_.chance(0.7), {}};
        case 6:
            return SetStandby{some_nic(), random_.chance(0.5)};
        case 7:
            return SetOffline{some_nic(), static_cast<std::uint32_t>(random_.below(2))};
        case 8:
            return Detach{{some_nic(), some_nic()}, random_.chance(0.3), random_.chance(0.2)};
        case 9:
            return UndoDetach{some_nic()};
        case 10:
            return SetFlags{logical, family, {}, {}, random_.chance(0.5), random_.chance(0.5)};
        case 11:
            return SetMtu{anything, family, 1280 + static_cast<std::uint32_t>(random_.below(3)) * 100};
        case 12:
            return SetMetric{anything, family, static_cast<std::uint32_t>(random_.below(3))};
        default:
            return UndoOffline{some_nic()};
    }
}

void Outsiders::settle() {
    Faults calm;
    calm.torn_dumps = world_.faults().torn_dumps;
    world_.faults() = calm;
    world_.peers().calm(world_.now());
    world_.at(world_.now() + seconds(4), [this] {  // by then any daemon is up again
        change([&](FakeKernel& kernel) {
            std::vector<InterfaceIndex> misnamed;
            for (const auto& [index, link] : kernel.truth().links) {
                if (link.alias.empty() && is_ipmp_name(link.name)) misnamed.push_back(index);
            }
            for (InterfaceIndex index : misnamed) kernel.rename(index, fmt::format("late{}", index.value));
            for (const std::string& name : applications_) kernel.add_namespace(name);
            for (const std::string& name : nics_) {
                if (random_.chance(0.7)) kernel.add_nic(name, fresh_mac());
                kernel.plug(kernel.find(name), random_.chance(0.7));
                if (random_.chance(0.7)) kernel.set_admin_up(kernel.find(name), true);
            }
        });
        if (probing_) settle_network();
        if (rarities_) settle_rarities();
    });
    world_.run_until(world_.now() + seconds(5));
}

Duration Outsiders::time_to_meddle(std::chrono::minutes usual) const {
    return probing_ && quick_ ? world_.config().failure_detection_time * 60 : Duration(usual);
}

// Usually: the limiter's longest pause, the flapping rule, the retry of duplicates, and rest.
Duration Outsiders::time_to_settle() const {
    if (!probing_ || !quick_) return std::chrono::minutes(9);  // a detection time that grew has to shrink again
    // New members are given 40 s to begin answering, and 20 s to be set up before they are complained of.
    return world_.config().failure_detection_time * 60 + seconds(75);
}

}  // namespace ipmp::sim
