#include "exporter/scrape.hpp"

#include <chrono>
#include <cstdio>

#include "exporter/metrics.hpp"
#include "tools/daemon_client.hpp"
#include "tools/netlink_client.hpp"

namespace ipmp {

namespace {

// For each answer: Prometheus itself waits for ten seconds, as a rule.
constexpr std::chrono::seconds kPatience{3};

Result<Observation::Answers> ask(const Paths& paths) {
    auto client = DaemonClient::connect(paths, kPatience);
    if (!client) return client.error();
    auto status = client->status();
    if (!status) return status.error();
    auto counters = client->counters();
    if (!counters) return counters.error();
    return Observation::Answers{std::move(*status), std::move(*counters)};
}

Result<std::map<std::uint32_t, LinkTraffic>> read_traffic() {
    auto client = NetlinkClient::open();
    if (!client) return client.error();
    std::map<std::uint32_t, LinkTraffic> traffic;
    auto read = client->read(encode_dump_traffic(), [&](MessageBytes message) {
        if (auto link = decode_traffic(message)) traffic[link->index] = *link;
    });
    if (!read) return read.error();
    return traffic;
}

}  // namespace

std::vector<prometheus::MetricFamily> Scrape::Collect() const {
    Observation observation;
    auto answers = ask(paths_);
    note(answers);
    if (answers) observation.daemon = std::move(*answers);
    auto traffic = read_traffic();
    if (traffic)
        observation.traffic = std::move(*traffic);
    else
        std::fprintf(stderr, "ipmp-exporter: cannot read traffic, ignoring it: %s\n", traffic.error().text.c_str());
    return metrics_of(observation);
}

void Scrape::note(const Result<Observation::Answers>& answers) const {
    bool now = static_cast<bool>(answers);
    if (answered_.exchange(now) == now) return;
    if (now)
        std::fputs("ipmp-exporter: in.mpathd answers again\n", stderr);
    else
        std::fprintf(stderr, "ipmp-exporter: %s; going on without\n", answers.error().text.c_str());
}

}  // namespace ipmp
