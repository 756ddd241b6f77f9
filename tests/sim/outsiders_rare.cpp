// What the second edition of histories has besides: leases, wishes about links, entries and routes of other programs,
// NICs with one MAC, slow and immovable ones, mistaken commands, and the end of it all (ipmp stop --purge).
#include <fmt/format.h>

#include "sim/outsiders.hpp"

namespace ipmp::sim {

namespace {

using std::chrono::seconds;

constexpr double kShareWithRarities = 0.7;

}  // namespace

void Outsiders::choose_rarities() {
    rarities_ = rare_.chance(kShareWithRarities);
    if (!rarities_) return;
    for (bool* kind : {&entries_, &wishes_, &leases_, &arrivals_, &mistakes_, &stops_, &twins_, &drivers_,
                       &outside_filters_}) {
        *kind = rare_.chance(0.4);
    }
    if (arrivals_) world_.attendants().attach_to(groups_.front());
    if (drivers_) world_.kernel().set_slow(rare_.chance(0.5));
}

void Outsiders::act_rarely() {
    if (drivers_) change([](FakeKernel& kernel) { kernel.let_start(); });
    if (rare_.chance(0.3)) act_on_kernel_rarely();
    if (rare_.chance(0.4)) give_rare_command();
}

void Outsiders::act_on_kernel_rarely() {
    InterfaceIndex nic = world_.kernel().find(rare_.pick(nics_));
    InterfaceIndex upper = world_.kernel().find(rare_.pick(ipmp_interfaces_));
    IpAddress address{Family::ipv4, {192, 0, 2, static_cast<std::uint8_t>(50 + rare_.below(4))}};
    if (rare_.chance(0.2)) {
        address = {Family::ipv6, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, address.bytes[3]}};
    }
    change([&](FakeKernel& kernel) {
        if (entries_ && rare_.chance(0.3)) {
            InterfaceIndex where = rare_.chance(0.5) ? nic : upper;
            bool is_proxy = rare_.chance(0.5);
            kernel.add_neighbour({where, address, is_proxy ? std::optional<MacAddress>() : MacAddress{{2, 8}}});
        }
        if (entries_ && rare_.chance(0.1)) kernel.remove_proxies();
        if (entries_ && rare_.chance(0.2)) kernel.add_foreign_routes(nic, 1);
        if (wishes_ && rare_.chance(0.2)) kernel.set_other_sources(nic, 1);
        if (twins_ && rare_.chance(0.2)) {
            auto other = kernel.truth().links.find(kernel.find(rare_.pick(nics_)));
            if (other != kernel.truth().links.end()) kernel.set_mac(nic, other->second.mac);
        }
        if (twins_ && rare_.chance(0.2)) kernel.set_mac(nic, fresh_mac());
        if (drivers_ && rare_.chance(0.1)) kernel.nail_down(nic, rare_.chance(0.5));
        if (drivers_ && rare_.chance(0.2)) kernel.set_gso(rare_.chance(0.5) ? nic : upper, 30000, 20);
        if (outside_filters_ && rare_.chance(0.2)) kernel.double_filter(nic, rare_.chance(0.5) ? 1 : 0);
        if (outside_filters_ && rare_.chance(0.2)) {
            AddressState refused{.link = nic, .address = address, .prefix_length = 24};
            refused.prefix_length = address.family == Family::ipv4 ? 24 : 64;
            refused.dad_failed = address.family == Family::ipv6;
            kernel.add_address(refused);
        }
    });
}

void Outsiders::give_rare_command() {
    if (stops_ && rare_.chance(0.02)) {
        world_.command(Stop{rare_.chance(0.5)});
        return;
    }
    if (mistakes_ && rare_.chance(0.3)) world_.command(wrong_command());
    else if (leases_ || wishes_) world_.command(rare_command());
}

Command Outsiders::rare_command() {
    std::string anything = rare_.chance(0.5) ? rare_.pick(ipmp_interfaces_) : rare_.pick(nics_);
    Family family = both_families_ && rare_.chance(0.4) ? Family::ipv6 : Family::ipv4;
    if (leases_ && (!wishes_ || rare_.chance(0.5))) {
        LogicalName logical{anything, family == Family::ipv4 && rare_.chance(0.3) ? 1u : 0u};
        if (rare_.chance(0.2)) return SetAddress{logical, IpAddress{family, {}}, {}, {}};  // so that DHCP may have it
        auto verb = static_cast<DhcpVerb>(rare_.chance(0.5) ? 0 : rare_.below(5));
        return ControlDhcp{logical, family, verb, rare_.chance(0.3), rare_.chance(0.5)};
    }
    return rare_link_command();
}

