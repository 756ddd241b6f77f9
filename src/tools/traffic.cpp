#include "tools/traffic.hpp"

#include <ifaddrs.h>
#include <linux/if_link.h>
#include <sys/socket.h>

#include <memory>

#include "tools/namespace_visit.hpp"

namespace ipmp {

namespace {

void add_links_here(TrafficCounts& counts) {
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) return;
    std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(first, freeifaddrs);
    for (const ifaddrs* entry = first; entry; entry = entry->ifa_next) {
        if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_PACKET || !entry->ifa_data) continue;
        const auto& statistics = *static_cast<const rtnl_link_stats*>(entry->ifa_data);
        counts[entry->ifa_name] = {statistics.rx_bytes, statistics.tx_bytes};
    }
}

}  // namespace

TrafficCounts read_traffic(const Paths& paths, bool isolated) {
    TrafficCounts counts;
    add_links_here(counts);
    if (!isolated) return counts;
    auto visit = NamespaceVisit::begin(paths.members_namespace());
    if (visit) add_links_here(counts);
    return counts;
}

void note_rates(TopModel& model, const TrafficCounts& before, const TrafficCounts& now, Duration between) {
    for (auto& [name, track] : model.nics) track.received_bps = track.sent_bps = {};
    double seconds = std::chrono::duration<double>(between).count();
    if (seconds <= 0) return;
    auto rate = [&](std::uint32_t from, std::uint32_t to) {  // the difference is right though they wrap
        return static_cast<std::uint64_t>(static_cast<double>(std::uint32_t(to - from)) * 8 / seconds);
    };
    for (const InterfaceStatus& nic : model.status.interfaces) {
        auto old = before.find(nic.name), latest = now.find(nic.name);
        if (old == before.end() || latest == now.end()) continue;
        NicTrack& track = model.nics[nic.name];
        track.received_bps = rate(old->second.received, latest->second.received);
        track.sent_bps = rate(old->second.sent, latest->second.sent);
    }
}

}  // namespace ipmp
