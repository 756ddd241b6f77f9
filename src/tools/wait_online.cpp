#include "tools/wait_online.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "tools/daemon_client.hpp"

namespace ipmp {

namespace {

using Clock = std::chrono::steady_clock;

bool is_bound(const AddressStatus& address, const GroupStatus& group) {
    return address.group == group.interface && address.up && !address.inbound.empty() &&
           !address.address.is_link_local();
}

// Watches until nothing is missing; what is when `end` comes or the daemon goes away.
std::vector<std::string> watch(const std::string& group, std::optional<Clock::time_point> end) {
    constexpr std::chrono::milliseconds kLongest{3600 * 1000};
    auto client = DaemonClient::connect(Paths::from_environment());
    if (!client || !client->watch_status()) return {"in.mpathd does not run"};
    Status status;
    std::vector<std::string> missing{"in.mpathd does not answer"};
    while (true) {
        auto left = end ? std::chrono::ceil<std::chrono::milliseconds>(*end - Clock::now()) : kLongest;
        if (left.count() <= 0) return missing;
        auto news = client->next_status_news(std::min(left, kLongest));
        if (!news) return {news.error().text};
        if (!*news) continue;
        apply(status, **news);
        missing = not_usable(status, group);
        if (missing.empty()) return {};
    }
}

}  // namespace

std::vector<std::string> not_usable(const Status& status, const std::string& group) {
    std::vector<std::string> missing;
    bool known = group.empty();
    for (const GroupStatus& candidate : status.groups) {
        if (!group.empty() && group != candidate.interface && group != candidate.name) continue;
        known = true;
        bool has_address = std::any_of(status.addresses.begin(), status.addresses.end(),
                                       [&](const AddressStatus& address) { return is_bound(address, candidate); });
        if (candidate.state == GroupHealth::failed) missing.push_back(candidate.name + " has failed");
        else if (!has_address) missing.push_back(candidate.name + " has no data address in use");
    }
    if (!known) missing.push_back("there is no group " + group);
    return missing;
}

int wait_online(const std::string& group, unsigned timeout_s) {
    constexpr int kBetweenTries_ms = 100;
    std::optional<Clock::time_point> end;
    if (timeout_s != 0) end = Clock::now() + std::chrono::seconds(timeout_s);
    while (true) {
        std::vector<std::string> missing = watch(group, end);
        if (missing.empty()) return 0;
        if (end && Clock::now() >= *end) {
            for (const std::string& what : missing) {
                std::fprintf(stderr, "ipmp: after %u s: %s\n", timeout_s, what.c_str());
            }
            return 1;
        }
        poll(nullptr, 0, kBetweenTries_ms);  // nobody tells when a daemon appears
    }
}

}  // namespace ipmp