Command Outsiders::rare_link_command() {
    std::string nic = rare_.pick(nics_), ipmp_interface = rare_.pick(ipmp_interfaces_);
    std::string anything = rare_.chance(0.5) ? ipmp_interface : nic;
    Family family = both_families_ && rare_.chance(0.4) ? Family::ipv6 : Family::ipv4;
    auto number = static_cast<std::uint32_t>(rare_.below(3));
    switch (rare_.below(12)) {
        case 0:
            return SetPolicy{ipmp_interface, static_cast<SpreadPolicy>(rare_.below(4))};
        case 1:
            return SetRouter{anything, family, rare_.chance(0.5)};
        case 2:
            return SetEther{anything, {{2, 0, 0, 0, 7, static_cast<std::uint8_t>(rare_.below(3))}}};
        case 3:
            return SetArp{anything, rare_.chance(0.7)};
        case 4:
            return SetFailed{nic, rare_.chance(0.5)};
        case 5:
            return SetToken{anything, IpAddress{Family::ipv6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}}};
        case 6:
            return SetRouteSource{nic, family, LogicalName{rare_.pick(nics_), number}};
        case 7:
            return SetRouteSource{nic, family, {}};
        case 8:
            return AwaitAddresses{};
        case 9:
            return Plumb{anything, family, number};
        case 10:
            return Unplumb{anything, family, 1 + number};
        default:
            return SetFlags{{anything, number}, family, rare_.chance(0.8), {}, {}, {}, rare_.chance(0.5)};
    }
}

// Of people who mistake names and values.
Command Outsiders::wrong_command() {
    std::string nobody = "nosuch0", nic = rare_.pick(nics_), ipmp_interface = rare_.pick(ipmp_interfaces_);
    IpAddress everybody{Family::ipv4, {255, 255, 255, 255}}, good{Family::ipv4, {192, 0, 2, 77}};
    switch (rare_.below(20)) {
        case 0: return CreateIpmp{"", Family::ipv4, 0};
        case 1: return CreateIpmp{"ipmp1", Family::ipv4, rare_.chance(0.5) ? 2 : 0x80000000};
        case 2: return SetGroup{nobody, Family::ipv4, "a"};
        case 3: return SetGroup{ipmp_interface, Family::ipv4, rare_.chance(0.5) ? "" : "a"};
        case 4: return SetAddress{{nic, 0}, everybody, 24, {}};
        case 5: return SetAddress{{nic, 0}, good, 33, {}};
        case 6: return SetNetmask{{ipmp_interface, 1}, Family::ipv4, 40};
        case 7: return AddLogical{nobody, good, 24};
        case 8: return RemoveLogical{ipmp_interface, good};
        case 9: return SetFlags{{ipmp_interface, 0}, Family::ipv4, {}, true, {}};
        case 10: return SetMtu{nic, Family::ipv4, 70000};
        case 11: return SetMtu{ipmp_interface, Family::ipv4, 9000};
        case 12: return SetEther{nic, {{1, 0, 0, 0, 0, 1}}};
        case 13: return SetToken{nic, good};
        case 14: return SetRouteSource{ipmp_interface, Family::ipv4, LogicalName{nic, 0}};
        case 15: return SetPolicy{nic, SpreadPolicy::flow};
        case 16: return SetOffline{nobody, 1};
        case 17: return Detach{{nobody, ipmp_interface}, true, false};
        case 18: return SetStandby{ipmp_interface, true};
        default: return Unplumb{nobody, Family::ipv6};
    }
}

void Outsiders::settle_rarities() {
    world_.attendants().calm();
    change([this](FakeKernel& kernel) {
        kernel.set_slow(false);
        kernel.let_start();
        for (const std::string& name : nics_) kernel.nail_down(kernel.find(name), false);
    });
}

}  // namespace ipmp::sim
