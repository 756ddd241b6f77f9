#include "sim/network.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ipmp::sim {

IpAddress Machine::address(Family family) const {
    IpAddress address{.family = family};
    if (family == Family::ipv4)
        address.bytes = {192, 0, 2, number};
    else
        address.bytes = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, number};
    return address;
}

const PathState& Network::path(InterfaceIndex nic) const {
    static const PathState clean;
    auto found = paths.find(nic);
    return found == paths.end() ? clean : found->second;
}

std::vector<Network::Reply> Network::replies(const SendProbe& probe, Random& random) const {
    std::vector<Reply> all;
    const PathState& path = this->path(probe.source.link);
    auto silent = silent_families.find(probe.source.link);
    if (silent != silent_families.end() && silent->second[index_of(probe.target.family)]) return all;
    if (path.mute || random.chance(path.loss)) return all;
    for (const Machine& machine : machines) {
        IpAddress address = machine.address(probe.target.family);
        bool asked = probe.target.is_multicast() ? machine.answers_everybody : address == probe.target;
        if (!asked || !reaches(probe.source.link, machine)) continue;
        for (int times = random.chance(path.repeated) ? 2 : 1; times > 0; --times) {
            Duration after = std::chrono::microseconds(100) + path.delay + machine.delay + random.up_to(path.jitter);
            if (!random.chance(path.loss)) all.push_back({after, address});
        }
    }
    return all;
}

std::string describe(const Network& network) {
    auto ms = [](Duration time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time).count(); };
    std::string text;
    for (const auto& [nic, path] : network.paths) {
        text += fmt::format("{}:{}{} loss {} delay {}+{} ms; ", nic.value, path.mute ? " mute" : "",
                            path.deaf ? " deaf" : "", path.loss, ms(path.delay), ms(path.jitter));
    }
    for (const Machine& machine : network.machines) {
        text += fmt::format("machine {}{}; ", machine.number, machine.alive ? "" : " dead");
        if (machine.delay > Duration::zero()) text += fmt::format("after {} ms; ", ms(machine.delay));
    }
    for (const auto& [nic, machine] : network.parted) text += fmt::format("{} does not reach {}; ", nic.value, machine);
    return text;
}

}  // namespace ipmp::sim
