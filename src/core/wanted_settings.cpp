// The kernel settings that we want on links of ours and on members, and so have to see (design D11).
#include <algorithm>
#include <chrono>

#include "core/forwarding.hpp"
#include "core/link_wishes.hpp"
#include "core/planner.hpp"

namespace ipmp {

namespace {

std::vector<std::string> names_of(const Settings& settings, const auto&... others) {
    std::vector<std::string> names;
    for (const auto& [name, value] : settings) names.push_back(name);
    (names.insert(names.end(), others.begin(), others.end()), ...);
    return names;
}

}  // namespace

std::vector<ManagedLink> managed_links(const State& state, const KernelState& kernel) {
    const auto of_upper = names_of(upper_end_settings(), kAdvertisementSettings, kForwardingSettings);
    const auto of_lower = names_of(lower_end_settings());
    const auto of_member = names_of(member_settings({}), kForwardingSettings);
    std::vector<ManagedLink> managed;
    for (const auto& [name, group] : state.groups) {
        if (!group.upper) continue;
        managed.push_back({group.upper, of_upper});
        if (group.lower) managed.push_back({group.lower, of_lower});
    }
    for (const auto& [name, interface] : state.interfaces) {
        auto sources = wanted_route_sources(state, kernel, interface);
        bool ours = !interface.group.empty() || !interface.saved_settings.empty();
        if (!ours && (interface.tracked || sources)) managed.push_back({interface.index, {}, true, sources});
        if (!ours || !interface.index) continue;
        managed.push_back({interface.index, of_member, false, sources});
    }
    return managed;
}

Settings upper_end_settings() {
    return {
        {"ipv4/conf/*/promote_secondaries", "1"},
        {"ipv4/conf/*/arp_evict_nocarrier", "0"},
        {"ipv6/conf/*/ndisc_evict_nocarrier", "0"},
        {"ipv6/conf/*/keep_addr_on_down", "1"},
        {"ipv6/conf/*/accept_dad", "0"},
        {"ipv6/conf/*/use_oif_addrs_only", "1"},  // IPv6 has no scope that would keep test addresses from being sources
    };
}

Settings member_settings(const Config& config) {
    auto retrans_ms = std::clamp<std::int64_t>(config.failure_detection_time.count() / 5, 20, 1000);
    return {
        {kAllMulticast, "1"},            // the NIC knows nothing of the groups, and of the IPv6 addresses, of ipmp0
        {"ipv4/conf/*/rp_filter", "2"},  // 0 is no cure where `all` is 1
        {"ipv4/conf/*/arp_ignore", "1"},
        {"ipv4/conf/*/arp_announce", "2"},
        {"ipv4/conf/*/promote_secondaries", "1"},
        {"ipv6/conf/*/accept_ra", "0"},
        {"ipv6/conf/*/autoconf", "0"},
        {"ipv4/neigh/*/retrans_time_ms", std::to_string(retrans_ms)},
        {"ipv6/neigh/*/retrans_time_ms", std::to_string(retrans_ms)},
    };
}

// It is a wire to the data path: the stack behind it has no part in anything.
Settings lower_end_settings() {
    return {{"ipv4/conf/*/forwarding", "0"}, {"ipv6/conf/*/disable_ipv6", "1"}};
}

}  // namespace ipmp
